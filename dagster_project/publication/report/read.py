"""Read a board paper from the marts. Texts and values are from the marts; this module selects and orders them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import Any

import duckdb

from dagster_project.errors import OperatorError
from dagster_project.publication.report import headlines
from dagster_project.publication.report.cohorts import Cohorts, read_cohorts
from dagster_project.publication.report.commentary import Commentary, Names, front_lines
from dagster_project.publication.report.definitions import (
    FormulaChange,
    definitions,
    formula_changes,
    formula_note,
    read_rules,
)
from dagster_project.publication.report.display import NOTHING, display, shortened
from dagster_project.publication.report.events import marked
from dagster_project.publication.report.exceptions import exceptions, no_exceptions
from dagster_project.publication.report.how_we_compare import CODE as COMPARED
from dagster_project.publication.report.how_we_compare import TITLE as COMPARED_TITLE
from dagster_project.publication.report.how_we_compare import how_we_compare
from dagster_project.publication.report.main_points import caveat, main_points
from dagster_project.publication.report.model import (
    PAPER_MONTHS,
    Chart,
    Column,
    Event,
    Figure,
    Measure,
    Point,
    Report,
    Row,
    Section,
    Statement,
    Table,
    counted_days,
    listed,
    long_month,
    short_month,
    since,
    span,
)
from dagster_project.publication.report.quarantine import QuarantineNotes
from dagster_project.publication.report.revisions import read_revisions
from dagster_project.publication.report.sentences import (
    POINTS_NEEDED,
    SIGNAL_WORDS,
    Month,
    Series,
    finding,
    sentences,
    target_label,
)
from dagster_project.publication.report.weekly import judged_weeks, weekly_chart, weekly_sentence, weeks_until
from dagster_project.sql import rows_as_dicts, rows_by
from dagster_project.warehouse.roots import root_in_sql, root_of_force

_COMPARED = {
    "same_month_last_year": "Same month last year",
    "last_6_months": "Last 6 months",
    "previous_6_months": "Previous 6 months",
    "fytd": "Year to date",
    "prev_fytd": "Last year to date",
}


class ReportError(OperatorError, ValueError):
    """The paper cannot be made; the message says what exists and what to request."""


def paper_names(connection: duckdb.DuckDBPyConnection) -> Names:
    """Return what the headings of a commentary may name."""
    measures = {
        item.code: (item.short_label, f"{item.section_title}: {item.label}")
        for item in sorted(read_measures(connection), key=lambda item: not item.is_headline)
    }
    return Names(paper_sections(connection) | {COMPARED: COMPARED_TITLE}, measures)


def catalogue_sections(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the sections of the catalogue in order: code to title."""
    rows = connection.execute(
        """
        select section, section_title
        from marts.measures
        group by all
        order by min(section_order), section
        """
    ).fetchall()
    return dict(rows)


def paper_sections(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the sections of the board paper: code to title, in the order of the paper."""
    rows = connection.execute(
        """
        select section, section_title
        from marts.measures
        where in_board_paper
        group by all
        order by min(section_order), section
        """
    ).fetchall()
    return dict(rows)


@dataclass(frozen=True)
class PaperMonth:
    """A month that a paper can be made for."""

    month: date
    days: int
    days_loaded: int
    """Number of its days that every source delivered."""
    is_default: bool
    """Whether its paper is shown first."""
    is_running: bool
    """Whether it comes after the default month."""

    @property
    def coverage(self) -> str:
        """`1 of 28 days`; empty if every day is delivered."""
        return counted_days(self.days_loaded, self.days) if self.days_loaded < self.days else ""


def paper_months(connection: duckdb.DuckDBPyConnection) -> dict[str, list[PaperMonth]]:
    """Return the months that papers can be made for: force to its months with any figure, oldest first."""
    months: dict[str, list[PaperMonth]] = {}
    for force, *about in connection.execute(
        """
        select force_code, month_start, days, days_loaded, is_default, is_running
        from marts.report_months
        order by force_code, month_start
        """
    ).fetchall():
        months.setdefault(force, []).append(PaperMonth(*about))
    return months


def default_month(months: Sequence[PaperMonth]) -> date | None:
    """Return the month whose paper is shown first; None if there are no months."""
    return next((item.month for item in months if item.is_default), None)


def read_report(
    connection: duckdb.DuckDBPyConnection,
    *,
    force_code: str,
    month: date,
    length: int,
    commentary: Commentary | None,
    events: Sequence[Event] = (),
    publication: str = "",
) -> Report:
    """Read the board paper of a force.

    Args:
        connection: a database with the marts.
        force_code: the force.
        month: last month shown, by its first day.
        length: number of months shown, at least 1.
        commentary: what the analyst wrote on the month.
        events: what the charts mark, if it is within their months or weeks.
        publication: name of the publication that the paper is for.

    Raises:
        ReportError: the marts have no figure for that force and month.
    """
    first = _months_before(month, length - 1)
    words = commentary or Commentary()
    catalogue = read_measures(connection)
    measures = [item for item in catalogue if item.in_board_paper]
    rules = read_rules(connection, force_code)
    formulas = formula_changes(rules)
    figures = _figures(connection, force_code, first, month)
    _note_formulas(figures, month, formulas, {item.code: item for item in catalogue})
    months = sorted({start for _, start, period in figures if period == "month"})
    known = paper_months(connection).get(force_code, [])
    if month not in months:
        exists = f"has {span(known[0].month, known[-1].month)}" if known else "is not known"
        raise ReportError(f"no paper for {force_code} and {long_month(month)}: {force_code} {exists}. See: fcir status")
    charts = _chart_months(connection, force_code, month)
    weeks = weeks_until(connection, force_code, month)
    weekly = {
        item.code: marked(chart, item.section, events)
        for item in measures
        if item.is_headline and item.unit == "percent" and (chart := weekly_chart(item, weeks.get(item.code, ())))
    }
    notes: dict[str, int] = {}
    series = {
        item.code: _series(item, months, figures, charts.get(item.code, []), formulas.get(item.code, ()))
        for item in measures
    }
    columns = _columns(months, figures)
    # If no chart has a verdict, the first page says so once.
    has_verdicts = any(item.points >= POINTS_NEEDED for item in series.values())
    sections = []
    for code, title in paper_sections(connection).items():
        own = [item for item in measures if item.section == code]
        sections.append(
            Section(
                code,
                title,
                tuple(
                    _statement(series[item.code], weekly.get(item.code), counts_points=has_verdicts)
                    for item in own
                    if item.is_headline
                ),
                words.blocks.get(code, ()),
                table_of(
                    f"{title}, {span(months[0], months[-1])}",
                    columns,
                    [_row(item, columns, month, figures, notes) for item in own],
                ),
                tuple(
                    marked(
                        replace(chart, finding="") if series[item.code].lacks_points and not has_verdicts else chart,
                        code,
                        events,
                    )
                    for item in own
                    if (chart := _chart(item, series[item.code], charts.get(item.code, [])))
                ),
                tuple(weekly[item.code] for item in own if item.code in weekly),
            )
        )
    above, on_comparison = (words.blocks.get(place, ()) for place in ("", COMPARED))
    if compared := how_we_compare(connection, force_code, months):
        sections.append(replace(compared, commentary=on_comparison))
    else:
        # The section has no published figures, so it is not shown; what was written for it is.
        above += on_comparison
    standings = [
        _standing(item, month, figures, charts.get(item.code, []), formulas.get(item.code, ()), notes)
        for item in sorted(catalogue, key=lambda item: item.section_order)
        if item.is_headline
    ]
    labels = {item.code: item.short_label for item in catalogue}
    found = exceptions(standings, words.explanations, labels) if commentary else ()
    revisions, revisions_note = read_revisions(connection, force_code, months, measures)
    name = connection.execute("select force_name from marts.dim_force where force_code = ?", [force_code]).fetchone()
    until, is_synthetic = newest_delivery(
        connection, "in_board_paper", root_number=root_of_force(connection, force_code)
    )
    return Report(
        force_code=force_code,
        force_name=shortened(name[0] if name and name[0] else force_code),
        months=tuple(months),
        data_until=until,
        is_synthetic=is_synthetic,
        main_points=main_points(standings, caveat(standings, months)),
        matrix=headlines.matrix(standings),
        exceptions=found,
        no_exceptions=no_exceptions(standings) if commentary and not found else "",
        commentary=above,
        sections=tuple(sections),
        notes=tuple(notes),
        definitions=definitions(catalogue, rules, month),
        front=front_lines(words.front) if commentary else (),
        marking=words.front.get("marking", ""),
        revisions=revisions,
        revisions_note=revisions_note,
        publication=publication,
        unfinished=_unfinished(next((item for item in known if item.month == month), None)),
    )


def _unfinished(month: PaperMonth | None) -> str:
    if month is None or not month.coverage:
        return ""
    return (
        f"{long_month(month.month)} is not complete: {month.coverage} {'is' if month.days_loaded == 1 else 'are'} "
        "delivered by every source. Its figures are provisional."
    )


@dataclass(frozen=True)
class HistoryRow:
    """One month of a measure."""

    month: date
    figures: tuple[Figure, ...]
    remarks: tuple[str, ...]
    """For each figure, the share of its days that are delivered, `60.1% of days`, if some are missing after the first
    delivery; and the share of its rows that were quarantined, if it is marked for that."""
    signal: str
    """The rule of the control chart that the month breaks, in words; empty if it breaks none."""


@dataclass(frozen=True)
class MeasureHistory:
    """A measure of a force over its months, for its own page."""

    measure: Measure
    statement: str
    """Sentences on the last months, as many as a paper shows."""
    chart: Chart | None
    weekly_chart: Chart | None
    cohorts: Cohorts | None
    """Months compared at the same age, for a measure that needs time to mature."""
    columns: tuple[str, ...]
    """Titles of the figures of a month: the month itself, and periods that have a figure in any month."""
    rows: tuple[HistoryRow, ...]
    """Newest first, including running months."""
    starts: tuple[str, ...]
    """Years to date that begin with the first delivery: `Year to date of 2022/23: since August 2022`."""
    comparable_from: date | None = None
    """First day of the formula in force, if there was another before: months of the two are not compared."""

    def text(self, month: date) -> str:
        """Return the printed figure of a month; a dash if there is none."""
        return next((row.figures[0].text for row in self.rows if row.month == month), NOTHING)


def read_histories(
    connection: duckdb.DuckDBPyConnection,
    *,
    force_code: str,
    month: date,
    until: date | None,
    events: Sequence[Event] = (),
) -> list[MeasureHistory]:
    """Read every measure of the catalogue for a force, over the months of a chart.

    The chart and the sentences end with `month`, the tables with `until`, if that is later. The charts mark `events`.
    """
    formulas = formula_changes(read_rules(connection, force_code))
    charts = _chart_months(connection, force_code, month)
    first = min((rows[0]["month_start"] for rows in charts.values()), default=month)
    figures = _figures(connection, force_code, first, until or month, of_all_months=True)
    months = sorted({start for _, start, period in figures if period == "month"})
    measures = read_measures(connection)
    weeks = judged_weeks(connection, force_code)
    cohorts = read_cohorts(connection, force_code=force_code, month=month, measures=measures)
    return [
        _with_events(
            _history(
                measure,
                months,
                month,
                figures,
                charts.get(measure.code, []),
                weekly_chart(measure, weeks.get(measure.code, ())),
                cohorts.get(measure.code),
                formulas.get(measure.code, ()),
            ),
            events,
        )
        for measure in measures
    ]


def _with_events(history: MeasureHistory, events: Sequence[Event]) -> MeasureHistory:
    month, week = (
        chart and marked(chart, history.measure.section, events) for chart in (history.chart, history.weekly_chart)
    )
    return replace(history, chart=month, weekly_chart=week)


def _history(
    measure: Measure,
    months: Sequence[date],
    last: date,
    figures: _Figures,
    charts: Sequence[Mapping[str, Any]],
    weekly_chart: Chart | None,
    cohorts: Cohorts | None,
    formulas: Sequence[FormulaChange],
) -> MeasureHistory:
    signals = {row["month_start"]: row["signal"] for row in charts}
    charted = [month for month in months if month <= last]
    series = _series(measure, charted[-PAPER_MONTHS:], figures, charts, formulas)
    titles = {"month": "Figure"} | {
        period: title
        for period, title in _COMPARED.items()
        if any(
            row and row["value"] is not None for row in (figures.get((measure.code, month, period)) for month in months)
        )
    }
    statement = f"{cohorts.statement if cohorts else ''} {sentences(series)}".strip()
    return MeasureHistory(
        measure,
        _with_weeks(statement, None if series.formula_changed else weekly_chart),
        _chart(measure, series, charts or _unjudged(measure, charted, figures)),
        weekly_chart,
        cohorts,
        tuple(titles.values()),
        tuple(
            _history_row(
                month,
                [figures.get((measure.code, month, period)) for period in titles],
                SIGNAL_WORDS.get(signals.get(month) or "", ""),
            )
            for month in reversed(months)
        ),
        tuple(
            dict.fromkeys(
                f"{titles[period]} of {_financial_year(month)}: {since(row['complete_since'])}"
                for month in reversed(months)
                for period in titles
                if (row := figures.get((measure.code, month, period))) and row["complete_since"]
            )
        ),
        max((item.first_day for item in formulas if item.first_day <= last), default=None),
    )


def _financial_year(month: date) -> str:
    first = month.year if month.month >= 4 else month.year - 1
    return f"{first}/{(first + 1) % 100:02}"


def _unjudged(measure: Measure, months: Sequence[date], figures: _Figures) -> list[dict[str, Any]]:
    """Return months of a measure without limits, as rows of a chart; empty if its months differ in age."""
    if measure.chart_type == "cohort":
        return []
    return [
        row
        | dict.fromkeys(("mean", "lower_limit", "upper_limit", "target", "signal", "variation", "assurance"))
        | {"points": 0}
        for month in months
        if (row := figures.get((measure.code, month, "month")))
    ]


def _statement(series: Series, weeks: Chart | None, *, counts_points: bool) -> Statement:
    measure = series.measure
    # Weeks of two formulas are not compared either.
    words = _with_weeks(sentences(series, counts_points=counts_points), None if series.formula_changed else weeks)
    return Statement(f"{measure.short_label} ({measure.label})", words)


def _with_weeks(statement: str, chart: Chart | None) -> str:
    return f"{statement} {weekly_sentence(chart)}" if chart else statement


def _history_row(month: date, rows: Sequence[Mapping[str, Any] | None], signal: str) -> HistoryRow:
    return HistoryRow(month, tuple(map(_figure, rows)), tuple(map(_remark, rows)), signal)


def _remark(row: Mapping[str, Any] | None) -> str:
    if row is None or row["value"] is None:
        return ""
    incomplete = [f"{display(row['share_of_days_loaded'], 'percent', 1)} of days"] if _is_provisional(row) else []
    return ", ".join([*incomplete, *_quarantined(row)])


def _quarantined(row: Mapping[str, Any] | None) -> list[str]:
    if row is None or not row["is_affected_by_quarantine"]:
        return []
    return [f"{display(row['share_quarantined'], 'percent', 1)} of rows quarantined"]


def _months_before(month: date, number: int) -> date:
    index = month.year * 12 + month.month - 1 - number
    return date(index // 12, index % 12 + 1, 1)


def read_measures(connection: duckdb.DuckDBPyConnection) -> list[Measure]:
    """Read the catalogue: measures of the board paper in its order, then the others by section and name."""
    cursor = connection.execute(
        """
        select
            measures.measure as code, measures.section, measures.section_title, measures.section_order,
            measures.label, measures.short_label, measures.unit, measures.decimals,
            measures.better, measures.definition, measures.numerator, measures.denominator, measures.owner,
            measures.sources, measures.in_board_paper, measures.is_headline, measures.chart_type,
            coalesce(min(definitions.definition), 'target') as target_kind
        from marts.measures as measures
        left join marts.definitions as definitions
            on measures.measure = definitions.applies_to
            and definitions.definition in ('target', 'benchmark')
        group by all
        order by
            min(measures.board_paper_order) nulls last,
            min(measures.section_order),
            measures.section,
            any_value(measures.name)
        """
    )
    return [Measure(**row) for row in rows_as_dicts(cursor)]


_Figures = dict[tuple[str, date, str], dict[str, Any]]


def _figures(
    connection: duckdb.DuckDBPyConnection, force_code: str, first: date, month: date, *, of_all_months: bool = False
) -> _Figures:
    """Read figures: those of the months, and those of all periods for the last month or for every month."""
    cursor = connection.execute(
        """
        select
            periods.*, measures.sources
        from marts.kpi_measure_period as periods
        inner join marts.measures as measures on periods.measure = measures.measure
        where
            periods.force_code = $force_code
            and periods.month_start between $first and $month
            and ($of_all_months or periods.period = 'month' or periods.month_start = $month)
        """,
        {"force_code": force_code, "first": first, "month": month, "of_all_months": of_all_months},
    )
    rows = rows_as_dicts(cursor)
    notes = QuarantineNotes(connection, force_code)
    for row in rows:
        is_noted = row["is_affected_by_quarantine"] and row["value"] is not None
        row["notes"] = (
            [notes.text(row["sources"].split(","), row["first_month"], row["last_month"])] if is_noted else []
        )
    return {(row["measure"], row["month_start"], row["period"]): row for row in rows}


def _note_formulas(
    figures: _Figures,
    month: date,
    formulas: Mapping[str, Sequence[FormulaChange]],
    catalogue: Mapping[str, Measure],
) -> None:
    """Add a note to figures that were computed, wholly or in part, with another formula than that of the month."""
    for (measure, _, _), row in figures.items():
        for change in formulas.get(measure, ()):
            if row["first_month"] < change.first_day <= month and row["value"] is not None:
                row["notes"].append(formula_note(change, catalogue))


def _chart_months(
    connection: duckdb.DuckDBPyConnection, force_code: str, month: date
) -> dict[str, list[dict[str, Any]]]:
    """Read the months of each measure's chart as of the end of a month, oldest first."""
    return rows_by(
        connection,
        "measure",
        """
        select
            charts.*, periods.display_value
        from marts.kpi_measure_spc_as_of as charts
        inner join marts.kpi_measure_period as periods
            on charts.force_code = periods.force_code
            and charts.measure = periods.measure
            and charts.month_start = periods.month_start
            and periods.period = 'month'
        where
            charts.force_code = $force_code
            and charts.as_of_month = $month
        order by charts.measure, charts.month_start
        """,
        {"force_code": force_code, "month": month},
    )


def newest_delivery(
    connection: duckdb.DuckDBPyConnection, measures: str = "true", *, root_number: int | None = None
) -> tuple[date | None, bool]:
    """Return the newest day delivered to measures, and whether any of their deliveries is synthetic.

    Deliveries of printed papers do not count: a paper is typed in weeks after the data that it is compared with.
    `measures` is a condition on the measures, in SQL; with `root_number`, only deliveries to this data root count.
    """
    of_root = "true" if root_number is None else f"{root_in_sql('load_id')} = {root_number:d}"
    row = connection.execute(
        f"""
        select
            max(extract_date),
            coalesce(bool_or(is_synthetic), false)
        from marts.load_audit
        where
            status in ('loaded', 'empty')
            and {of_root}
            and source in (select unnest(string_split(sources, ',')) from marts.measures where {measures})
        """
    ).fetchone()
    return row or (None, False)


def _columns(months: Sequence[date], figures: _Figures) -> tuple[Column, ...]:
    """Return the months, then the comparison periods with a figure of any measure."""
    columns = [Column(f"{month:%Y-%m}", short_month(month), long_month(month)) for month in months]
    for period, title in _COMPARED.items():
        rows = [row for (_, shown, kind), row in figures.items() if kind == period and shown == months[-1]]
        if any(row["value"] is not None for row in rows):
            columns.append(Column(period, title, span(rows[0]["first_month"], rows[0]["last_month"])))
    return tuple(columns)


def _figure(row: Mapping[str, Any] | None, notes: dict[str, int] | None = None) -> Figure:
    """Return a figure; with the notes of a paper, text to number, its note is added to them."""
    if row is None:
        return Figure(NOTHING, None, is_provisional=False)
    reasons = [*([_reason(row)] if _is_provisional(row) else []), *row["notes"]]
    note = notes.setdefault(" ".join(reasons), len(notes) + 1) if notes is not None and reasons else None
    return Figure(row["display_value"] or NOTHING, row["value"], _is_provisional(row), note, row["complete_since"])


def _is_provisional(row: Mapping[str, Any]) -> bool:
    # Days before the first delivery will never come, so a mark for them would never disappear.
    return bool(row["is_provisional"]) and row["complete_since"] is None


def _whole_year(row: Mapping[str, Any] | None) -> Figure:
    """Return a year to date for comparison: provisional if any day is missing, for any reason."""
    return replace(_figure(row), is_provisional=bool(row and row["is_provisional"]))


def _reason(row: Mapping[str, Any]) -> str:
    """Say why a figure is provisional, from the share of it that was delivered."""
    covered = span(row["first_month"], row["last_month"])
    if not row["days_loaded"] and not row["months_delivered"]:
        return f"Nothing was delivered for {covered}."
    share = display(row["share_of_days_loaded"], "percent", 1)
    return f"Provisional: of {covered}, {row['days_loaded']:,} of {row['days']:,} days are delivered ({share})."


def _row(measure: Measure, columns: Sequence[Column], month: date, figures: _Figures, notes: dict[str, int]) -> Row:
    shown = []
    for column in columns:
        period = column.code if column.code in _COMPARED else "month"
        start = month if period != "month" else date.fromisoformat(f"{column.code}-01")
        shown.append(_figure(figures.get((measure.code, start, period)), notes))
    return Row(measure.code, measure.label, measure.unit, measure.decimals, tuple(shown))


def table_of(caption: str, columns: Sequence[Column], rows: Sequence[Row]) -> Table:
    """Return a table that states the start of its years to date once: in the column if all rows agree, else per row."""
    starts = [
        {row.figures[index].since for row in rows if row.figures[index].value is not None}
        for index in range(len(columns))
    ]
    shared = [next(iter(days)) if len(days) == 1 else None for days in starts]
    return Table(
        caption,
        tuple(
            replace(column, since=since(day)) if day else column for column, day in zip(columns, shared, strict=True)
        ),
        tuple(
            replace(
                row,
                remark="; ".join(
                    f"{column.title.lower()} {since(figure.since)}"
                    for column, figure, day in zip(columns, row.figures, shared, strict=True)
                    if figure.since and not day
                ),
            )
            for row in rows
        ),
    )


def _series(
    measure: Measure,
    months: Sequence[date],
    figures: _Figures,
    charts: Sequence[Mapping[str, Any]],
    formulas: Sequence[FormulaChange],
) -> Series:
    judged = {row["month_start"]: row for row in charts}
    last = judged.get(months[-1], {})
    first = min((*judged, months[0]))
    changed = max((item.first_day for item in formulas if first < item.first_day <= months[-1]), default=None)
    rows = {month: figures.get((measure.code, month, "month")) for month in months}
    whole = {
        month: row for month, row in rows.items() if row and row["value"] is not None and not row["is_provisional"]
    }
    return Series(
        measure=measure,
        months=tuple(
            Month(
                month=month,
                value=row["value"],
                text=row["display_value"],
                per_day=row["mean_per_day"],
                **{name: judged.get(month, {}).get(name) for name in ("target", "signal", "variation")},
            )
            for month, row in whole.items()
            if changed is None or month >= changed
        ),
        left_out=tuple(month for month in months if month not in whole),
        points=last.get("points") or 0,
        **{name: last.get(name) for name in ("baseline_start", "lower_limit", "upper_limit", "variation", "assurance")},
        formula_changed=changed,
        year_to_date=_whole_year(figures.get((measure.code, months[-1], "fytd"))),
        year_to_date_before=_whole_year(figures.get((measure.code, months[-1], "prev_fytd"))),
    )


def _standing(
    measure: Measure,
    month: date,
    figures: _Figures,
    charts: Sequence[Mapping[str, Any]],
    formulas: Sequence[FormulaChange],
    notes: dict[str, int],
) -> headlines.Standing:
    """Return a headline measure with what its figure is compared with: complete months only."""
    row = figures.get((measure.code, month, "month"))
    figure = _figure(row, notes)
    incomplete = (
        [f"Provisional: {counted_days(row['days_loaded'], row['days'])}"] if row and figure.is_provisional else []
    )
    last = charts[-1] if charts and charts[-1]["month_start"] == month else {}
    return headlines.Standing(
        measure=measure,
        month=month,
        figure=figure,
        # Months of different ages cannot be compared.
        now=None if measure.chart_type == "cohort" else _reading(row),
        month_before=_reading(figures.get((measure.code, _months_before(month, 1), "month"))),
        year_before=_reading(figures.get((measure.code, month, "same_month_last_year"))),
        formula_changes=tuple(item.first_day for item in formulas),
        points=_points(charts),
        remark="; ".join([*incomplete, *_quarantined(row)]),
        **{
            name: last.get(name)
            for name in ("target", "signal", "variation", "assurance", "mean", "lower_limit", "upper_limit")
        },
    )


def _reading(row: Mapping[str, Any] | None) -> headlines.Reading | None:
    if row is None or row["value"] is None or row["is_provisional"]:
        return None
    return headlines.Reading(row["first_month"], row["value"], row["display_value"], row["mean_per_day"])


def _points(charts: Sequence[Mapping[str, Any]]) -> tuple[Point, ...]:
    return tuple(
        Point(
            row["month_start"],
            row["value"],
            row["display_value"],
            bool(row["is_provisional"]),
            row["signal"],
            is_after_gap=before is not None and before["value"] is None,
        )
        for before, row in pairwise((None, *charts))
        if row is not None and row["value"] is not None
    )


def _chart(measure: Measure, series: Series, charts: Sequence[Mapping[str, Any]]) -> Chart | None:
    """Return the chart of a measure; None if it has no figures."""
    points = _points(charts)
    if not points:
        return None
    last = charts[-1]
    label, verdict = target_label(measure, last["target"]), finding(series)
    # A month with missing days would be the lowest of any sum.
    complete = [point for point in points if not point.is_provisional] or points
    provisional = [long_month(point.month) for point in points if point.is_provisional]
    low, high = (pick(complete, key=lambda point: point.value) for pick in (min, max))
    baseline = last.get("baseline_start")
    limits_from = baseline if baseline and baseline > points[0].month else None
    limits = (
        " Mean {}, limits {} to {}{}.".format(
            *(display(last[name], measure.unit, measure.decimals) for name in ("mean", "lower_limit", "upper_limit")),
            f", from {long_month(limits_from)} on" if limits_from else "",
        )
        if last["upper_limit"] is not None
        else ""
    )
    return Chart(
        measure=measure.code,
        title=measure.short_label,
        finding=verdict,
        alternative=(
            f"{measure.section_title}, {measure.label} by month, {span(points[0].month, points[-1].month)}: "
            f"lowest {low.text} in {long_month(low.month)}, highest {high.text} in {long_month(high.month)}.{limits}"
            f"{f' Provisional and drawn hollow: {listed(provisional)}.' if provisional else ''}"
            f"{f' The {label} is drawn.' if label else ''} {verdict}."
        ),
        unit=measure.unit,
        points=points,
        mean=last["mean"],
        lower_limit=last["lower_limit"],
        upper_limit=last["upper_limit"],
        target=last["target"],
        target_label=label,
        is_trial=series.points < POINTS_NEEDED,
        limits_from=limits_from,
    )
