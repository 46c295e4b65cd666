"""Which sources are overdue at an instant: by their own first delivery, their own deadline and the clock alone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from dagster_project.loading.deadlines import deadline, expected_deliveries, overdue_sources
from dagster_project.loading.landing import LandedFile, Landing
from dagster_project.warehouse.connection import dry_connection
from dagster_project.warehouse.tables import ensure_tables
from tests.unit.loading_helpers import PAPERS, VISITS

CHATS = replace(VISITS, source="chats", delivered_by=time(6, 30))
SOURCES = {"visits": VISITS, "chats": CHATS, "papers": PAPERS}


def landed(source: str, *days: int, is_complete: bool | None = None) -> list[LandedFile]:
    name = f"{source}_{{}}.csv"
    return [LandedFile(source, date(2022, 10, n), Path(name.format(n)), 1, 1, is_complete=is_complete) for n in days]


def landing(files: Sequence[LandedFile] = (), held: Sequence[LandedFile] = (), *, is_synthetic=False) -> Landing:
    return Landing(tuple(files), (), is_synthetic=is_synthetic, held=tuple(held))


def overdue(files: list[LandedFile], now: datetime, **more) -> list[str]:
    return [str(item) for item in overdue_sources(None, landing(files, **more), SOURCES, now=now)]


def expected(files: list[LandedFile], now: datetime, **more) -> list[str]:
    return [str(item) for item in expected_deliveries(None, landing(files, **more), SOURCES, now=now)]


def utc(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2022, 10, day, hour, minute, tzinfo=UTC)


def test_a_source_is_overdue_from_its_own_deadline_on_in_london_time():
    files = [*landed("visits", 24), *landed("chats", 24)]
    # 25 October 2022 was summer time: 06:30 and 09:00 in London are 05:30 and 08:00 UTC.
    assert overdue(files, utc(26, 5, 29)) == []
    assert overdue(files, utc(26, 5, 30)) == ["chats overdue since 2022-10-26 06:30 (extract of 2022-10-25)"]
    assert [line.split()[0] for line in overdue(files, utc(26, 8))] == ["chats", "visits"]


def test_when_every_source_stops_all_are_overdue_and_their_days_are_counted():
    files = [*landed("visits", 20, 21), *landed("chats", 22)]
    assert overdue(files, utc(26, 12)) == [
        "chats overdue since 2022-10-24 06:30 (extract of 2022-10-23 and 2 later)",
        "visits overdue since 2022-10-23 09:00 (extract of 2022-10-22 and 3 later)",
    ]


def test_no_day_before_the_stated_first_delivery_is_overdue():
    late = {"visits": replace(VISITS, first_delivery=date(2022, 10, 24))}
    (found,) = overdue_sources(None, landing(landed("visits", 1)), late, now=utc(26, 12))
    assert found.days == (date(2022, 10, 24), date(2022, 10, 25))


def test_the_deadline_keeps_its_local_hour_on_the_day_the_clocks_change():
    assert deadline(VISITS, date(2022, 10, 29)).astimezone(UTC) == utc(30, 9)
    assert deadline(VISITS, date(2022, 10, 28)).astimezone(UTC) == utc(29, 8)


def test_irregular_sources_and_sources_without_a_delivery_are_never_overdue():
    assert overdue(landed("papers", 1), utc(26, 12)) == []
    assert overdue([], utc(26, 12)) == []


def test_synthetic_extracts_are_never_overdue():
    assert overdue(landed("visits", 20), utc(26, 12), is_synthetic=True) == []


def test_a_file_being_written_counts_and_one_without_its_required_marker_does_not():
    files, now = landed("visits", 24), utc(26, 12)
    assert overdue(files, now, held=landed("visits", 25)) == []
    (line,) = overdue(files, now, held=landed("visits", 25, is_complete=False))
    assert "extract of 2022-10-25" in line


@pytest.mark.parametrize(("status", "owed"), [("loaded", 0), ("rejected", 0), ("replaced", 0), ("missing_delivery", 1)])
def test_deliveries_in_the_audit_are_not_overdue_unless_they_are_missing(status, owed):
    with dry_connection() as connection:
        ensure_tables(connection, [VISITS])
        for day, of_day in ((24, "loaded"), (25, status)):
            connection.execute(
                """
                insert into audit.load (
                    load_id, source, extract_date, rows_read, rows_loaded, rows_quarantined, status, is_synthetic,
                    loaded_at, run_id, change_seq
                ) values (?, 'visits', ?, 0, 0, 0, ?, false, now(), 'run', 1)
                """,
                [day, date(2022, 10, day), of_day],
            )
        found = overdue_sources(connection, landing(), SOURCES, now=utc(26, 12))
    assert sum(len(item.days) for item in found) == owed


def test_an_extract_is_expected_until_its_deadline_and_overdue_from_then_on():
    files = [*landed("visits", 24), *landed("chats", 24, 25)]
    waiting = ["visits 2022-10-25 expected by 2022-10-26 09:00"]
    assert expected(files, utc(26, 7, 59)) == waiting
    assert overdue(files, utc(26, 7, 59)) == []
    assert expected(files, utc(26, 8)) == []
    assert [line.split()[0] for line in overdue(files, utc(26, 8))] == ["visits"]


def test_a_day_that_is_not_over_is_expected_only_when_another_source_has_delivered_it():
    files = [*landed("visits", 24, 25), *landed("chats", 24, 25)]
    assert expected(files, utc(26, 12)) == []
    assert expected([*files, *landed("chats", 26)], utc(26, 12)) == ["visits 2022-10-26 expected by 2022-10-27 09:00"]


def test_nothing_is_expected_of_synthetic_papers_and_of_sources_that_never_delivered():
    files = [*landed("papers", 20), *landed("chats", 24, 25)]
    assert expected(files, utc(26, 7)) == []
    assert expected(landed("visits", 24), utc(26, 7), is_synthetic=True) == []
