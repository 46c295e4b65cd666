"""The figures of the newest paper with their days and files, for the pages of measures (`tracing/`)."""

from collections.abc import Mapping
from datetime import date

import duckdb

from dagster_project.publication.paths import address_of
from dagster_project.publication.report.model import PAPER_MONTHS, months_before
from dagster_project.sql import query_rows
from dagster_project.tracing.model import Row, Trace
from dagster_project.tracing.read import read_figures, trace_figures


def read_traces(connection: duckdb.DuckDBPyConnection, months: Mapping[str, date]) -> dict[str, dict[str, list[Trace]]]:
    """Return what the figures of board papers, headline measures included, were counted from.

    Args:
        connection: the warehouse, as built.
        months: the last month of the paper by force, by its first day.

    Returns:
        Months by force and measure, newest first; without months that have no figure.
    """
    figures = [figure for force, until in months.items() for figure in _figures(connection, force, until)]
    traces: dict[str, dict[str, list[Trace]]] = {force: {} for force in months}
    for trace in trace_figures(connection, figures):
        traces[trace.figure["force_code"]].setdefault(trace.figure["measure"], []).append(trace)
    return traces


def trace_address(force_code: str, measure: str) -> str:
    """Return the address of the page of a measure's traces."""
    return address_of("measures", force_code, f"{measure}.trace.html")


def _figures(connection: duckdb.DuckDBPyConnection, force_code: str, until: date) -> list[Row]:
    codes = query_rows(connection, "from marts.measures where in_board_paper or is_headline")
    first = months_before(until, PAPER_MONTHS - 1)
    figures = read_figures(connection, force_code, [row["measure"] for row in codes], first, until)
    return [figure for figure in figures if figure["is_delivered"] and figure["is_additive"]]
