"""Days without a delivery by the clock: expected before their deadline, then overdue, and missing after a run."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from dagster_project.loading.deadlines import deadline, expected_deliveries, overdue_sources
from dagster_project.loading.landing import LandedFile, Landing
from dagster_project.loading.plan import Range, expected_days
from dagster_project.warehouse.connection import dry_connection, insert_rows
from dagster_project.warehouse.tables import ensure_tables
from tests.unit.loading.installation import DAY, PAPERS, VISITS, Installation, row

SOURCES = {"visits": VISITS, "chats": replace(VISITS, source="chats", delivered_by=time(6, 30)), "papers": PAPERS}


def files(is_complete: bool | None = None, **days: list[int]) -> tuple[LandedFile, ...]:
    """Files of days in October 2022, by source."""
    return tuple(
        LandedFile(source, date(2022, 10, day), Path(f"{source}.csv"), 1, 1, is_complete=is_complete)
        for source, of_source in days.items()
        for day in of_source
    )


def utc(day: int, hour: int, minute: int = 0) -> datetime:
    """In October 2022, until the 30th, London is an hour ahead."""
    return datetime(2022, 10, day, hour, minute, tzinfo=UTC)


def owed(landed, now: datetime, *, sources=SOURCES, **more) -> tuple[list[str], list[str]]:
    """What is expected and what is overdue."""
    landing = Landing(landed, (), **({"is_synthetic": False} | more))
    found = expected_deliveries(None, landing, sources, now=now), overdue_sources(None, landing, sources, now=now)
    return [str(item) for item in found[0]], [str(item) for item in found[1]]


def test_an_extract_is_expected_until_its_own_deadline_in_london_and_overdue_from_then_on():
    landed = files(visits=[24], chats=[24])
    visits, chats = "visits 2022-10-25 expected by 2022-10-26 09:00", "chats 2022-10-25 expected by 2022-10-26 06:30"
    late_visits = "visits overdue since 2022-10-26 09:00 (extract of 2022-10-25)"
    late_chats = "chats overdue since 2022-10-26 06:30 (extract of 2022-10-25)"
    assert owed(landed, utc(26, 5, 29)) == ([chats, visits], [])
    assert owed(landed, utc(26, 5, 30)) == owed(landed, utc(26, 7, 59)) == ([visits], [late_chats])
    assert owed(landed, utc(26, 8)) == ([], [late_chats, late_visits])
    assert deadline(VISITS, date(2022, 10, 28)).astimezone(UTC) == utc(29, 8)
    assert deadline(VISITS, date(2022, 10, 29)).astimezone(UTC) == utc(30, 9), "the clocks have changed"


def test_when_every_source_stops_all_are_overdue_and_their_days_are_counted():
    assert owed(files(visits=[20, 21], chats=[22]), utc(26, 12))[1] == [
        "chats overdue since 2022-10-24 06:30 (extract of 2022-10-23 and 2 later)",
        "visits overdue since 2022-10-23 09:00 (extract of 2022-10-22 and 3 later)",
    ]


def test_days_that_are_not_over_and_irregular_or_unknown_sources_are_not_owed():
    # A day that is not over is expected only when another source has delivered it.
    begun = files(visits=[24, 25], chats=[24, 25, 26])
    assert owed(begun, utc(26, 12)) == (["visits 2022-10-26 expected by 2022-10-27 09:00"], [])
    assert owed(begun, utc(26, 12), is_synthetic=True) == ([], [])
    for landed, hour in ((files(visits=[24, 25], chats=[24, 25]), 12), (files(papers=[20]), 7), (files(), 7)):
        assert owed(landed, utc(26, hour)) == ([], [])


def test_no_day_before_the_stated_first_delivery_is_owed():
    landed, first = files(visits=[1]), lambda day: {"visits": replace(VISITS, first_delivery=date(2022, 10, day))}
    (line,) = owed(landed, utc(26, 12), sources=first(24))[1]
    assert line.endswith("(extract of 2022-10-24 and 1 later)")
    assert owed(landed, utc(26, 12), sources=first(26)) == owed(landed, utc(26, 7), sources=first(26)) == ([], [])


def test_a_file_being_written_counts_and_one_without_its_required_marker_does_not():
    assert owed(files(visits=[24]), utc(26, 12), held=files(visits=[25]))[1] == []
    (line,) = owed(files(visits=[24]), utc(26, 12), held=files(is_complete=False, visits=[25]))[1]
    assert "extract of 2022-10-25" in line


@pytest.mark.parametrize(
    ("status", "is_withdrawn", "is_owed"),
    [("loaded", False, False), ("rejected", False, False), ("rejected", True, True), ("missing_delivery", False, True)],
)
def test_deliveries_in_the_audit_are_not_overdue_unless_they_are_missing_or_withdrawn(status, is_withdrawn, is_owed):
    with dry_connection() as connection:
        ensure_tables(connection, [VISITS])
        for day, of_day, withdrawn in ((24, "loaded", None), (25, status, utc(26, 1) if is_withdrawn else None)):
            counts = dict.fromkeys(("load_id", "rows_read", "rows_loaded", "rows_quarantined", "change_seq"), day)
            load = {"source": "visits", "extract_date": date(2022, 10, day), "is_synthetic": False, "run_id": "run"}
            about = {"status": of_day, "loaded_at": utc(26, 0), "withdrawn_at": withdrawn}
            insert_rows(connection, "audit.load", [counts | load | about])
        found = overdue_sources(connection, Landing((), (), is_synthetic=False), SOURCES, now=utc(26, 12))
    assert [item.days for item in found] == [(date(2022, 10, 25),)] * is_owed


# -- days that a run is owed


@pytest.mark.parametrize(
    ("landed", "wanted", "days"),
    [
        (files(visits=[20], chats=[23], papers=[25]), (), {"visits": [20, 21, 22, 23], "chats": [23]}),
        (files(papers=[25]), (), {"visits": [], "chats": []}),
        (files(papers=[25]), (21, 22), {"visits": [21, 22], "chats": [21, 22]}),
        (files(visits=[20], chats=[23]), (None, 24), {"visits": [20, 21, 22, 23, 24], "chats": [23, 24]}),
        (files(visits=[20], chats=[23]), (22,), {"visits": [20, 21, 22, 23], "chats": [22, 23]}),
    ],
)
def test_a_daily_source_owes_every_day_from_its_first_to_the_newest_of_any_and_those_asked_for(landed, wanted, days):
    def expected(now: datetime, held=()) -> dict:
        asked_for = Range(*(day and date(2022, 10, day) for day in wanted))
        landing = Landing(landed, (), is_synthetic=False, held=held)
        found = expected_days(None, landing, SOURCES, wanted=asked_for, now=now)
        return {source: [day.day for day in of_source] for source, of_source in found.items()}

    assert expected(utc(31, 12)) == days
    of_visits = days["visits"]
    assert expected(utc(31, 12), held=files(visits=[22]))["visits"] == [day for day in of_visits if day != 22]
    assert expected(utc(24, 7, 59))["visits"] == [day for day in of_visits if day < 23]


def test_a_run_records_a_day_as_missing_from_its_deadline_in_london(installation):
    second, third = DAY.replace(day=2), DAY.replace(day=3)
    for day in (DAY, DAY.replace(day=4)):
        installation.land(day, row("a", day=day))
    # In November, 09:00 in London is 09:00 UTC.
    early = datetime(2022, 11, 3, 8, 59, tzinfo=UTC)
    assert installation.run(now=early).missing == ()
    assert installation.run(now=early + timedelta(minutes=1)).missing == (second,)
    assert installation.run(now=early + timedelta(days=2)).missing == (second, third)
    about = "extract_date, reason, rows_read, rows_loaded, is_synthetic"
    missing = f"select {about} from audit.load where status = 'missing_delivery' order by 1"
    reason = "no file visits_{}*.EXT in the landing folder"
    assert installation.query(missing) == [(day, reason.format(day), 0, 0, False) for day in (second, third)]


def test_a_day_is_missing_as_soon_as_another_daily_source_delivered_it(tmp_path):
    installation = Installation(tmp_path / "home", VISITS, replace(VISITS, source="letters"))
    for source in ("visits", "letters"):
        installation.land(DAY, row("a"), source=source)
        assert installation.run(source=source).missing == ()
    # Known from the landing folder alone, then from what was loaded as well.
    path = installation.land(DAY.replace(day=2), row("b", day=DAY.replace(day=2)), source="letters")
    assert installation.run().missing == (DAY.replace(day=2),)
    installation.run(source="letters")
    path.unlink()
    assert installation.run().missing == (DAY.replace(day=2),)
