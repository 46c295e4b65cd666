"""The figures of the newest paper with their days and files, for the pages of measures (`tracing/`)."""

from datetime import date

import duckdb

from dagster_project.publication.paths import address_of
from dagster_project.publication.report.model import PAPER_MONTHS, months_before
from dagster_project.sql import query_rows
from dagster_project.tracing.model import Row, Trace
from dagster_project.tracing.read import read_figures, trace_figures


def read_traces(connection: duckdb.DuckDBPyConnection, force_code: str, until: date) -> dict[str, list[Trace]]:
    """Return what the figures of a force's board paper, its headline measures included, were counted from.

    Args:
        connection: the warehouse, as built.
        force_code: the force.
        until: last month of the paper, by its first day.

    Returns:
        Months by measure, newest first; without months that have no figure.
    """
    traces: dict[str, list[Trace]] = {}
    for trace in trace_figures(connection, _figures(connection, force_code, until)):
        traces.setdefault(trace.figure["measure"], []).append(trace)
    return traces


def trace_address(force_code: str, measure: str) -> str:
    """Return the address of the page of a measure's traces."""
    return address_of("measures", force_code, f"{measure}.trace.html")


def _figures(connection: duckdb.DuckDBPyConnection, force_code: str, until: date) -> list[Row]:
    codes = query_rows(connection, "from marts.measures where in_board_paper or is_headline")
    first = months_before(until, PAPER_MONTHS - 1)
    figures = read_figures(connection, force_code, [row["measure"] for row in codes], first, until)
    return [figure for figure in figures if figure["is_delivered"] and figure["is_additive"]]
