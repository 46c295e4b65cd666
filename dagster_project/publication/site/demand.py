"""Read the content of the demand page: calls by hour of the week, operators needed, returning callers, chats, ledger.

`connection` is a database with the marts in its schema `marts`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

import duckdb

from dagster_project.publication.report.display import NOTHING, display_target, own_decimals
from dagster_project.publication.report.model import short_month
from dagster_project.publication.site.data import WEEKDAYS, Rows, rows_of
from dagster_project.publication.site.views import (
    Table,
    Tables,
    View,
    Views,
    by_force,
    by_month,
    force_choice,
    line_choice,
    month_choice,
    months_of,
    named_month,
    newest_months,
    shades,
    text_of,
)
from dagster_project.words import counted


def demand(
    connection: duckdb.DuckDBPyConnection, forces: Mapping[str, str], months: Mapping[str, date]
) -> Views | None:
    """Return the tables of the page.

    Args:
        connection: a database with the marts.
        forces: code to name, the one shown first first.
        months: force to the month that is shown first.

    Returns:
        The views `calls`, `unanswered`, `operators`, `target-days`, `returning`, `concurrency` and `ledger`; None
        without forces.
    """
    if not forces:
        return None
    calls, unanswered, operators = _by_hour(connection, forces)
    ledger = View(
        "ledger",
        "Digital contacts other than online crime reports and live chats",
        ("force", "month"),
        _ledger(connection, forces),
        "Contacts in the log, less those that are also recorded in their own system. If that system has more, the "
        "difference is negative.",
    )
    views = (
        calls,
        unanswered,
        operators,
        View(
            "target-days",
            "Days that missed a target",
            ("force",),
            _target_days(connection, forces),
            "Of the complete days with calls, those on which the figure of the day did not meet the target or "
            "benchmark of the month. A figure that only equals its target has not met it.",
        ),
        View(
            "returning",
            "Callers to 101 who were not answered and came back",
            ("force",),
            _returning(connection, forces),
            "Within 24 hours, by another call to 101, by 999 or by a digital contact that refers to the caller's "
            "number; a caller may come back in several ways.",
        ),
        View(
            "concurrency",
            "Concurrent live chats",
            ("force",),
            _concurrency(connection, forces),
            "Share of the operators' time spent with this many concurrent chats.",
        ),
        ledger,
    )
    first = next(iter(forces))
    month = month_choice(months_of(calls, ledger), months[first])
    return Views((force_choice(forces), month, line_choice(calls)), views)


def _by_hour(connection: duckdb.DuckDBPyConnection, forces: Mapping[str, str]) -> tuple[View, View, View]:
    """Return calls, the share unanswered and the operators needed by hour and weekday."""
    rows = rows_of(
        connection,
        f"""
        select
            kpi_staffing_hourly.force_code, kpi_staffing_hourly.month_start, kpi_staffing_hourly.line,
            any_value(kpi_staffing_hourly.is_provisional) as is_provisional,
            any_value(kpi_staffing_hourly.share_of_days_loaded) as share_of_days_loaded,
            any_value(kpi_staffing_hourly.answer_target_seconds) as seconds,
            any_value(kpi_staffing_hourly.service_level_target_pct) as level,
            list(kpi_staffing_hourly.calls_per_hour order by hour_of_day, day_of_week) as calls,
            list(hours.pct_not_answered order by hour_of_day, day_of_week) as unanswered,
            list([hours.not_answered, hours.received] order by hour_of_day, day_of_week) as counts,
            list(kpi_staffing_hourly.operators_required order by hour_of_day, day_of_week) as operators
        from marts.kpi_staffing_hourly as kpi_staffing_hourly
        left join marts.kpi_calls_hourly as hours using (force_code, line, month_start, day_of_week, hour_of_day)
        where {newest_months("kpi_staffing_hourly")}
        group by all
        order by force_code, month_start, line
        """,
    )
    calls: Tables = {}
    unanswered: Tables = {}
    operators: Tables = {}
    for row in rows:
        key = row["force_code"], f"{row['month_start']:%Y-%m}", row["line"]
        caption = f"{forces.get(key[0], key[0])}, {row['line']} calls, {named_month(row)}"
        calls[key] = _week(caption, row["calls"], "Busiest: {when}, {figure} calls.", _as("count", 1))
        unanswered[key] = _week(
            caption, row["unanswered"], "Most: {when}, {figure}, {counts} calls.", _as("percent", 0), row["counts"]
        )
        if row["level"] is not None and row["seconds"] is not None:
            caption += f", to answer {_own(row['level'])}% in {_own(row['seconds'])} s"
        operators[key] = _week(caption, row["operators"], "Most: {when}, {figure}.", _as("count", 0))
    by = ("force", "month", "line")
    return (
        View("calls", "Calls offered per hour", by, calls),
        View("unanswered", "Share not answered", by, unanswered),
        View("operators", "Operators needed", by, operators),
    )


def _own(number: Decimal) -> str:
    return text_of(number, "count", own_decimals(number))


def _as(unit: str, decimals: int) -> Callable[[Any], str]:
    return lambda value: text_of(value, unit, decimals)


def _week(
    caption: str,
    values: Sequence[Decimal | int | None],
    finding: str,
    text: Callable[[Decimal | int | None], str],
    counts: Sequence[Sequence[int | None]] = (),
) -> Table:
    """Return the table of figures by hour, Monday to Sunday of each; the finding names the greatest and its hour.

    Args:
        caption: of the table.
        values: the figures by hour, then weekday.
        finding: the sentence on the greatest, with its `when`, `figure` and `counts`.
        text: the text of a figure.
        counts: the numerator and denominator of each figure, if it is a share.
    """
    hours = [values[start : start + 7] for start in range(0, len(values), 7)]
    known = [(value, -place) for place, value in enumerate(values) if value is not None]
    greatest, place = max(known, default=(None, 0))
    hour, day = divmod(-place, 7)
    when = f"{WEEKDAYS[day]} from {hour:02d}:00"
    part, whole = counts[-place] if counts and greatest else (None, None)
    of = f"{part:,} of {whole:,}" if part is not None and whole is not None else ""
    return Table(
        caption,
        ("Hour", *(day[:3] for day in WEEKDAYS)),
        tuple((f"{hour:02d}:00", *map(text, of_hour)) for hour, of_hour in enumerate(hours)),
        shades(hours),
        finding.format(when=when, figure=text(greatest), counts=of) if greatest else "There were none.",
    )


def _target_days(connection: duckdb.DuckDBPyConnection, forces: Mapping[str, str]) -> Tables:
    sql = f"""
        select
            kpi_target_days_monthly.*,
            measures.section_title || ': ' || measures.label as heading,
            measures.short_label,
            measures.better,
            measures.unit,
            measures.decimals,
            coalesce(
                (
                    select min(definitions.definition) from marts.definitions as definitions
                    where definitions.applies_to = measures.measure
                        and definitions.definition in ('target', 'benchmark')
                ),
                'target'
            ) as target_kind
        from marts.kpi_target_days_monthly as kpi_target_days_monthly
        inner join marts.measures as measures
            on kpi_target_days_monthly.measure = measures.measure
        where {newest_months("kpi_target_days_monthly")}
        order by
            kpi_target_days_monthly.force_code,
            kpi_target_days_monthly.month_start desc,
            measures.section_order,
            measures.board_paper_order nulls last,
            kpi_target_days_monthly.measure
    """
    return by_force(rows_of(connection, sql), forces, _missed_table)


def _missed_table(force: str, rows: Rows) -> Table:
    headings = {row["measure"]: row["heading"] for row in rows}
    months = [list(of) for _, of in groupby(rows, lambda row: row["month_start"])]
    texts = [{row["measure"]: f"{row['days_missed']:,} of {row['days']:,}" for row in of} for of in months]
    newest = next((of for of in months if not of[0]["is_provisional"]), [])
    return Table(
        force,
        ("Month", *headings.values()),
        tuple(
            (named_month(of[0]), *(text.get(measure, NOTHING) for measure in headings))
            for of, text in zip(months, texts, strict=True)
        ),
        finding=" ".join(map(_missed, newest)),
    )


def _missed(row: Mapping[str, Any]) -> str:
    missed, days = row["days_missed"], row["days"]
    of_days = f"{'none' if not missed else f'{missed:,}'} of {counted(days, 'day')}"
    text = (
        f"{short_month(row['month_start'])}: {row['short_label']} missed the "
        f"{display_target(row['target'], row['unit'])} {row['target_kind']} on "
        f"{f'all {days:,} days' if missed == days > 1 else of_days}"
    )
    if not missed and not row["worst_value"]:
        # All days are equal.
        return f"{text}."
    return (
        f"{text}; the {'highest' if row['better'] == 'lower' else 'lowest'} day was {row['worst_day']:%-d %B} "
        f"({text_of(row['worst_value'], row['unit'], row['decimals'])})."
    )


# Columns of `kpi_displacement_monthly`: name, heading, unit and decimals.
_RETURNS = (
    ("not_answered", "Not answered", "count", 0),
    ("with_caller", "With a known number", "count", 0),
    ("came_back", "Came back", "count", 0),
    ("pct_came_back", "% came back", "percent", 1),
    ("came_back_101", "By 101", "count", 0),
    ("came_back_999", "By 999", "count", 0),
    ("came_back_digital", "Digitally", "count", 0),
    ("answered_on_return", "Answered then", "count", 0),
)


def _returning(connection: duckdb.DuckDBPyConnection, forces: Mapping[str, str]) -> Tables:
    def table(force: str, rows: Rows) -> Table:
        newest = next((row for row in rows if row["came_back"] is not None and not row["is_provisional"]), None)
        return Table(
            force,
            ("Month", *(heading for _, heading, *_ in _RETURNS)),
            tuple(
                (
                    named_month(row),
                    *(text_of(row[name], unit, decimals) for name, _, unit, decimals in _RETURNS),
                )
                for row in rows
            ),
            finding=f"{short_month(newest['month_start'])}: {newest['came_back']:,} of {newest['with_caller']:,} came "
            f"back, {newest['came_back_999']:,} of them by 999."
            if newest
            else "",
        )

    sql = f"""
        from marts.kpi_displacement_monthly where {newest_months("kpi_displacement_monthly")}
        order by force_code, month_start desc
    """
    return by_force(rows_of(connection, sql), forces, table)


def _concurrency(connection: duckdb.DuckDBPyConnection, forces: Mapping[str, str]) -> Tables:
    def table(force: str, rows: Rows) -> Table:
        numbers = range(1, max((row["concurrent_chats"] for row in rows), default=0) + 1)
        months = [(month, list(of)) for month, of in groupby(rows, lambda row: row["month_start"])]
        shares = [
            [{row["concurrent_chats"]: row["pct_of_operator_time"] for row in of}.get(number) for number in numbers]
            for _, of in months
        ]
        return Table(
            force,
            ("Month", *(f"{number} at once" for number in numbers)),
            tuple(
                (named_month(of[0]), *(text_of(share, "percent", 1) for share in row))
                for (_, of), row in zip(months, shares, strict=True)
            ),
            shades(shares),
            _most_at_once(rows),
        )

    sql = f"""
        from marts.kpi_chat_concurrency_monthly where {newest_months("kpi_chat_concurrency_monthly")}
        order by force_code, month_start desc
    """
    return by_force(rows_of(connection, sql), forces, table)


def _most_at_once(rows: Rows) -> str:
    newest = next((row["month_start"] for row in rows if not row["is_provisional"]), None)
    shares = {
        row["concurrent_chats"]: row["pct_of_operator_time_or_more"] for row in rows if row["month_start"] == newest
    }
    if newest is None or not shares:
        return ""
    fewest = min((number for number in shares if number > 1), default=None)
    several = text_of(0 if fewest is None else shares[fewest], "percent", 1)
    return f"{short_month(newest)}: at most {max(shares)} at once; several at once for {several} of the time."


def _ledger(connection: duckdb.DuckDBPyConnection, forces: Mapping[str, str]) -> Tables:
    rows = rows_of(
        connection,
        f"""
        select
            kpi_digital_ledger_monthly.*,
            coalesce(measures.short_label, replace(kpi_digital_ledger_monthly.contact_type, '_', ' ')) as label
        from marts.kpi_digital_ledger_monthly as kpi_digital_ledger_monthly
        left join marts.measures as measures
            on measures.measure = 'digital.' || kpi_digital_ledger_monthly.contact_type
        where {newest_months("kpi_digital_ledger_monthly")}
        order by force_code, month_start, other_contacts desc nulls last, contact_type
        """,
    )

    def table(caption: str, of: Rows) -> Table:
        most = of[0]
        return Table(
            caption,
            ("Contact", "In the log", "In its own system", "Other contacts", "% of other contacts"),
            tuple(
                (
                    row["label"],
                    *(
                        text_of(row[name], "count", 0)
                        for name in ("contacts_in_log", "in_own_system", "other_contacts")
                    ),
                    text_of(row["pct_of_other"], "percent", 1),
                )
                for row in of
            ),
            finding=f"Most: {most['label']}, {text_of(most['pct_of_other'], 'percent', 1)}."
            if most["pct_of_other"] is not None
            else "",
        )

    return by_month(rows, forces, table)
