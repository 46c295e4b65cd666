"""Expected rows of the marts of crime: changes, cancellations and their maturity, districts."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any

from tests.reference.history import Month, Row, months_between, shifted
from tests.reference.measures import NaiveWarehouse, day_of, month_of, percent, rounded
from tests.reference.tables import Rows, completeness, first_day, grouped, mean, monthly, table

BANDS = {"0": 0, "1-7": 1, "8-30": 8, "31-90": 31, "91-365": 91, "over 365": 366}
CHANGES = ("recorded", "cancelled", "reinstated", "reclassified", "recoded", "moved", "other")
SOURCES = ("crimes",)


def days_to_cancel(crime: Row) -> int:
    """Local days from the day of recording to that of cancellation."""
    return (day_of(crime["cancelled_at"]) - day_of(crime["recorded_at"])).days


def transfers(crimes: list[Row]) -> int:
    """How many were cancelled because another force has them."""
    return sum(crime["cancel_code"] == "C1" for crime in crimes)


def counted(one: NaiveWarehouse, crimes: list[Row], at: str, *columns: str) -> Counter[tuple[Month, tuple[Any, ...]]]:
    """Crimes by the month of a moment, if it was delivered, and by some columns."""
    delivered = one.calendar(SOURCES).delivered
    return Counter(
        (month_of(crime[at]), tuple(crime[column] for column in columns))
        for crime in crimes
        if month_of(crime[at]) in delivered
    )


@table("month_start", "district")
def kpi_crime_by_district_monthly(one: NaiveWarehouse) -> Rows:
    recorded = counted(one, one.crimes, "recorded_at", "district")
    cancelled = counted(one, one.cancelled, "cancelled_at", "district")
    keys = recorded.keys() | cancelled.keys()
    counts = {key: {"recorded_crime": recorded[key], "cancelled_crime": cancelled[key]} for key in keys}
    return monthly(one, SOURCES, [(*key, row) for key, row in counts.items()])


@table("month_start", "cancel_code", "offence_code")
def kpi_cancellations_monthly(one: NaiveWarehouse) -> Rows:
    found = counted(one, one.cancelled, "cancelled_at", "cancel_code", "offence_code")
    return monthly(one, SOURCES, [(*key, {"cancelled": number}) for key, number in found.items()])


@table("month_start", "district")
def kpi_district_change_monthly(one: NaiveWarehouse) -> Rows:
    districts = kpi_crime_by_district_monthly(one)

    def recorded(start: date, district: str | None, earlier: int) -> int | None:
        row = districts.get((first_day(shifted((start.year, start.month), -earlier)), district))
        return row["recorded_crime"] if row and not row["is_provisional"] else None

    rows: Rows = {}
    compared = defaultdict(list)
    for key, now in districts.items():
        rows[key] = now | {
            "pct_cancelled_of_recorded": percent(now["cancelled_crime"], now["recorded_crime"]),
            "recorded_month_before": recorded(*key, 1),
            "recorded_same_month_last_year": recorded(*key, 12),
            **dict.fromkeys(("pct_change", "pct_change_of_all", "deviation_rank")),
        }
        if key[1] and rows[key]["recorded_month_before"] and not now["is_provisional"]:
            compared[key[0]].append((key[1], rows[key]))
    for own in compared.values():
        all_now, all_before = (sum(row[name] for _, row in own) for name in ("recorded_crime", "recorded_month_before"))
        places = []
        for district, row in own:
            crimes, before = row["recorded_crime"], row["recorded_month_before"]
            row["pct_change"] = percent(crimes - before, before)
            row["pct_change_of_all"] = percent(all_now - all_before, all_before)
            # How far it is from where it would be if it had changed as all have, squared, for each crime expected.
            size = rounded(Fraction((crimes * all_before - before * all_now) ** 2, before)) or Decimal(0)
            places.append((-size, -crimes, district, row))
        if len(own) >= 3 and all_now:
            for rank, (*_, row) in enumerate(sorted(places, key=lambda place: place[:3]), start=1):
                row["deviation_rank"] = rank
    return rows


def _changes_of(before: Row | None, now: Row) -> list[str]:
    """Names of the changes from the state before it."""
    if before is None:
        return ["recorded", "cancelled"] if now["status"] == "cancelled" else ["recorded"]
    found = []
    if before["status"] != now["status"]:
        found.append("cancelled" if now["status"] == "cancelled" else "reinstated")
    elif now["status"] == "cancelled" and before["cancel_code"] != now["cancel_code"]:
        found.append("recoded")
    if before["offence_code"] != now["offence_code"]:
        found.append("reclassified")
    if before["district"] != now["district"]:
        found.append("moved")
    return found or ["other"]


@table("month_start", "change")
def kpi_crime_status_monthly(one: NaiveWarehouse) -> Rows:
    found = defaultdict(list)
    before: dict[str, Row] = {}
    for state in one.states:
        for name in _changes_of(before.get(state["crime_ref"]), state):
            found[month_of(state["updated_at"]), name].append(state["crime_ref"])
        before[state["crime_ref"]] = state
    rows = []
    for month, name in product(one.calendar(SOURCES).span, CHANGES):
        crimes = found[month, name]
        rows.append((month, (name,), {"states": len(crimes), "crimes": len(set(crimes))}))
    return monthly(one, SOURCES, rows)


@table("month_start", "counted_by", "cancel_code", "offence_code", "days_band")
def kpi_cancellation_detail_monthly(one: NaiveWarehouse) -> Rows:
    found = defaultdict(list)
    for crime, (counted_by, at) in product(one.cancelled, (("event", "cancelled_at"), ("cohort", "recorded_at"))):
        days = days_to_cancel(crime)
        band = [name for name, least in BANDS.items() if least <= days][-1]
        if month_of(crime[at]) in one.calendar(SOURCES).delivered:
            found[month_of(crime[at]), counted_by, crime["cancel_code"], crime["offence_code"], band].append(days)
    rows = []
    for (month, counted_by, code, offence, band), days_of_all in found.items():
        row = {"cancelled": len(days_of_all), "days_to_cancel_total": sum(days_of_all)}
        row |= {"is_transfer": code == "C1", "days_from": BANDS[band]}
        rows.append((month, (counted_by, code, offence, band), row))
    return monthly(one, SOURCES, rows)


@table("month_start")
def kpi_crime_net_monthly(one: NaiveWarehouse) -> Rows:
    recorded = counted(one, one.crimes, "recorded_at")
    cancelled = grouped(one.cancelled, lambda crime: month_of(crime["cancelled_at"]))
    cohorts = grouped(one.cancelled, lambda crime: month_of(crime["recorded_at"]))
    rows = []
    for month in one.calendar(SOURCES).span:
        in_all, gone, cohort = recorded[month, ()], cancelled[month], cohorts[month]
        others = len(gone) - transfers(gone)
        row = {
            "recorded_crime": in_all,
            "cancelled_crime": len(gone),
            "cancelled_c1": transfers(gone),
            "cancelled_other_than_c1": others,
            "pct_cancelled_other_than_c1_of_recorded": percent(others, in_all),
            "cohort_cancelled": len(cohort),
            "cohort_cancelled_c1": transfers(cohort),
            "net_recorded_event_view": in_all - len(gone),
            "net_recorded_cohort_view": in_all - len(cohort),
        }
        rows.append((month, (), row))
    return monthly(one, SOURCES, rows)


@table("month_start", "months_since")
def kpi_crime_maturity(one: NaiveWarehouse) -> Rows:
    calendar = one.calendar(SOURCES)
    recorded = counted(one, one.crimes, "recorded_at")
    cohorts = grouped(one.cancelled, lambda crime: month_of(crime["recorded_at"]))
    rows: Rows = {}
    for month in calendar.span:
        to_date: list[Row] = []
        for age, later in enumerate(months_between(month, calendar.span[-1])):
            now = [crime for crime in cohorts[month] if month_of(crime["cancelled_at"]) == later]
            to_date += now
            of_month = {"cancelled": len(now), "cancelled_c1": transfers(now)}
            row = {
                "recorded_crime": recorded[month, ()],
                **(of_month if later in calendar.delivered else dict.fromkeys(of_month)),
                "cancelled_to_date": len(to_date),
                "pct_cancelled_to_date": percent(len(to_date), recorded[month, ()]),
                "avg_days_to_cancel_to_date": mean(map(days_to_cancel, to_date), len(to_date)),
            }
            rows[first_day(month), age] = (row if month in calendar.delivered else dict.fromkeys(row)) | {
                "is_observed": calendar.is_whole(later),
                **completeness(one, SOURCES, *months_between(month, later)),
            }
    return rows


@table("month_start")
def kpi_crime_expected_net(one: NaiveWarehouse) -> Rows:
    by_month = grouped(kpi_crime_maturity(one).items(), lambda item: item[0][0])
    triangle = {start: {age: row for (_, age), row in cells} for start, cells in by_month.items()}
    # Of each age, over the months of recording that are complete: the share cancelled, and how many months.
    rates: dict[int, tuple[Decimal | None, int]] = {}
    for age in range(len(triangle)):
        complete = [own[age] for own in triangle.values() if own[0]["is_observed"] and age in own]
        cells = [cell for cell in complete if cell["is_observed"]]
        recorded, cancelled = (sum(cell[name] for cell in cells) for name in ("recorded_crime", "cancelled"))
        rates[age] = percent(cancelled, recorded), len(cells)
    oldest = max((age for age, (_, cohorts) in rates.items() if cohorts), default=None)
    rows: Rows = {}
    for start, own in triangle.items():
        observed = [age for age, cell in own.items() if cell["is_observed"]]
        last, next_age = own[max(observed, default=0)], max(observed, default=-1) + 1
        recorded, known = last["recorded_crime"], own[max(own)]["cancelled_to_date"]
        to_come = None if oldest is None else range(next_age, oldest + 1)
        further = [rates[age][0] for age in to_come or ()]
        share = None if to_come is None or None in further else sum(map(Fraction, further), Fraction(0))
        final = None
        if share is not None and recorded is not None:
            so_far = last["cancelled_to_date"] if observed else 0
            final = min(max(Fraction(known), so_far + recorded * share / 100), Fraction(recorded))
        shown, cohorts = rounded(final), rates[next_age][1] if to_come else 0
        rows[start,] = {
            "recorded_crime": recorded,
            "cancelled_to_date": known,
            "ages_observed": next_age,
            "ages_expected": None if to_come is None else len(to_come),
            "next_age_cohorts": cohorts,
            "pct_expected_further": rounded(share),
            "expected_further_cancelled": None if shown is None else shown - known,
            "expected_final_cancelled": shown,
            "expected_final_net": None if shown is None else recorded - shown,
            "expected_final_pct_cancelled": percent(final, recorded) if final is not None else None,
            "is_trial": (to_come is None or len(to_come) > 0) and cohorts < 3,
            **{column: last[column] for column in ("is_provisional", "share_of_days_loaded")},
        }
    return rows
