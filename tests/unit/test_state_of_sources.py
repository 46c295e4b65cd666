"""Expected, overdue and missing extracts in the state that `fcir status` and `fcir run` show."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from dagster_project.cli.run import find_work
from dagster_project.cli.status import read_state
from dagster_project.contracts import load_contracts
from dagster_project.loading.pipeline import load_source
from dagster_project.loading.plan import Range
from dagster_project.settings import CONTRACTS, Settings
from dagster_project.verification.warehouse import verify_warehouse
from dagster_project.warehouse import tables
from dagster_project.warehouse.lock import writer_lock
from tests.unit.loading_helpers import Installation

CRIMES = "crime_ref,updated_at,recorded_at,offence_code,status"
CHATS = "chat_id,requested_at,ended_at"
# 09:00 in London is 09:00 UTC in November.
EARLY, LATE = datetime(2022, 11, 1, 8, 59, tzinfo=UTC), datetime(2022, 11, 1, 9, 0, tzinfo=UTC)
LAST = date(2022, 10, 31)


@pytest.fixture
def settings(tmp_path) -> Settings:
    """Crimes of 30 October and chats of 30 and 31 October, loaded before the deadline of the last day."""
    settings = Settings(home=tmp_path, quiet_seconds=0, _env_file=None)
    land(settings, "crimes", 30, CRIMES, "a,2022-10-30 08:00,2022-10-30 07:00,8N,recorded")
    for day in (30, 31):
        land(settings, "live_chats", day, CHATS, f"c{day},2022-10-{day} 08:00,2022-10-{day} 08:30")
    load(settings, EARLY)
    return settings


def land(settings: Settings, source: str, day: int, header: str, *rows: str) -> None:
    Installation(settings.home).land(f"2022-10-{day}", *rows, source=source, header=header)


def load(settings: Settings, now: datetime) -> None:
    for source in ("crimes", "live_chats"):
        load_source(settings, load_contracts(CONTRACTS), source, wanted=Range(), run_id=f"{now}", now=now)


def test_before_the_deadline_an_extract_is_expected_and_nothing_is_wrong(settings):
    state = read_state(settings, now=EARLY)
    assert [str(item) for item in state.expected] == ["crimes 2022-10-31 expected by 2022-11-01 09:00"]
    assert (state.unresolved, state.overdue) == ((), ())
    assert {item.source: item.days_missing for item in state.sources} == {"crimes": 0, "live_chats": 0}
    work = find_work(settings, wanted=Range(), sources=[], now=EARLY)
    assert [item.extract_date for item in work.expected] == [LAST]
    assert work.unresolved == ()


# The columns that a run adds to a warehouse of an earlier version. One without those of `load` has no `audit.root`, and
# counts as one without an audit.
ADDED = [
    (table, column)
    for table, column in re.findall(
        r"alter table audit\.(\w+) add column if not exists (\w+)", Path(tables.__file__).read_text(encoding="utf-8")
    )
    if table != "load"
]


@pytest.mark.parametrize(("table", "column"), ADDED, ids=map(".".join, ADDED))
def test_a_warehouse_of_an_earlier_version_can_be_read_before_a_run_updates_it(settings, table, column):
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(f"alter table audit.{table} drop column {column}")
    assert len(read_state(settings, now=EARLY).expected) == 1
    assert len(find_work(settings, wanted=Range(), sources=[], now=EARLY).expected) == 1
    verify_warehouse(settings, load_contracts(CONTRACTS))


def test_from_its_deadline_on_an_extract_is_overdue_and_then_missing(settings):
    state = read_state(settings, now=LATE)
    assert state.expected == ()
    assert [item.days for item in state.overdue if item.source == "crimes"] == [(LAST,)]
    assert find_work(settings, wanted=Range(), sources=[], now=LATE).is_needed
    load(settings, LATE)
    (missing,) = read_state(settings, now=LATE).unresolved
    assert (missing.name, missing.status) == ("crimes/2022-10-31", "missing_delivery")


def test_a_run_removes_missing_days_that_the_contract_no_longer_owes(settings, monkeypatch):
    land(settings, "live_chats", 10, CHATS, "c10,2022-10-10 08:00,2022-10-10 08:30")
    load(settings, EARLY)
    assert len([item for item in read_state(settings, now=EARLY).unresolved if item.source == "live_chats"]) == 19

    contracts = load_contracts(CONTRACTS)
    stated = {**contracts, "live_chats": replace(contracts["live_chats"], first_delivery=date(2022, 10, 30))}
    monkeypatch.setattr("dagster_project.cli.run.load_contracts", lambda _: stated)
    monkeypatch.setattr("dagster_project.cli.run.named_contracts", lambda _: {"live_chats": stated["live_chats"]})

    def is_needed() -> bool:
        return find_work(settings, wanted=Range(), sources=[], load_only=True, now=EARLY).is_needed

    assert is_needed()
    load_source(settings, stated, "live_chats", wanted=Range(), run_id="x", now=EARLY)
    assert not is_needed()
    assert not [item for item in read_state(settings, now=EARLY).unresolved if item.source == "live_chats"]


def test_an_overdue_source_is_named_once_before_its_next_deadline(settings):
    state = read_state(settings, now=datetime(2022, 11, 2, 8, 59, tzinfo=UTC))
    assert {item.source for item in state.overdue} == {"crimes"}
    assert [str(item) for item in state.expected] == ["live_chats 2022-11-01 expected by 2022-11-02 09:00"]


def test_a_delivered_extract_is_neither_expected_nor_missing(settings):
    land(settings, "crimes", 31, CRIMES)
    load(settings, LATE)
    state = read_state(settings, now=LATE)
    assert state.expected == state.unresolved == ()


def test_a_named_range_makes_no_extract_missing_before_its_deadline(settings):
    wanted = Range(date(2022, 10, 30), LAST)
    contracts = load_contracts(CONTRACTS)
    assert load_source(settings, contracts, "crimes", wanted=wanted, run_id="x", now=EARLY).missing == ()
    assert load_source(settings, contracts, "crimes", wanted=wanted, run_id="y", now=LATE).missing == (LAST,)


def test_the_state_of_an_unpublished_warehouse_says_so(settings):
    assert not read_state(settings, now=EARLY).is_published


def test_this_process_reads_the_warehouse_that_it_holds(settings):
    with writer_lock(settings.lock_file, command="fcir run"):
        assert read_state(settings, now=EARLY).locked is None
