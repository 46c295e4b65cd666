"""What is judged of each force in a delivery, and what a file tells against the weeks before it.

A failure of one force leaves its days incomplete, and the delivery is loaded.
"""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from dagster_project.contracts import CellType, Column
from dagster_project.loading.waivers import WaiverError
from tests.unit.loading.installation import HEADER, VISITS, Installation

FORCES = {"kent": 60, "essex": 400, "surrey": 20}
FIRST = date(2023, 3, 6)
WEEKS = [FIRST + timedelta(number) for number in range(28)]
LAST = WEEKS[-1] + timedelta(1)
KIND = Column("kind", CellType.TEXT, "", values={"call": "", "visit": "", "other": ""})
KINDS = replace(VISITS, columns=(*VISITS.columns, KIND), main_list="kind")
ALL = f"force_code,{HEADER},kind"


def line(force: str, day: date, number: int, **changed: object) -> str:
    """A line of an extract, with a time to the second and minutes that vary."""
    second = number * 37 % 3600
    time = f"{day} 1{number % 3}:{second // 60:02}:{second % 60 or 1:02}"
    cells = {"id": f"{force[0]}{day:%y%m%d}-{number}", "time": time, "minutes": number % 7 + 1, "who": f"p{number}"}
    cells |= {"kind": "call" if number % 2 else "visit"} | changed
    return ",".join(map(str, (force, *cells.values())))


def lines(day: date, forces: dict[str, int], **changed: object) -> list[str]:
    return [line(force, day, number, **changed) for force, count in forces.items() for number in range(count)]


@pytest.fixture
def root(tmp_path) -> Installation:
    """Four weeks of three forces in common files."""
    installation = Installation(tmp_path / "home", KINDS)
    for day in WEEKS:
        installation.land(day, *lines(day, FORCES), header=ALL)
    assert installation.run().rejected == ()
    return installation


def incomplete(report) -> set[tuple[str | None, str, date, date]]:
    return {
        (item.force_code, item.expectation, item.first_day, item.last_day)
        for delivery in report.deliveries
        for item in delivery.incomplete
    }


def others(*forces: str) -> dict[str, int]:
    return {force: count for force, count in FORCES.items() if force not in forces}


def test_a_limit_that_one_force_breaks_leaves_its_day_incomplete_until_it_is_accepted(root):
    # 21 of 81 rows are more than 5 % of the force's, and more than 20, but not of 481; of 20, none is too few.
    faulty = [line("kent", LAST, number, minutes="never") for number in range(60, 81)]
    root.land(LAST, *lines(LAST, others("surrey")), *faulty, header=ALL)
    report = root.run()
    assert (report.rejected, report.rows_loaded) == ((), 460)
    assert incomplete(report) == {
        ("kent", "faulty_rows_are_within_limits", LAST, LAST),
        ("surrey", "volume_is_not_far_below_the_recent_past", LAST, LAST),
    }
    assert root.unresolved() == [f"{LAST} incomplete"]
    ((reason,),) = root.query("select max(reason) from audit.incomplete")
    assert reason.startswith("force surrey: Fewer than 65% of the rows")
    assert reason.endswith("Found: rows_read 0, expected_rows 20. [volume_is_not_far_below_the_recent_past]")
    root.accept(LAST)
    assert root.unresolved() == []
    despite = "faulty_rows_are_within_limits, volume_is_not_far_below_the_recent_past"
    accepted = "select accepted_because, accepted_despite from audit.load where extract_date = ?"
    assert root.query(accepted, LAST) == [("it is right", despite)]
    # Loaded again, the same files are accepted again.
    assert root.query("select count(*) from audit.pending_load where extract_date = ?", LAST) == [(1,)]
    with pytest.raises(WaiverError, match="only a rejected or incomplete delivery"):
        root.accept(LAST)


def test_a_delivery_is_rejected_for_a_limit_of_the_whole_that_not_only_one_force_breaks(root):
    root.land(LAST, *lines(LAST, others("essex", "surrey")), header=ALL)
    assert [delivery.extract_date for delivery in root.run().rejected] == [LAST]
    root.land(LAST, *lines(LAST, others("essex")), header=ALL)
    assert incomplete(root.run()) == {("essex", "volume_is_not_far_below_the_recent_past", LAST, LAST)}


def test_files_of_one_force_are_judged_as_a_whole(tmp_path):
    installation = Installation(tmp_path / "home", KINDS)
    for day in WEEKS:
        installation.land(day, *lines(day, {"kent": 60}), header=ALL)
    installation.land(LAST, header=ALL)
    report = installation.run()
    assert [(item.extract_date, item.reason.rpartition(" ")[2]) for item in report.rejected] == [
        (LAST, "[volume_is_not_far_below_the_recent_past]")
    ]
    assert installation.query("select count(*) from audit.incomplete") == [(0,)]


def test_a_file_without_its_force_among_others_is_left_out_alone_until_it_is_accepted(root):
    root.land(LAST, *lines(LAST, others("kent")), header=ALL)
    plain = [text.partition(",")[2] for text in lines(LAST, {"kent": 60})]
    root.land(LAST, *plain, header=f"{HEADER},kind", suffix="_kent")
    report = root.run()
    assert [delivery.status for delivery in report.deliveries] == ["loaded"]
    whole, alone = root.loads()[-2:]
    assert (whole[1:], alone[1:3]) == (("loaded", 420, 420, 0), ("rejected", 60))
    assert root.unresolved() == [f"{LAST} rejected", f"{LAST} incomplete"]
    assert root.run().deliveries == (), "the file is known"
    root.accept(LAST)
    root.run()
    assert [load[1:4] for load in root.loads()[-2:]] == [("loaded", 420, 420), ("loaded", 60, 60)]
    assert root.unresolved() == []


def test_rows_of_two_systems_are_found_by_all_their_other_columns(root):
    twins = [line("kent", LAST, number, id=f"new-{number}") for number in range(4)]
    # Eight of 64 are more than 5 %; a time that is a whole minute says too little.
    coarse = [line("surrey", LAST, n, id=f"c{n}", time=f"{LAST} 10:00", minutes=5, who="p") for n in range(9)]
    root.land(LAST, *lines(LAST, FORCES), *twins, *coarse, header=ALL)
    assert incomplete(root.run()) == {("kent", "events_are_not_repeated", LAST, LAST)}
    # Entered again weeks later: the days of the events are not complete.
    late = [line("surrey", WEEKS[3], number, id=f"again-{number}") for number in range(5)]
    root.land(LAST + timedelta(1), *lines(LAST + timedelta(1), FORCES), header=ALL)
    root.land(LAST + timedelta(1), *late, suffix="_late", header=ALL)
    assert incomplete(root.run()) == {("surrey", "events_are_not_repeated", WEEKS[3], WEEKS[3])}


def test_a_clock_that_is_stuck_is_found_after_fifty_rows_with_all_its_days(root):
    days = [LAST + timedelta(number) for number in range(4)]
    for day in days:
        stuck = lines(day, {"surrey": 20}, minutes=0)
        root.land(day, *lines(day, others("surrey")), *stuck, header=ALL)
    report = root.run()
    assert incomplete(report) == {("surrey", "numbers_vary", days[0], day) for day in days[2:]}


def test_a_member_that_is_renamed_in_part_is_found_on_the_third_day_with_the_two_before(root):
    days = [LAST + timedelta(number) for number in range(4)]
    for day in days:
        renamed = [line("kent", day, n, **({"kind": "other"} if n % 4 == 1 else {})) for n in range(60)]
        root.land(day, *lines(day, others("kent")), *renamed, header=ALL)
    assert incomplete(root.run()) == {("kent", "members_keep_their_share", day - timedelta(2), day) for day in days[2:]}
