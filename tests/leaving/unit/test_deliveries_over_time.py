"""Deliveries compared with earlier ones: volume by weekday, empty columns, corrections, withdrawals, waivers."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from dagster_project.loading.waivers import WaiverError
from dagster_project.warehouse.connection import reading_connection
from dagster_project.warehouse.state import unresolved_deliveries
from tests.leaving.unit.loading_helpers import (
    HEADER,
    NO_HEADER,
    VISITS,
    Installation,
    failed_dates,
    rejected,
    row,
    visits,
)

TUESDAY = date(2022, 11, 1)


def statuses(report) -> dict[date, str]:
    return {delivery.extract_date: delivery.status for delivery in report.deliveries}


def test_half_the_usual_rows_of_a_weekday_are_rejected_and_a_quiet_weekday_is_not(installation):
    # Weekends bring a fifth of a working day; five weeks, then a Tuesday and a Sunday of half their size.
    usual = {day: 60 if day.weekday() >= 5 else 300 for day in (TUESDAY + timedelta(n) for n in range(35))}
    for day, count in usual.items():
        installation.land(day, *visits(day, count))
    assert set(statuses(installation.run()).values()) == {"loaded"}
    tuesday, wednesday, sunday = (TUESDAY + timedelta(days) for days in (35, 36, 40))
    installation.land(tuesday, *visits(tuesday, 150))
    installation.land(wednesday, *visits(wednesday, 210))
    installation.land(sunday, *visits(sunday, 29))
    assert list(rejected(installation.run())) == [tuesday, sunday]
    (reason,) = installation.query("select reason from audit.load where status = 'rejected'")[0]
    assert "Found: rows_read 150, expected_rows 300." in reason


def test_a_broken_export_does_not_become_usual_until_an_operator_accepts_it(installation):
    weeks = [TUESDAY - timedelta(weeks=3) + timedelta(weeks=number) for number in range(8)]
    for day in weeks[:3]:
        installation.land(day, *visits(day, 300))
    installation.run()
    for day in weeks[3:7]:
        installation.land(day, *visits(day, 60))
        report = installation.run()
    assert list(rejected(report)) == weeks[3:7]

    for day in weeks[3:6]:
        installation.accept(day, "half of the desks have moved")
    installation.land(weeks[7], *visits(weeks[7], 60))

    # Three of the weeks before have 300 rows and three 60.
    assert list(rejected(installation.run())) == weeks[6:8]
    installation.accept(weeks[6], "half of the desks have moved")
    assert rejected(installation.run()) == {}, "an accepted week counts in its own run"


def test_a_broken_export_is_rejected_for_half_a_year(installation):
    # Wednesdays, since some Tuesdays of the half-year are bank holidays.
    weeks = [date(2023, 1, 11) + timedelta(weeks=number) for number in range(27)]
    for day in weeks[:3]:
        installation.land(day, *visits(day, 300))
    for day in weeks[3:]:
        installation.land(day, *visits(day, 60))
    assert list(rejected(installation.run())) == weeks[3:]
    # Of the three accepted weeks, two are within 26 weeks of it.
    after = weeks[-1] + timedelta(weeks=1)
    installation.land(after, *visits(after, 60))
    assert after not in rejected(installation.run())


def test_what_was_rejected_for_another_reason_does_not_become_usual(installation):
    weeks = [date(2022, 9, 6) + timedelta(weeks=number) for number in range(9)]
    for day in weeks[:4]:
        installation.land(day, *visits(day, 100))
    installation.run()
    for day in weeks[4:8]:
        # Its events are those of another month.
        installation.land(day, *visits(day, 500, at=day - timedelta(days=40)))
    assert list(rejected(installation.run())) == weeks[4:8]
    installation.land(weeks[8], *visits(weeks[8], 100))
    assert list(rejected(installation.run())) == weeks[4:8]


def test_rows_of_a_force_are_compared_with_older_weeks_if_the_newer_ones_are_rejected(installation):
    def land_forces(day: date, kent: int, essex: int) -> None:
        counts = {"kent": kent, "essex": essex}
        rows = [f"{force},{line}" for force, count in counts.items() for line in visits(day, count)]
        installation.land(day, *rows, header=f"force_code,{HEADER}")

    weeks = [date(2023, 1, 11) + timedelta(weeks=number) for number in range(10)]
    for day in weeks[:3]:
        land_forces(day, kent=400, essex=60)
    for day in weeks[3:9]:
        land_forces(day, kent=40, essex=60)
    land_forces(weeks[9], kent=400, essex=20)
    report = installation.run()
    assert list(rejected(report)) == weeks[3:9]
    assert failed_dates(report, "volume_of_each_force_is_usual") == tuple(weeks[3:])


def test_a_first_load_is_never_rejected_for_its_volume(installation):
    for week in range(3):
        installation.land(TUESDAY + timedelta(weeks=week), *visits(TUESDAY + timedelta(weeks=week), 300))
    installation.land(TUESDAY + timedelta(weeks=2, days=1), *visits(TUESDAY + timedelta(weeks=2, days=1), 10))
    assert rejected(installation.run()) == {}


def test_a_few_rows_fewer_of_a_small_source_are_accepted(installation):
    for week in range(6):
        installation.land(TUESDAY + timedelta(weeks=week), *visits(TUESDAY + timedelta(weeks=week), 12))
    installation.land(TUESDAY + timedelta(weeks=6), *visits(TUESDAY + timedelta(weeks=6), 4))
    assert rejected(installation.run()) == {}


def test_a_bank_holiday_is_compared_with_sundays(installation):
    # Tuesday 27 December 2022 is a bank holiday, in place of Christmas Day on a Sunday.
    holiday = date(2022, 12, 27)
    for day in (holiday - timedelta(n) for n in range(1, 36)):
        installation.land(day, *visits(day, 60 if day.weekday() == 6 else 300))
    installation.land(holiday, *visits(holiday, 60))
    assert rejected(installation.run()) == {}
    # It does not count for the Tuesdays after it; an ordinary Tuesday of its size is too small.
    installation.land(holiday + timedelta(7), *visits(holiday + timedelta(7), 300))
    installation.land(holiday - timedelta(7), *visits(holiday - timedelta(7), 60))
    assert list(rejected(installation.run())) == [holiday - timedelta(7)]


def test_a_column_that_loses_all_its_values_is_a_warning(installation):
    for n in range(8):
        installation.land(TUESDAY + timedelta(n), *visits(TUESDAY + timedelta(n), 20))
    empty, dropped, small = (TUESDAY + timedelta(n) for n in (8, 9, 10))
    installation.land(empty, *visits(empty, 20, minutes="N/A"))
    installation.land(dropped, *visits(dropped, 20), header=HEADER.replace("minutes", "length"))
    installation.land(small, *visits(small, 5, minutes=""))
    report = installation.run()
    assert rejected(report) == {}
    without_values, without_column = [warning for warning in map(str, report.warnings) if "column minutes" in warning]
    assert f"visits_{empty}.csv: column minutes has no value in any row" in without_values
    assert f"visits_{dropped}.csv: column minutes is not in the file" in without_column
    assert "synonym" in without_column
    assert failed_dates(report, "columns_that_had_values_still_have_them") == (empty, dropped)


def test_a_column_that_was_always_empty_is_not_a_warning(installation):
    for n in range(12):
        day = TUESDAY + timedelta(n)
        installation.land(day, *visits(day, 20, minutes=""))
    assert not any("column minutes" in warning for warning in map(str, installation.run().warnings))


def force_warnings(report) -> list[str]:
    return [warning for warning in map(str, report.warnings) if "has not been delivered" in warning]


def test_a_force_that_is_new_to_the_source_is_a_warning_once(installation):
    days = [TUESDAY + timedelta(n) for n in range(4)]

    def land_forces(day: date, *forces: str) -> None:
        installation.land(day, *(f"{force},{row(force, day=day)}" for force in forces), header=f"force_code,{HEADER}")

    land_forces(days[0], "kent", "essex")
    land_forces(days[1], "kent", "surrey")
    assert force_warnings(installation.run()) == [
        f"visits/visits_{days[1]}.csv: force surrey has not been delivered by this source before"
    ]
    land_forces(days[2], "kent", "essex", "surrey")
    assert force_warnings(installation.run()) == []
    land_forces(days[3], "gwent", "surrey")
    report = installation.run()
    assert [warning.partition("force ")[2].partition(" ")[0] for warning in force_warnings(report)] == ["gwent"]
    assert statuses(report) == {days[3]: "loaded"}
    assert failed_dates(report, "forces_have_delivered_before") == (days[3],)


def test_a_row_of_an_unknown_force_is_faulty(installation):
    rows = [f"{force},{row(force)}" for force in ("kent", "kennt", "../../../../escaped-by-a-cell")]
    installation.land("2022-11-01", *rows, header=f"force_code,{HEADER}")
    installation.run()
    assert installation.query("select distinct force_code from raw.visits") == [("kent",)]
    assert [row[1:] for row in installation.quarantine()] == [(3, "unknown_force"), (4, "unknown_force")]


def test_a_history_under_one_date_loads_with_a_warning(installation):
    rows = [row(f"h{n}", day=TUESDAY - timedelta(n)) for n in range(365)]
    installation.land(TUESDAY, *rows, suffix="_late")
    report = installation.run()
    assert statuses(report) == {TUESDAY: "loaded"}
    assert failed_dates(report, "most_events_are_near_the_extract_date") == (TUESDAY,)


def test_a_correction_counts_changes_by_key_and_column(installation):
    installation.land("2022-11-01", row("a", 1), row("b", 2), row("c", 3))
    installation.land("2022-11-02", row("d", day="2022-11-02"))
    installation.run()
    assert installation.query("select * from audit.correction") == []
    installation.land("2022-11-01", row("a", 1), "b,2022-11-01 11:00,9,someone", row("n", ""))
    (delivery,) = installation.run().deliveries
    assert str(delivery.correction) == "1 row added, 1 removed, 1 changed (begun_at 1, minutes 1)"
    installation.land("2022-11-01")
    installation.run()
    assert installation.query(
        "select extract_date, rows_before, rows_after, rows_added, rows_removed, rows_changed, changed_columns "
        "from audit.correction order by change_seq"
    ) == [(TUESDAY, 3, 3, 1, 1, 1, "begun_at 1, minutes 1"), (TUESDAY, 3, 0, 0, 3, 0, None)]


def test_a_rejected_correction_that_is_removed_needs_no_attention(installation):
    installation.land(TUESDAY, *visits(TUESDAY, 2))
    installation.run()
    broken = installation.land("2022-11-01", text=NO_HEADER, suffix="_late")
    installation.run()
    assert installation.unresolved_deliveries() == ["2022-11-01 rejected"]
    broken.unlink()
    report = installation.run()
    assert any("is gone from the landing folder" in warning for warning in map(str, report.warnings))
    assert installation.unresolved_deliveries() == []
    assert len(installation.current()) == 2
    assert installation.run().warnings == ()
    # The same bytes are a rejected delivery again.
    installation.land("2022-11-01", text=NO_HEADER, suffix="_late")
    installation.run()
    assert installation.unresolved_deliveries() == ["2022-11-01 rejected"]


def test_nothing_counts_as_withdrawn_while_the_folder_of_its_source_is_missing(installation):
    installation.land(TUESDAY, *visits(TUESDAY, 2))
    broken = installation.land("2022-11-02", text=NO_HEADER)
    installation.run()
    unmounted = broken.parent.rename(broken.parent.with_name("unmounted"))
    installation.run()
    assert installation.unresolved_deliveries() == ["2022-11-02 rejected"]
    unmounted.rename(broken.parent)
    assert list(rejected(installation.run())) == [date(2022, 11, 2)]


def test_a_rejected_delivery_that_is_removed_leaves_its_day_missing(installation):
    installation.land(TUESDAY, *visits(TUESDAY, 2))
    installation.land(TUESDAY + timedelta(2), *visits(TUESDAY + timedelta(2), 2))
    broken = installation.land("2022-11-02", text=NO_HEADER)
    installation.run()
    assert installation.unresolved_deliveries() == ["2022-11-02 rejected"]
    broken.unlink()
    installation.run()
    assert installation.unresolved_deliveries() == ["2022-11-02 missing_delivery"]


def test_removing_a_rejected_file_of_years_ago_leaves_no_day_missing(installation):
    installation.land(TUESDAY, *visits(TUESDAY, 2))
    broken = installation.land("2014-11-01", text=NO_HEADER)
    installation.run()
    assert len(installation.unresolved_deliveries()) > 2900
    broken.unlink()
    installation.run()
    assert installation.unresolved_deliveries() == []


def test_a_stated_first_delivery_makes_no_day_before_it_missing(installation, tmp_path):
    installation.land(TUESDAY, *visits(TUESDAY, 2))
    installation.land(date(2014, 11, 1), *visits(date(2014, 11, 1), 2))
    installation.run()
    assert len(installation.unresolved_deliveries()) > 2900
    Installation(tmp_path / "home", {"visits": replace(VISITS, first_delivery=TUESDAY)}).run()
    assert installation.unresolved_deliveries() == []


OUTAGE = "an outage, says the ACD team"


def test_an_operator_accepts_a_rejected_delivery_and_says_why(installation):
    path = installation.land("2022-11-01", *visits(TUESDAY, 60, faulty=30))
    assert list(rejected(installation.run())) == [TUESDAY]
    ((load_id,),) = installation.query("select load_id from audit.load where status = 'rejected'")
    with reading_connection(installation.settings.warehouse) as connection:
        assert [item.is_acceptable for item in unresolved_deliveries(connection)] == [True]
    installation.accept(TUESDAY, OUTAGE)
    (delivery,) = installation.run().deliveries
    assert (delivery.status, delivery.is_waived) == ("loaded", True)
    assert installation.audit() == [("2022-11-01", path.name, "loaded", 60, 30, 30)]
    (reason,) = installation.query("select reason from audit.load")[0]
    assert reason == f"accepted by an operator: {OUTAGE} (despite faulty_rows_are_within_limits)"
    assert installation.query("select load_id, reason from audit.waiver") == [(load_id, OUTAGE)]
    assert installation.unresolved_deliveries() == []


def test_a_waiver_accepts_one_content_only(installation):
    path = installation.land("2022-11-01", *visits(TUESDAY, 60, faulty=30))
    installation.run()
    installation.accept(TUESDAY)
    installation.run()
    path.write_text(path.read_text() + "y,2022-11-01 10:00,never,someone\n")
    assert list(rejected(installation.run())) == [TUESDAY]
    assert len(installation.current()) == 30, "the accepted rows stay"
    installation.land("2022-11-01", *visits(TUESDAY, 61, faulty=30))
    assert list(rejected(installation.run())) == [TUESDAY]


def test_a_delivery_that_is_not_rejected_or_readable_cannot_be_accepted(installation):
    installation.land(TUESDAY, *visits(TUESDAY, 2))
    installation.land("2022-11-02", text=NO_HEADER)
    installation.run()
    wednesday = TUESDAY + timedelta(days=1)
    for day, message in (
        (TUESDAY - timedelta(days=1), r"nothing was delivered.*Rejected: visits/2022-11-02\."),
        (TUESDAY, r"is loaded; only a rejected delivery.*Rejected: visits/2022-11-02\."),
        (wednesday, r"cannot be read.*fcir run"),
    ):
        with pytest.raises(WaiverError, match=message):
            installation.accept(day)
    installation.land("2022-11-02", *visits(TUESDAY, 1))
    installation.run()
    assert installation.query("select * from audit.waiver") == []
    with pytest.raises(WaiverError, match=r"is loaded.*No delivery is rejected\."):
        installation.accept(wednesday)


def test_rejected_files_that_were_removed_cannot_be_accepted(installation):
    installation.land(TUESDAY, *visits(TUESDAY, 2))
    path = installation.land("2022-11-02", text=NO_HEADER)
    installation.run()
    path.unlink()
    installation.run()
    with pytest.raises(WaiverError, match="no longer in the landing folder"):
        installation.accept(TUESDAY + timedelta(days=1))
