"""Make a board paper from the rows of its force. Texts and values are from the marts; this selects and orders them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from dagster_project.errors import OperatorError
from dagster_project.publication.report.chart_rules import (
    chart_of,
    judged_months,
    points_of,
    weekly_chart,
    with_weeks,
)
from dagster_project.publication.report.commentary import Commentary, Names, front_lines
from dagster_project.publication.report.definitions import definitions
from dagster_project.publication.report.figures import PaperFigures, columns_of, row_of, table_of
from dagster_project.publication.report.headlines import exceptions, headline, matrix, no_exceptions, points_note
from dagster_project.publication.report.model import (
    Block,
    Event,
    MainPoint,
    Measure,
    Report,
    Section,
    Statement,
    long_month,
    months_before,
    span,
)
from dagster_project.publication.report.page_one import main_points_by_month
from dagster_project.publication.report.published_answering import CODE as COMPARED
from dagster_project.publication.report.published_answering import TITLE as COMPARED_TITLE
from dagster_project.publication.report.published_answering import how_we_compare, published_headline
from dagster_project.publication.report.queries import ForceRows
from dagster_project.publication.report.revisions import revisions
from dagster_project.publication.report.sentences import sentences, series_of


class ReportError(OperatorError, ValueError):
    """The paper cannot be made; the message says what exists and what to request."""


def report_of(
    force: ForceRows,
    *,
    month: date,
    length: int,
    commentary: Commentary | None,
    events: Sequence[Event] = (),
    publication: str = "",
    main_points: Mapping[date, tuple[MainPoint, ...]] | None = None,
) -> Report:
    """Return the board paper of a force.

    Args:
        force: what the marts have of the force.
        month: last month shown, by its first day.
        length: number of months shown, at least 1.
        commentary: what the analyst wrote on the month.
        events: what the charts mark, if it is within their months or weeks.
        publication: name of the publication that the paper is for.
        main_points: those of all months of the force (`main_points_by_month`), if they have been made.

    Raises:
        ReportError: the marts have no figure for that force and month.
    """
    words = commentary or Commentary()
    first = months_before(month, length - 1)
    months = sorted({day for _, day, period in force.figures if period == "month" and first <= day <= month})
    if month not in months:
        exists = f"has {span(force.months[0].month, force.months[-1].month)}" if force.months else "is not known"
        code = force.force_code
        raise ReportError(f"no paper for {code} and {long_month(month)}: {code} {exists}. See: fcir status")
    judged = {item.code: judged_months(force, item.code, month) for item in force.catalogue}
    figures = PaperFigures(force, month)
    sections = [
        _section(figures, code, title, months, words.blocks.get(code, ()), events)
        for code, title in sections_of(force.measures).items()
    ]
    above, on_comparison = (words.blocks.get(place, ()) for place in ("", COMPARED))
    compared = how_we_compare(force.published, months)
    if compared:
        sections.append(replace(compared, commentary=on_comparison))
    else:
        # The section has no published figures, so it is not shown; what was written for it is.
        above += on_comparison
    headlines = [
        headline(
            item, figures, judged[item.code], points_of(judged[item.code], force.formulas.get(item.code, ()), item)
        )
        for item in force.headlines
    ]
    points = (main_points_by_month(force) if main_points is None else main_points).get(month, ())
    labels = {item.code: item.short_label for item in force.catalogue}
    found = exceptions(force.headlines, month, judged, words.explanations, labels) if commentary else ()
    changed, revisions_note = revisions(force.revisions, months, force.measures)
    missing = [row["source"] for row in force.missing.get(month, ())]
    return Report(
        force_code=force.force_code,
        force_name=force.force_name,
        months=tuple(months),
        data_until=force.data_until,
        is_synthetic=force.is_synthetic,
        main_points=points,
        points_note=points_note(headlines, month, judged, missing, is_quiet=not points),
        matrix=matrix(headlines, month, published_headline(force.published, months)),
        exceptions=found,
        no_exceptions=no_exceptions(force.headlines, month, judged) if commentary and not found else "",
        commentary=above,
        sections=tuple(sections),
        notes=tuple(figures.numbers),
        definitions=definitions(force.catalogue, force.rules, month),
        front=front_lines(words.front) if commentary else (),
        marking=words.front.get("marking", ""),
        revisions=changed,
        revisions_note=revisions_note,
        publication=publication,
        unfinished=next((item.unfinished for item in force.months if item.month == month), ""),
    )


def sections_of(measures: Sequence[Measure]) -> dict[str, str]:
    """Return the sections of measures in the order of the paper: code to title."""
    ordered = sorted(measures, key=lambda item: (item.section_order, item.section))
    return {item.section: item.section_title for item in ordered}


def paper_names(force: ForceRows) -> Names:
    """Return what the headings of a commentary may name."""
    measures = {
        item.code: (item.short_label, f"{item.section_title}: {item.label}")
        for item in sorted(force.catalogue, key=lambda item: not item.is_headline)
    }
    return Names(sections_of(force.measures) | {COMPARED: COMPARED_TITLE}, measures)


def _section(
    figures: PaperFigures,
    code: str,
    title: str,
    months: Sequence[date],
    commentary: tuple[Block, ...],
    events: Sequence[Event],
) -> Section:
    """Return a section of the paper: statements on its headline measures, their table, charts by month and week."""
    force, month = figures.force, figures.month
    columns = columns_of(months, force)
    rows, statements, charts, weekly = [], [], [], []
    for measure in (item for item in force.measures if item.section == code):
        rows.append(row_of(measure, columns, figures))
        formulas, judged = force.formulas.get(measure.code, ()), judged_months(force, measure.code, month)
        series, weeks = series_of(force, measure, months, judged), None
        if chart := chart_of(series, judged, formulas, events):
            charts.append(chart)
        if measure.is_headline and measure.unit == "percent":
            weeks = weekly_chart(measure, force.weeks.get(measure.code, ()), month, formulas, events)
            weekly += [weeks] if weeks else []
        if measure.is_headline:
            # Weeks of two formulas are not compared either.
            text = with_weeks(sentences(series), None if series.formula_changed else weeks)
            statements.append(Statement(f"{measure.short_label} ({measure.label})", text))
    table = table_of(f"{title}, {span(months[0], months[-1])}", columns, rows)
    return Section(code, title, tuple(statements), commentary, table, tuple(charts), tuple(weekly))
