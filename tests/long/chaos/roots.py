"""Data roots before a command, and their content: what has to be the same after a fault as without it."""

from __future__ import annotations

import gzip
import re
import shutil
import time
import zipfile
from base64 import b64decode
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from dagster_project.sql import quoted
from dagster_project.warehouse.connection import open_read_only
from tests.roots import RUN_COLUMNS, RUN_TABLES, DataRoot, Done, land_correction, land_three_days

# Times of the clock, numbers of runs and paths of a data root, and a document that repeats them.
_OWN_COLUMNS = {
    *(*RUN_COLUMNS, "change_seq", "modified_ns", "path", "document", "built_at", "waived_at", "withdrawn_at"),
    *("corrected_at", "validated_at", "purged_at", "acted_at", "root_id"),
}
# They describe runs, builds and publications, of which a killed run leaves more or fewer, and files read by a run.
_OWN_TABLES = {
    *(*RUN_TABLES, "marts_file", "publication", "figure_version", "build", "build_started"),
    *("action", "landed_file", "int_published_version", "int_revision", "int_figure_change"),
    *("stg_publications", "stg_figure_versions"),
}
# Its tables have what the last build found changed: nothing, if a killed run had built all.
_OF_BUILD = "changes"
_ARCHIVES = {".docx", ".xlsx"}
_TEXTS = {".html", ".csv", ".js", ".css", ".json"}
# Names of publications, times of the clock, and the code of fcir.
_OF_RUN = re.compile(
    rb'"rendered_by": "[0-9a-f]{64}"|'
    rb"\d{8}T\d{6}Z-[0-9a-f]{8}|\d{1,2} [A-Z][a-z]+ \d{4},? \d\d:\d\d|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?"
)
# The explorer has its rows as gzip in base 64.
_PACKED = re.compile(rb"H4sI[A-Za-z0-9+/]{100,}=*")
# They list publications; dbt writes its nodes in another order, and other times, after a parse that was killed.
_NOT_COMPARED = ("manifest.json", "trust.html", "dictionary/lineage.html")

_COMMANDS = {
    "first": ("landed", "run"),
    "night": ("loaded", "run"),
    "publish": ("published", "publish"),
}


class Unavailable(Exception):
    """This machine does not allow this fault; the message says what is missing."""


def tail(done: Done) -> str:
    """Return the end of what a command printed."""
    return (done.out + done.err)[-2000:]


def run_of(root: DataRoot, *arguments: str) -> str:
    """Run a command that must end well; return what it printed."""
    done = root.process(*arguments)
    assert done.code == 0, f"fcir {' '.join(arguments)} ended with {done.code}: {tail(done)}"
    return done.out


def tables_of(root: DataRoot) -> dict[str, str]:
    """Return a hash of the rows of every table in any order, without what describes runs."""
    found = {}
    with closing(open_read_only(root.home / "warehouse.duckdb")) as connection:
        tables = connection.execute(
            "select database_name, schema_name, table_name, list(column_name order by column_index) "
            "from duckdb_columns() join duckdb_tables() using (database_name, schema_name, table_name) "
            "where not database_name in ('system', 'temp') group by all"
        ).fetchall()
        for *names, columns in tables:
            kept = ", ".join(quoted(column) for column in columns if column not in _OWN_COLUMNS)
            if kept and names[1] != _OF_BUILD and names[2] not in _OWN_TABLES:
                rows = connection.execute(f"select {kept} from {'.'.join(map(quoted, names))}").fetchall()
                found[".".join(names[1:])] = sha256(repr(sorted(map(repr, rows))).encode()).hexdigest()
    return found


def files_of(root: DataRoot) -> dict[str, str]:
    """Return a hash of every published file but the database and Parquet files, which have the tables."""
    found = {}
    for file in (path for path in root.current.resolve().rglob("*") if path.is_file()):
        name = str(file.relative_to(root.current.resolve()))
        if file.suffix in (".duckdb", ".parquet") or name.startswith(_NOT_COMPARED):
            continue
        content = file.read_bytes()
        if file.suffix in _ARCHIVES:
            with zipfile.ZipFile(file) as archive:
                content = b"\n".join(archive.read(member) for member in sorted(archive.namelist()))
        if file.suffix in _TEXTS | _ARCHIVES:
            content = _PACKED.sub(lambda match: gzip.decompress(b64decode(match[0])), content)
            content = _OF_RUN.sub(b"RUN", content)
        found[name] = sha256(content).hexdigest()
    return found


@dataclass
class Prepared:
    """A data root before a command, and what the undisturbed command makes of it."""

    root: DataRoot
    arguments: tuple[str, ...]
    content: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    steps: int = 0

    def copy(self, home: Path) -> DataRoot:
        """Return a copy of the data root before the command."""
        shutil.rmtree(home, ignore_errors=True)
        return self.root.copy(home)

    def require_same(self, root: DataRoot) -> None:
        """Require that a data root has the tables and published files of the undisturbed one, and no draft is left."""
        found = tables_of(root) | files_of(root)
        different = sorted(name for name in found | self.content if found.get(name) != self.content.get(name))
        assert not different, f"differs from the undisturbed run: {', '.join(different[:8])} ({len(different)} in all)"
        # dbt and Dagster have files of their own.
        paths = [path.relative_to(root.home) for path in root.home.rglob("*")]
        drafts = [path for path in paths if path.name.startswith(".") or path.parent.suffix == ".tmp"]
        left = [str(path) for path in drafts if path.parts[0] not in ("dagster", "dbt") and path.name != ".lock"]
        assert not left, f"left behind: {left}"


def require_whole_publication(root: DataRoot) -> None:
    """Require that readers have nothing yet, or a publication that is as its manifest says."""
    if root.current.is_symlink():
        damage = root.damage()
        assert not damage, f"the current publication is not as its manifest says: {damage[:5]}"


@dataclass
class Roots:
    """The data roots of one invocation, each made when it is first needed."""

    folder: Path
    complete: DataRoot | None = None
    """A data root where all is loaded and published."""
    _made: dict[str, Prepared] = field(default_factory=dict)

    def prepared(self, name: str) -> Prepared:
        """Return the data root before one of `_COMMANDS`."""
        if name not in self._made:
            before, *arguments = _COMMANDS[name]
            root = DataRoot(self.folder / f"before-{name}")
            getattr(self, f"_{before}")(root)
            prepared = self._made[name] = Prepared(root, tuple(arguments))
            after, counted = prepared.copy(self.folder / "after"), self.folder / "steps"
            began = time.monotonic()
            code = f"from tests.long.chaos.disturbed import *; count_steps({str(counted)!r})"
            done = after.process(*arguments, code=code)
            assert done.code == 0, f"fcir {' '.join(arguments)} ended with {done.code}: {tail(done)}"
            prepared.seconds, prepared.steps = time.monotonic() - began, int(counted.read_text(encoding="ascii"))
            prepared.content = tables_of(after) | files_of(after)
        return self._made[name]

    def _landed(self, root: DataRoot) -> None:
        if self.complete:
            shutil.copytree(self.complete.home / "dbt", root.home / "dbt")
        land_three_days(root)
        # Corrections arrive with the first load too, so that it has all that a night has.
        land_correction(root)

    def _loaded(self, root: DataRoot) -> None:
        land_three_days(root)
        run_of(root, "run")
        land_correction(root)

    def _published(self, root: DataRoot) -> None:
        if self.complete:
            self.complete.copy(root.home)
        else:
            self._landed(root)
            run_of(root, "run")
