"""A run that is killed is completed by the next one, which ends as if undisturbed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.roots import DataRoot, land_correction, land_three_days

WHEN_A_FILE_EXISTS = """
import sys
from pathlib import Path
from threading import Event, Thread

def watch(file):
    while not file.exists():
        Event().wait(0.02)
    # While dbt runs, what is printed goes to its log.
    print("event", file=sys.__stdout__, flush=True)

Thread(target=watch, args=[Path(sys.argv.pop(1))], daemon=True).start()
from dagster_project.__main__ import main
main()
"""
"""Prints a line when a file exists that dbt, which is a process of its own, writes."""

LOADED_TWICE = """
    select source, extract_date, file_name
    from audit.load
    where status in ('loaded', 'empty')
    group by all
    having count(*) > 1
"""


def killed(root: DataRoot, *arguments: str, at: str, **options) -> None:
    """Start a command, and kill it with its children when it prints a line that begins with `at`."""
    with root.start(*arguments, start_new_session=True, **options) as process:
        for line in process.stdout:
            if line.startswith(at):
                break
        os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


@pytest.fixture
def interrupted(made_once, compiled, tmp_path) -> DataRoot:
    """A root of three days whose first run was killed while dbt built."""

    def fill(folder: Path) -> None:
        root = DataRoot.knowing(compiled, folder / "home")
        land_three_days(root)
        table = root.home / "dbt" / "run" / "fcir" / "models" / "calls" / "fct_call.sql"
        killed(root, str(table), "run", code=WHEN_A_FILE_EXISTS, at="event")

    return DataRoot(made_once("interrupted", fill) / "home").copy(tmp_path / "home")


def test_a_run_that_is_killed_while_dbt_builds_is_completed_by_the_next(interrupted, three_days):
    root = interrupted
    assert not root.current.exists()
    land_correction(root)
    done = root.fcir("run")
    assert done.code == 0, done.out + done.err
    assert root.damage() == []
    assert root.figures() == three_days.figures()
    assert root.warehouse(LOADED_TWICE) == []
