"""Detail past its retention is purged: figures stay, people go, and what comes later changes no purged month."""

from __future__ import annotations

import json
import os

import duckdb
import pytest

from tests.leaving.end_to_end.command import START, Command
from tests.leaving.end_to_end.erasing import KILL, copy_of, places
from tests.leaving.end_to_end.purging import figures, land_four_months, people, write_retention

HOLD = "live_chats,2022-08-31,2022-08-31,case 1,"
PURGE = ("purge", "--apply", "--yes", "--reason", "schedule")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory, parsed_project) -> Command:
    """A data root with a publication and an edition of a force; tests change copies."""
    command = Command(tmp_path_factory.mktemp("loaded") / "home")
    command.know_the_project(parsed_project)
    land_four_months(command)
    for arguments in (["run"], ["publish", "--edition", "force", "--force", "kent"]):
        done = command.run(*arguments)
        # Days are missing, which is an exit code of its own.
        assert done.returncode in (0, 1), done.stdout + done.stderr
    return command


@pytest.fixture(scope="module")
def purged(loaded, tmp_path_factory) -> Command:
    """The same after a purge; tests change copies."""
    command = copy_of(loaded, tmp_path_factory.mktemp("purged") / "home")
    write_retention(command, holds=HOLD)
    # A reader who has a publication open keeps no row from being purged.
    with duckdb.connect(str(command.current / "fcir.duckdb"), read_only=True):
        done = command.run(*PURGE)
    assert "Purged " in done.stdout, done.stdout + done.stderr
    return command


def test_the_dry_run_changes_nothing(loaded, tmp_path):
    command = copy_of(loaded, tmp_path / "home")
    done = command.run("purge")
    assert done.returncode == 2
    assert "valid_from,source,months,reason" in done.stderr
    write_retention(command, holds=HOLD)
    before = {path: path.stat().st_mtime_ns for path in command.home.rglob("*.*") if "published" in path.parts}
    done = command.run("purge")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "live_chats: before 2022-10-01, 9 rows of 3 extract dates; 3 rows held" in done.stdout
    assert "published/" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert not (command.home / "certificates").exists()
    for reason, message in (
        ("", "--reason is required"),
        ("caller 07700 900123", "--reason contains a personal value"),
    ):
        done = command.run("purge", "--apply", "--yes", "--reason", reason)
        assert done.returncode == 2
        assert message in done.stderr
    done = command.run("purge", "--apply", "--reason", "schedule")
    assert done.returncode == 2
    assert "Nothing was purged. Add --yes" in done.stderr


def test_figures_stay_and_people_go(loaded, purged):
    old, kept = people(loaded, held=HOLD.split(",")[1])
    assert len(old) > 10
    assert len(kept) > 10
    assert places(loaded.home, old) != []
    assert places(purged.home, old) == []
    assert people(purged, held=HOLD.split(",")[1]) == (set(), kept)
    before, after = figures(loaded), figures(purged)
    assert set(before) == set(after)
    assert {name for name in before if before[name] != after[name]} == set()
    assert len(before["kpi_chat_operator_monthly"]) > 4
    assert len(before["reconciliation"]) == 1
    assert purged.damage() == []
    assert purged.warehouse("select count(*) from raw.live_chats where requested_at < '2022-09-01'") == [(3,)]
    assert purged.published("select count(*) from marts.fct_call where arrived_date < '2022-10-01'") == [(0,)]
    assert purged.published("select count(*) from marts.fct_crime where recorded_date < '2022-10-01'") == [(1,)]
    (certificate,) = (purged.home / "certificates").iterdir()
    content = json.loads(certificate.read_text())
    assert content["reason"] == "schedule"
    assert {item["source"]: item["rows"] for item in content["sources"]}["call_segments"] == 25
    assert not (purged.home / "purge").exists()


def test_a_purged_figure_is_traced_to_its_files_and_verified(purged):
    done = purged.run("trace", "calls_999.received", "2022-08")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "call_segments_2022-08-30.csv" in done.stdout
    assert "purged 20" in done.stdout
    page = (purged.current / "measures" / "kent" / "calls_999.received.trace.html").read_text(encoding="utf-8")
    assert "2 events, purged" in page
    assert "call_segments_2022-08-30.csv" in page
    done = purged.run("verify")
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_comes_later_changes_no_purged_month(purged, tmp_path):
    command = copy_of(purged, tmp_path / "home")
    before = figures(command)
    again = command.home / "landing" / "call_segments" / "call_segments_2022-08-30.csv"
    again.write_text(again.read_text() + "new,1,999,2022-08-30 09:00,3,answered,60,07700 900123,op1\n")
    header = "crime_ref,updated_at,recorded_at,offence_code,status,cancelled_at,cancel_code,district"
    late = "46/01/22,2022-11-02 13:00,2022-08-30 11:00,99Z,cancelled,2022-11-02 13:00,C2,Swale"
    command.land("crimes_2022-11-02.csv", header, late)
    done = command.run("run")
    assert "call_segments_2022-08-30.csv: 2022-08-30 is past its retention" in done.stdout + done.stderr
    monthly = "select value from marts.kpi_measure_monthly where measure = '{}' and month_start = '{}'"
    assert command.published(monthly.format("crime.cancelled_crime", "2022-11-01")) == [(1,)]
    ages = "select cancelled from marts.kpi_crime_maturity where month_start = '2022-08-01' and months_since = 3"
    assert command.published(ages) == [(1,)]
    after = figures(command)
    for name in ("kpi_calls_daily", "kpi_displacement_monthly", "kpi_chat_concurrency_monthly"):
        assert before[name] == after[name], name
    crimes = "select count(*) from marts.fct_crime where recorded_date < '2022-10-01'"
    assert command.published(crimes) == [(2,)]


def test_a_rebuild_has_the_figures_and_needs_no_file_of_purged_rows(purged, tmp_path):
    command = copy_of(purged, tmp_path / "home")
    before = figures(command)
    rows = "select count(*), sum(load_id * source_row) from raw.{}"
    held = [command.warehouse(rows.format(name)) for name in ("call_segments", "crimes", "live_chats")]
    for path in (command.home / "landing" / "call_segments").glob("*_2022-08-*.csv"):
        path.unlink()
    warehouse = command.home / "warehouse.duckdb"
    os.truncate(warehouse, warehouse.stat().st_size // 2)
    done = command.run("rebuild")
    assert "Rebuilt " in done.stdout, done.stdout + done.stderr
    assert [command.warehouse(rows.format(name)) for name in ("call_segments", "crimes", "live_chats")] == held
    after = figures(command)
    assert {name for name in before if before[name] != after[name]} == set()


@pytest.mark.parametrize(
    ("point", "is_purged"),
    [
        ("replace intent.json 1", False),
        ("replace warehouse.duckdb 2", True),
    ],
)
def test_a_killed_purge_is_finished_or_dropped_by_the_next_run(loaded, tmp_path, point, is_purged):
    command = copy_of(loaded, tmp_path / "home")
    write_retention(command)
    before = figures(command)
    old, _ = people(command)
    done = command.run(point, *PURGE, code=KILL + START)
    assert done.returncode == -9, done.stdout + done.stderr
    done = command.run("run")
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert "a purge" in done.stdout + done.stderr
    assert not (command.home / "purge").exists()
    assert (places(command.home, old) == []) is is_purged
    after = figures(command)
    assert {name for name in before if before[name] != after[name]} == set()
    assert command.damage() == []
