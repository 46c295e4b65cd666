"""Expected rows of measures, completeness and facts; `TABLES` has those of all marts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache, partial
from itertools import product

from tests.reference import call_marts, contact_marts, crime_marts  # noqa: F401 (enter their tables)
from tests.reference.history import (
    CONTACT_TYPES,
    DAILY_SOURCES,
    LINES,
    SERVICES,
    Month,
    Row,
    days_of,
    months_between,
    shifted,
)
from tests.reference.measures import (
    NOT_BY_WEEK,
    PERIODS,
    NaiveWarehouse,
    day_of,
    in_force,
    months_of_period,
    owed_days,
    percent,
    rounded,
    seconds,
)
from tests.reference.tables import CATALOGUE, Naive, Rows, completeness, first_day, table


def printed(measure: str, value: Fraction | None) -> str | None:
    """A figure as a board paper prints it."""
    unit, decimals = CATALOGUE[measure]["unit"], int(CATALOGUE[measure]["decimals"])
    if value is None:
        return None
    if unit != "duration":
        return f"{rounded(value, decimals):,}{'%' if unit == 'percent' else ''}"
    minutes, second = divmod(int(rounded(value, 0) or 0), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours}h"] * (hours > 0) + [f"{minutes}m"] * (hours + minutes > 0) + [f"{second}s"]
    return " ".join(parts)


@table("measure", "month_start", "period")
def kpi_measure_period(one: NaiveWarehouse) -> Rows:
    rows: Rows = {}
    for name, measure in one.measures.items():
        calendar = one.calendar(measure.sources)
        for month, period_name in product(calendar.span, PERIODS):
            period = calendar.period(month, period_name)
            top, bottom = measure.sums(period.there)
            value = measure.figure(period.there) if period.is_known else None
            # A percentile is printed from its six decimals.
            exact = Fraction(rounded(value)) if value is not None and measure.pick else value
            adds_up = period.is_known and measure.pick is None
            is_sum = period.is_known and measure.is_sum
            is_partial = period.is_known and period.is_provisional
            rows[name, first_day(month), period_name] = {
                "first_month": first_day(period.months[0]),
                "last_month": first_day(period.months[-1]),
                "months": len(period.months),
                "months_delivered": sum(each in calendar.delivered for each in period.months),
                "numerator": rounded(top) if adds_up else None,
                "denominator": rounded(bottom) if adds_up and measure.factor else None,
                "value": rounded(value),
                "display_value": printed(name, exact),
                "mean_per_month": rounded(top / len(period.months)) if is_sum else None,
                "mean_per_day": rounded(top / len(period.days)) if is_sum else None,
                "days": len(period.days),
                "days_loaded": period.loaded,
                "is_provisional": period.is_provisional,
                "share_of_days_loaded": percent(period.loaded, len(period.days)),
                "complete_since": calendar.complete_since(month, period_name) if is_partial else None,
            } | _quarantine_of(one, measure.sources, tuple(period.months))
    return rows


@table("measure", "month_start")
def kpi_measure_monthly(one: NaiveWarehouse) -> Rows:
    of_periods = kpi_measure_period(one)
    rows: Rows = {}
    for name, start in {key[:2] for key in of_periods}:
        sources, month = one.measures[name].sources, (start.year, start.month)
        periods = {period: of_periods[name, start, period] for period in PERIODS}
        now = periods.pop("month")
        row = {column: now[column] for column in ("numerator", "denominator", "value", "rows_quarantined")}
        for period, figures in periods.items():
            is_known = one.calendar(sources).period(month, period).is_known
            row[f"{period}_value" if "fytd" in period else period] = figures["value"]
            row[f"{period}_is_provisional"] = figures["is_provisional"] if is_known else None
        rows[name, start] = {
            **row,
            "last_6_months_mean": periods["last_6_months"]["mean_per_month"],
            "previous_6_months_mean": periods["previous_6_months"]["mean_per_month"],
            "per_day": now["mean_per_day"],
            "pct_change_on_month_before": _change(one, name, month, shifted(month, -1)),
            "pct_change_on_last_year": _change(one, name, month, shifted(month, -12)),
            "target": _target(one, name, start),
            "share_quarantined": now["share_quarantined"],
            "is_affected_by_quarantine": now["is_affected_by_quarantine"],
            **completeness(one, sources, month),
        }
    return rows


def _target(one: NaiveWarehouse, measure: str, day: date) -> Decimal | None:
    target: Decimal | None = in_force(one.definitions.targets.get(measure, []), one.force, day)
    return target


def _change(one: NaiveWarehouse, name: str, month: Month, before: Month) -> Decimal | None:
    """The change of a sum on an earlier month in percent, if both are complete."""
    measure = one.measures[name]
    calendar = one.calendar(measure.sources)
    if not (measure.is_sum and calendar.is_whole(month) and calendar.is_whole(before)):
        return None
    now, then = (measure.sums(days_of(each))[0] for each in (month, before))
    return percent(now - then, then)


def _sums_of_days(one: NaiveWarehouse, name: str, days: list[date], formula: date) -> tuple[Fraction, Fraction]:
    """The two sums of a measure over some days, with the formula that holds on one day."""
    top, bottom = one.measures[name].sums(days)
    if name == "crime.pct_cancelled":
        bottom = one.measures["crime.recorded_crime"].sums(days)[0]
        bottom += top if one.counts_cancelled_as_recorded(formula) else 0
    return top, bottom


@table("measure", "week_start")
def kpi_measure_weekly(one: NaiveWarehouse) -> Rows:
    rows: Rows = {}
    for name, measure in one.measures.items():
        known = sorted(set.union(*(one.delivered[source] for source in measure.sources)))
        if measure.pick or name in NOT_BY_WEEK or not known:
            continue
        first = known[0] - timedelta(days=known[0].weekday())
        for monday in (first + timedelta(weeks=number) for number in range((known[-1] - first).days // 7 + 1)):
            week = [monday + timedelta(days=place) for place in range(7)]
            loaded = min(sum(day in one.delivered[source] for day in week) for source in measure.sources)
            top, bottom = _sums_of_days(one, name, week, monday)
            rows[name, monday] = {
                "numerator": rounded(top) if loaded else None,
                "denominator": rounded(bottom) if loaded and measure.factor else None,
                "value": rounded(measure.quotient(top, bottom)) if loaded else None,
                "target": _target(one, name, monday),
                "is_provisional": loaded < 7,
                "share_of_days_loaded": percent(loaded, 7),
            }
    return rows


@cache
def rows_read(one: NaiveWarehouse, source: str, months: tuple[Month, ...]) -> tuple[int, int] | None:
    """Rows read in extracts of some months, and those of them that were faulty; None: there were none.

    They are those of the force and, if any row of it was ever loaded, those of no readable force.
    """
    is_known = any(one.force in owed_days(one.history, each) for each in DAILY_SOURCES)
    found = [
        (loaded + faulty, faulty)
        for day, counts in one.history.contents(source).items()
        if (day.year, day.month) in months
        for force, (loaded, faulty, _) in counts.items()
        if force == one.force or (force is None and is_known)
    ]
    return (sum(read for read, _ in found), sum(faulty for _, faulty in found)) if found else None


def _quarantine(rows: tuple[int, int] | None) -> Row:
    read, faulty = rows or (0, 0)
    share, is_affected = percent(faulty, read) or Decimal(0), 100 * faulty > read
    return {"rows_quarantined": faulty, "share_quarantined": share, "is_affected_by_quarantine": is_affected}


@cache
def _quarantine_of(one: NaiveWarehouse, sources: tuple[str, ...], months: tuple[Month, ...]) -> Row:
    """Of several sources: the sum of the rows and the highest share."""
    of = {source: _quarantine(rows_read(one, source, months)) for source in sources}
    affected = sorted(source for source, row in of.items() if row["is_affected_by_quarantine"])
    return {
        "rows_quarantined": sum(row["rows_quarantined"] for row in of.values()),
        "share_quarantined": max(row["share_quarantined"] for row in of.values()),
        "is_affected_by_quarantine": bool(affected),
        "affected_sources": ", ".join(affected) or None,
    }


@table("source", "month_start", "period")
def kpi_quarantine_period(one: NaiveWarehouse) -> Rows:
    every = [day for of in DAILY_SOURCES for days in owed_days(one.history, of).values() for day in days if days[day]]
    span = months_between((min(every).year, min(every).month), (max(every).year, max(every).month))
    found: Rows = {}
    for source, month, period in product(DAILY_SOURCES, span, PERIODS):
        if rows := rows_read(one, source, tuple(months_of_period(month, period))):
            found[source, first_day(month), period] = {"rows_read": rows[0], **_quarantine(rows)}
    return found


@table("source", "month_start")
def kpi_completeness_monthly(one: NaiveWarehouse) -> Rows:
    found: Rows = {}
    for source in DAILY_SOURCES:
        owed = Counter((day.year, day.month) for day in owed_days(one.history, source).get(one.force, {}))
        for month in owed.keys() | {(day.year, day.month) for day in one.history.contents(source)}:
            rows = rows_read(one, source, (month,))
            if month in owed or rows:
                found[source, first_day(month)] = {
                    "days_in_month": len(days_of(month)),
                    "days_owed": owed[month],
                    "days_loaded": one.calendar((source,)).fewest(month),
                    "rows_read": rows[0] if rows else 0,
                    **_quarantine(rows),
                    **completeness(one, (source,), month),
                }
    return found


# Marts that show measures as columns: further grain, and for each of its values the columns with their measures.
CONTACT = {
    "digital_contacts": "digital.digital_contacts",
    "other_than_ocr_and_chat": "digital.other_than_ocr_and_chat",
    "share_of_non_emergency": "digital.share_of_non_emergency",
    "report_a_crime_submissions": "ocr.report_a_crime_submissions",
    "live_chats": "live_chat.live_chats",
    "non_emergency_demand": "demand.non_emergency",
    "total_demand": "demand.total",
}
CHATS = {
    **{name: f"live_chat.{name}" for name in ("live_chats", "accepted", "pct_not_accepted", "chats_per_operator_hour")},
    **{name: f"live_chat.{name}" for name in ("avg_concurrent_chats", "max_concurrent_chats")},
    "avg_wait_seconds": "live_chat.avg_wait_time",
    "avg_duration_seconds": "live_chat.avg_duration",
}
CRIME = ("recorded_crime", "cancelled_crime", "pct_cohort_cancelled", "days_to_cancel", "pct_cancelled")
CANCELLED = ("pct_cancelled_of_recorded", "pct_cancelled_of_initially_recorded")
SIDE_BY_SIDE: dict[str, tuple[tuple[str, ...], dict[tuple[str, ...], dict[str, str]]]] = {
    "kpi_calls_monthly": (
        ("line",),
        {(line,): {of: f"calls_{line}.{name}" for of, name in call_marts.COLUMNS.items()} for line in LINES},
    ),
    "kpi_digital_by_type_monthly": (
        ("contact_type",),
        {(kind,): {"contacts": f"digital.{kind}"} for kind in CONTACT_TYPES},
    ),
    "kpi_digital_monthly": ((), {(): CONTACT}),
    "kpi_ocr_monthly": ((), {(): {of: f"ocr.{of}" for of in ("report_a_crime_submissions", *SERVICES[1:])}}),
    "kpi_live_chat_monthly": ((), {(): CHATS}),
    "kpi_crime_monthly": ((), {(): {of: f"crime.{of}" for of in (*CRIME, *CANCELLED)}}),
}


def side_by_side(one: NaiveWarehouse, mart: str) -> Rows:
    """Measures as columns, by month: provisional when any is, with the lowest share of days."""
    months = kpi_measure_monthly(one)
    rows: Rows = {}
    for key, columns in SIDE_BY_SIDE[mart][1].items():
        for start in {month for name, month in months if name in columns.values()}:
            of_month = {column: months.get((name, start)) for column, name in columns.items()}
            known = [row for row in of_month.values() if row]
            rows[(start, *key)] = {column: row and row["value"] for column, row in of_month.items()} | {
                "is_provisional": any(row["is_provisional"] for row in known),
                "share_of_days_loaded": min(row["share_of_days_loaded"] for row in known),
            }
    return rows


for _mart, (_grain, _) in SIDE_BY_SIDE.items():
    table("month_start", *_grain, name=_mart)(partial(side_by_side, mart=_mart))


@table("measure", "month_start")
def kpi_target_days_monthly(one: NaiveWarehouse) -> Rows:
    """Days of calls whose figure misses its target, for the figures that the daily mart has."""
    days = call_marts.kpi_calls_daily(one)
    rows: Rows = {}
    for (name, start), month in kpi_measure_monthly(one).items():
        section, _, of = name.partition(".")
        better = CATALOGUE[name]["better"]
        if month["target"] is None or better == "neither":
            continue
        column = {name: column for column, name in call_marts.COLUMNS.items()}.get(of, "")
        sign = -1 if better == "lower" else 1
        shown = [
            (sign * row[column], day)
            for (line, day), row in days.items()
            if section == f"calls_{line}" and day.replace(day=1) == start and not row["is_provisional"]
            if row.get(column) is not None
        ]
        if shown:
            worst, worst_day = min(shown)
            rows[name, start] = {
                "target": month["target"],
                "days": len(shown),
                "days_missed": sum(value <= sign * month["target"] for value, _ in shown),
                "worst_day": worst_day,
                "worst_value": sign * worst,
                **{column: month[column] for column in ("is_provisional", "share_of_days_loaded")},
            }
    return rows


# Facts: the columns of a current row as it was read, with what is derived from them.


def _chat(row: Row) -> Row:
    accepted = row["accepted_at"]
    times = {"wait_seconds": None, "duration_seconds": None}
    if accepted:
        times = {
            "wait_seconds": seconds(accepted, row["requested_at"]),
            "duration_seconds": seconds(row["ended_at"], accepted),
        }
    return row | times | {"is_accepted": accepted is not None}


def _crime(row: Row) -> Row:
    if row["status"] == "cancelled":
        return row | {"is_cancelled": True, "days_to_cancel": crime_marts.days_to_cancel(row)}
    return row | {"is_cancelled": False, **dict.fromkeys(("cancelled_at", "cancel_code", "days_to_cancel"))}


# Its grain after the force, and its rows; further columns of a row are those of other tables.
FACTS: dict[str, tuple[tuple[str, ...], Callable[[NaiveWarehouse], list[Row]]]] = {
    "fct_call_segment": (("call_id", "segment_no"), lambda one: one.rows["call_segments"]),
    "fct_call": (("call_id",), lambda one: one.calls),
    "fct_digital_contact": (
        ("contact_id",),
        lambda one: [row | {"is_public_demand": row in one.contacts} for row in one.rows["digital_contacts"]],
    ),
    "fct_online_crime_report": (("submission_id",), lambda one: one.rows["online_crime_reports"]),
    "fct_live_chat": (("chat_id",), lambda one: [_chat(row) for row in one.chats]),
    "fct_crime_status": (
        ("crime_ref", "updated_at"),
        lambda one: [row | {"is_current": row in one.crimes} for row in one.states],
    ),
    "fct_crime": (("crime_ref",), lambda one: [_crime(row) for row in one.crimes]),
}


def facts(name: str, naive: Naive) -> Rows:
    """The rows of a fact, with the local day of every moment."""
    rows: Rows = {}
    for one in naive.values():
        for row in FACTS[name][1](one):
            moments = {column: at for column, at in row.items() if column.endswith("_at")}
            days = {column.replace("_at", "_date"): day_of(at) if at else None for column, at in moments.items()}
            rows[tuple(row[column] for column in ("force_code", *FACTS[name][0]))] = row | days
    return rows
