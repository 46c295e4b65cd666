"""Data roots before a command, and their content: what has to be the same after a fault as without it."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from dagster_project.loading.people import read_people
from dagster_project.settings import Settings
from dagster_project.transformation.project import ensure_manifest
from dagster_project.warehouse.connection import open_read_only
from tests.compiled_project import compile_project
from tests.long.chaos.disturbed import run
from tests.roots import DataRoot, Done, land_correction, land_three_days

_FORKING = get_context("forkserver")
_FORKING.set_forkserver_preload(["tests.long.chaos.disturbed"])
NAMES = ("07700 900003", "tel:+447700900004", "07700900009", "46/1/22", "op1", "07700 900404")
"""Identifiers of the extracts, the first of whom is erased; no one has the last."""
NUMBERS = """
    select distinct call_id as event, caller_number as number from raw.call_segments
    union select chat_id, operator_id from raw.live_chats
    union select recorded_at || offence_code, crime_ref from raw.crimes
"""
_PURGED = ("call_segments", "crimes", "digital_contacts", "live_chats", "online_crime_reports")
_WHY = ("--reason", "case 1")
COMMANDS: dict[str, tuple[str, ...]] = {
    "run": ("run",),
    "publish": ("publish",),
    "erase": ("erase", "--yes", *_WHY),
    "rotate": ("keys", "rotate", *_WHY),
    "purge": ("purge", "--apply", "--yes", *_WHY),
    "rebuild": ("rebuild",),
    "rebuild people": ("rebuild",),
}


def tail(done: Done) -> str:
    """Return the end of what a command printed."""
    return (done.out + done.err)[-2000:]


def start(root: DataRoot, *arguments: str, step: int = 0, seconds: float = 0.0) -> Done:
    """Run a command by `disturbed`, with an identifier as its standard input."""
    io = root.home.with_name(f"{root.home.name}.io")
    shutil.rmtree(io, ignore_errors=True)
    io.mkdir()
    (io / "stdin").write_text(NAMES[0])
    process = _FORKING.Process(target=run, args=(arguments, root.environment, io, step, seconds))
    process.start()
    process.join()
    out, err = ((io / name).read_text() if (io / name).exists() else "" for name in ("stdout", "stderr"))
    return Done(process.exitcode or 0, out, err)


def run_of(root: DataRoot, *arguments: str) -> None:
    """Run a command that must end well."""
    done = start(root, *arguments)
    assert done.code == 0, f"fcir {' '.join(arguments)} ended with {done.code}: {tail(done)}"


def content_of(root: DataRoot) -> dict[str, str]:
    """Return what has to be the same: published tables, and what the vault and rows have of people."""
    settings = Settings(home=root.home, _env_file=None)
    with closing(open_read_only(settings.warehouse)) as connection:
        people = read_people(settings, connection)
    assert people
    with people.opened() as vault:
        found = [(name, *item[1:2], bool(item.erased_at)) for name in NAMES for item in vault.find(name, ["kent"])]
        counts = [
            vault.connection.execute(f"select count(*) from vault.{name}").fetchall() for name in ("person", "erased")
        ]
    content = {name: str(rows) for name, rows in root.figures().items()}
    return content | {"vault": f"{found} {counts}", "numbers": str(sorted(root.warehouse(NUMBERS)))}


class Prepared(NamedTuple):
    """A data root before a command, and what the undisturbed command makes of it."""

    root: DataRoot
    content: dict[str, str]
    seconds: float
    steps: int

    def require_same(self, root: DataRoot) -> None:
        """Require that a data root has the tables, figures and people of the undisturbed one, and no draft is left."""
        found = content_of(root)
        different = sorted(name for name in found | self.content if found.get(name) != self.content.get(name))
        assert not different, f"differs from the undisturbed run: {', '.join(different[:8])} ({len(different)} in all)"
        # dbt and Dagster have files of their own.
        paths = [path.relative_to(root.home) for path in root.home.rglob("*")]
        drafts = [path for path in paths if path.name.startswith(".") or path.parts[0] in ("purge", "rebuild")]
        left = [str(path) for path in drafts if path.parts[0] not in ("dagster", "dbt") and path.name != ".lock"]
        assert not left, f"left behind: {left}"


class Roots:
    """The data roots of one invocation, made in a folder.

    `first`: three days are loaded, a correction is waiting. `complete`: all is loaded and published.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self._parsed, compiled = folder, folder / "parsed", folder / "compiled"
        self._made: dict[str, Prepared] = {}
        ensure_manifest(Settings(home=self._parsed, _env_file=None))
        compile_project(compiled, parsed=self._parsed / "dbt")
        # Read by the process that is forked, which starts with the first command.
        os.environ["CHAOS_COMPILED"] = str(compiled)
        self.first = DataRoot.knowing(self._parsed / "dbt", folder / "first")
        land_three_days(self.first)
        run_of(self.first, "run")
        land_correction(self.first)
        self.complete = self.first.copy(folder / "complete")
        run_of(self.complete, "run")

    def prepared(self, name: str) -> Prepared:
        """Return the data root before one of `COMMANDS`, made when it is first needed."""
        if name not in self._made:
            root = (self.first if name == "run" else self.complete).copy(self.folder / f"before-{name}")
            if name == "purge":
                (lists := root.home / "retention").mkdir(mode=0o700)
                rules = "".join(f"2020-01-01,{source},12,schedule\n" for source in _PURGED)
                (lists / "retention.csv").write_text(f"valid_from,source,months,reason\n{rules}")
                hold = "call_segments,2022-10-30,2022-10-30,case 7"
                (lists / "holds.csv").write_text(f"source,first_day,last_day,reason\n{hold}\n")
            if name.startswith("rebuild"):
                (root.home / ("warehouse.duckdb" if name == "rebuild" else "secrets/people.duckdb")).unlink()
            after, began = root.copy(self.folder / "after"), time.monotonic()
            run_of(after, *COMMANDS[name])
            seconds, steps = time.monotonic() - began, int((self.folder / "after.io/steps").read_text())
            before, figures = self.complete.figures(), after.figures()
            changed = {key for key in before if before[key] != figures[key] and not key.startswith("fct_")}
            assert name == "run" or changed <= {"quarantine"}, f"{name} changed {changed}"
            self._made[name] = Prepared(root, content_of(after), seconds, steps)
            shutil.rmtree(after.home)
        return self._made[name]
