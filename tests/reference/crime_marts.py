"""Expected rows of the marts of crime: cancellations and their maturity, districts."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import product
from typing import Any

from tests.reference.history import Month, Row, months_between
from tests.reference.measures import NaiveWarehouse, day_of, month_of, percent
from tests.reference.tables import Rows, completeness, first_day, grouped, mean, monthly, table

BANDS = {"0": 0, "1-7": 1, "8-30": 8, "31-90": 31, "91-365": 91, "over 365": 366}
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
