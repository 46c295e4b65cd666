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
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from dagster_project.sql import quoted
from dagster_project.warehouse.connection import open_read_only
from tests.end_to_end.command import RUN_COLUMNS, RUN_TABLES, Command, land_correction, land_three_days

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
}
# They describe runs, builds and publications, of which a killed run leaves more or fewer.
_OWN_TABLES = {
    *RUN_TABLES,
    "marts_file",
    "publication",
    "figure_version",
    "build",
    "build_started",
    "build_step",
    "record_head",
}
_OWN_TABLES |= {"int_published_version", "int_revision", "int_figure_change", "stg_publications", "stg_figure_versions"}
_ARCHIVES = {".docx", ".ods", ".pptx", ".xlsx"}
_TEXTS = {".html", ".csv", ".js", ".css", ".json"}
# Names of publications and times of the clock.
_OF_RUN = re.compile(
    rb"\d{8}T\d{6}Z-[0-9a-f]{8}|\d{1,2} [A-Z][a-z]+ \d{4},? \d\d:\d\d|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?"
)
# The explorer has its rows as gzip in base 64.
_PACKED = re.compile(rb"H4sI[A-Za-z0-9+/]{100,}=*")
# They list publications.
_LISTS_PUBLICATIONS = ("manifest.json", "trust.html")


class Unavailable(Exception):
    """This machine does not allow this fault; the message says what is missing."""


def run_of(command: Command, *arguments: str) -> str:
    """Run a command that must end well; return what it printed."""
    done = command.run(*arguments)
    assert done.returncode == 0, f"fcir {' '.join(arguments)} ended with {done.returncode}: {tail(done)}"
    return done.stdout


def tail(done: subprocess.CompletedProcess[str]) -> str:
    """Return the end of what a command printed."""
    return (done.stdout + done.stderr)[-2000:]


def tables_of(command: Command) -> dict[str, str]:
    """Return a hash of the rows of every table, without those that describe runs."""
    found = {}
    with closing(open_read_only(command.home / "warehouse.duckdb")) as connection:
        tables = connection.execute(
            "select database_name, schema_name, table_name, list(column_name order by column_index) "
            "from duckdb_columns() join duckdb_tables() using (database_name, schema_name, table_name) "
            "where not database_name in ('system', 'temp') group by all"
        ).fetchall()
        for database, schema, name, columns in tables:
            kept = ", ".join(quoted(column) for column in columns if column not in _OWN_COLUMNS)
            if name in _OWN_TABLES or not kept:
                continue
            relation = f"{quoted(database)}.{quoted(schema)}.{quoted(name)}"
            rows = connection.execute(f"select {kept} from {relation} order by all").fetchall()
            found[f"{schema}.{name}"] = sha256(repr(rows).encode()).hexdigest()
    return found


def files_of(folder: Path) -> dict[str, str]:
    """Return a hash of every file of a publication but its database and Parquet files, which have the tables."""
    found = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(file.relative_to(folder))
        if file.suffix in (".duckdb", ".parquet") or name.startswith(_LISTS_PUBLICATIONS):
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


def content_of(command: Command) -> dict[str, str]:
    """Return hashes of all tables and of all published files."""
    return tables_of(command) | (files_of(command.current) if command.current.exists() else {})


def require_same(command: Command, expected: Mapping[str, str]) -> None:
    """Require that a data root has the same tables and published files as the undisturbed one."""
    found = content_of(command)
    different = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
    assert not different, f"differs from the undisturbed run: {', '.join(different[:8])} ({len(different)} in all)"
    left = [path.name for path in command.home.rglob("*") if path.name.startswith((".partial", ".current-"))]
    left += [path.name for path in command.home.glob(".*.draft")]
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
    content: dict[str, str]
    seconds: float

    def copy(self, folder: Path) -> Command:
        """Return a copy of the data root before the command."""
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(["cp", "-a", "--reflink=auto", str(self.home), str(folder)], check=True)
        return Command(folder)


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

    def _measured(self, name: str, home: Path, arguments: tuple[str, ...]) -> Prepared:
        noted = self.folder / f"after-{name}.json"
        prepared = Prepared(home, arguments, {}, 0.0)
        if noted.exists():
            prepared.seconds, prepared.content = json.loads(noted.read_text(encoding="utf-8"))
            return prepared
        after = prepared.copy(self.folder / f"after-{name}")
        began = time.monotonic()
        run_of(after, *arguments)
        prepared.seconds, prepared.content = time.monotonic() - began, content_of(after)
        noted.write_text(json.dumps([prepared.seconds, prepared.content]), encoding="utf-8")
        return prepared


Trial = Callable[[int, Roots, Path], Counter[str] | None]
"""One trial, of a seed, in a folder of its own; returns what it counted. An AssertionError: it was not survived."""

_BEFORE: dict[str, Callable[[Roots, Command], None]] = {
    "landed": Roots.landed,
    "loaded": Roots.loaded,
    "published": Roots.published,
}
_COMMANDS = {
    "load": ("landed", "run", "--load-only"),
    "first": ("landed", "run"),
    "night": ("loaded", "run"),
    "publish": ("published", "publish"),
}
