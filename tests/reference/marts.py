"""Expected rows of measures, completeness, board papers and facts; `TABLES` has those of all marts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
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
    local,
    months_between,
    shifted,
)
from tests.reference.measures import (
    NOT_BY_WEEK,
    PERIODS,
    TALK,
    NaiveWarehouse,
    day_of,
    in_force,
    months_of_period,
    owed_days,
    percent,
    rounded,
    seconds,
)
from tests.reference.tables import (
    CATALOGUE,
    FACTS,
    TABLES,
    Rows,
    completeness,
    differences,
    first_day,
    rows_of,
    table,
)

__all__ = ["FACTS", "TABLES", "differences", "rows_of"]


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
            needs_talk = measure.sources[0].endswith(TALK)
            is_silent = needs_talk and any((day.year, day.month) in period.months for day in one.silent)
            is_shown = period.is_known and (measure.is_sum or not is_silent)
            value = measure.figure(period.there) if is_shown else None
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
                "columns_without_values": "call_segments.talk_seconds" if is_silent else None,
            } | _effect_of_quarantine(one, name, month, tuple(period.months), (top, bottom), value)
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
            **{column: now[column] for column in ("is_affected_by_quarantine", "value_low", "value_high")},
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
            is_silent = measure.sources[0].endswith(TALK) and not measure.is_sum and not one.silent.isdisjoint(week)
            rows[name, monday] = {
                "numerator": rounded(top) if loaded else None,
                "denominator": rounded(bottom) if loaded and measure.factor else None,
                "value": rounded(measure.quotient(top, bottom)) if loaded and not is_silent else None,
                "target": _target(one, name, monday),
                "is_provisional": loaded < 7,
                "share_of_days_loaded": percent(loaded, 7),
            }
    return rows


@cache
def rows_read(one: NaiveWarehouse, source: str, months: tuple[Month, ...]) -> tuple[int, int] | None:
    """Rows read in extracts of some months, and those of them that were faulty; None: there were none.

    Of a source with lines only their rows count, and those that do not say of which they are.

    They are those of the force and, if any row of it was ever loaded, those of no readable force.
    """
    is_known = any(one.force in owed_days(one.history, each) for each in DAILY_SOURCES)
    source, _, lines = source.removesuffix(TALK).partition(":")
    of_lines = one.history.lines() if lines else {}
    found = [
        ((sum(of_lines[day][force][line] for line in lines.split(",")) if lines else loaded) + faulty, faulty)
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


def _effect_of_quarantine(
    one: NaiveWarehouse,
    name: str,
    month: Month,
    months: tuple[Month, ...],
    sums: tuple[Fraction, Fraction],
    value: Fraction | None,
) -> Row:
    """Whether quarantined rows could matter to a figure, and the span that they leave open."""
    measure, row = one.measures[name], _quarantine_of(one, one.measures[name].origins, months)
    faulty = {source.partition(":")[0]: rows_read(one, source, months) or (0, 0) for source in measure.sources}
    read, missing = (sum(rows[place] for rows in faulty.values()) for place in (0, 1))
    low = high = None
    could_matter = False
    if value is not None and measure.factor == 100:
        low, high = (rounded(100 * top / (sums[1] + missing)) for top in (sums[0], sums[0] + missing))
        target, width = _target(one, name, first_day(month)), (high or 0) - (low or 0)
        is_at_stake = target is not None and (low or 0) <= target <= (high or 0)
        could_matter = missing > 0 and (is_at_stake or (missing >= 5 and 10 * width > (rounded(value) or 0)))
    elif value is not None and not measure.is_sum:
        could_matter = missing >= 5 and 500 * missing > read
    elif value is not None and CATALOGUE[name]["unit"] == "count":
        is_difference = name == "digital.other_than_ocr_and_chat"
        low, high = rounded(value - missing * is_difference), rounded(value + missing)
        is_large = 10 * missing > abs(value) or (100 * missing > abs(value) and 500 * missing > read)
        could_matter = missing > 0 and (not value or (missing >= 5 and is_large))
    is_affected = row["is_affected_by_quarantine"] or could_matter
    possible = ", ".join(sorted(source for source, rows in faulty.items() if rows[1]))
    return row | {
        "is_affected_by_quarantine": is_affected,
        "affected_sources": row["affected_sources"] or (possible if could_matter else None),
        "value_low": low if is_affected else None,
        "value_high": high if is_affected else None,
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


# Measures as columns: the value of a further column of the grain to its columns with their measures.


def side_by_side(one: NaiveWarehouse, columns: Mapping[str, str], *key: str) -> Rows:
    """Measures as columns, by month: provisional when any is, with the lowest share of days."""
    months = kpi_measure_monthly(one)
    rows: Rows = {}
    for start in {month for name, month in months if name in columns.values()}:
        of_month = {column: months.get((name, start)) for column, name in columns.items()}
        known = [row for row in of_month.values() if row]
        rows[(start, *key)] = {column: row and row["value"] for column, row in of_month.items()} | {
            "is_provisional": any(row["is_provisional"] for row in known),
            "share_of_days_loaded": min(row["share_of_days_loaded"] for row in known),
        }
    return rows


@table("month_start", "line")
def kpi_calls_monthly(one: NaiveWarehouse) -> Rows:
    names = call_marts.COLUMNS
    of = {line: {column: f"calls_{line}.{name}" for column, name in names.items()} for line in LINES}
    return {key: row for line in LINES for key, row in side_by_side(one, of[line], line).items()}


@table("month_start", "contact_type")
def kpi_digital_by_type_monthly(one: NaiveWarehouse) -> Rows:
    of = {kind: {"contacts": f"digital.{kind}"} for kind in CONTACT_TYPES}
    return {key: row for kind in CONTACT_TYPES for key, row in side_by_side(one, of[kind], kind).items()}


@table("month_start")
def kpi_digital_monthly(one: NaiveWarehouse) -> Rows:
    names = ("digital_contacts", "other_than_ocr_and_chat", "share_of_non_emergency")
    others = {
        "report_a_crime_submissions": "ocr.report_a_crime_submissions",
        "live_chats": "live_chat.live_chats",
        "non_emergency_demand": "demand.non_emergency",
        "total_demand": "demand.total",
    }
    return side_by_side(one, {name: f"digital.{name}" for name in names} | others)


@table("month_start")
def kpi_ocr_monthly(one: NaiveWarehouse) -> Rows:
    return side_by_side(one, {name: f"ocr.{name}" for name in ("report_a_crime_submissions", *SERVICES[1:])})


@table("month_start")
def kpi_live_chat_monthly(one: NaiveWarehouse) -> Rows:
    names = ("live_chats", "accepted", "pct_not_accepted", "chats_per_operator_hour", "avg_concurrent_chats")
    columns = {name: name for name in (*names, "max_concurrent_chats")}
    columns |= {"avg_wait_seconds": "avg_wait_time", "avg_duration_seconds": "avg_duration"}
    return side_by_side(one, {column: f"live_chat.{name}" for column, name in columns.items()})


@table("month_start")
def kpi_crime_monthly(one: NaiveWarehouse) -> Rows:
    names = ("recorded_crime", "cancelled_crime", "pct_cohort_cancelled", "days_to_cancel")
    of = ("pct_cancelled", "pct_cancelled_of_recorded", "pct_cancelled_of_initially_recorded")
    return side_by_side(one, {name: f"crime.{name}" for name in (*names, *of)})


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


@table("section", "measure", "month_start")
def board_paper(one: NaiveWarehouse) -> Rows:
    return {
        (*name.split(".", 1), start): {
            "label": CATALOGUE[name]["label"],
            "unit": CATALOGUE[name]["unit"],
            "sort_order": int(CATALOGUE[name]["board_paper_order"]),
            "display_value": kpi_measure_period(one)[name, start, "month"]["display_value"],
            **{column: row[column] for column in ("value", "is_provisional", "share_of_days_loaded")},
        }
        for (name, start), row in kpi_measure_monthly(one).items()
        if CATALOGUE[name]["in_board_paper"] == "true"
    }


@table("month_start")
def report_months(one: NaiveWarehouse) -> Rows:
    newest = max(day for source in DAILY_SOURCES for day in one.history.delivered[source])
    fewest = [one.calendar(measure.sources).fewest for measure in one.measures.values()]
    months = sorted({start for (*_, start), row in board_paper(one).items() if row["value"] is not None})
    rows: Rows = {}
    shown = months[:1]
    for start in months:
        month = start.year, start.month
        days = days_of(month)
        # A measure without a complete day in a month and the one before has ended or not yet begun.
        loaded = min(of(month) for of in fewest if of(month) or of(shifted(month, -1)))
        if loaded == len(days) or newest > days[-1] + timedelta(days=10):
            shown.append(start)
        rows[start,] = {"days": len(days), "days_loaded": loaded, "is_provisional": loaded < len(days)}
    for (start,), row in rows.items():
        row |= {"is_default": start == max(shown), "is_running": start > max(shown)}
    return rows


def _so_far(one: NaiveWarehouse, name: str, days: list[date], start: date, prefix: str) -> Row:
    """The figure of some days by the formula of a month; nothing of none."""
    measure = one.measures[name]
    top, bottom = _sums_of_days(one, name, days, start)
    value = measure.quotient(top, bottom)
    row = {
        "first_day": min(days, default=None),
        "last_day": max(days, default=None),
        "value": rounded(value),
        "display_value": printed(name, value),
        "per_day": rounded(top / len(days)) if days and measure.is_sum else None,
    }
    return {f"{prefix}{column}": value if days else None for column, value in row.items()}


def _facts(rows: list[Row], *key: str, at: tuple[str, ...], without: tuple[str, ...] = ()) -> Rows:
    """Rows by their key, with the local days of some moments."""
    found = {}
    for row in rows:
        days = {f"{name}_date": day_of(row[f"{name}_at"]) if row[f"{name}_at"] else None for name in at}
        left_out = (*key, *without, "force_code", "utc_offset_minutes")
        columns = {column: value for column, value in (row | days).items() if column not in left_out}
        # The reference of a crime is for life.
        epoch = {} if key[0] == "crime_ref" else {f"{key[0].partition('_')[0]}_epoch": 0}
        found[tuple(row[column] for column in key)] = columns | epoch
    return found


@table("call_id", "segment_no", among=FACTS)
def fct_call_segment(one: NaiveWarehouse) -> Rows:
    return _facts(one.rows["call_segments"], "call_id", "segment_no", at=("arrived",))


@table("call_id", among=FACTS)
def fct_call(one: NaiveWarehouse) -> Rows:
    of_the_segment = ("segment_no", "disposition", "operator_id")
    judged = ("day", "counts_as_answered", "in_time", "is_short")
    calls = [{**call, "arrived_hour": local(call["arrived_at"]).hour} for call in one.calls]
    return _facts(calls, "call_id", at=("arrived", "called_back"), without=(*of_the_segment, *judged))


@table("contact_id", among=FACTS)
def fct_digital_contact(one: NaiveWarehouse) -> Rows:
    rows = [{**row, "is_public_demand": row in one.contacts} for row in one.rows["digital_contacts"]]
    return _facts(rows, "contact_id", at=("received",))


@table("submission_id", among=FACTS)
def fct_online_crime_report(one: NaiveWarehouse) -> Rows:
    return _facts(one.rows["online_crime_reports"], "submission_id", at=("submitted",))


@table("chat_id", among=FACTS)
def fct_live_chat(one: NaiveWarehouse) -> Rows:
    rows = []
    for chat in one.chats:
        requested, accepted, ended = (chat[f"{name}_at"] for name in ("requested", "accepted", "ended"))
        times = {
            "is_accepted": accepted is not None,
            "wait_seconds": seconds(accepted, requested) if accepted else None,
            "duration_seconds": seconds(ended, accepted) if accepted else None,
        }
        rows.append(chat | times)
    return _facts(rows, "chat_id", at=("requested",))


@table("crime_ref", "updated_at", among=FACTS)
def fct_crime_status(one: NaiveWarehouse) -> Rows:
    rows = [{**state, "is_current": any(state is crime for crime in one.crimes)} for state in one.states]
    return _facts(rows, "crime_ref", "updated_at", at=("updated", "recorded", "cancelled"))


@table("crime_ref", among=FACTS)
def fct_crime(one: NaiveWarehouse) -> Rows:
    rows = []
    for crime in one.crimes:
        is_cancelled = crime["status"] == "cancelled"
        gone = {} if is_cancelled else {"cancelled_at": None, "cancel_code": None}
        days = crime_marts.days_to_cancel(crime) if is_cancelled else None
        rows.append({**crime, **gone, "is_cancelled": is_cancelled, "days_to_cancel": days})
    return _facts(rows, "crime_ref", at=("recorded", "cancelled"))
