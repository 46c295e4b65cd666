"""Add the pages of the measures to the site. Content of the other pages: `pages.py`; layout: the templates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import duckdb

from dagster_project.publication.papers import Paper
from dagster_project.publication.paths import address_of
from dagster_project.publication.report.display import in_full
from dagster_project.publication.report.histories import MeasureHistory
from dagster_project.publication.report.model import Measure, months_before, since
from dagster_project.publication.report.queries import ForceRows
from dagster_project.publication.site import data
from dagster_project.publication.site.frame import Site
from dagster_project.publication.site.traces import read_traces, trace_address
from dagster_project.publication.site.worst_month import worst_months
from dagster_project.publication.tables import HISTORY_COLUMNS, csv_of
from dagster_project.tracing.model import Trace


@dataclass(frozen=True)
class Force:
    """A force with figures."""

    code: str
    name: str
    month: date
    """The month that is shown first."""
    rows: ForceRows
    histories: Sequence[MeasureHistory]
    addresses: Mapping[str, str]
    """The page of each measure, by its code."""


def measure_addresses(force_code: str, histories: Sequence[MeasureHistory]) -> dict[str, str]:
    """Return the page of each measure of a force, by its code.

    The values of a breakdown, such as the types of digital contact, share one page.
    """
    measures = [history.measure for history in histories]
    names = {item.code: f"{item.section}.{item.breakdown}" if item.breakdown else item.code for item in measures}
    return {code: address_of("measures", force_code, f"{name}.html") for code, name in names.items()}


def write_measures(
    site: Site, connection: duckdb.DuckDBPyConnection, forces: Sequence[Force], papers: Sequence[Paper]
) -> None:
    """Add the list of measures, and for each measure of each force its page, its CSV and its days and deliveries.

    Args:
        site: the site.
        connection: the warehouse.
        forces: the forces with their measures, the one shown first first.
        papers: the papers of the publication.
    """
    targets, synonyms = data.targets(connection), data.synonyms(connection)
    traces = read_traces(connection, {force.code: force.month for force in forces})
    for force in forces:
        revisions = data.revisions(connection, force.code)
        worst = worst_months(connection, force.code, force.histories, papers)
        of_force = f", {force.name}" if len(forces) > 1 else ""
        # The search shows equal hits in this order.
        histories = sorted(force.histories, key=lambda history: not history.measure.is_headline)
        for history in histories:
            measure = history.measure
            title = f"{measure.section_title}: {measure.label}{of_force}"
            words = f"{measure.code} {measure.definition}"
            anchor = measure.code if measure.breakdown else ""
            address = force.addresses[measure.code]
            site.find(address, title, "measure", words, anchor=anchor, synonyms=synonyms.get(measure.code))
        for address, of_address in _by_address(histories, force).items():
            if of_address[0].measure.breakdown:
                _write_breakdown(site, address, force, of_address)
                continue
            [history] = of_address
            measure = history.measure
            csv = address_of("measures", force.code, f"{measure.code}.csv")
            traced = traces[force.code].get(measure.code, [])
            charts = {"month": history.chart, "week": history.weekly_chart}
            site.write(
                address,
                "measure.html.j2",
                here="measures/index.html",
                charts={name: chart for name, chart in charts.items() if chart},
                force_code=force.code,
                force_name=force.name,
                title=measure.section_title,
                history=history,
                page_name=f"{force.code}.{measure.code}",
                csv=csv,
                counted=_counted(measure, force.histories),
                worst=worst.get(measure.code),
                traced=frozenset(trace.figure["month_start"] for trace in traced),
                targets=[row for row in targets.get(measure.code, []) if row["force_code"] in ("*", force.code)],
                revisions=revisions.get(measure.code, []),
            )
            site.add(csv, history_csv, force.code, [history])
            if traced:
                _write_traces(site, force, measure, traced, of_force)
    site.write("measures/index.html", "measures.html.j2", forces=[_listed(force) for force in forces])


def _by_address(histories: Sequence[MeasureHistory], force: Force) -> dict[str, list[MeasureHistory]]:
    """Return measures by their page, which those of a breakdown share."""
    pages: dict[str, list[MeasureHistory]] = {}
    for history in histories:
        pages.setdefault(force.addresses[history.measure.code], []).append(history)
    return pages


def _listed(force: Force) -> tuple[str, dict[str, date], list[tuple[str, list[MeasureHistory]]], Mapping[str, str]]:
    """Return what the list of measures shows of a force: name, months by column, measures by section, and addresses."""
    columns = {"figure": force.month, "before": months_before(force.month, 1), "year": months_before(force.month, 12)}
    in_order = sorted(force.histories, key=lambda item: (item.measure.section_order, item.measure.section))
    sections = groupby(in_order, key=lambda history: history.measure.section_title)
    return force.name, columns, [(title, list(histories)) for title, histories in sections], force.addresses


def _write_breakdown(site: Site, address: str, force: Force, histories: Sequence[MeasureHistory]) -> None:
    """Write the page of a breakdown: its measures beside each other, by month, and their definitions."""
    csv = f"{address.removesuffix('.html')}.csv"
    months = dict.fromkeys(row.month for history in histories for row in history.rows)
    site.write(
        address,
        "breakdown.html.j2",
        here="measures/index.html",
        force_name=force.name,
        title=f"{histories[0].measure.section_title} by {histories[0].measure.breakdown.replace('_', ' ')}",
        measures=[history.measure for history in histories],
        rows=[(month, [history.figure(month) for history in histories]) for month in sorted(months, reverse=True)],
        csv=csv,
    )
    site.add(csv, history_csv, force.code, histories)


def _write_traces(site: Site, force: Force, measure: Measure, traces: Sequence[Trace], of_force: str) -> None:
    """Write the page of a measure with the days and deliveries of its months, and what the search finds it by."""
    address, here = trace_address(force.code, measure.code), "measures/index.html"
    site.write(address, "trace.html.j2", here=here, force_name=force.name, measure=measure, traces=traces)
    # A reader who has only a printed figure searches for it.
    figures = " ".join(f"{trace.figure['display_value']} {trace.figure['month_start']:%Y-%m}" for trace in traces)
    title = f"Days and deliveries: {measure.section_title}, {measure.label}"
    site.find(address, f"{title}{of_force}", "where its figures come from", f"trace rows {figures}")


def _counted(measure: Measure, histories: Sequence[MeasureHistory]) -> dict[str, str]:
    """Return the definitions of what a ratio is made of, by its words for them; of a count nothing."""
    if not measure.denominator:
        return {}
    words = (measure.numerator, measure.denominator)
    others = [history.measure for history in histories if history.measure.section == measure.section]
    return {
        other.numerator: other.definition
        for other in others
        if other.numerator and other.numerator in words and not other.denominator
    }


def history_csv(force_code: str, histories: Sequence[MeasureHistory]) -> str:
    """Return the months of measures as CSV, one row per figure."""
    return csv_of(
        HISTORY_COLUMNS,
        (
            (
                force_code,
                history.measure.code,
                f"{row.month:%Y-%m}",
                "Month" if title == "Figure" else title,
                in_full(figure.value),
                figure.text,
                str(figure.is_provisional).lower(),
                ", ".join(filter(None, (since(figure.since) if figure.since else "", remark))),
            )
            for history in histories
            for row in history.rows
            for title, figure, remark in zip(history.columns, row.figures, row.remarks, strict=True)
        ),
    )
