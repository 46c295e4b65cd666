"""Data roots, and the command `fcir` on one: in the process of the tests, or in a process of its own. No tests here."""

from __future__ import annotations

import io
import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb

from dagster_project.cli.app import run_command
from dagster_project.config import contracts_of
from dagster_project.loading import pipeline
from dagster_project.loading.plan import Range
from dagster_project.operations.actions import actions
from dagster_project.settings import PROJECT_ROOT, Settings
from dagster_project.transformation.dbt import Dbt
from dagster_project.validation import Outcome, ValidationResult
from dagster_project.warehouse.connection import open_read_only
from tests.compiled_engine import CompiledDbt

CALLS = "call_id,segment_no,line,arrived_at,queue_seconds,disposition,talk_seconds,caller_number"
CHATS = "chat_id,requested_at,accepted_at,ended_at,operator_id"
CRIMES = "crime_ref,updated_at,recorded_at,offence_code,status,cancelled_at,cancel_code"

# Rows and columns of these describe runs: they differ between two data roots with the same deliveries.
RUN_TABLES = ("load_audit", "corrections", "expectation_results", "published_versions", "revisions")
SURROGATES = ("caller_number", "operator_id", "crime_ref", "linked_reference")
RUN_COLUMNS = ("load_id", "loaded_at", "run_id", "published_at")


@dataclass
class Done:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@dataclass
class DataRoot:
    """A folder with deliveries, a warehouse and publications."""

    home: Path
    settings: dict[str, str] = field(default_factory=dict)
    """Environment variables of its commands, besides FCIR_HOME."""

    @classmethod
    def knowing(cls, parsed: Path, home: Path, settings: Mapping[str, str] | None = None) -> DataRoot:
        """Create a data root with the parsed dbt project of another, so that its first run need not parse it.

        Args:
            parsed: `dbt/` of the other.
            home: the new data root.
            settings: environment variables of its commands.
        """
        shutil.copytree(parsed, home / "dbt")
        return cls(home, dict(settings or {}))

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of its commands; nothing of a developer's own configuration."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("FCIR_", "DAGSTER_", "DBT_"))
        }
        return inherited | {"FCIR_HOME": str(self.home), "FCIR_QUIET_SECONDS": "0"} | self.settings

    def land(self, name: str, *lines: str) -> Path:
        """Write an extract of text lines into the landing folder of its source."""
        path = self.home / "landing" / name.partition("_20")[0] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
        return path

    def fcir(self, *arguments: str, real_dbt: bool = False) -> Done:
        """Run a command in this process, with compiled SQL in place of dbt and without Great Expectations.

        What needs a process of its own (signals, limits, imports, `fcir query`) uses `process`.
        """
        out, err = io.StringIO(), io.StringIO()
        folder = Path.cwd()
        logger = logging.getLogger("fcir")
        handlers = logger.handlers
        with ExitStack() as stack:
            stack.enter_context(patch.dict(os.environ, self.environment, clear=True))
            if not real_dbt:
                stack.enter_context(patch.object(Dbt, "cli", CompiledDbt.cli))
                stack.enter_context(patch.object(pipeline, "validate", without_great_expectations))
            stack.enter_context(redirect_stdout(out))
            stack.enter_context(redirect_stderr(err))
            try:
                # Not the folder of the project: a command must not depend on it, nor read a developer's .env.
                os.chdir(self.home.parent)
                code = run_command(arguments)
            finally:
                os.chdir(folder)
                logger.handlers = handlers
        return Done(code, out.getvalue(), err.getvalue())

    def load(self) -> None:
        """Load the deliveries of every source in this process, and neither build nor publish."""
        with patch.dict(os.environ, self.environment, clear=True):
            settings = Settings(_env_file=None)
            contracts = contracts_of(settings)
            for source in contracts:
                pipeline.load_source(settings, contracts, source, wanted=Range(), run_id="loaded")

    def start(self, *arguments: str, code: str = "from dagster_project.__main__ import main; main()", **options: Any):
        """Start a command, or other Python code with its arguments, in a process of its own."""
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            cwd=self.home.parent,
            env=self.environment | {"PYTHONPATH": str(PROJECT_ROOT)},
            **pipes | options,
        )

    def process(self, *arguments: str, **options: Any) -> Done:
        """Run a command, or other code (see `start`), in a process of its own to its end."""
        with self.start(*arguments, **options) as process:
            out, err = process.communicate()
        return Done(process.returncode, out, err)

    def copy(self, home: Path) -> DataRoot:
        """Return a copy that a test may change."""
        shutil.copytree(self.home, home, symlinks=True)
        return DataRoot(home, dict(self.settings))

    @property
    def current(self) -> Path:
        """The current publication."""
        return self.home / "published" / "current"

    def published(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query of the published database."""
        with duckdb.connect(str(self.current / "fcir.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def warehouse(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query of the private database."""
        with open_read_only(self.home / "warehouse.duckdb") as connection:
            return connection.execute(sql).fetchall()

    def actions(self) -> list[dict[str, Any]]:
        """The record of actions, oldest first."""
        with open_read_only(self.home / "warehouse.duckdb") as connection:
            return actions(connection)

    def figures(self) -> dict[str, tuple[Any, ...]]:
        """Columns, number of rows and a hash of all rows of every published table, without what describes runs.

        Surrogates are left out: they depend on the order in which people came.
        """
        found = {}
        with duckdb.connect(str(self.current / "fcir.duckdb"), read_only=True) as connection:
            tables = connection.execute(
                "select table_name, list(column_name order by column_index) from duckdb_columns() "
                "where schema_name = 'marts' group by table_name"
            ).fetchall()
            for name, columns in tables:
                kept = [column for column in columns if column not in {*RUN_COLUMNS, *SURROGATES}]
                if name not in RUN_TABLES:
                    row = ", ".join(f'"{column}"' for column in kept)
                    query = f'select count(*), sum(cast(hash(({row})) as hugeint)) from marts."{name}"'
                    found[name] = (*kept, *connection.execute(query).fetchone())
        return found

    def damage(self) -> list[str]:
        """Files and tables of the current publication that differ from its manifest."""
        manifest = json.loads((self.current / "manifest.json").read_text(encoding="utf-8"))
        listed = {file["path"]: file["sha256"] for file in manifest["files"]}
        folder = self.current.resolve()
        present = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
        digests = {name: sha256(path.read_bytes()).hexdigest() for name, path in present.items()}
        del digests["manifest.json"]
        counts = {name: self.published(f'select count(*) from marts."{name}"')[0][0] for name in manifest["tables"]}
        return sorted(
            [name for name in listed.keys() | digests.keys() if listed.get(name) != digests.get(name)]
            + [name for name, count in manifest["tables"].items() if counts[name] != count]
        )


def call(number: int, day: str, *, queue: int = 5, disposition: str = "answered") -> str:
    """A call of one segment, as a line of an extract with the header `CALLS`."""
    talk = 60 if disposition == "answered" else ""
    line = (999, 101)[number % 2]
    return f"call{number},1,{line},{day} 1{number % 10}:00,{queue},{disposition},{talk},07700 900{number:03}"


def land_three_days(root: DataRoot) -> None:
    """A few rows of three sources for each of three days."""
    for offset, day in enumerate(("2022-10-29", "2022-10-30", "2022-10-31")):
        numbers = range(offset * 10, offset * 10 + 8)
        calls = [call(n, day, queue=n, disposition="abandoned" if n % 4 == 0 else "answered") for n in numbers]
        root.land(f"call_segments_{day}.csv", CALLS, *calls)
        chats = [f"chat{n},{day} 09:00,{day} 09:0{n % 10},{day} 09:30,op{n % 3}" for n in numbers]
        root.land(f"live_chats_{day}.csv", CHATS, *chats)
        root.land(f"crimes_{day}.csv", CRIMES, *(f"46/{n}/22,{day} 12:00,{day} 11:00,8N,recorded,," for n in numbers))


def land_correction(root: DataRoot) -> None:
    """A corrected day, a late file and a new day."""
    day = "2022-10-30"
    rest = (f"chat{n},{day} 09:00,{day} 09:0{n % 10},{day} 09:30,op{n % 3}" for n in range(11, 18))
    root.land(f"live_chats_{day}.csv", CHATS, f"chat10,{day} 09:00,,{day} 09:05,op1", *rest)
    root.land("call_segments_2022-10-29_late.csv", CALLS, call(3, "2022-10-29", queue=500), call(9, "2022-10-29"))
    root.land("call_segments_2022-11-01.csv", CALLS)
    root.land("live_chats_2022-11-01.csv", CHATS)
    root.land(
        "crimes_2022-11-01.csv", CRIMES, "46/1/22,2022-11-01 12:00,2022-10-29 11:00,8N,cancelled,2022-11-01 12:00,C2"
    )


def without_great_expectations(_contract: Any, violations: Sequence[Any], **_: Any) -> ValidationResult:
    """Return the outcomes that Great Expectations gives; it takes three CPU seconds to import."""
    return ValidationResult(tuple(Outcome(**vars(found), success=not found.failed_dates) for found in violations), "{}")
