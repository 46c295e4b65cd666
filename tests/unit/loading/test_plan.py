"""Which deliveries a run has to load, and which days lack one: expected, then overdue, and missing after a run."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import duckdb
import pytest

from dagster_project.loading.deadlines import deadline, expected_deliveries, overdue_sources
from dagster_project.loading.landing import LandedFile, Landing, scan_landing
from dagster_project.loading.plan import Range, expected_days, fingerprint, plan_deliveries, was_rejected
from dagster_project.warehouse.connection import dry_connection, insert_rows
from dagster_project.warehouse.tables import ensure_tables
from tests.unit.loading.installation import DAY, NO_HEADER, PAPERS, VISITS, Installation, rewrite, row

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
    second = DAY.replace(day=2)
    installation.land(DAY, row("a"))
    path = installation.land(second, row("b", day=second), source="letters")
    # Known from the landing folder alone, then from what was loaded as well.
    assert installation.run().missing == (second,)
    installation.run(source="letters")
    path.unlink()
    assert installation.run().missing == (second,)


# -- deliveries that a run has to load

NEXT = DAY + timedelta(1)
EVERY_DAY, FIRST_DAY = Range(), Range(DAY, DAY)


class Planned:
    """The plan of a run: its deliveries, hashed files and warnings, and what the warehouse knows of the deliveries."""

    def __init__(self, root, *, version: str = "1.0.0", wanted: Range = EVERY_DAY) -> None:
        contracts = {source: replace(contract, version=version) for source, contract in root.contracts.items()}
        landing = scan_landing(root.settings, contracts, quiet_seconds=0)
        warehouse = root.settings.warehouse
        connection = duckdb.connect(str(warehouse), read_only=True) if warehouse.exists() else None
        self.plan = plan_deliveries(connection, landing, contracts, wanted=wanted)
        self.days = [(item.source, item.extract_date) for item in self.plan.deliveries]
        self.hashed = [file.path for file, _ in self.plan.hashes]
        self.rejected = [was_rejected(connection, delivery) for delivery in self.plan.deliveries]
        self.fingerprint = fingerprint(connection, self.plan.deliveries)
        if connection:
            connection.close()


def test_without_a_warehouse_everything_is_new_ordered_by_source_and_day(installation):
    installation.land(NEXT, row("b", 1, NEXT))
    installation.land(DAY, row("a", 1))
    installation.land(DAY, row("p", 1), source="papers")
    planned = Planned(installation)
    assert planned.days == [("papers", DAY), ("visits", DAY), ("visits", NEXT)]
    assert [item.extract_date for item in planned.plan.of("visits")] == [DAY, NEXT]


def test_files_are_hashed_again_when_one_of_their_times_changes_and_loaded_when_their_content_does(installation):
    path = installation.land(DAY, row("a", 1))
    other = installation.land(NEXT, row("b", 1, NEXT))
    installation.run()
    assert (Planned(installation).days, Planned(installation).hashed) == ([], [])
    path.touch()
    rewrite(other, other.read_text())
    assert (Planned(installation).days, Planned(installation).hashed) == ([], [path, other])
    assert installation.run().deliveries == ()
    assert Planned(installation).hashed == []
    rewrite(other, other.read_text().replace("b,2022", "c,2022"))
    assert Planned(installation).days == [("visits", NEXT)]


def test_a_new_version_of_the_contract_loads_days_again_only_when_dates_are_named(installation):
    first = installation.land(DAY, row("a", 1))
    installation.land(DAY, row("b", 1), suffix="_b")
    installation.run()
    assert Planned(installation, version="1.1.0").days == Planned(installation, wanted=FIRST_DAY).days == []
    assert Planned(installation, version="1.1.0", wanted=FIRST_DAY).days == [("visits", DAY)]
    # A force changed how files are read; what else it changed needs no day read again.
    assert not Planned(installation, version="1.1.0+.12ab").plan.warnings
    [warning] = Planned(installation, version="1.1.0+34cd.12ab").plan.warnings
    assert f"1 day from {DAY} to {DAY} is loaded" in str(warning)
    assert str(warning).endswith(f"fcir run --from {DAY} --to {DAY} --source visits")
    # Rows of a file that is gone are not unloaded.
    first.unlink()
    planned = Planned(installation, version="1.1.0", wanted=FIRST_DAY)
    assert planned.days == []
    assert f"visits/: {DAY} stays loaded under an earlier version" in str(planned.plan.warnings[0])


def test_a_range_has_both_its_ends_in_it(installation):
    for day in (1, 2, 3):
        installation.land(DAY.replace(day=day), row("a", 1))
    ranges = {(None, None): [1, 2, 3], (2, None): [2, 3], (None, 2): [1, 2], (2, 2): [2], (4, 9): []}
    for ends, found in ranges.items():
        wanted = Range(*(end and DAY.replace(day=end) for end in ends))
        assert [day.day for _, day in Planned(installation, wanted=wanted).days] == found


def test_a_purged_day_is_not_loaded_again_and_only_a_new_file_is_named(installation):
    for day in (DAY, NEXT):
        installation.land(day, row("a", 1, day))
    installation.run()
    with duckdb.connect(str(installation.settings.warehouse)) as connection:
        connection.execute("insert into audit.purge values ('visits', date '2022-11-02', timestamp '2026-11-28')")
    assert Planned(installation, version="1.1.0", wanted=FIRST_DAY).plan.warnings == ()
    for day in (DAY, NEXT):
        installation.land(day, row("a", 2, day))
    planned = Planned(installation)
    assert planned.days == [("visits", NEXT)]
    assert f"{DAY} is past its retention: detail before {NEXT} was purged" in " ".join(map(str, planned.plan.warnings))


def test_a_rejected_delivery_is_planned_again_and_known_by_its_content(installation):
    path = installation.land(DAY, text=NO_HEADER)
    new, same = Planned(installation), Planned(installation)
    installation.run()
    rejected = Planned(installation)
    path.write_text("another text without a header\n")
    changed = Planned(installation)
    installation.run()
    rejected_again = Planned(installation)
    installation.land(DAY, row("a"), suffix="_more")
    states = [new, rejected, changed, rejected_again, Planned(installation)]
    assert [planned.rejected for planned in states] == [[False], [True], [False], [True], [False]]
    # A state is known by its files, their contents and the loads before.
    assert len({planned.fingerprint for planned in states}) == 5
    assert new.fingerprint == same.fingerprint


def test_a_file_that_cannot_be_read_counts_as_new(installation, monkeypatch):
    installation.land(DAY, row("a", 1))

    def refuse(path, **_):
        raise PermissionError(path)

    monkeypatch.setattr("dagster_project.loading.plan.sha256_of", refuse)
    planned = Planned(installation)
    assert (planned.days, planned.hashed, planned.plan.deliveries[0].hashes) == ([("visits", DAY)], [], (None,))
