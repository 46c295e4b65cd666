"""Read a board paper from the marts. Texts and values are from the marts; this module selects and orders them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import duckdb

from dagster_project.errors import OperatorError
from dagster_project.publication.report.commentary import Commentary, front_lines
from dagster_project.publication.report.definitions import FormulaChange, definitions, formula_changes, read_rules
from dagster_project.publication.report.display import shortened
from dagster_project.publication.report.events import marked
from dagster_project.publication.report.figures import (
    columns_of,
    months_before,
    note_formulas,
    read_figures,
    row_of,
    table_of,
)
from dagster_project.publication.report.headlines import exceptions, headline, matrix, no_exceptions, points_note
from dagster_project.publication.report.how_we_compare import CODE as COMPARED
from dagster_project.publication.report.how_we_compare import how_we_compare, published_share
from dagster_project.publication.report.measures import paper_sections, read_measures
from dagster_project.publication.report.model import (
    Block,
    Chart,
    Event,
    MainPoint,
    Measure,
    Report,
    Section,
    Statement,
    Table,
    long_month,
    span,
)
from dagster_project.publication.report.months import missing_sources, newest_delivery, paper_months
from dagster_project.publication.report.page_one import read_main_points
from dagster_project.publication.report.revisions import read_revisions
from dagster_project.publication.report.sentences import Series, sentences
from dagster_project.publication.report.verdicts import chart_of, judged_months, points_of, series_of
from dagster_project.publication.report.weekly import weekly_chart, weeks_until, with_weeks


class ReportError(OperatorError, ValueError):
    """The paper cannot be made; the message says what exists and what to request."""


def read_report(
    connection: duckdb.DuckDBPyConnection,
    *,
    force_code: str,
    month: date,
    length: int,
    commentary: Commentary | None,
    events: Sequence[Event] = (),
    publication: str = "",
    main_points: Mapping[date, tuple[MainPoint, ...]] | None = None,
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
        main_points: those of all months of the force (`read_main_points`), if they have been read.

    Raises:
        ReportError: the marts have no figure for that force and month.
    """
    first = months_before(month, length - 1)
    words = commentary or Commentary()
    catalogue = read_measures(connection)
    measures = [item for item in catalogue if item.in_board_paper or item.is_headline]
    rules = read_rules(connection, force_code)
    formulas = formula_changes(rules)
    figures = read_figures(connection, force_code, first, month)
    note_formulas(figures, month, formulas, {item.code: item for item in catalogue})
    months = sorted({start for _, start, period in figures if period == "month"})
    known = paper_months(connection).get(force_code, [])
    if month not in months:
        exists = f"has {span(known[0].month, known[-1].month)}" if known else "is not known"
        raise ReportError(f"no paper for {force_code} and {long_month(month)}: {force_code} {exists}. See: fcir status")
    judged = judged_months(connection, force_code, month)
    weekly = _weekly_charts(connection, force_code, month, measures, events, formulas)
    notes: dict[str, int] = {}
    series = {
        item.code: series_of(item, months, figures, judged.get(item.code, []), formulas.get(item.code, ()))
        for item in measures
    }
    columns = columns_of(months, figures)
    sections = []
    for code, title in paper_sections(connection).items():
        own = [item for item in measures if item.section == code]
        table = table_of(
            f"{title}, {span(months[0], months[-1])}",
            columns,
            [row_of(item, columns, month, figures, notes) for item in own],
        )
        shown = [series[item.code] for item in own]
        written = words.blocks.get(code, ())
        sections.append(_section(code, title, shown, table, judged, weekly, written, events, formulas))
    above, on_comparison = (words.blocks.get(place, ()) for place in ("", COMPARED))
    compared = how_we_compare(connection, force_code, months)
    if compared:
        sections.append(replace(compared, commentary=on_comparison))
    else:
        # The section has no published figures, so it is not shown; what was written for it is.
        above += on_comparison
    first_page = headline_measures(catalogue)
    headlines = [
        headline(
            item,
            month,
            figures,
            judged.get(item.code, []),
            points_of(judged.get(item.code, []), formulas.get(item.code, ())),
            notes,
        )
        for item in first_page
    ]
    if main_points is None:
        main_points = read_main_points(connection, force_code, first_page, formulas)
    points = main_points.get(month, ())
    labels = {item.code: item.short_label for item in catalogue}
    found = exceptions(first_page, month, judged, words.explanations, labels) if commentary else ()
    revisions, revisions_note = read_revisions(connection, force_code, months, measures)
    name = connection.execute("select force_name from marts.dim_force where force_code = ?", [force_code]).fetchone()
    until, is_synthetic = newest_delivery(connection, "in_board_paper")
    return Report(
        force_code=force_code,
        force_name=shortened(name[0] if name and name[0] else force_code),
        months=tuple(months),
        data_until=until,
        is_synthetic=is_synthetic,
        main_points=points,
        points_note=points_note(
            headlines, month, judged, missing_sources(connection, force_code, month), is_quiet=not points
        ),
        matrix=matrix(headlines, month, published_share(compared)),
        exceptions=found,
        no_exceptions=no_exceptions(first_page, month, judged) if commentary and not found else "",
        commentary=above,
        sections=tuple(sections),
        notes=tuple(notes),
        definitions=definitions(catalogue, rules, month),
        front=front_lines(words.front) if commentary else (),
        marking=words.front.get("marking", ""),
        revisions=revisions,
        revisions_note=revisions_note,
        publication=publication,
        unfinished=next((item.unfinished for item in known if item.month == month), ""),
    )


def headline_measures(catalogue: Sequence[Measure]) -> list[Measure]:
    """Return the measures of the first page, in its order."""
    return sorted((item for item in catalogue if item.is_headline), key=lambda item: item.headline_order or 0)


def _weekly_charts(
    connection: duckdb.DuckDBPyConnection,
    force_code: str,
    month: date,
    measures: Sequence[Measure],
    events: Sequence[Event],
    formulas: Mapping[str, Sequence[FormulaChange]],
) -> dict[str, Chart]:
    """Return the weekly charts of headline measures that are shares, by measure."""
    weeks = weeks_until(connection, force_code, month)
    return {
        item.code: marked(chart, item.section, events)
        for item in measures
        if item.is_headline
        and item.unit == "percent"
        and (chart := weekly_chart(item, weeks.get(item.code, ()), formulas.get(item.code, ())))
    }


def _section(
    code: str,
    title: str,
    measures: Sequence[Series],
    table: Table,
    judged: Mapping[str, Sequence[Mapping[str, Any]]],
    weekly: Mapping[str, Chart],
    commentary: tuple[Block, ...],
    events: Sequence[Event],
    formulas: Mapping[str, Sequence[FormulaChange]],
) -> Section:
    """Return a section of the paper: statements on its headline measures, their table, charts by month and week."""
    return Section(
        code,
        title,
        tuple(_statement(series, weekly.get(series.measure.code)) for series in measures if series.measure.is_headline),
        commentary,
        table,
        tuple(
            marked(chart, code, events)
            for series in measures
            if (chart := chart_of(series, judged.get(series.measure.code, []), formulas.get(series.measure.code, ())))
        ),
        tuple(weekly[series.measure.code] for series in measures if series.measure.code in weekly),
    )


def _statement(series: Series, weeks: Chart | None) -> Statement:
    measure = series.measure
    # Weeks of two formulas are not compared either.
    words = with_weeks(sentences(series), None if series.formula_changed else weeks)
    return Statement(f"{measure.short_label} ({measure.label})", words)
