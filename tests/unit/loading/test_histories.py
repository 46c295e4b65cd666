"""Deliveries that come again: corrections, rejections, files that are removed, acceptance, loads that are killed."""

import shutil
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest

from dagster_project.loading import acceptance, candidate, pipeline
from dagster_project.loading.waivers import WaiverError
from dagster_project.warehouse.connection import loading_connection, reading_connection
from dagster_project.warehouse.state import unresolved_deliveries
from tests.unit.loading.installation import DAY, NO_HEADER, Installation, row, rows

NEXT = DAY + timedelta(1)
GONE, ACCEPT = "the file is removed", "an operator accepts the delivery"
A, BROKEN, ACCEPTED = {"": "a1"}, {"_2": NO_HEADER}, {"": ACCEPT}
# With too many faulty rows.
TOO_BAD, BAD_AGAIN = ({"": f"a{minutes} " + "x? " * 21} for minutes in (1, 2))
# What is delivered of one day in each night, by the end of the file's name: visits with their minutes. Then the status
# of each load, the visits that stand, and whether the day needs attention.
HISTORIES = {
    "corrected": ([{"": "a1 b1 c1"}, {"": "a2 d"}], "replaced loaded", "a2 d", None),
    "corrected to nothing": ([{"": "a1"}, {"": ""}], "replaced empty", "", None),
    "sent again in one night": ([{"": "a5 b?", ".1": "a7 b5"}], "loaded loaded", "a7 b5", None),
    "never good": ([{"": NO_HEADER}, {}], "rejected", "", "rejected"),
    "one file is broken": ([A, {"_2": "b1", "_3": NO_HEADER}, {}], f"loaded{' rejected' * 3}", "a1", "rejected"),
    "the broken file is corrected": ([A, BROKEN, {"_2": "b1"}], "replaced rejected loaded loaded", "a1 b1", None),
    "the broken file comes back": ([A, BROKEN, {"_2": GONE}, BROKEN], "loaded rejected rejected", "a1", "rejected"),
    "accepted": ([TOO_BAD, ACCEPTED], "loaded", "a1", None),
    "other content than accepted": ([TOO_BAD, ACCEPTED, BAD_AGAIN], "loaded rejected", "a1", "rejected"),
    "accepted twice": ([TOO_BAD, ACCEPTED, BAD_AGAIN, ACCEPTED], "replaced loaded", "a2", None),
}


def rows_of(visits: str) -> list[tuple[str, str]]:
    return [(visit[0], visit[1:]) for visit in visits.split()]


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """All histories, each on a day of its own in another month."""
    root = Installation(tmp_path_factory.mktemp("played") / "home")
    days = {name: DAY - timedelta(32 * number) for number, name in enumerate(HISTORIES)}
    for night in range(4):
        for name, (nights, *_) in HISTORIES.items():
            day = days[name]
            for suffix, visits in dict(*nights[night : night + 1]).items():
                if visits == ACCEPT:
                    root.accept(day)
                elif visits == GONE:
                    (root.settings.landing / "visits" / f"visits_{day}{suffix}.csv").unlink()
                elif visits == NO_HEADER:
                    root.land(day, text=f"{NO_HEADER}{day}\n", suffix=suffix)
                else:
                    root.land(day, *(row(*visit, day) for visit in rows_of(visits)), suffix=suffix)
        # Before the deadline of any day, so that no day is missing.
        root.run(now=datetime(2014, 1, 1, tzinfo=UTC))
    return root, days


@pytest.mark.parametrize("name", HISTORIES)
def test_what_stands_of_a_day_follows_from_what_was_delivered(played, name):
    root, days = played
    day = str(days[name])
    _, statuses, visits, attention = HISTORIES[name]
    found = root.query("select status from audit.load where extract_date = ? order by load_id", day)
    assert [status for (status,) in found] == statuses.split()
    stands = [(visit, "" if minutes is None else str(minutes)) for at, visit, minutes in root.current() if at == day]
    assert stands == rows_of(visits)
    assert [item for item in root.unresolved() if day in item] == ([f"{day} {attention}"] if attention else [])


def test_rows_of_rejected_deliveries_are_deleted_and_those_of_replaced_ones_kept(played):
    root, _ = played
    kept = root.query("select distinct status from raw.visits join audit.load using (load_id) order by all")
    assert kept == [("loaded",), ("replaced",)]
    counts = root.query("select status, max(rows_loaded) from audit.load group by all order by all")
    assert dict(counts)["rejected"] == 0


def test_a_file_rejected_with_another_says_so(played):
    root, days = played
    reasons, day = "select reason from audit.load where extract_date = ? order by load_id", days["one file is broken"]
    _, (second,), (third,), (broken,) = root.query(reasons, day)
    assert second == third == f"rejected with its delivery: {broken}"
    assert "_3.csv" in broken


def test_a_correction_counts_changes_by_key_and_column(installation):
    installation.land(DAY, row("a", 1), row("b", 2), row("c", 3))
    installation.run()
    with loading_connection(installation.settings.warehouse) as connection:
        connection.execute("insert into audit.build values ('run', 7, 'project', true, now()::timestamp)")
    installation.land(DAY, row("a", 1), f"b,{DAY} 11:00,9,somebody", row("n", ""))
    (delivery,) = installation.run().deliveries
    assert str(delivery.correction) == "1 row added, 1 removed, 1 changed (begun_at 1, minutes 1, visitor 1)"
    installation.land(DAY)
    (delivery,) = installation.run().deliveries
    assert (delivery.status, delivery.reason.rpartition(" ")[2]) == ("rejected", "[correction_incomplete]")
    installation.accept(DAY)
    (delivery,) = installation.run().deliveries
    assert (delivery.status, str(delivery.correction)) == ("empty", "0 rows added, 3 removed, 0 changed")
    # A change has a greater number than all before it and than the builds.
    assert installation.query(
        "select change_seq, rows_before, rows_after, rows_added, rows_removed, rows_changed, changed_columns"
        " from audit.correction order by change_seq"
    ) == [(8, 3, 3, 1, 1, 1, "begun_at 1, minutes 1, visitor 1"), (10, 3, 0, 0, 3, 0, None)]
    changes = installation.query("select change_seq, first_change_seq from audit.load order by load_id")
    assert changes == [(8, 1), (10, 8), (10, 10)]
    assert installation.query("select load_id from audit.pending_load order by load_id") == [(1,), (2,), (4,)]


# -- files that are no longer there


def test_a_correction_that_lacks_rows_of_the_day_is_held_for_a_person(installation):
    fewer, two, twenty, renamed, other_day = (DAY + timedelta(number) for number in range(5))
    count = {fewer: 3, two: 3, twenty: 60, renamed: 3, other_day: 3}
    archived = {day: installation.land(day, *rows(day, count[day])) for day in (fewer, two, twenty, renamed)}
    # A row of another day is not missed.
    installation.land(other_day, *rows(DAY, 3), row("a", day=other_day))
    installation.run()
    # More rows than before do not hide it.
    archived[fewer].unlink()
    installation.land(fewer, *(row(f"late{number}", day=fewer) for number in range(9)), suffix="_late")
    installation.land(two, *rows(two, 1))
    installation.land(twenty, *rows(twenty, 57))
    archived[renamed].rename(archived[renamed].with_name(f"visits_{renamed}_a.csv"))
    installation.land(renamed, row("d", day=renamed), suffix="_d")
    installation.land(other_day, row("a", day=other_day))
    assert {item.extract_date: item.reason for item in installation.run().rejected} == {
        fewer: "A correction lacks more than 5% and at least three of the rows (visit_id) of the day that it replaces: "
        "it is a part of the day. Deliver the whole day. Found: keys_lost 3, keys_before 3. [correction_incomplete]"
    }


def test_a_rejected_delivery_that_is_removed_leaves_its_day_missing_unless_the_folder_is_unmounted(installation):
    for day in (DAY, DAY + timedelta(2)):
        installation.land(day, *rows(day, 2))
    broken = installation.land(NEXT, text=NO_HEADER)
    installation.run()
    unmounted = broken.parent.rename(broken.parent.with_name("unmounted"))
    installation.run()
    assert installation.unresolved() == [f"{NEXT} rejected"]
    unmounted.rename(broken.parent)
    broken.unlink()
    gone = f"visits/: the rejected delivery of {NEXT} is gone from the landing folder; what was loaded before stands"
    assert gone in map(str, installation.run().warnings)
    assert installation.unresolved() == [f"{NEXT} missing_delivery"]
    with pytest.raises(WaiverError, match="no longer in the landing folder"):
        installation.accept(NEXT)


def test_days_that_a_wrong_date_made_owed_are_not_missing_once_it_is_gone(installation):
    installation.land(DAY, *rows(DAY, 2))
    wrong = installation.land("2021-11-01", text=NO_HEADER)
    installation.run()
    assert len(installation.unresolved()) == 1 + 364
    wrong.unlink()
    installation.run()
    assert installation.unresolved() == []


# -- acceptance


def test_only_a_rejected_delivery_that_can_be_read_is_accepted_and_its_reason_is_kept(installation):
    installation.land(DAY, *rows(DAY, 60, faulty=30))
    broken = [installation.land(DAY + timedelta(number), text=NO_HEADER) for number in range(1, 12)]
    installation.run()
    with reading_connection(installation.settings.warehouse) as connection:
        assert [item.is_acceptable for item in unresolved_deliveries(connection)] == [True] + [False] * 11
    named = r"Can be accepted: visits/2022-11-01\."
    for day, message in (
        (DAY - timedelta(days=1), rf"no run has read a delivery of this day.*{named} If .* run first: fcir run"),
        (NEXT, rf"visits_{NEXT}\.csv \[\w+\] cannot be read.*fcir run"),
    ):
        with pytest.raises(WaiverError, match=message):
            installation.accept(day)
    assert installation.query("select * from audit.waiver") == []
    for path in broken:
        path.unlink()
    ((load_id,),) = installation.query("select load_id from audit.load where extract_date = ?", DAY)
    installation.accept(DAY, "an outage")
    assert installation.query("select load_id, reason from audit.waiver") == [(load_id, "an outage")]
    (delivery,) = installation.run().deliveries
    assert delivery.is_waived
    with pytest.raises(WaiverError, match=r"is loaded; only a rejected or incomplete .*No delivery can be accepted\."):
        installation.accept(DAY)


# -- loads that are killed

THIRD, LAST = DAY + timedelta(2), DAY + timedelta(4)
STEPS = {
    pipeline: ("_remember_hashes", "withdraw", "read_deliveries", "count_violations", "judge", "validate"),
    candidate: ("_read", "quarantine_repeated_keys", "_describe"),
    acceptance: (
        *("record", "_replace", "_delete_same_rejections", "_audit_contents", "_audit_outcomes", "drop_incoming"),
    ),
}
STATE = {
    "raw.visits join audit.load using (load_id)": "visit_id, minutes, status",
    "audit.load": "* exclude (load_id, loaded_at, run_id, withdrawn_at, change_seq, first_change_seq)",
    "audit.quarantine": "* exclude (load_id)",
    "audit.correction": "* exclude (corrected_at, run_id, change_seq)",
    "audit.load_force": "* exclude (load_id)",
    "audit.load_column": "* exclude (load_id)",
}


class Killed(BaseException):
    """Ends a run in the middle of a step."""


def run_until(module, step: str, installation: Installation) -> None:
    with patch.object(module, step, side_effect=Killed), pytest.raises(Killed):
        installation.run()


def state(installation: Installation) -> dict[str, list]:
    return {place: installation.query(f"select {what} from {place} order by all") for place, what in STATE.items()}


def test_killed_runs_leave_the_old_rows_and_the_next_one_ends_as_if_undisturbed(installation, tmp_path):
    installation.land(DAY, row("kept"), row("corrected"), row("corrected"))
    installation.land(NEXT, *rows(NEXT, 30, faulty=25))
    withdrawn = installation.land(THIRD, text=NO_HEADER)
    installation.run()
    # A night with every outcome that a delivery may have.
    withdrawn.unlink()
    installation.land(DAY, row("kept"), row("corrected", 7), row("faulty", "x"), row("kept"))
    installation.land(LAST, row("new", day=LAST))
    undisturbed = Installation(shutil.copytree(installation.settings.home, tmp_path / "undisturbed"))
    report = undisturbed.run()
    assert [item.status for item in report.deliveries] == ["loaded", "rejected", "loaded"]
    assert len(report.missing) == 2

    before = installation.current()
    for module, steps in STEPS.items():
        for step in steps:
            run_until(module, step, installation)
            assert installation.current() == before, step
    run_until(pipeline, "record_missing", installation)
    installation.run()
    assert state(installation) == state(undisturbed)
    left = "select count(*) from raw.visits where load_id not in (select load_id from audit.load)"
    assert installation.query(left) == [(0,)]
