"""Prepared data roots, and the content of one: what has to be the same after a fault as without it."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import time
import zipfile
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.loading.pseudonyms import read_or_create_key
from dagster_project.settings import Settings
from dagster_project.sql import quoted
from dagster_project.warehouse.connection import open_read_only
from tests.leaving.end_to_end.command import RUN_COLUMNS, RUN_TABLES, START, Command, land_correction, land_three_days
from tests.leaving.end_to_end.erasing import CALLER, land_planted
from tests.leaving.end_to_end.purging import land_four_months, write_retention

# Times of the clock, numbers of runs and paths of a data root, and a document that repeats them.
_OWN_COLUMNS = {*RUN_COLUMNS, "change_seq", "modified_ns", "path", "document"}
_OWN_COLUMNS |= {
    "built_at",
    "waived_at",
    "withdrawn_at",
    "corrected_at",
    "validated_at",
    "taken_in_at",
    "pseudonyms_replaced_at",
    "purged_at",
}
# They describe runs, builds and publications, of which a killed run leaves more or fewer, and files read by a run.
_OWN_TABLES = {
    *RUN_TABLES,
    "marts_file",
    "publication",
    "figure_version",
    "build",
    "build_started",
    "build_step",
    "record_head",
    # Substitutes are random.
    "suppression_list",
    "landed_file",
}
_OWN_TABLES |= {"int_published_version", "int_revision", "int_figure_change", "stg_publications", "stg_figure_versions"}
_ARCHIVES = {".docx", ".xlsx"}
_TEXTS = {".html", ".csv", ".js", ".css", ".json"}
# Its tables have what the last build found changed: nothing, if a killed run had built all.
_OF_BUILD = "changes"
# Names of publications, times of the clock, and the code of fcir.
_OF_RUN = re.compile(
    rb'"rendered_by": "[0-9a-f]{64}"|'
    rb"\d{8}T\d{6}Z-[0-9a-f]{8}|\d{1,2} [A-Z][a-z]+ \d{4},? \d\d:\d\d|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?"
)
# The explorer has its rows as gzip in base 64.
_PACKED = re.compile(rb"H4sI[A-Za-z0-9+/]{100,}=*")
# dbt and Dagster have files of their own below it.
_OF_OTHERS = ("dagster", "dbt")
# They list publications; dbt writes its nodes in another order, and other times, after a parse that was killed.
_NOT_COMPARED = ("manifest.json", "trust.html", "dictionary/lineage.html")


STEP_BY_STEP = f"""
import atexit, os, shutil, signal, sys
from pathlib import Path
file, last, taken = Path(sys.argv.pop(1)), int(sys.argv.pop(1)), 0
home = os.environ["FCIR_HOME"] + os.sep
def watched(real):
    def call(*arguments, **options):
        global taken
        name = os.fsdecode(arguments[0])
        # Of a removed folder, files have no path.
        is_ours = name.startswith(home) and not name.removeprefix(home).startswith(("dagster", "dbt"))
        if is_ours or "dir_fd" in options:
            taken += 1
            if taken == last:
                os.killpg(0, signal.SIGKILL)
        return real(*arguments, **options)
    return call
for name in ("link", "mkdir", "rename", "replace", "rmdir", "symlink", "unlink"):
    setattr(os, name, watched(getattr(os, name)))
atexit.register(lambda of=os.getpid(): of == os.getpid() and file.write_text(str(taken)))
{START}
"""
"""Code that kills the command and its processes before the given step, or counts its steps into a file.

A step makes a folder or link, or renames or removes a file or folder, without those of Dagster and dbt. Arguments:
the file, the number of the step or 0, and those of the command.
"""


class Unavailable(Exception):
    """This machine does not allow this fault; the message says what is missing."""


def run_of(command: Command, *arguments: str, codes: Collection[int] = (0,), code: str = START) -> str:
    """Run a command, or other code, that must end with one of the exit codes; return what it printed."""
    done = command.run(*arguments, code=code)
    assert done.returncode in codes, f"fcir {' '.join(arguments)} ended with {done.returncode}: {tail(done)}"
    return done.stdout


def tail(done: subprocess.CompletedProcess[str]) -> str:
    """Return the end of what a command printed."""
    return (done.stdout + done.stderr)[-2000:]


def _substitutes_of(command: Command) -> re.Pattern[str] | None:
    """Return a pattern of the substitutes of erased people, which are random; None without an erasure."""
    file = command.home / "suppression" / "suppressed.json"
    if not file.exists():
        return None
    return re.compile("|".join(entry[0] for entry in json.loads(file.read_text(encoding="utf-8"))["entries"].values()))


def _hash_of(connection: duckdb.DuckDBPyConnection, query: str, substitutes: re.Pattern[str] | None) -> str:
    """Return a hash of the rows of a query in any order, with one name for all substitutes."""
    rows = [repr(row) for row in connection.execute(query).fetchall()]
    if substitutes:
        rows = [substitutes.sub("substitute", row) for row in rows]
    return sha256(repr(sorted(rows)).encode()).hexdigest()


def _tables_in(connection: duckdb.DuckDBPyConnection, substitutes: re.Pattern[str] | None) -> dict[str, str]:
    """Return a hash of the rows of every table of a connection, without those that describe runs."""
    found = {}
    tables = connection.execute(
        "select database_name, schema_name, table_name, list(column_name order by column_index) "
        "from duckdb_columns() join duckdb_tables() using (database_name, schema_name, table_name) "
        "where not database_name in ('system', 'temp') group by all"
    ).fetchall()
    for database, schema, name, columns in tables:
        kept = ", ".join(quoted(column) for column in columns if column not in _OWN_COLUMNS)
        if name in _OWN_TABLES or schema == _OF_BUILD or not kept:
            continue
        # Hashes of rows with substitutes are random too; `fcir verify` compares them with the rows.
        if substitutes and name == "load_checksum":
            continue
        relation = f"{quoted(database)}.{quoted(schema)}.{quoted(name)}"
        found[f"{schema}.{name}"] = _hash_of(connection, f"select {kept} from {relation}", substitutes)
    return found


def _rows_of_publication(command: Command, name: str) -> dict[str, str]:
    """Return hashes of the rows of the databases and Parquet files of a publication, a folder of the data root."""
    found, substitutes = {}, _substitutes_of(command)
    for file in sorted((command.home / name).rglob("*.duckdb")):
        with duckdb.connect(str(file), read_only=True) as connection:
            tables = _tables_in(connection, substitutes)
        found |= {f"{file.relative_to(command.home)} {table}": rows for table, rows in tables.items()}
    with duckdb.connect() as connection:
        for file in sorted((command.home / name).rglob("*.parquet")):
            query = f"from read_parquet('{file}', hive_partitioning = false)"
            found[str(file.relative_to(command.home))] = _hash_of(connection, query, substitutes)
    return found


def files_of(folder: Path) -> dict[str, str]:
    """Return a hash of every file of a publication but its database and Parquet files, which have the tables."""
    found = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(file.relative_to(folder))
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


def content_of(command: Command, publications: Iterable[str] = ()) -> dict[str, str]:
    """Return hashes of all tables, of all published files, and of the rows of earlier publications."""
    with closing(open_read_only(command.home / "warehouse.duckdb")) as connection:
        found = _tables_in(connection, _substitutes_of(command))
    if command.current.exists():
        found |= files_of(command.current)
    for name in publications:
        found |= _rows_of_publication(command, name)
    return found


def require_same(command: Command, prepared: Prepared) -> None:
    """Require that a data root has the same tables and published files as the undisturbed one, and no draft is left."""
    found, expected = content_of(command, prepared.publications), prepared.content
    different = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
    assert not different, f"differs from the undisturbed run: {', '.join(different[:8])} ({len(different)} in all)"
    files = [path for path in command.home.rglob("*") if path.relative_to(command.home).parts[0] not in _OF_OTHERS]
    left = [
        str(path.relative_to(command.home))
        for path in files
        if (path.name.startswith(".") and path.name != ".lock") or (path.is_file() and path.parent.suffix == ".tmp")
    ]
    assert not left, f"left behind: {left}"


def require_whole_publication(command: Command) -> None:
    """Require that readers have nothing yet, or a publication that is as its manifest says."""
    if command.current.is_symlink():
        damaged = command.damage()
        assert not damaged, f"the current publication is not as its manifest says: {damaged[:5]}"


@dataclass
class Prepared:
    """A data root before a command, and what the undisturbed command makes of it."""

    home: Path
    arguments: tuple[str, ...]
    content: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    steps: int = 0
    """How often the command makes, renames or removes a file or folder by its name."""
    publications: tuple[str, ...] = ()
    """Earlier publications that the command rewrites, as folders of the data root."""
    answers: Path | None = None
    """File with the standard input of the command."""

    def copy(self, folder: Path) -> Command:
        """Return a copy of the data root before the command."""
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(["cp", "-a", "--reflink=auto", str(self.home), str(folder)], check=True)
        return Command(folder, answers=self.answers)


@dataclass
class Roots:
    """The data roots of one invocation, each made when it is first needed."""

    folder: Path
    parsed: Path | None = None
    """The parsed dbt project of another data root."""
    complete: Path | None = None
    """A data root where all is loaded and published; by default one that the first trial makes."""
    kept: dict[str, Any] = field(default_factory=dict)
    """What the trials of a fault share."""
    _made: dict[str, Prepared] = field(default_factory=dict)

    def prepared(self, name: str) -> Prepared:
        """Return the data root of one of the commands of `_COMMANDS`."""
        if name not in self._made:
            before, *arguments = _COMMANDS[name]
            home = self.folder / f"before-{name}"
            if not home.exists():
                draft = Command(self.folder / f"draft-{name}")
                shutil.rmtree(draft.home, ignore_errors=True)
                _BEFORE[before](self, draft)
                draft.home.rename(home)
            self._made[name] = self._measured(name, home, tuple(arguments))
        return self._made[name]

    def landed(self, command: Command) -> None:
        """Write three days of extracts and their corrections."""
        if self.parsed:
            command.know_the_project(self.parsed)
        land_three_days(command)
        # Corrections arrive with the first load too, so that it has all that a night has.
        land_correction(command)
        # Copies that made keys of their own would have other pseudonyms.
        read_or_create_key(Settings(home=command.home, _env_file=None).key_file)

    def loaded(self, command: Command) -> None:
        """Load and publish three days; their corrections have just arrived."""
        if self.parsed:
            command.know_the_project(self.parsed)
        land_three_days(command)
        run_of(command, "run")
        land_correction(command)

    def published(self, command: Command) -> None:
        """Load and publish all."""
        if self.complete is None:
            self.prepared("night")
        complete = self.complete or self.folder / "after-night"
        subprocess.run(["cp", "-a", str(complete), str(command.home)], check=True)

    def planted(self, command: Command) -> None:
        """Load a person in every source; publish twice for all, and once for a force."""
        if self.parsed:
            command.know_the_project(self.parsed)
        land_planted(command)
        for arguments in (["run"], ["publish"], ["publish", "--edition", "force", "--force", "kent"]):
            run_of(command, *arguments)

    def aged(self, command: Command) -> None:
        """Load four months, publish them for all and for a force, and list two of them as past their retention."""
        if self.parsed:
            command.know_the_project(self.parsed)
        land_four_months(command)
        # Days are missing, which has an exit code of its own.
        run_of(command, "run", codes=(0, 1))
        run_of(command, "publish", "--edition", "force", "--force", "kent", codes=(0, 1))
        write_retention(command)

    def damaged(self, command: Command) -> None:
        """Load and publish all; then the warehouse is damaged."""
        self.published(command)
        (command.home / "warehouse.duckdb").write_bytes(b"no database" * 1000)

    def _measured(self, name: str, home: Path, arguments: tuple[str, ...]) -> Prepared:
        noted = self.folder / f"after-{name}.json"
        prepared = Prepared(home, arguments)
        if arguments[0] == "erase":
            prepared.answers = self.folder / "identifier"
            prepared.answers.write_text(CALLER, encoding="utf-8")
        if arguments[0] in ("erase", "purge"):
            prepared.publications = tuple(
                sorted(str(file.parent.relative_to(home)) for file in home.glob("published*/**/manifest.json"))
            )
        if noted.exists():
            prepared.seconds, prepared.steps, prepared.content = json.loads(noted.read_text(encoding="utf-8"))
            return prepared
        after = prepared.copy(self.folder / f"after-{name}")
        began = time.monotonic()
        counted = self.folder / "steps"
        run_of(after, str(counted), "0", *arguments, codes=(0, 1) if name == "purge" else (0,), code=STEP_BY_STEP)
        prepared.seconds, prepared.steps = time.monotonic() - began, int(counted.read_text())
        prepared.content = content_of(after, prepared.publications)
        noted.write_text(json.dumps([prepared.seconds, prepared.steps, prepared.content]), encoding="utf-8")
        return prepared


Trial = Callable[[int, Roots, Path], Counter[str] | None]
"""One trial, of a seed, in a folder of its own; returns what it counted. An AssertionError: it was not survived."""

_BEFORE: dict[str, Callable[[Roots, Command], None]] = {
    "landed": Roots.landed,
    "loaded": Roots.loaded,
    "published": Roots.published,
    "planted": Roots.planted,
    "aged": Roots.aged,
    "damaged": Roots.damaged,
}
_COMMANDS = {
    "load": ("landed", "run"),
    "first": ("landed", "run"),
    "night": ("loaded", "run"),
    "publish": ("published", "publish"),
    "erase": ("planted", "erase", "--yes", "--reason", "request 4711"),
    "purge": ("aged", "purge", "--apply", "--yes", "--reason", "schedule"),
    "rebuild": ("damaged", "rebuild", "--reason", "disk failed"),
}
