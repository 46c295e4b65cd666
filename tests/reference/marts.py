"""Expected rows of published tables, from the plain computation of each force: columns by the table's grain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from fractions import Fraction
from itertools import product
from typing import Any

import duckdb

from tests.reference.history import CONTACT_TYPES, SERVICES
from tests.reference.measures import (
    LINES,
    Calendar,
    Figures,
    NaiveWarehouse,
    days_of,
    local,
    months_between,
    percentile,
    rounded,
    rounded_to,
    shifted,
)

Rows = dict[tuple[Any, ...], dict[str, Any]]
Naive = Mapping[str, NaiveWarehouse]

DIGITAL = {
    "digital_contacts": "digital.digital_contacts",
    "report_a_crime_submissions": "ocr.report_a_crime_submissions",
    "live_chats": "live_chat.live_chats",
    "other_than_ocr_and_chat": "digital.other_than_ocr_and_chat",
    "share_of_non_emergency": "digital.share_of_non_emergency",
    "non_emergency_demand": "demand.non_emergency",
    "total_demand": "demand.total",
}
CALLS = {
    "received": "received",
    "answered": "answered",
    "not_answered": "not_answered",
    "pct_not_answered": "pct_not_answered",
    "avg_queue_seconds": "avg_queue_time",
    "avg_queue_seconds_all": "avg_queue_time_all",
    "avg_talk_seconds": "avg_talk_time",
    "pct_answered_within_target": "pct_answered_within_target",
    "pct_received_within_target": "pct_received_within_target",
    "median_queue_seconds": "median_queue_time",
    "p90_queue_seconds": "p90_queue_time",
    "max_queue_seconds": "max_queue_time",
    "called_back": "called_back",
    "pct_called_back_same_day": "pct_called_back_same_day",
    "talk_hours": "talk_hours",
}
CHATS = {
    "live_chats": "live_chats",
    "accepted": "accepted",
    "pct_not_accepted": "pct_not_accepted",
    "avg_wait_seconds": "avg_wait_time",
    "avg_duration_seconds": "avg_duration",
    "chats_per_operator_hour": "chats_per_operator_hour",
    "avg_concurrent_chats": "avg_concurrent_chats",
    "max_concurrent_chats": "max_concurrent_chats",
}
CRIMES = (
    "recorded_crime",
    "cancelled_crime",
    "pct_cancelled",
    "pct_cancelled_of_recorded",
    "pct_cancelled_of_initially_recorded",
    "pct_cohort_cancelled",
    "days_to_cancel",
)


def measures_by_month(naive: Naive) -> Rows:
    """Of kpi_measure_monthly."""
    return {key: row for one in naive.values() for key, row in one.rows().items()}


def periods(naive: Naive) -> Rows:
    """Of kpi_measure_period."""
    return {key: row for one in naive.values() for key, row in one.periods().items()}


def weeks(naive: Naive) -> Rows:
    """Of kpi_measure_weekly."""
    return {key: row for one in naive.values() for key, row in one.weeks().items()}


def side_by_side(naive: Naive, columns: Mapping[str, str]) -> Rows:
    """Measures as columns, by force and month: provisional when any is, with the lowest share of days."""
    rows: Rows = {}
    for column, measure in columns.items():
        for (force, _, month), row in _months_of(naive, measure):
            shown = rows.setdefault(
                (force, month), {**dict.fromkeys(columns), "is_provisional": False, "share_of_days_loaded": 100}
            )
            shown[column] = row["value"]
            shown["is_provisional"] = shown["is_provisional"] or row["is_provisional"]
            shown["share_of_days_loaded"] = min(shown["share_of_days_loaded"], row["share_of_days_loaded"])
    return rows


def _months_of(naive: Naive, measure: str) -> Iterator[tuple[tuple[str, str, date], dict[str, Any]]]:
    for force, one in naive.items():
        of_force = one.rows()
        for month in {month for _, name, month in of_force if name == measure}:
            yield (force, measure, month), of_force[force, measure, month]


def calls_by_month(naive: Naive) -> Rows:
    """Of kpi_calls_monthly."""
    return {
        (force, line, month): row
        for line in LINES
        for (force, month), row in side_by_side(naive, {c: f"calls_{line}.{name}" for c, name in CALLS.items()}).items()
    }


def contacts_by_type(naive: Naive) -> Rows:
    """Of kpi_digital_by_type_monthly."""
    return {
        (*key, kind): row
        for kind in CONTACT_TYPES
        for key, row in side_by_side(naive, {"contacts": f"digital.{kind}"}).items()
    }


def figures_of(calls: list[dict[str, Any]]) -> dict[str, Any]:
    """What is shown of some calls; nothing of none but that there were none."""
    answered = [call for call in calls if call["answered"]]
    queues = [call["queue"] for call in answered if call["queue"] is not None]
    missed = len(calls) - len(answered)
    return {
        "received": len(calls),
        "answered": len(answered),
        "not_answered": missed,
        "pct_not_answered": rounded(Fraction(100 * missed, len(calls))) if calls else None,
        "avg_queue_seconds": rounded(Fraction(sum(queues), len(answered))) if answered else None,
        "avg_talk_seconds": rounded(sum(call["talk"] for call in answered) / len(answered)) if answered else None,
        "pct_answered_within_target": (
            rounded(Fraction(100 * sum(call["in_time"] for call in answered), len(answered))) if answered else None
        ),
        "median_queue_seconds": rounded(percentile(queues, Fraction(1, 2))),
        "p90_queue_seconds": rounded(percentile(queues, Fraction(9, 10))),
        "called_back": sum(not call["answered"] and call["back"] is not None for call in calls),
    }


def calls_by_day(naive: Naive) -> Rows:
    """Of kpi_calls_daily."""
    rows: Rows = {}
    for force, one in naive.items():
        delivered = one.delivered["call_segments"]
        if not delivered:
            continue
        months = {(day.year, day.month) for day in delivered}
        span = [day for month in months_between(min(months), max(months)) for day in days_of(month)]
        calls = _grouped(one.received, lambda call: (call["line"], call["day"]))
        called = {day for _, day in calls}
        for line, day in product(LINES, span):
            if min(delivered) <= day <= max(delivered) or day in called:
                own = calls.get((line, day), [])
                row = figures_of(own) if own or day in delivered else dict.fromkeys(figures_of([]))
                rows[force, line, day] = row | {"is_provisional": day not in delivered}
    return rows


def calls_by_hour(naive: Naive) -> Rows:
    """Of kpi_calls_hourly."""
    rows: Rows = {}
    for force, one in naive.items():
        calls = _grouped(
            one.received,
            lambda call: (call["line"], call["day"].replace(day=1), call["day"].isoweekday(), local(call["at"]).hour),
        )
        for month in {day.replace(day=1) for day in one.delivered["call_segments"]}:
            for key in product(LINES, [month], range(1, 8), range(24)):
                rows[force, *key] = figures_of(calls.get(key, [])) | completeness(one, "call_segments", month)
    return rows


def _grouped(rows: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def completeness(one: NaiveWarehouse, source: str, month: date) -> dict[str, Any]:
    """Of a source and month, by its first day."""
    days = days_of((month.year, month.month))
    loaded = sum(day in one.delivered[source] for day in days)
    return {"is_provisional": loaded < len(days), "share_of_days_loaded": rounded(Fraction(100 * loaded, len(days)))}


def _crimes_in_months(naive: Naive) -> Iterator[tuple[str, str, date, dict[str, Any], dict[str, Any]]]:
    """Force, what happened, month, crime and completeness, of what happened in months with a delivery."""
    for force, one in naive.items():
        delivered = {day.replace(day=1) for day in one.delivered["crimes"]}
        for crime in one.crimes:
            for column, at in (("recorded_crime", "recorded_at"), ("cancelled_crime", "cancelled_at")):
                if column == "recorded_crime" or crime["status"] == "cancelled":
                    month = local(crime[at]).date().replace(day=1)
                    if month in delivered:
                        yield force, column, month, crime, completeness(one, "crimes", month)


def crimes_by_district(naive: Naive) -> Rows:
    """Of kpi_crime_by_district_monthly."""
    rows: Rows = {}
    for force, column, month, crime, complete in _crimes_in_months(naive):
        none = {"recorded_crime": 0, "cancelled_crime": 0, **complete}
        rows.setdefault((force, month, crime["district"]), none)[column] += 1
    return rows


def district_changes(naive: Naive) -> Rows:
    """Of kpi_district_change_monthly."""
    districts = crimes_by_district(naive)

    def earlier(key: tuple[str, date, str | None], months: int) -> int | None:
        force, month, district = key
        year, number = shifted((month.year, month.month), -months)
        row = districts.get((force, date(year, number, 1), district))
        return row["recorded_crime"] if row and not row["is_provisional"] else None

    rows: Rows = {
        key: {
            "recorded_crime": row["recorded_crime"],
            "recorded_month_before": earlier(key, 1),
            "recorded_same_month_last_year": earlier(key, 12),
            "pct_change": None,
            "pct_change_of_all": None,
            # A force of these histories has two districts, which are too few for an order.
            "deviation_rank": None,
            "is_provisional": row["is_provisional"],
            "share_of_days_loaded": row["share_of_days_loaded"],
        }
        for key, row in districts.items()
    }
    compared = {
        key: row for key, row in rows.items() if key[2] and row["recorded_month_before"] and not row["is_provisional"]
    }
    for own in _grouped(compared.items(), lambda item: item[0][:2]).values():
        now, before = (sum(row[name] for _, row in own) for name in ("recorded_crime", "recorded_month_before"))
        for _, row in own:
            crimes, earlier_crimes = row["recorded_crime"], row["recorded_month_before"]
            row["pct_change"] = rounded(Fraction(100 * (crimes - earlier_crimes), earlier_crimes))
            row["pct_change_of_all"] = rounded(Fraction(100 * (now - before), before))
    return rows


def cancellations(naive: Naive) -> Rows:
    """Of kpi_cancellations_monthly."""
    rows: Rows = {}
    for force, column, month, crime, complete in _crimes_in_months(naive):
        if column == "cancelled_crime":
            key = (force, month, crime["cancel_code"], crime["offence_code"])
            rows.setdefault(key, {"cancelled": 0, **complete})["cancelled"] += 1
    return rows


def calls(naive: Naive) -> Rows:
    """Of fct_call, without the source of the call and the columns that depend on dated definitions."""
    return {
        (force, call["call_id"]): {
            "line": call["line"],
            "arrived_at": call["at"],
            "arrived_date": local(call["at"]).date(),
            "is_answered": call["answered"],
            "queue_seconds": rounded(call["queue"]),
            "talk_seconds": rounded(call["talk"]),
            "segments": call["segments"],
            "called_back_at": call["back"],
            "is_dst_ambiguous": call["is_dst_ambiguous"],
        }
        for force, one in naive.items()
        for call in one.calls
    }


def board_paper(naive: Naive, catalogue: Mapping[str, Mapping[str, Any]]) -> Rows:
    """Of board_paper, for the measures of a catalogue: unit, decimals and whether they are on the paper, by name."""
    rows: Rows = {}
    for force, one in naive.items():
        months = one.rows()
        for name, measure in one.measures.items():
            if not catalogue[name]["in_board_paper"]:
                continue
            figures = Figures(measure, Calendar(measure.sources, one.delivered))
            for month in figures.calendar.span:
                row = months[force, name, date(*month, 1)]
                rows[force, *name.split(".", 1), date(*month, 1)] = {
                    "display_value": printed(
                        figures.exact(month), catalogue[name]["unit"], int(catalogue[name]["decimals"])
                    ),
                    "value": row["value"],
                    "is_provisional": row["is_provisional"],
                }
    return rows


def printed(value: Fraction | None, unit: str, decimals: int) -> str | None:
    """A figure as a board paper prints it."""
    if value is None:
        return None
    if unit == "duration":
        minutes, seconds = divmod(int(rounded_to(value, 0)), 60)
        hours, minutes = divmod(minutes, 60)
        if hours:
            return f"{hours}h {minutes}m {seconds}s"
        return f"{minutes}m {seconds}s" if minutes else f"{seconds}s"
    return f"{rounded_to(value, decimals):,}{'%' if unit == 'percent' else ''}"


MONTHLY = ("force_code", "month_start")
TABLES: dict[str, tuple[tuple[str, ...], Callable[[Naive], Rows]]] = {
    "kpi_measure_monthly": (("force_code", "measure", "month_start"), measures_by_month),
    "kpi_measure_period": (("force_code", "measure", "month_start", "period"), periods),
    "kpi_measure_weekly": (("force_code", "measure", "week_start"), weeks),
    "kpi_calls_monthly": (("force_code", "line", "month_start"), calls_by_month),
    "kpi_calls_daily": (("force_code", "line", "date_day"), calls_by_day),
    "kpi_calls_hourly": (("force_code", "line", "month_start", "day_of_week", "hour_of_day"), calls_by_hour),
    "kpi_digital_monthly": (MONTHLY, lambda naive: side_by_side(naive, DIGITAL)),
    "kpi_digital_by_type_monthly": ((*MONTHLY, "contact_type"), contacts_by_type),
    "kpi_ocr_monthly": (
        MONTHLY,
        lambda naive: side_by_side(naive, {n: f"ocr.{n}" for n in ("report_a_crime_submissions", *SERVICES[1:])}),
    ),
    "kpi_live_chat_monthly": (
        MONTHLY,
        lambda naive: side_by_side(naive, {column: f"live_chat.{name}" for column, name in CHATS.items()}),
    ),
    "kpi_crime_monthly": (MONTHLY, lambda naive: side_by_side(naive, {name: f"crime.{name}" for name in CRIMES})),
    "kpi_crime_by_district_monthly": ((*MONTHLY, "district"), crimes_by_district),
    "kpi_district_change_monthly": ((*MONTHLY, "district"), district_changes),
    "kpi_cancellations_monthly": ((*MONTHLY, "cancel_code", "offence_code"), cancellations),
    "fct_call": (("force_code", "call_id"), calls),
}
"""Table to its grain and what makes its rows."""


def rows_of(connection: duckdb.DuckDBPyConnection, table: str, key: Iterable[str]) -> Rows:
    """Rows of a table by their key."""
    cursor = connection.execute(f'select * from marts."{table}"')  # noqa: S608 - a name of this file
    names = [item[0] for item in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    found = {tuple(row.pop(name) for name in key): row for row in rows}
    assert len(found) == len(rows), f"{table}: two rows of one key"
    return found


def differences(table: str, found: Rows, expected: Rows) -> list[str]:
    """Rows that only one side has, and cells of an expected row that are others; further columns do not matter."""
    described = [f"{table}: no row {key}" for key in sorted(expected.keys() - found.keys(), key=str)]
    described += [f"{table}: unexpected {key}: {found[key]}" for key in sorted(found.keys() - expected.keys(), key=str)]
    return described + [
        f"{table} {key} {column}: {found[key][column]!r} instead of {value!r}"
        for key in sorted(expected.keys() & found.keys(), key=str)
        for column, value in expected[key].items()
        if value != found[key][column]
    ]
