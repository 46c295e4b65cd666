"""Verdicts on deliveries: keys that repeat, copies of other days, events of other days, faults a little every day."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.unit.loading_helpers import HEADER, VISITS, Installation, failed_dates, rejected, row, visits

DAY = date(2022, 11, 1)


def days(count: int) -> list[date]:
    return [DAY + timedelta(days=number) for number in range(count)]


# -- faulty rows over 28 days


@pytest.mark.parametrize("is_one_run", [True, False], ids=["one run", "a run a day"])
def test_a_few_faulty_rows_every_day_are_rejected_in_the_end(installation, is_one_run):
    # 3 of 40 rows a day: 7.5%, and never more than 20 rows by themselves; with the seventh day they are 21.
    reasons = {}
    for day in days(9):
        installation.land(day, *visits(day, 40, faulty=3))
        if not is_one_run or day == days(9)[-1]:
            report = installation.run()
            reasons |= rejected(report)
    # A rejected delivery does not count, so that each day after the sixth would be the first beyond the limit.
    assert list(reasons) == days(9)[6:]
    assert "3 of 40 rows faulty, and 21 of 280 from 2022-10-11 to 2022-11-07" in reasons[days(7)[6]]
    assert "21 of 280 from 2022-10-13 to 2022-11-09" in reasons[days(9)[8]]
    assert failed_dates(report, "faulty_rows_of_28_days_are_within_limits")[-1] == days(9)[8]


def test_days_before_the_28_do_not_count(installation):
    for day in days(6):
        installation.land(day, *visits(day, 40, faulty=3))
    last, after = DAY + timedelta(days=27), DAY + timedelta(days=28)
    installation.land(last, *visits(last, 40, faulty=3))
    installation.land(after, *visits(after, 40, faulty=3))
    assert list(rejected(installation.run())) == [last]


def test_a_delivery_with_few_faulty_rows_is_accepted_despite_those_before(installation):
    for day in days(6):
        installation.land(day, *visits(day, 40, faulty=3))
    installation.land(days(7)[6], *visits(days(7)[6], 60, faulty=3))
    assert rejected(installation.run()) == {}, "3 of 60 rows are 5% and not more"


def test_accepted_and_corrected_deliveries_count(installation):
    for day in days(7):
        installation.land(day, *visits(day, 40, faulty=3))
    installation.run()
    installation.accept(days(7)[6])
    assert rejected(installation.run()) == {}
    installation.land(days(8)[7], *visits(days(8)[7], 40, faulty=3))
    assert "24 of 320 from" in rejected(installation.run())[days(8)[7]]
    for day in days(2):
        installation.land(day, *visits(day, 41))
    assert rejected(installation.run()) == {}, "18 of 322"


def test_a_contract_states_other_limits(tmp_path):
    strict = replace(VISITS, faulty_share_limit=0.02, faulty_rows_limit=2)
    installation = Installation(tmp_path / "home", {"visits": strict})
    for day in days(3):
        installation.land(day, *visits(day, 40, faulty=1))
    assert list(rejected(installation.run())) == [days(3)[2]]


# -- a key that repeats


def repeated(day: date, superseded: int, others: int) -> list[str]:
    return [row("s", minutes, day) for minutes in range(superseded + 1)] + visits(day, others - 1)


@pytest.mark.parametrize(
    ("superseded", "others", "is_rejected"),
    [(21, 83, True), (21, 84, False), (20, 20, False), (60, 1, True)],
    ids=["over a fifth", "a fifth", "20 rows", "all"],
)
def test_more_than_a_fifth_superseded_rejects(installation, superseded, others, is_rejected):
    installation.land(DAY, *repeated(DAY, superseded, others))
    report = installation.run()
    assert list(rejected(report)) == [DAY] * is_rejected
    if is_rejected:
        (reason,) = rejected(report).values()
        assert reason.endswith("[key_not_unique]")
        assert f"superseded_rows {superseded}, rows_read {superseded + others}" in reason
        assert "visit_id" in reason
        installation.accept(DAY)
        assert rejected(installation.run()) == {}
        assert len(installation.current()) == others


@pytest.mark.parametrize(("superseded", "is_warned"), [(1, False), (2, True)])
def test_more_than_one_in_a_hundred_superseded_is_a_warning(installation, superseded, is_warned):
    installation.land(DAY, *repeated(DAY, superseded, 100 - superseded))
    report = installation.run()
    warnings = [warning for warning in report.warnings if "superseded by later rows" in warning]
    assert len(warnings) == is_warned
    assert failed_dates(report, "few_rows_are_superseded") == (DAY,) * is_warned
    if is_warned:
        assert warnings[0].startswith(f"visits/visits_{DAY}.csv: 2 of 100 rows of {DAY} (2.0%)")


# -- quarantined rows


@pytest.mark.parametrize(("faulty", "read", "is_warned"), [(1, 100, True), (1, 101, False)])
def test_one_quarantined_row_in_a_hundred_is_a_warning(installation, faulty, read, is_warned):
    installation.land(DAY, *visits(DAY, read, faulty=faulty))
    report = installation.run()
    warnings = [warning for warning in report.warnings if "quarantined" in warning]
    assert (
        warnings
        == [f"visits/visits_{DAY}.csv: 1 of 100 rows of {DAY} quarantined (1.0%): not_an_integer 1"] * is_warned
    )
    assert failed_dates(report, "few_rows_are_quarantined") == (DAY,) * is_warned
    (kept,) = installation.query("select warnings from audit.load")[0]
    assert ("quarantined (1.0%)" in (kept or "")) == is_warned


def test_many_days_with_quarantined_rows_are_one_warning(installation):
    for number, day in enumerate(days(5), 1):
        installation.land(day, *visits(day, 100, faulty=number))
    (text,) = [warning for warning in installation.run().warnings if "quarantined" in warning]
    assert text.startswith("visits/: 5 deliveries have 1% or more of their rows quarantined; the most visits/visits_2")
    assert "5 of 100 rows of 2022-11-05 quarantined (5.0%): not_an_integer 5" in text


# -- the content of another day


def test_a_file_of_another_day_is_rejected_and_both_are_named(installation):
    installation.land("2022-11-01", *visits(DAY, 10))
    installation.run()
    installation.land("2022-11-02", *visits(DAY, 10))
    reason = rejected(installation.run())[days(2)[1]]
    assert "visits_2022-11-02.csv has the content of visits_2022-11-01.csv, which is loaded for 2022-11-01" in reason
    assert reason.endswith("[same_content_as_other_day]")
    assert len(installation.current()) == 10
    installation.accept(days(2)[1])
    assert rejected(installation.run()) == {}
    assert len(installation.current()) == 20


def test_within_a_run_the_older_day_is_loaded(installation):
    for day in days(3):
        installation.land(day, *visits(DAY, 10))
    report = installation.run()
    assert list(rejected(report)) == days(3)[1:]
    assert failed_dates(report, "content_is_of_one_day") == tuple(days(3)[1:])


def test_a_correction_of_the_other_day_frees_it(installation):
    for day in days(2):
        installation.land(day, *visits(days(2)[1], 10))
    assert list(rejected(installation.run())) == [days(2)[1]]
    installation.land(DAY, *visits(DAY, 9))
    assert rejected(installation.run()) == {}
    assert len(installation.current()) == 19


def test_an_earlier_day_is_compared_with_the_later_one_that_is_loaded(installation):
    first, second = days(2)
    installation.land(second, *visits(first, 10))
    installation.run()
    for day in days(2):
        installation.land(day, *visits(day, 10))
    assert list(rejected(installation.run())) == [DAY]
    assert rejected(installation.run()) == {}, "the correction of the other day has freed it"


def test_a_rejected_delivery_does_not_count_as_another_day(installation):
    for day in days(2):
        installation.land(day, *visits(DAY, 60, faulty=30))
    reasons = rejected(installation.run())
    assert list(reasons) == days(2)
    assert not any("same_content" in reason for reason in reasons.values())


def test_days_without_events_are_not_copies_of_each_other(installation):
    for day in days(3):
        installation.land(day)
    assert rejected(installation.run()) == {}


def test_papers_may_repeat_themselves(installation):
    for day in days(2):
        installation.land(day, *visits(DAY, 3), source="papers")
    assert rejected(installation.run(source="papers")) == {}


# -- events of other days


@pytest.mark.parametrize(
    ("shift", "count", "is_rejected"),
    [(-1, 30, False), (1, 30, False), (-2, 20, True), (2, 30, True), (-2, 19, False), (-365, 30, True)],
)
def test_most_events_are_of_the_extract_date_or_its_neighbours(installation, shift, count, is_rejected):
    installation.land(DAY, *visits(DAY, count, at=DAY + timedelta(days=shift)))
    report = installation.run()
    assert list(rejected(report)) == [DAY] * is_rejected
    if is_rejected:
        (reason,) = rejected(report).values()
        assert reason.endswith("[events_outside_day]")
        assert f"rows_outside_day {count}, rows_read {count}" in reason
        installation.accept(DAY)
        assert rejected(installation.run()) == {}


def test_half_of_the_events_may_be_of_other_days(installation):
    other = DAY - timedelta(days=9)
    for day, outside in zip(days(2), (15, 16), strict=True):
        rows = [row(f"o{day:%d}{number}", day=other) for number in range(outside)]
        installation.land(day, *rows, *visits(day, 30 - outside))
    assert list(rejected(installation.run())) == [days(2)[1]]


def test_the_day_of_an_event_is_that_of_london(installation):
    # In July 23:30 UTC is half past midnight: of the day before the neighbour, and of the neighbour itself.
    moments = {4: "2022-07-02T22:30Z", 14: "2022-07-12T23:30Z", 5: "2022-07-06T22:30Z", 15: "2022-07-16T23:30Z"}
    for day, moment in moments.items():
        installation.land(date(2022, 7, day), *(f"v{day}-{number},{moment},5,x" for number in range(20)))
    assert list(rejected(installation.run())) == [date(2022, 7, 4), date(2022, 7, 15)]


def test_rows_of_late_files_do_not_count(installation):
    other = DAY - timedelta(days=9)
    late = [row(f"o{number}", day=other) for number in range(30)]
    installation.land(DAY, *late, suffix="_late2")
    installation.land(DAY, *visits(DAY, 20))
    assert rejected(installation.run()) == {}
    installation.land("2022-11-02", *[line.replace("o", "p", 1) for line in late], suffix="_kent_Late")
    installation.land("2022-11-02", *visits(other, 20), suffix="_kent")
    assert "rows_outside_day 20, rows_read 50" in rejected(installation.run())[days(2)[1]]


def test_a_contract_may_allow_events_of_other_days(tmp_path):
    installation = Installation(tmp_path / "home", {"visits": replace(VISITS, allows_events_outside_day=True)})
    installation.land(DAY, *visits(DAY, 30, at=DAY - timedelta(days=9)))
    report = installation.run()
    assert rejected(report) == {}
    assert not any("within_a_day" in outcome.expectation.name for outcome in report.outcomes)


# -- volume


def test_the_volume_counts_rows_as_read_and_faulty_ones_are_named(installation):
    for week in range(3):
        installation.land(DAY + timedelta(weeks=week), *visits(DAY + timedelta(weeks=week), 300))
    installation.land(DAY + timedelta(weeks=3), *visits(DAY + timedelta(weeks=3), 290, faulty=15))
    installation.land(DAY + timedelta(weeks=4), *visits(DAY + timedelta(weeks=4), 150, faulty=6))
    reasons = rejected(installation.run())
    assert list(reasons) == [DAY + timedelta(weeks=4)], "15 faulty rows do not make a delivery small"
    assert "Found: rows_read 150, expected_rows 300, faulty_rows 6." in reasons[DAY + timedelta(weeks=4)]


def land_forces(installation: Installation, day: date, faulty: int = 0, **counts: int) -> None:
    """Rows of each force; the last force has the faulty ones."""
    rows = [f"{force},{line.replace('v', force)}" for force, n in counts.items() for line in visits(day, n)]
    for number in range(1, faulty + 1):
        rows[-number] = rows[-number].replace(",5,", ",?,")
    installation.land(day, *rows, header=f"force_code,{HEADER}")


def test_the_volume_of_each_force_is_judged_with_a_warning(installation):
    weeks = [DAY + timedelta(weeks=week) for week in range(7)]
    for day in weeks[:4]:
        land_forces(installation, day, kent=400, essex=60)
    land_forces(installation, weeks[4], kent=400, essex=20)
    # By itself it would be far too few: without any row a force is not judged.
    land_forces(installation, weeks[5], kent=400)
    land_forces(installation, weeks[6], kent=400, essex=190)
    report = installation.run()
    assert rejected(report) == {}
    assert failed_dates(report, "volume_of_each_force_is_usual") == (weeks[4], weeks[6])
    assert [warning for warning in report.warnings if "usual for the weekday" in warning] == [
        f"visits/visits_{weeks[4]}.csv: force essex: 20 rows on {weeks[4]}; usual for the weekday: 60 (median of 4)",
        f"visits/visits_{weeks[6]}.csv: force essex: 190 rows on {weeks[6]}; usual for the weekday: 60 (median of 5)",
    ]


def test_faulty_rows_of_a_force_with_an_unusual_volume_are_named(installation):
    weeks = [DAY + timedelta(weeks=week) for week in range(4)]
    for day in weeks[:3]:
        land_forces(installation, day, kent=400, essex=60)
    installation.run()
    land_forces(installation, weeks[3], faulty=1, kent=400, essex=20)
    (text,) = [warning for warning in installation.run().warnings if "usual for the weekday" in warning]
    assert f"force essex: 20 rows on {weeks[3]}, 1 of them faulty; usual for the weekday: 60 (median of 3)" in text
