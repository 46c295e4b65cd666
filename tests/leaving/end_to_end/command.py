"""The command `fcir` as operators use it: in a process and a data root of its own. No tests here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.warehouse.connection import open_read_only

START = "from dagster_project.__main__ import main; main()"
PROJECT = Path(__file__).parents[3]

# These have rows for every run.
RUN_TABLES = ("load_audit", "corrections", "expectation_results", "published_versions", "revisions")

# These differ between a run that was killed and one that was not.
RUN_COLUMNS = ("load_id", "loaded_at", "run_id", "published_at")


@dataclass
class Command:
    """One data root, one project, and the environment of the processes."""

    home: Path
    project: Path = PROJECT
    settings: dict[str, str] = field(default_factory=dict)
    answers: Path | None = None
    """File that the processes have as standard input; None: that of this one."""

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of the processes."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("FCIR_", "DAGSTER_", "DBT_"))
        }
        own = {"FCIR_HOME": str(self.home), "FCIR_QUIET_SECONDS": "0", "PYTHONPATH": str(self.project)}
        return inherited | own | self.settings

    def start(self, *arguments: str, has_group: bool = False, code: str = START) -> subprocess.Popen[str]:
        """Start the command, or other code with its arguments, if wanted in a process group of its own."""
        with self.answers.open() if self.answers else nullcontext() as answers:
            return subprocess.Popen(
                [sys.executable, "-c", code, *arguments],
                # Not the project's folder: the command must not depend on it, nor read a developer's .env.
                cwd=self.home.parent,
                env=self.environment,
                stdin=answers,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=has_group,
            )

    def know_the_project(self, parsed: Path) -> None:
        """Copy the parsed dbt project of another data root, so that the first run need not parse it."""
        shutil.copytree(parsed, self.home / "dbt")

    def run(self, *arguments: str, code: str = START) -> subprocess.CompletedProcess[str]:
        """Run the command, or other code with its arguments, to its end."""
        with self.start(*arguments, code=code) as process:
            out, err = process.communicate()
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def land(self, name: str, *lines: str) -> Path:
        """Write an extract of text lines into the landing folder of its source."""
        path = self.home / "landing" / name.partition("_20")[0] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
        return path

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

    def damage(self) -> list[str]:
        """Return the files and tables of the current publication that differ from its manifest."""
        manifest = json.loads((self.current / "manifest.json").read_text(encoding="utf-8"))
        damaged = [
            file["path"]
            for file in manifest["files"]
            if sha256((self.current / file["path"]).read_bytes()).hexdigest() != file["sha256"]
        ]
        folder = self.current.resolve()
        found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        damaged += sorted(found - {file["path"] for file in manifest["files"]} - {"manifest.json"})
        with duckdb.connect(str(self.current / "fcir.duckdb"), read_only=True) as connection:
            for name, count in manifest["tables"].items():
                # Names of a manifest.
                if connection.execute(f'select count(*) from marts."{name}"').fetchall() != [(count,)]:
                    damaged.append(name)
        return damaged


CALLS = "call_id,segment_no,line,arrived_at,queue_seconds,disposition,talk_seconds,caller_number"
CHATS = "chat_id,requested_at,accepted_at,ended_at,operator_id"
CRIMES = "crime_ref,updated_at,recorded_at,offence_code,status,cancelled_at,cancel_code"


def call(number: int, day: str, *, queue: int = 5, disposition: str = "answered") -> str:
    """A call of one segment, as a line of an extract."""
    talk = 60 if disposition == "answered" else ""
    line = (999, 101)[number % 2]
    caller = f"07700 900{number:03}"
    return f"call{number},1,{line},{day} 1{number % 10}:00,{queue},{disposition},{talk},{caller}"


def land_three_days(command: Command) -> None:
    """A few rows of three sources for three days."""
    for offset, day in enumerate(("2022-10-29", "2022-10-30", "2022-10-31")):
        numbers = range(offset * 10, offset * 10 + 8)
        calls = [call(n, day, queue=n, disposition="abandoned" if n % 4 == 0 else "answered") for n in numbers]
        command.land(f"call_segments_{day}.csv", CALLS, *calls)
        chats = [f"chat{n},{day} 09:00,{day} 09:0{n % 10},{day} 09:30,op{n % 3}" for n in numbers]
        command.land(f"live_chats_{day}.csv", CHATS, *chats)
        crimes = [f"46/{n}/22,{day} 12:00,{day} 11:00,8N,recorded,," for n in numbers]
        command.land(f"crimes_{day}.csv", CRIMES, *crimes)


def figures(command: Command) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of every published table, without those and the columns that describe runs."""
    found = {}
    with duckdb.connect(str(command.current / "fcir.duckdb"), read_only=True) as connection:
        tables = connection.execute(
            "select table_name, list(column_name order by ordinal_position) from information_schema.columns "
            "where table_schema = 'marts' group by table_name"
        ).fetchall()
        for name, columns in tables:
            kept = ", ".join(f'"{column}"' for column in columns if column not in RUN_COLUMNS)
            if name not in RUN_TABLES:
                query = f'select {kept} from marts."{name}" order by all'
                found[name] = connection.execute(query).fetchall()
    return found


def land_correction(command: Command) -> None:
    """A corrected day, a late file and a new day."""
    day = "2022-10-30"
    rest = (f"chat{n},{day} 09:00,{day} 09:0{n % 10},{day} 09:30,op{n % 3}" for n in range(11, 18))
    command.land(f"live_chats_{day}.csv", CHATS, f"chat10,{day} 09:00,,{day} 09:05,op1", *rest)
    command.land("call_segments_2022-10-29_late.csv", CALLS, call(3, "2022-10-29", queue=500), call(9, "2022-10-29"))
    for source, header in (("call_segments", CALLS), ("live_chats", CHATS)):
        command.land(f"{source}_2022-11-01.csv", header)
    cancelled = "46/1/22,2022-11-01 12:00,2022-10-29 11:00,8N,cancelled,2022-11-01 12:00,C2"
    command.land("crimes_2022-11-01.csv", CRIMES, cancelled)
