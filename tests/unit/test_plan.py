"""Which deliveries a run has to load, and which days it is owed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest
from loading_helpers import CONTRACTS, VISITS

from dagster_project.loading import pipeline
from dagster_project.loading.landing import scan
from dagster_project.loading.plan import Range, expected_days, plan_deliveries
from dagster_project.validation import ValidationResult


@pytest.fixture(autouse=True)
def _without_expectations(monkeypatch):
    """Great Expectations is not what these tests are about."""
    monkeypatch.setattr(pipeline, "count_violations", lambda *_: ())
    monkeypatch.setattr(pipeline, "validate", lambda *_, **__: ValidationResult((), "{}"))


def landing(installation):
    return scan(installation.settings.landing, CONTRACTS, first=date(2014, 4, 1), last=date(2026, 1, 1))


def planned(installation, *, contracts=CONTRACTS, wanted=Range()):  # noqa: B008 (frozen)
    if not installation.settings.warehouse.exists():
        return plan_deliveries(None, landing(installation), contracts, wanted=wanted)
    with duckdb.connect(str(installation.settings.warehouse), read_only=True) as connection:
        return plan_deliveries(connection, landing(installation), contracts, wanted=wanted)


def days(plan):
    return [(item.source, str(item.extract_date)) for item in plan.deliveries]


def test_without_a_warehouse_everything_is_new(installation):
    installation.land("2022-11-02", "b,2022-11-02 10:00,1,x")
    installation.land("2022-11-01", "a,2022-11-01 10:00,1,x")
    installation.land("2022-11-01", "p,2022-11-01 10:00,1,x", source="papers")
    assert days(planned(installation)) == [("papers", "2022-11-01"), ("visits", "2022-11-01"), ("visits", "2022-11-02")]


def test_what_is_loaded_is_not_hashed_again_and_a_touched_file_is_not_news(installation):
    path = installation.land("2022-11-01", "a,2022-11-01 10:00,1,x")
    installation.run()
    plan = planned(installation)
    assert (plan.deliveries, plan.hashes) == ((), ())
    path.touch()
    plan = planned(installation)
    assert plan.deliveries == ()
    assert [file.path for file, _ in plan.hashes] == [path]


def test_a_changed_file_makes_its_day_new_even_at_the_same_size(installation):
    installation.land("2022-11-01", "a,2022-11-01 10:00,1,x")
    installation.land("2022-11-02", "b,2022-11-02 10:00,1,x")
    installation.run()
    installation.land("2022-11-02", "b,2022-11-02 10:00,2,x")
    assert days(planned(installation)) == [("visits", "2022-11-02")]


def test_a_refused_delivery_is_tried_again_until_it_is_accepted(installation):
    installation.land("2022-11-01", text="no header here\n")
    installation.run()
    assert days(planned(installation)) == [("visits", "2022-11-01")]


def test_a_file_that_cannot_be_read_counts_as_new(installation, monkeypatch):
    installation.land("2022-11-01", "a,2022-11-01 10:00,1,x")

    def refuse(path):
        raise PermissionError(path)

    monkeypatch.setattr("dagster_project.loading.plan.sha256_of", refuse)
    plan = planned(installation)
    assert days(plan) == [("visits", "2022-11-01")]
    assert plan.hashes == ()


def test_a_new_version_of_the_contract_loads_a_day_again_only_when_dates_are_named(installation):
    installation.land("2022-11-01", "a,2022-11-01 10:00,1,x")
    installation.run()
    newer = {"visits": replace(VISITS, version="1.1.0")}
    assert planned(installation, contracts=newer).deliveries == ()
    named = Range(date(2022, 11, 1), date(2022, 11, 1))
    assert days(planned(installation, contracts=newer, wanted=named)) == [("visits", "2022-11-01")]
    assert planned(installation, wanted=named).deliveries == ()


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        (None, None, ["01", "02", "03"]),
        ("02", None, ["02", "03"]),
        (None, "02", ["01", "02"]),
        ("02", "02", ["02"]),
        ("04", "09", []),
    ],
)
def test_a_range_has_both_its_ends_in_it(installation, first, last, found):
    for day in ("01", "02", "03"):
        installation.land(f"2022-11-{day}", f"a,2022-11-{day} 10:00,1,x")
    wanted = Range(first and date(2022, 11, int(first)), last and date(2022, 11, int(last)))
    assert [day[-2:] for _, day in days(planned(installation, wanted=wanted))] == found


NOON = datetime(2022, 11, 20, 12, tzinfo=UTC)


def owed(installation, wanted=Range(), now=NOON):  # noqa: B008 (frozen)
    return {
        source: [str(day)[-5:] for day in days]
        for source, days in expected_days(None, landing(installation), CONTRACTS, wanted=wanted, now=now).items()
    }


def test_before_its_deadline_a_day_is_not_owed_and_after_it_is(installation):
    chats = replace(VISITS, source="chats")
    contracts = {**CONTRACTS, "chats": chats}
    for source, day in (("visits", "2022-10-30"), ("chats", "2022-10-29"), ("chats", "2022-10-30")):
        installation.land(day, f"a,{day} 10:00,1,x", source=source)
    installation.land("2022-10-31", "a,2022-10-31 10:00,1,x")
    found = scan(installation.settings.landing, contracts, first=date(2014, 4, 1), last=date(2026, 1, 1))

    def chats_owed(now: datetime) -> list[date]:
        return expected_days(None, found, contracts, wanted=Range(), now=now)["chats"]

    # 09:00 in London is 09:00 UTC in November.
    assert chats_owed(datetime(2022, 11, 1, 8, 59, tzinfo=UTC)) == [date(2022, 10, 29), date(2022, 10, 30)]
    assert chats_owed(datetime(2022, 11, 1, 9, 0, tzinfo=UTC))[-1] == date(2022, 10, 31)


def test_a_run_before_the_deadline_records_nothing_as_missing_and_one_after_it_does(installation):
    for day in ("2022-10-29", "2022-10-31"):
        installation.land(day, f"a,{day} 10:00,1,x")
    early = datetime(2022, 10, 31, 8, 59, tzinfo=UTC)
    assert installation.run(now=early).missing == ()
    assert installation.query("select count(*) from audit.load where status = 'missing_delivery'") == [(0,)]
    assert installation.run(now=early + timedelta(minutes=1)).missing == (date(2022, 10, 30),)


def test_a_daily_source_owes_every_day_from_its_first_delivery_to_the_newest_of_any_source(installation):
    chats = replace(VISITS, source="chats")
    contracts = {**CONTRACTS, "chats": chats}
    for source, day in (("visits", "2022-10-30"), ("chats", "2022-11-02"), ("papers", "2022-11-05")):
        installation.land(day, f"a,{day} 10:00,1,x", source=source)
    found = scan(installation.settings.landing, contracts, first=date(2014, 4, 1), last=date(2026, 1, 1))
    expected = expected_days(None, found, contracts, wanted=Range(), now=NOON)
    assert {source: [str(day)[-5:] for day in days] for source, days in expected.items()} == {
        "visits": ["10-30", "10-31", "11-01", "11-02"],
        "chats": ["11-02"],
    }


def test_a_source_that_never_delivered_owes_nothing_until_dates_are_named(installation):
    installation.land("2022-11-01", "a,2022-11-01 10:00,1,x", source="papers")
    assert owed(installation) == {"visits": []}
    named = Range(date(2022, 11, 1), date(2022, 11, 2))
    assert owed(installation, named) == {"visits": ["11-01", "11-02"]}
