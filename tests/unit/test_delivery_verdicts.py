"""Verdicts on deliveries: keys that repeat, copies of other days, events of other days, faults a little every day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from loading_helpers import HEADER, VISITS, Installation

from dagster_project.loading.waivers import waive
from dagster_project.warehouse.connection import loading_connection

DAY = date(2022, 11, 1)


def days(count: int) -> list[date]:
    return [DAY + timedelta(days=number) for number in range(count)]


def visits(day: date, count: int, *, faulty: int = 0, at: date | None = None) -> list[str]:
    rows = [f"v{day:%m%d}{number},{at or day} 10:00,5,someone" for number in range(count - faulty)]
    return rows + [f"x{day:%m%d}{number},{at or day} 10:00,never,someone" for number in range(faulty)]


def land(installation: Installation, day: date, count: int, **options) -> None:
    installation.land(day.isoformat(), *visits(day, count, **options))


def rejected(report) -> dict[date, str]:
    return {delivery.extract_date: delivery.reason for delivery in report.deliveries if not delivery.is_accepted}


def accept(installation: Installation, day: date) -> None:
    with loading_connection(installation.settings.warehouse) as connection:
        waive(connection, "visits", day, "it is right")


def failed(report, name: str) -> tuple[date, ...]:
    (outcome,) = [outcome for outcome in report.outcomes if outcome.expectation.name == name]
    assert outcome.success == (not outcome.failed_dates)
    return outcome.failed_dates


# -- faulty rows over 28 days


@pytest.mark.parametrize("is_one_run", [True, False], ids=["one run", "a run a day"])
def test_a_few_faulty_rows_every_day_are_a_broken_extract_in_the_end(installation, is_one_run):
    # 3 of 40 rows a day: 7.5 %, and never more than 20 rows by themselves; with the seventh day they are 21.
    reports = []
    for day in days(9):
        land(installation, day, 40, faulty=3)
        if not is_one_run:
            reports.append(installation.run())
    if is_one_run:
        reports.append(installation.run())
    reasons = {}
    for report in reports:
        reasons |= rejected(report)
    # A rejected delivery does not count, so that each day after the sixth would be the first beyond the limit.
    assert list(reasons) == days(9)[6:]
    assert "3 of 40 rows faulty, and 21 of 280 from 2022-10-11 to 2022-11-07" in reasons[days(7)[6]]
    assert "21 of 280 from 2022-10-13 to 2022-11-09" in reasons[days(9)[8]]
    assert failed(reports[-1], "faulty_rows_of_28_days_are_within_limits")[-1] == days(9)[8]


def test_days_before_the_28_do_not_count(installation):
    for day in days(6):
        land(installation, day, 40, faulty=3)
    last, after = DAY + timedelta(days=27), DAY + timedelta(days=28)
    land(installation, last, 40, faulty=3)
    land(installation, after, 40, faulty=3)
    assert list(rejected(installation.run())) == [last]


def test_a_delivery_with_few_faults_of_its_own_is_not_blamed_for_those_before(installation):
    for day in days(6):
        land(installation, day, 40, faulty=3)
    land(installation, days(7)[6], 60, faulty=3)
    assert rejected(installation.run()) == {}, "3 of 60 rows are 5 % and not more"


def test_an_accepted_delivery_counts_and_a_corrected_one_counts_as_corrected(installation):
    for day in days(7):
        land(installation, day, 40, faulty=3)
    installation.run()
    accept(installation, days(7)[6])
    assert rejected(installation.run()) == {}
    land(installation, days(8)[7], 40, faulty=3)
    assert "24 of 320 from" in rejected(installation.run())[days(8)[7]]
    for day in days(2):
        land(installation, day, 41)
    assert rejected(installation.run()) == {}, "18 of 322"


def test_a_contract_states_other_limits(tmp_path):
    strict = replace(VISITS, faulty_share_limit=0.02, faulty_rows_limit=2)
    installation = Installation(tmp_path / "home", {"visits": strict})
    for day in days(3):
        land(installation, day, 40, faulty=1)
    assert list(rejected(installation.run())) == [days(3)[2]]


# -- a key that does not tell rows apart


def repeated(day: date, superseded: int, others: int) -> list[str]:
    same = [f"s,{day} 10:00,{minutes},x" for minutes in range(superseded + 1)]
    return same + visits(day, others - 1)


@pytest.mark.parametrize(
    ("superseded", "others", "is_rejected"),
    [(21, 83, True), (21, 84, False), (20, 20, False), (60, 1, True)],
    ids=["over a fifth", "a fifth", "20 rows", "all"],
)
def test_more_than_a_fifth_superseded_rejects(installation, superseded, others, is_rejected):
    installation.land(DAY.isoformat(), *repeated(DAY, superseded, others))
    report = installation.run()
    assert list(rejected(report)) == [DAY] * is_rejected
    if is_rejected:
        (reason,) = rejected(report).values()
        assert reason.endswith("[key_not_unique]")
        assert f"superseded_rows {superseded}, rows_read {superseded + others}" in reason
        assert "visit_id" in reason
        accept(installation, DAY)
        assert rejected(installation.run()) == {}
        assert len(installation.current()) == others


@pytest.mark.parametrize(("superseded", "is_warned"), [(1, False), (2, True)])
def test_more_than_one_in_a_hundred_superseded_is_a_warning(installation, superseded, is_warned):
    installation.land(DAY.isoformat(), *repeated(DAY, superseded, 100 - superseded))
    report = installation.run()
    said = [warning for warning in report.warnings if "superseded by later rows" in warning]
    assert len(said) == is_warned
    assert failed(report, "few_rows_are_superseded") == (DAY,) * is_warned
    if is_warned:
        assert said[0].startswith(f"visits/visits_{DAY}.csv: 2 of 100 rows of {DAY} (2.0%)")


# -- quarantined rows


@pytest.mark.parametrize(("faulty", "read", "is_warned"), [(1, 100, True), (1, 101, False)])
def test_from_one_in_a_hundred_on_quarantined_rows_are_a_warning_of_the_run(installation, faulty, read, is_warned):
    land(installation, DAY, read, faulty=faulty)
    report = installation.run()
    said = [warning for warning in report.warnings if "quarantined" in warning]
    assert said == [f"visits/visits_{DAY}.csv: 1 of 100 rows of {DAY} quarantined (1.0%): not_an_integer 1"] * is_warned
    assert failed(report, "few_rows_are_quarantined") == (DAY,) * is_warned
    (kept,) = installation.query("select warnings from audit.load")[0]
    assert ("quarantined (1.0%)" in (kept or "")) == is_warned


def test_many_days_with_quarantined_rows_are_one_warning(installation):
    for number, day in enumerate(days(5), 1):
        land(installation, day, 100, faulty=number)
    (said,) = [warning for warning in installation.run().warnings if "quarantined" in warning]
    assert said.startswith("visits/: 5 deliveries have 1 % or more of their rows quarantined; the most visits/visits_2")
    assert "5 of 100 rows of 2022-11-05 quarantined (5.0%): not_an_integer 5" in said


# -- the content of another day


def test_a_file_of_another_day_is_rejected_and_both_are_named(installation):
    text = "\n".join([HEADER, *visits(DAY, 10), ""])
    installation.land("2022-11-01", text=text)
    installation.run()
    installation.land("2022-11-02", text=text)
    reason = rejected(installation.run())[days(2)[1]]
    assert "visits_2022-11-02.csv has the content of visits_2022-11-01.csv, which is loaded for 2022-11-01" in reason
    assert reason.endswith("[same_content_as_other_day]")
    assert len(installation.current()) == 10
    accept(installation, days(2)[1])
    assert rejected(installation.run()) == {}
    assert len(installation.current()) == 20


def test_within_a_run_the_older_day_is_loaded(installation):
    text = "\n".join([HEADER, *visits(DAY, 10), ""])
    for day in days(3):
        installation.land(day.isoformat(), text=text)
    report = installation.run()
    assert list(rejected(report)) == days(3)[1:]
    assert failed(report, "content_is_of_one_day") == tuple(days(3)[1:])


def test_a_correction_of_the_other_day_frees_it(installation):
    text = "\n".join([HEADER, *visits(days(2)[1], 10), ""])
    installation.land("2022-11-01", text=text)
    installation.land("2022-11-02", text=text)
    assert list(rejected(installation.run())) == [days(2)[1]]
    land(installation, DAY, 9)
    assert rejected(installation.run()) == {}
    assert len(installation.current()) == 19


def test_the_later_day_is_what_is_loaded_while_an_earlier_one_is_judged(installation):
    first, second = ("\n".join([HEADER, *visits(day, 10), ""]) for day in days(2))
    installation.land("2022-11-02", text=first)
    installation.run()
    installation.land("2022-11-01", text=first)
    installation.land("2022-11-02", text=second)
    assert list(rejected(installation.run())) == [DAY]
    assert rejected(installation.run()) == {}, "the correction of the other day has freed it"


def test_a_rejected_delivery_is_no_other_day(installation):
    text = "\n".join([HEADER, *visits(DAY, 60, faulty=30), ""])
    installation.land("2022-11-01", text=text)
    installation.land("2022-11-02", text=text)
    reasons = rejected(installation.run())
    assert list(reasons) == days(2)
    assert not any("same_content" in reason for reason in reasons.values())


def test_days_without_events_are_not_copies_of_each_other(installation):
    for day in days(3):
        installation.land(day.isoformat(), text=f"{HEADER}\n")
    assert rejected(installation.run()) == {}


def test_papers_may_repeat_themselves(installation):
    text = "\n".join([HEADER, *visits(DAY, 3), ""])
    for day in days(2):
        installation.land(day.isoformat(), text=text, source="papers")
    assert rejected(installation.run(source="papers")) == {}


# -- events of other days


@pytest.mark.parametrize(
    ("shift", "count", "is_rejected"),
    [(-1, 30, False), (1, 30, False), (-2, 20, True), (2, 30, True), (-2, 19, False), (-365, 30, True)],
)
def test_most_events_are_of_the_extract_date_or_its_neighbours(installation, shift, count, is_rejected):
    land(installation, DAY, count, at=DAY + timedelta(days=shift))
    report = installation.run()
    assert list(rejected(report)) == [DAY] * is_rejected
    if is_rejected:
        (reason,) = rejected(report).values()
        assert reason.endswith("[events_outside_day]")
        assert f"rows_outside_day {count}, rows_read {count}" in reason
        accept(installation, DAY)
        assert rejected(installation.run()) == {}


def test_half_of_the_events_may_be_of_other_days(installation):
    other = DAY - timedelta(days=9)
    for day, outside in zip(days(2), (15, 16), strict=True):
        rows = [f"o{day:%d}{number},{other} 10:00,5,x" for number in range(outside)]
        installation.land(day.isoformat(), *rows, *visits(day, 30 - outside))
    assert list(rejected(installation.run())) == [days(2)[1]]


def test_the_day_of_an_event_is_that_of_london(installation):
    # In July 23:30 UTC is half past midnight: of the day before the neighbour, and of the neighbour itself.
    for day, moment in ((date(2022, 7, 4), "2022-07-02T22:30Z"), (date(2022, 7, 14), "2022-07-12T23:30Z")):
        installation.land(day.isoformat(), *(f"v{day:%d}{number},{moment},5,x" for number in range(20)))
    for day, moment in ((date(2022, 7, 5), "2022-07-06T22:30Z"), (date(2022, 7, 15), "2022-07-16T23:30Z")):
        installation.land(day.isoformat(), *(f"v{day:%d}{number},{moment},5,x" for number in range(20)))
    assert list(rejected(installation.run())) == [date(2022, 7, 4), date(2022, 7, 15)]


def test_what_was_entered_late_does_not_count(installation):
    other = DAY - timedelta(days=9)
    late = [f"o{number},{other} 10:00,5,x" for number in range(30)]
    installation.land(DAY.isoformat(), *late, suffix="_late2")
    installation.land(DAY.isoformat(), *visits(DAY, 20))
    assert rejected(installation.run()) == {}
    installation.land("2022-11-02", *[line.replace("o", "p", 1) for line in late], suffix="_kent_Late")
    installation.land("2022-11-02", *visits(other, 20), suffix="_kent")
    assert "rows_outside_day 20, rows_read 50" in rejected(installation.run())[days(2)[1]]


def test_a_contract_may_allow_events_of_other_days(tmp_path):
    lenient = replace(VISITS, allows_events_outside_day=True)
    installation = Installation(tmp_path / "home", {"visits": lenient})
    land(installation, DAY, 30, at=DAY - timedelta(days=9))
    report = installation.run()
    assert rejected(report) == {}
    assert not any("within_a_day" in outcome.expectation.name for outcome in report.outcomes)


# -- volume


def test_the_volume_counts_rows_as_read_and_faulty_ones_are_named(installation):
    for week in range(3):
        land(installation, DAY + timedelta(weeks=week), 300)
    land(installation, DAY + timedelta(weeks=3), 290, faulty=15)
    land(installation, DAY + timedelta(weeks=4), 150, faulty=6)
    reasons = rejected(installation.run())
    assert list(reasons) == [DAY + timedelta(weeks=4)], "15 faulty rows do not make a delivery small"
    assert "Found: rows_read 150, expected_rows 300, faulty_rows 6." in reasons[DAY + timedelta(weeks=4)]


def of_forces(day: date, **counts: int) -> str:
    rows = [f"{force},{force}{day:%m%d}{number},{day} 10:00,5,x" for force, n in counts.items() for number in range(n)]
    return "\n".join([f"force_code,{HEADER}", *rows, ""])


def test_the_volume_of_each_force_is_judged_with_a_warning(installation):
    weeks = [DAY + timedelta(weeks=week) for week in range(7)]
    for day in weeks[:4]:
        installation.land(day.isoformat(), text=of_forces(day, kent=400, essex=60))
    installation.land(weeks[4].isoformat(), text=of_forces(weeks[4], kent=400, essex=20))
    # By itself it would be far too few: without any row a force is not judged.
    installation.land(weeks[5].isoformat(), text=of_forces(weeks[5], kent=400))
    installation.land(weeks[6].isoformat(), text=of_forces(weeks[6], kent=400, essex=190))
    report = installation.run()
    assert rejected(report) == {}
    assert failed(report, "volume_of_each_force_is_usual") == (weeks[4], weeks[6])
    assert [warning for warning in report.warnings if "usual for the weekday" in warning] == [
        f"visits/visits_{weeks[4]}.csv: force essex: 20 rows on {weeks[4]}; usual for the weekday are 60 (median of 4)",
        f"visits/visits_{weeks[6]}.csv: force essex: 190 rows on {weeks[6]}; usual for the weekday are 60 "
        "(median of 5)",
    ]


def test_faulty_rows_of_a_force_with_an_unusual_volume_are_named(installation):
    weeks = [DAY + timedelta(weeks=week) for week in range(4)]
    for day in weeks[:3]:
        installation.land(day.isoformat(), text=of_forces(day, kent=400, essex=60))
    installation.run()
    good, faulty = (f"essex11220,2022-11-22 10:00,{minutes}" for minutes in ("5", "?"))
    text = of_forces(weeks[3], kent=400, essex=20).replace(good, faulty)
    installation.land(weeks[3].isoformat(), text=text)
    (said,) = [warning for warning in installation.run().warnings if "usual for the weekday" in warning]
    assert f"force essex: 20 rows on {weeks[3]}, 1 of them faulty; usual for the weekday are 60 (median of 3)" in said
