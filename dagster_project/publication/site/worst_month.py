"""The worst month of a measure, with what is known about the reasons: comment, events, other measures, hours and days.

`connection` is a database with the marts in its schema `marts`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb

from dagster_project.publication.papers import Paper
from dagster_project.publication.report.commentary import Commentary
from dagster_project.publication.report.display import NOTHING, display
from dagster_project.publication.report.histories import HistoryRow, MeasureHistory
from dagster_project.publication.report.model import Block, Event, Explanation, Measure, long_month, period_of
from dagster_project.publication.site.data import WEEKDAYS, Rows, rows_of
from dagster_project.publication.site.engine import MONTHS_OFFERED
from dagster_project.words import counted

_LINE = "calls_"


@dataclass(frozen=True)
class OtherMeasure:
    """Another measure of the section in the same month."""

    code: str
    label: str
    figure: str
    before: str
    verdict: str
    """`Worse than usual` or `Better than usual`; empty if the month is neither."""


@dataclass(frozen=True)
class WorstMonth:
    """The worst complete month of a measure among those of its page."""

    month: date
    figure: str
    place: str
    """`the highest of 24 complete months`."""
    verdict: str
    comment: tuple[Block, ...]
    """What the analyst wrote on the measure, and on its section, in the paper of the month."""
    has_paper: bool
    """Whether the paper of the month is in the publication."""
    paper: str
    """Address of the page of that paper; empty if it has none."""
    events: tuple[str, ...]
    """Events of the section in the month, `Strike (14 October 2022)`."""
    hour: str
    """The worst hour of the week, with the operators that its calls needed; empty if calls are not counted for it."""
    hours: Mapping[str, str]
    """What is chosen on the demand page to show the month; empty if the page does not have it."""
    day: str
    """The worst day; empty if there are no figures by day."""
    days: Mapping[str, str]
    """What is chosen in the explorer to show the days of the month; empty if there are none."""
    before: date | None
    """The month before, if it has figures."""
    others: tuple[OtherMeasure, ...]


class _Finder:
    """Finds the worst months of the measures of a force; reads the hours and days of a month once."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        force_code: str,
        histories: Sequence[MeasureHistory],
        papers: Sequence[Paper],
        events: Sequence[Event],
    ) -> None:
        self._histories = histories
        self._force = force_code
        self._papers = {paper.month.month: paper for paper in papers if paper.force_code == force_code}
        self._events = events
        self._connection = connection
        months = connection.execute(
            "select distinct month_start from marts.kpi_staffing_hourly order by month_start desc limit $months",
            {"months": MONTHS_OFFERED},
        )
        self._offered = frozenset(month for (month,) in months.fetchall())
        self._calls: dict[tuple[str, str, date], Rows] = {}

    def of(self, history: MeasureHistory) -> WorstMonth | None:
        """Return the worst month of a measure; None if it has none."""
        measure = history.measure
        rows = _complete(history)
        if measure.better == "neither" or measure.chart_type == "cohort" or len(rows) < 2:
            return None
        texts = {row.figures[0].text for row in rows}
        if len(texts) == 1:
            return None
        pick = max if measure.better == "lower" else min
        worst = pick(rows, key=lambda row: row.figures[0].value or Decimal(0))
        paper = self._papers.get(worst.month)
        words = paper.commentary if paper else Commentary()
        explained = words.explanations.get(measure.code, Explanation())
        hour, hours, day, days = self._calls_of(measure, worst.month)
        before = max((row.month for row in history.rows if row.month < worst.month), default=None)
        return WorstMonth(
            month=worst.month,
            figure=worst.figures[0].text,
            place=f"the {'highest' if measure.better == 'lower' else 'lowest'} of {len(rows)} complete months",
            verdict=worst.verdict,
            comment=(*explained.comment, *words.blocks.get(measure.section, ())),
            has_paper=paper is not None,
            paper=f"{paper.folder.as_posix()}/board_paper.html" if paper and "board_paper.html" in paper.forms else "",
            events=tuple(
                event.words
                for event in self._events
                if (not event.sections or measure.section in event.sections)
                and period_of(event.day, "month") == worst.month
            ),
            hour=hour,
            hours=hours,
            day=day,
            days=days,
            before=before,
            others=tuple(self._others(measure, worst.month, before)),
        )

    def _others(self, measure: Measure, month: date, before: date | None) -> Iterator[OtherMeasure]:
        for history in self._histories:
            other = history.measure
            if other.section != measure.section or other.code == measure.code or not other.in_board_paper:
                continue
            row = next((row for row in history.rows if row.month == month), None)
            if row is not None and row.figures[0].value is not None:
                yield OtherMeasure(
                    other.code,
                    other.label,
                    row.figures[0].text,
                    history.text(before) if before else NOTHING,
                    row.verdict,
                )

    def _calls_of(self, measure: Measure, month: date) -> tuple[str, Mapping[str, str], str, Mapping[str, str]]:
        """Return the worst hour and day of a measure of calls, each with what is chosen to show all of them."""
        line = measure.section.removeprefix(_LINE)
        if line == measure.section:
            return "", {}, "", {}
        hour = self._worst("kpi_calls_hourly", _HOURS, measure, line, month)
        day = self._worst("kpi_calls_daily", _DAYS, measure, line, month)
        hours = {"force": self._force, "month": f"{month:%Y-%m}", "line": line}
        months = {"from": f"{month:%Y-%m}", "to": f"{month:%Y-%m}"}
        days = {"measure": measure.code, "force": self._force, **months, "view": "day"}
        return (
            f"{WEEKDAYS[hour['day_of_week'] - 1]} from {hour['hour_of_day']:02d}:00, {_text(measure, hour)}"
            f"{_operators(hour['operators_required'])}"
            if hour
            else "",
            hours if month in self._offered else {},
            f"{day['date_day']:%A} {day['date_day'].day} {long_month(day['date_day'])}, {_text(measure, day)}"
            if day
            else "",
            days if day else {},
        )

    def _worst(self, mart: str, sql: str, measure: Measure, line: str, month: date) -> dict[str, Any] | None:
        """Return the row of the worst hour or day, with its figure as `value`; None if the mart has no figure of it."""
        key = mart, line, month
        if key not in self._calls:
            self._calls[key] = rows_of(self._connection, sql, {"force": self._force, "line": line, "month": month})
        name = measure.code.partition(".")[2]
        # `avg_queue_seconds` of kpi_calls_daily and kpi_calls_hourly is the measure `avg_queue_time`.
        column = name.replace("_time", "_seconds")
        rows = [row | {"value": row[column]} for row in self._calls[key] if row.get(column) is not None]
        pick = max if measure.better == "lower" else min
        return pick(rows, key=lambda row: row["value"], default=None)


_HOURS = """
    select hours.*, staffing.operators_required
    from marts.kpi_calls_hourly as hours
    left join marts.kpi_staffing_hourly as staffing
        on hours.force_code = staffing.force_code
        and hours.line = staffing.line
        and hours.month_start = staffing.month_start
        and hours.day_of_week = staffing.day_of_week
        and hours.hour_of_day = staffing.hour_of_day
    where hours.force_code = $force and hours.line = $line and hours.month_start = $month
    order by hours.hour_of_day, hours.day_of_week
"""

_DAYS = """
    from marts.kpi_calls_daily
    where force_code = $force and line = $line and date_trunc('month', date_day) = $month and not is_provisional
    order by date_day
"""


def worst_months(
    connection: duckdb.DuckDBPyConnection,
    force_code: str,
    histories: Sequence[MeasureHistory],
    papers: Sequence[Paper],
    events: Sequence[Event],
) -> dict[str, WorstMonth]:
    """Return the worst month of each measure of a force, by its code.

    A measure has none if no month can be called worse than another.

    Args:
        connection: a database with the marts.
        force_code: the force.
        histories: all of its measures.
        papers: papers of the publication.
        events: what the charts of the force mark.
    """
    finder = _Finder(connection, force_code, histories, papers, events)
    return {history.measure.code: worst for history in histories if (worst := finder.of(history))}


def _operators(number: int | None) -> str:
    return "" if number is None else f"; its calls needed {counted(number, 'operator')}"


def _text(measure: Measure, row: dict[str, Any]) -> str:
    """Return the figure of an hour or a day; a share or mean with its calls, because a few calls mean little."""
    text = display(Decimal(row["value"]), measure.unit, measure.decimals)
    if measure.unit == "count":
        return text
    of_received = measure.code.endswith(".pct_not_answered")
    calls = f"{counted(row['received'], 'call')}" if of_received else f"{counted(row['answered'], 'answered call')}"
    return f"{text} {'of' if measure.unit == 'percent' else 'over'} {calls}"


def _complete(history: MeasureHistory) -> list[HistoryRow]:
    """Return the complete months that have a figure by the formula of the newest of them."""
    return [
        row
        for row in history.rows
        if row.figures[0].value is not None
        and not row.figures[0].is_provisional
        and (history.comparable_from is None or row.month >= history.comparable_from)
    ]
