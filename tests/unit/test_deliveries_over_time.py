"""Deliveries against those before them: volume by weekday, columns gone silent, corrections, withdrawals, waivers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from loading_helpers import HEADER, VISITS, Installation

from dagster_project.loading.waivers import WaiverError, waive
from dagster_project.warehouse.connection import loading_connection, reading_connection
from dagster_project.warehouse.state import outstanding

TUESDAY = date(2022, 11, 1)


def visits(day: date, count: int, minutes: object = 5) -> list[str]:
    return [f"v{day:%m%d}{number},{day} 10:00,{minutes},someone" for number in range(count)]


def land(installation: Installation, day: date, count: int, **options: str) -> None:
    installation.land(day.isoformat(), *visits(day, count), **options)


def statuses(report) -> dict[date, str]:
    return {delivery.extract_date: delivery.status for delivery in report.deliveries}


def rejected(report) -> list[date]:
    return [day for day, status in statuses(report).items() if status == "rejected"]


def needing_a_person(installation: Installation) -> list[str]:
    with reading_connection(installation.settings.warehouse) as connection:
        return [f"{item.extract_date} {item.status}" for item in outstanding(connection)]


def test_half_of_what_the_weekday_brings_is_rejected_and_a_quiet_weekday_is_not(installation):
    # Weekends bring a fifth of a working day; five weeks, then a Tuesday and a Sunday of half their size.
    usual = {day: 60 if day.weekday() >= 5 else 300 for day in (TUESDAY + timedelta(n) for n in range(35))}
    for day, count in usual.items():
        land(installation, day, count)
    assert set(statuses(installation.run()).values()) == {"loaded"}
    tuesday, wednesday, sunday = (TUESDAY + timedelta(days) for days in (35, 36, 40))
    land(installation, tuesday, 150)
    land(installation, wednesday, 210)
    land(installation, sunday, 29)
    assert rejected(installation.run()) == [tuesday, sunday]
    (reason,) = installation.query("select reason from audit.load where status = 'rejected'")[0]
    assert "Found: rows_read 150, expected_rows 300." in reason


def test_a_first_load_is_never_refused_for_its_volume(installation):
    for week in range(3):
        land(installation, TUESDAY + timedelta(weeks=week), 300)
    land(installation, TUESDAY + timedelta(weeks=2, days=1), 10)
    assert rejected(installation.run()) == []


def test_a_few_rows_less_of_a_small_source_are_chance(installation):
    for week in range(6):
        land(installation, TUESDAY + timedelta(weeks=week), 12)
    land(installation, TUESDAY + timedelta(weeks=6), 4)
    assert rejected(installation.run()) == []


def test_a_bank_holiday_is_compared_with_sundays(installation):
    # Tuesday 27 December 2022 is a bank holiday, in place of Christmas Day on a Sunday.
    holiday = date(2022, 12, 27)
    for day in (holiday - timedelta(n) for n in range(1, 36)):
        land(installation, day, 60 if day.weekday() == 6 else 300)
    land(installation, holiday, 60)
    assert rejected(installation.run()) == []
    # It is no measure for the Tuesdays after it, and as an ordinary one it would have been too small.
    land(installation, holiday + timedelta(7), 300)
    land(installation, holiday - timedelta(7), 60)
    assert rejected(installation.run()) == [holiday - timedelta(7)]


def test_a_column_that_had_values_and_has_none_is_warned_about(installation):
    for n in range(8):
        land(installation, TUESDAY + timedelta(n), 20)
    empty, dropped, small = (TUESDAY + timedelta(n) for n in (8, 9, 10))
    installation.land(empty.isoformat(), *visits(empty, 20, minutes="N/A"))
    lines = [f"w{n},{dropped} 10:00,{n},someone" for n in range(20)]
    header = HEADER.replace("minutes", "length")
    installation.land(dropped.isoformat(), text="\n".join([header, *lines, ""]))
    installation.land(small.isoformat(), *visits(small, 5, minutes=""))
    report = installation.run()
    assert rejected(report) == []
    said = [warning for warning in report.warnings if "column minutes" in warning]
    assert len(said) == 2
    assert f"visits_{empty}.csv: column minutes has no value in any row" in said[0]
    assert f"visits_{dropped}.csv: column minutes is not in the file" in said[1]
    assert "synonym" in said[1]
    failed = {o.expectation.name: o.failed_dates for o in report.outcomes if not o.success}
    assert failed["columns_that_had_values_still_have_them"] == (empty, dropped)


def test_a_column_that_was_never_filled_is_not_silent(installation):
    for n in range(12):
        day = TUESDAY + timedelta(n)
        installation.land(day.isoformat(), *visits(day, 20, minutes=""))
    assert not any("column minutes" in warning for warning in installation.run().warnings)


def force_warnings(report) -> list[str]:
    return [warning for warning in report.warnings if "has not been delivered" in warning]


def test_a_force_that_the_source_has_not_delivered_before_is_warned_about_once(installation):
    header, days = f"force_code,{HEADER}", [(TUESDAY + timedelta(n)).isoformat() for n in range(4)]

    def land_forces(day: str, *forces: str) -> None:
        rows = [f"{force},v{day}{number},{day} 10:00,5,someone" for number, force in enumerate(forces)]
        installation.land(day, text="\n".join([header, *rows, ""]))

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
    assert statuses(report) == {date.fromisoformat(days[3]): "loaded"}
    (outcome,) = [item for item in report.outcomes if item.expectation.name == "forces_have_delivered_before"]
    assert (outcome.success, outcome.failed_dates) == (False, (date.fromisoformat(days[3]),))


def test_a_force_that_is_not_in_the_list_is_a_faulty_row_and_no_force(installation):
    installation.land(
        "2022-11-01",
        text="\n".join(
            [
                f"force_code,{HEADER}",
                "kent,v1,2022-11-01 10:00,5,x",
                "kennt,v2,2022-11-01 10:00,5,x",
                "../../../../escaped-by-a-cell,v3,2022-11-01 10:00,5,x",
                "",
            ]
        ),
    )
    installation.run()
    assert installation.query("select distinct force_code from raw.visits") == [("kent",)]
    assert [row[1:] for row in installation.quarantine()] == [(3, "unknown_force"), (4, "unknown_force")]


def test_a_history_under_one_date_loads_with_a_warning(installation):
    rows = [f"h{n},{TUESDAY - timedelta(n)} 10:00,5,x" for n in range(365)]
    installation.land(TUESDAY.isoformat(), *rows, suffix="_late")
    report = installation.run()
    assert statuses(report) == {TUESDAY: "loaded"}
    assert not {o.expectation.name: o.success for o in report.outcomes}["most_events_are_near_the_extract_date"]


@pytest.mark.usefixtures("without_expectations")
def test_what_a_correction_changed_is_counted_by_key_and_column(installation):
    installation.land("2022-11-01", "a,2022-11-01 10:00,1,x", "b,2022-11-01 10:00,2,y", "c,2022-11-01 10:00,3,z")
    installation.land("2022-11-02", "d,2022-11-02 10:00,1,x")
    installation.run()
    assert installation.query("select * from audit.correction") == []
    installation.land("2022-11-01", "a,2022-11-01 10:00,1,x", "b,2022-11-01 11:00,9,y", "n,2022-11-01 10:00,,w")
    (delivery,) = installation.run().deliveries
    assert str(delivery.correction) == "1 row added, 1 removed, 1 changed (begun_at 1, minutes 1)"
    installation.land("2022-11-01", text=f"{HEADER}\n")
    installation.run()
    assert installation.query(
        """
        select cast(extract_date as varchar), rows_before, rows_after, rows_added, rows_removed, rows_changed,
            changed_columns
        from audit.correction
        order by change_seq
        """
    ) == [
        ("2022-11-01", 3, 3, 1, 1, 1, "begun_at 1, minutes 1"),
        ("2022-11-01", 3, 0, 0, 3, 0, None),
    ]


@pytest.mark.usefixtures("without_expectations")
def test_a_rejected_correction_that_is_taken_away_needs_nobody(installation):
    land(installation, TUESDAY, 2)
    installation.run()
    broken = installation.land("2022-11-01", text="nothing to see here\n", suffix="_late")
    installation.run()
    assert needing_a_person(installation) == ["2022-11-01 rejected"]
    broken.unlink()
    report = installation.run()
    assert any("is gone from the landing folder" in warning for warning in report.warnings)
    assert needing_a_person(installation) == []
    assert len(installation.current()) == 2
    assert installation.run().warnings == ()
    # The same bytes once more are a rejected delivery once more.
    installation.land("2022-11-01", text="nothing to see here\n", suffix="_late")
    installation.run()
    assert needing_a_person(installation) == ["2022-11-01 rejected"]


@pytest.mark.usefixtures("without_expectations")
def test_nothing_is_taken_for_withdrawn_while_the_folder_of_its_source_is_away(installation):
    land(installation, TUESDAY, 2)
    broken = installation.land("2022-11-02", text="nothing to see here\n")
    installation.run()
    away = broken.parent.rename(broken.parent.with_name("unmounted"))
    installation.run()
    assert needing_a_person(installation) == ["2022-11-02 rejected"]
    away.rename(broken.parent)
    assert rejected(installation.run()) == [date(2022, 11, 2)]


@pytest.mark.usefixtures("without_expectations")
def test_a_rejected_delivery_that_is_taken_away_leaves_its_day_missing(installation):
    land(installation, TUESDAY, 2)
    land(installation, TUESDAY + timedelta(2), 2)
    broken = installation.land("2022-11-02", text="nothing to see here\n")
    installation.run()
    assert needing_a_person(installation) == ["2022-11-02 rejected"]
    broken.unlink()
    installation.run()
    assert needing_a_person(installation) == ["2022-11-02 missing_delivery"]


@pytest.mark.usefixtures("without_expectations")
def test_a_rejected_file_of_years_ago_makes_no_day_missing_when_it_is_removed(installation):
    land(installation, TUESDAY, 2)
    broken = installation.land("2014-11-01", text="nothing to see here\n")
    installation.run()
    assert len(needing_a_person(installation)) > 2900
    broken.unlink()
    installation.run()
    assert needing_a_person(installation) == []


@pytest.mark.usefixtures("without_expectations")
def test_a_loaded_file_of_years_ago_makes_no_day_missing_where_the_first_delivery_is_stated(installation, tmp_path):
    land(installation, TUESDAY, 2)
    land(installation, date(2014, 11, 1), 2)
    installation.run()
    assert len(needing_a_person(installation)) > 2900
    known = replace(VISITS, first_delivery=TUESDAY)
    Installation(tmp_path / "home", {"visits": known}).run()
    assert needing_a_person(installation) == []


def mostly_faulty(day: date, good: int = 30) -> list[str]:
    return visits(day, good) + [f"x{n},{day} 10:00,never,someone" for n in range(30)]


def waive_rejected(installation: Installation, reason: str = "an outage, says the ACD team") -> int:
    ((load_id, day),) = installation.query("select load_id, extract_date from audit.load where status = 'rejected'")
    with loading_connection(installation.settings.warehouse) as connection:
        assert [item.is_acceptable for item in outstanding(connection)] == [True]
        waive(connection, "visits", day, reason)
    return load_id


def test_an_operator_can_have_a_rejected_delivery_loaded_and_says_why(installation):
    path = installation.land("2022-11-01", *mostly_faulty(TUESDAY))
    assert rejected(installation.run()) == [TUESDAY]
    load_id = waive_rejected(installation)
    (delivery,) = installation.run().deliveries
    assert (delivery.status, delivery.is_waived) == ("loaded", True)
    assert installation.audit() == [("2022-11-01", path.name, "loaded", 60, 30, 30)]
    (reason,) = installation.query("select reason from audit.load")[0]
    assert reason == (
        "accepted by an operator: an outage, says the ACD team (in spite of faulty_rows_are_within_limits)"
    )
    assert installation.query("select load_id, reason from audit.waiver") == [(load_id, "an outage, says the ACD team")]
    assert needing_a_person(installation) == []


def test_a_waiver_is_for_one_content_and_holds_when_it_is_loaded_again(installation):
    path = installation.land("2022-11-01", *mostly_faulty(TUESDAY))
    installation.run()
    waive_rejected(installation)
    installation.run()
    path.write_text(path.read_text() + "y,2022-11-01 10:00,never,someone\n")
    assert rejected(installation.run()) == [TUESDAY]
    assert len(installation.current()) == 30, "what was accepted stands"
    installation.land("2022-11-01", *mostly_faulty(TUESDAY, good=31))
    assert rejected(installation.run()) == [TUESDAY]


@pytest.mark.usefixtures("without_expectations")
def test_what_cannot_be_accepted_is_refused_with_the_reason(installation):
    land(installation, TUESDAY, 2)
    installation.land("2022-11-02", text="nothing to see here\n")
    installation.run()
    wednesday = TUESDAY + timedelta(days=1)
    with loading_connection(installation.settings.warehouse) as connection:
        with pytest.raises(WaiverError, match=r"nothing was delivered.*Rejected: visits/2022-11-02\."):
            waive(connection, "visits", TUESDAY - timedelta(days=1), "why not")
        with pytest.raises(WaiverError, match=r"is loaded; only a rejected delivery.*Rejected: visits/2022-11-02\."):
            waive(connection, "visits", TUESDAY, "why not")
        with pytest.raises(WaiverError, match=r"cannot be read.*fcir run"):
            waive(connection, "visits", wednesday, "why not")
    installation.land("2022-11-02", *visits(TUESDAY, 1))
    installation.run()
    assert installation.query("select * from audit.waiver") == []
    with (
        loading_connection(installation.settings.warehouse) as connection,
        pytest.raises(WaiverError, match=r"is loaded.*No delivery is rejected\."),
    ):
        waive(connection, "visits", wednesday, "why not")


@pytest.mark.usefixtures("without_expectations")
def test_rejected_files_that_were_taken_away_cannot_be_accepted(installation):
    land(installation, TUESDAY, 2)
    path = installation.land("2022-11-02", text="nothing to see here\n")
    installation.run()
    path.unlink()
    installation.run()
    with (
        loading_connection(installation.settings.warehouse) as connection,
        pytest.raises(WaiverError, match="not in the landing folder any more"),
    ):
        waive(connection, "visits", TUESDAY + timedelta(days=1), "why not")
