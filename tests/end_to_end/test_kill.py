"""Killed runs: readers keep a whole publication, and the next run gives the same figures."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable

from command import Command, figures, land_correction, land_three_days

# Only a hanging run takes so long.
PATIENCE_SECONDS = 240


def kill_when(command: Command, has_come: Callable[[], bool]) -> bool:
    """Kill a run and its children as soon as a condition holds; return False when the run ended before."""
    process = command.start("run")
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while process.poll() is None and not has_come():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        was_running = process.poll() is None
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    return was_running


def test_killed_runs_leave_whole_publications_and_same_figures(undisturbed, tmp_path):
    command = Command(tmp_path / "home")
    land_three_days(command)
    # One key for both, so that pseudonyms can be compared; the manifest of dbt saves time.
    for folder in ("secrets", "dbt"):
        shutil.copytree(undisturbed.home / folder, command.home / folder)
    published = command.home / "published"

    def models_built() -> int:
        return sum(1 for _ in (command.home / "dbt" / "run").rglob("*.sql"))

    def warehouse_size() -> int:
        return sum(path.stat().st_size for path in command.home.glob("warehouse.duckdb*"))

    # While the first source is being loaded.
    assert kill_when(command, lambda: warehouse_size() > 0)
    assert not command.current.exists()

    # While dbt builds.
    shutil.rmtree(command.home / "dbt" / "run")
    assert kill_when(command, lambda: models_built() > 25)
    assert not command.current.exists()

    # Right after readers were pointed to the first publication.
    assert kill_when(command, command.current.exists)
    assert command.damage() == []
    first = command.current.readlink()
    first_figures = figures(command)
    assert first_figures["kpi_calls_monthly"]

    # While the second one is being written, of corrected deliveries.
    land_correction(command)
    assert kill_when(command, lambda: any(published.glob(".partial*")))
    assert command.current.readlink() == first
    assert command.damage() == []
    assert figures(command) == first_figures

    # The next run completes what is left, and clears what the killed ones left behind.
    done = command.run("run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert command.current.readlink() != first
    assert command.damage() == []
    assert figures(command) == figures(undisturbed)
    assert list(published.glob(".*")) == []
    # The publication that was killed while being written does not count: it has no folder.
    folders = [path.name for path in sorted(published.iterdir()) if not path.is_symlink()]
    assert command.published("select distinct run_id from marts.published_versions order by run_id") == [
        (name,) for name in folders
    ]
    assert (
        command.warehouse(
            "select source, extract_date, file_name from audit.load where status in ('loaded', 'empty') "
            "group by all having count(*) > 1"
        )
        == []
    )
    assert "Nothing is new" in command.run("run").stdout


def test_undisturbed_run_has_figures_to_compare(undisturbed):
    found = figures(undisturbed)
    assert len(found) > 20
    empty = {name for name, rows in found.items() if not rows}
    for name in ("fct_call", "fct_live_chat", "fct_crime", "kpi_calls_monthly", "kpi_measure_monthly", "board_paper"):
        assert name not in empty
    assert sum(len(rows) for rows in found.values()) > 500
