"""Which deliveries a run has to load, and which days it is owed."""

import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest

from dagster_project.loading.landing import scan
from dagster_project.loading.plan import Range, expected_days, plan_deliveries
from tests.unit.loading_helpers import CONTRACTS, VISITS, row


def landing(installation, contracts=CONTRACTS):
    return scan(installation.settings.landing, contracts, first=date(2014, 4, 1), last=date(2026, 1, 1))


def planned(installation, *, contracts=CONTRACTS, wanted=Range()):  # noqa: B008 (frozen)
    if not installation.settings.warehouse.exists():
        return plan_deliveries(None, landing(installation), contracts, wanted=wanted)
    with duckdb.connect(str(installation.settings.warehouse), read_only=True) as connection:
        return plan_deliveries(connection, landing(installation), contracts, wanted=wanted)


def days(plan):
    return [(item.source, str(item.extract_date)) for item in plan.deliveries]


def test_without_a_warehouse_everything_is_new(installation):
    installation.land("2022-11-02", row("b", 1, "2022-11-02"))
    installation.land("2022-11-01", row("a", 1))
    installation.land("2022-11-01", row("p", 1), source="papers")
    assert days(planned(installation)) == [("papers", "2022-11-01"), ("visits", "2022-11-01"), ("visits", "2022-11-02")]


def test_loaded_files_are_not_hashed_again_and_a_newer_time_makes_no_delivery(installation):
    path = installation.land("2022-11-01", row("a", 1))
    installation.run()
    plan = planned(installation)
    assert (plan.deliveries, plan.hashes) == ((), ())
    path.touch()
    plan = planned(installation)
    assert plan.deliveries == ()
    assert [file.path for file, _ in plan.hashes] == [path]


def test_a_changed_file_makes_its_day_new_even_at_the_same_size(installation):
    installation.land("2022-11-01", row("a", 1))
    installation.land("2022-11-02", row("b", 1, "2022-11-02"))
    installation.run()
    installation.land("2022-11-02", row("b", 2, "2022-11-02"))
    assert days(planned(installation)) == [("visits", "2022-11-02")]


def with_times_of(path, write):
    """Write to a file as `cp -p` does: its modification time is that of before."""
    status = path.stat()
    write(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    assert path.stat().st_ctime_ns != status.st_ctime_ns


def test_a_correction_of_the_same_size_and_modification_time_is_loaded(installation):
    path = installation.land("2022-11-01", row("a", 1))
    installation.run()
    with_times_of(path, lambda path: path.write_text(path.read_text().replace("a,2022", "b,2022")))
    assert days(planned(installation)) == [("visits", "2022-11-01")]
    installation.run()
    assert installation.current() == [("2022-11-01", "b", 1)]
    assert [load[2] for load in installation.audit()] == ["replaced", "loaded"]


def test_the_same_content_with_a_new_inode_change_time_is_hashed_once_and_not_loaded(installation):
    path = installation.land("2022-11-01", row("a", 1))
    installation.run()
    copied = path.read_bytes()
    with_times_of(path, lambda path: path.write_bytes(copied))
    assert [file.path for file, _ in planned(installation).hashes] == [path]
    assert installation.run().deliveries == ()
    assert planned(installation).hashes == ()


def test_a_warehouse_that_noted_no_inode_change_times_hashes_its_files_once_and_loads_none(installation):
    path = installation.land("2022-11-01", row("a", 1))
    installation.run()
    with duckdb.connect(str(installation.settings.warehouse)) as connection:
        connection.execute("alter table audit.landed_file drop column inode_changed_ns")
    plan = planned(installation)
    assert (plan.deliveries, [file.path for file, _ in plan.hashes]) == ((), [path])
    assert installation.run().deliveries == ()
    assert planned(installation).hashes == ()
    assert len(installation.audit()) == 1


def test_a_purged_day_is_not_loaded_again_and_only_a_new_file_is_named(installation):
    installation.land("2022-11-01", row("a", 1))
    installation.land("2022-11-02", row("b", 1, "2022-11-02"))
    installation.run()
    with duckdb.connect(str(installation.settings.warehouse)) as connection:
        connection.execute("insert into audit.purge values ('visits', date '2022-11-02', timestamp '2026-11-28')")
    assert planned(installation).warnings == ()
    installation.land("2022-11-01", row("a", 2))
    installation.land("2022-11-02", row("b", 2, "2022-11-02"))
    plan = planned(installation)
    assert days(plan) == [("visits", "2022-11-02")]
    (warning,) = plan.warnings
    assert "2022-11-01 is past its retention: detail before 2022-11-02 was purged" in warning


def test_a_rejected_delivery_is_tried_again_until_it_is_accepted(installation):
    installation.land("2022-11-01", text="no header here\n")
    installation.run()
    assert days(planned(installation)) == [("visits", "2022-11-01")]


def test_a_file_that_cannot_be_read_counts_as_new(installation, monkeypatch):
    installation.land("2022-11-01", row("a", 1))

    def refuse(path, **_):
        raise PermissionError(path)

    monkeypatch.setattr("dagster_project.loading.plan.sha256_of", refuse)
    plan = planned(installation)
    assert days(plan) == [("visits", "2022-11-01")]
    assert plan.hashes == ()


def test_a_new_version_of_the_contract_loads_a_day_again_only_when_dates_are_named(installation):
    installation.land("2022-11-01", row("a", 1))
    installation.run()
    newer = {"visits": replace(VISITS, version="1.1.0")}
    assert planned(installation, contracts=newer).deliveries == ()
    named = Range(date(2022, 11, 1), date(2022, 11, 1))
    assert days(planned(installation, contracts=newer, wanted=named)) == [("visits", "2022-11-01")]
    assert planned(installation, wanted=named).deliveries == ()


def test_a_new_version_of_the_contract_unloads_no_rows_of_a_file_that_is_gone(installation):
    archived = installation.land("2022-11-01", row("a", 1))
    installation.land("2022-11-01", row("b", 1), suffix="_b")
    installation.run()
    archived.unlink()
    named = Range(date(2022, 11, 1), date(2022, 11, 1))

    plan = planned(installation, contracts={"visits": replace(VISITS, version="1.1.0")}, wanted=named)

    assert plan.deliveries == ()
    assert "visits/: 2022-11-01 stays loaded under an earlier version" in plan.warnings[0]


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
        installation.land(f"2022-11-{day}", row("a", 1, f"2022-11-{day}"))
    wanted = Range(first and date(2022, 11, int(first)), last and date(2022, 11, int(last)))
    assert [day[-2:] for _, day in days(planned(installation, wanted=wanted))] == found


NOON = datetime(2022, 11, 20, 12, tzinfo=UTC)


WITH_CHATS = CONTRACTS | {"chats": replace(VISITS, source="chats")}


def owed(installation, wanted=Range(), now=NOON, contracts=CONTRACTS):  # noqa: B008 (frozen)
    expected = expected_days(None, landing(installation, contracts), contracts, wanted=wanted, now=now)
    return {source: [str(day)[-5:] for day in days] for source, days in expected.items()}


def test_a_day_is_due_from_its_deadline_on(installation):
    for source, day in (("visits", "2022-10-30"), ("chats", "2022-10-29"), ("chats", "2022-10-30")):
        installation.land(day, row("a", 1, day), source=source)
    installation.land("2022-10-31", row("a", 1, "2022-10-31"))
    # 09:00 in London is 09:00 UTC in November.
    before, after = (datetime(2022, 11, 1, *clock, tzinfo=UTC) for clock in ((8, 59), (9, 0)))
    assert owed(installation, now=before, contracts=WITH_CHATS)["chats"] == ["10-29", "10-30"]
    assert owed(installation, now=after, contracts=WITH_CHATS)["chats"][-1] == "10-31"


def test_a_run_before_the_deadline_records_nothing_as_missing_and_one_after_it_does(installation):
    for day in ("2022-10-29", "2022-10-31"):
        installation.land(day, row("a", 1, day))
    early = datetime(2022, 10, 31, 8, 59, tzinfo=UTC)
    assert installation.run(now=early).missing == ()
    assert installation.query("select count(*) from audit.load where status = 'missing_delivery'") == [(0,)]
    assert installation.run(now=early + timedelta(minutes=1)).missing == (date(2022, 10, 30),)


def test_a_daily_source_owes_every_day_from_its_first_delivery_to_the_newest_of_any_source(installation):
    for source, day in (("visits", "2022-10-30"), ("chats", "2022-11-02"), ("papers", "2022-11-05")):
        installation.land(day, row("a", 1, day), source=source)
    assert owed(installation, contracts=WITH_CHATS) == {
        "visits": ["10-30", "10-31", "11-01", "11-02"],
        "chats": ["11-02"],
    }


def test_a_source_that_never_delivered_owes_nothing_until_dates_are_named(installation):
    installation.land("2022-11-01", row("a", 1), source="papers")
    assert owed(installation) == {"visits": []}
    named = Range(date(2022, 11, 1), date(2022, 11, 2))
    assert owed(installation, named) == {"visits": ["11-01", "11-02"]}
