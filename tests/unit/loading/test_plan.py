"""Which deliveries a run has to load: new and changed files, within the dates that were asked for."""

import os
from dataclasses import replace
from datetime import timedelta

import duckdb
import pytest

from dagster_project.loading.landing import scan_landing
from dagster_project.loading.plan import Range, fingerprint, plan_deliveries, was_rejected
from tests.unit.loading.installation import DAY, NO_HEADER, row

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
    sizes = [file.stat().st_size for file in installation.settings.landing.rglob("*.csv")]
    assert planned.plan.extracts_bytes == sum(sizes)


def keep_times(path, text: str) -> None:
    """Write to a file as `cp -p` does: its size and modification time are those of before."""
    status = path.stat()
    path.write_text(text)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_ctime_ns != status.st_ctime_ns) == (status.st_size, True)


def test_files_are_hashed_again_when_one_of_their_times_changes_and_loaded_when_their_content_does(installation):
    path = installation.land(DAY, row("a", 1))
    other = installation.land(NEXT, row("b", 1, NEXT))
    installation.run()
    assert (Planned(installation).days, Planned(installation).hashed) == ([], [])
    path.touch()
    keep_times(other, other.read_text())
    assert (Planned(installation).days, Planned(installation).hashed) == ([], [path, other])
    assert installation.run().deliveries == ()
    assert Planned(installation).hashed == []
    keep_times(other, other.read_text().replace("b,2022", "c,2022"))
    assert Planned(installation).days == [("visits", NEXT)]


def test_a_new_version_of_the_contract_loads_days_again_only_when_dates_are_named(installation):
    first = installation.land(DAY, row("a", 1))
    installation.land(DAY, row("b", 1), suffix="_b")
    installation.run()
    assert Planned(installation, version="1.1.0").days == Planned(installation, wanted=FIRST_DAY).days == []
    assert Planned(installation, version="1.1.0", wanted=FIRST_DAY).days == [("visits", DAY)]
    # Rows of a file that is gone are not unloaded.
    first.unlink()
    planned = Planned(installation, version="1.1.0", wanted=FIRST_DAY)
    assert planned.days == []
    assert f"visits/: {DAY} stays loaded under an earlier version" in planned.plan.warnings[0]


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [(None, None, [1, 2, 3]), (2, None, [2, 3]), (None, 2, [1, 2]), (2, 2, [2]), (4, 9, [])],
)
def test_a_range_has_both_its_ends_in_it(installation, first, last, found):
    for day in (1, 2, 3):
        installation.land(DAY.replace(day=day), row("a", 1))
    wanted = Range(first and DAY.replace(day=first), last and DAY.replace(day=last))
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
    assert f"{DAY} is past its retention: detail before {NEXT} was purged" in " ".join(planned.plan.warnings)


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
