"""Read what figures were counted from: many figures at once for the site, one with its rows for `fcir trace`."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb

from dagster_project.errors import UsageError
from dagster_project.publication.files import DATABASE, pointer_of
from dagster_project.settings import Settings
from dagster_project.sql import named_queries, query_rows
from dagster_project.tracing.model import Part, Row, Trace
from dagster_project.transformation.build import is_current
from dagster_project.warehouse.connection import reading_connection
from dagster_project.warehouse.state import reading_audit
from dagster_project.words import in_shell, printable

# Measures that a message names.
_MOST_CANDIDATES = 6


def read_figures(
    connection: duckdb.DuckDBPyConnection, force_code: str, measures: Sequence[str], first: date, last: date
) -> list[Row]:
    """Return the figures of measures from a first to a last month, each given by its first day; newest first."""
    span = {"force_code": force_code, "measures": measures, "first_month": first, "last_month": last}
    return _rows(connection, "figures", span)


def trace_figures(
    connection: duckdb.DuckDBPyConnection, figures: Sequence[Row], *, has_whole_names: bool = False
) -> list[Trace]:
    """Return figures with their parts and files; one set of queries reads all of them.

    Args:
        connection: the warehouse, as built.
        figures: what `read_figures` returned.
        has_whole_names: name files as they were delivered. Published names are shorter: a name may be about people.
    """
    if not figures:
        return []
    formulas = sorted({figure["formula_measure"] for figure in figures})
    weights = _rows(connection, "weights", {"formulas": formulas})
    values = _span(figures) | {"parts": sorted({row["part"] for row in weights}), "has_whole_names": has_whole_names}
    days = _by(_rows(connection, "days", values), "measure")
    sums = {
        (row["force_code"], row["part"], row["month_start"]): row["amount"] for row in _rows(connection, "sums", values)
    }
    files_of = _by(_rows(connection, "events files", values), "part")
    traces = []
    for figure in figures:
        parts = []
        for row in weights:
            if row["measure"] == figure["formula_measure"]:
                key = figure["force_code"], row["part"], figure["month_start"]
                parts.append(Part(row["part"], row["weights"], sums.get(key, Decimal(0)), files_of[key]))
        traces.append(Trace(figure, parts, days[figure["force_code"], figure["measure"], figure["month_start"]]))
    return traces


def trace_figure(settings: Settings, measure: str, month: date, *, force: str | None, with_rows: bool) -> Trace:
    """Read the trace of a figure from the private warehouse. Changes nothing and reads no personal values.

    Args:
        settings: the data root.
        measure: code or printed name of a measure, or words that only one has.
        month: its first day.
        force: code of the force; by default the only one, or FCIR_FORCE if there are several.
        with_rows: read every row.

    Returns:
        The trace; its `faults` show whether it adds up.

    Raises:
        UsageError: the measure, month or force does not exist, or nothing has been built.
        WarehouseLocked: a run holds the warehouse.
    """
    with reading_audit(settings.warehouse, settings.lock_file) as connection:
        if connection is None:
            raise UsageError("nothing is loaded yet, so there is no figure to trace. Run: fcir run")
        try:
            option = f" --force {force}" if force else ""
            code = _measure(connection, measure, f" {month:%Y-%m}{option}")
            figure = _figure(connection, code, month, _force(connection, settings, force))
            return _trace(connection, settings, figure, with_rows=with_rows)
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            # A table or column does not exist: a run was killed before its build, or the project is newer.
            raise UsageError(
                "the warehouse is not built, or was by an earlier version, so no figure can be traced. Run: fcir run"
            ) from error


def _trace(connection: duckdb.DuckDBPyConnection, settings: Settings, figure: Row, *, with_rows: bool) -> Trace:
    [trace] = trace_figures(connection, [figure], has_whole_names=True)
    values = _span([figure]) | {
        "parts": [part.part for part in trace.parts],
        "loads": [file["load_id"] for part in trace.parts for file in part.files],
    }
    rows_of = {(row["part"], row["load_id"]): row["source_rows"] for row in _rows(connection, "events ranges", values)}
    for part in trace.parts:
        for file in part.files:
            file["source_rows"] = rows_of.get((part.part, file["load_id"]), f"purged {file['purged_at']}")
    return replace(
        trace,
        published=_published(settings, figure),
        is_current=is_current(connection, settings),
        missing_days=_rows(connection, "missing_days", values),
        quarantined=_rows(connection, "quarantined", values),
        rows=_rows(connection, "events rows", values) if with_rows else (),
    )


def _measure(connection: duckdb.DuckDBPyConnection, text: str, rest: str) -> str:
    """Return the only measure that a text finds; `rest` is what follows it in the command."""
    # Imported here: a run draws traces, and looks for no measure by its words.
    from dagster_project.publication.catalogue import find_measures

    found = find_measures(connection, text)
    if len(found) > 1:
        commands = "; ".join(f"fcir trace {code}{rest}" for code in found[:_MOST_CANDIDATES])
        more = f"; all {len(found)}: fcir measures {in_shell(text)}" if len(found) > _MOST_CANDIDATES else ""
        raise UsageError(f"{printable(text)} is not one measure. Trace one of them: {commands}{more}")
    return found[0]


def _force(connection: duckdb.DuckDBPyConnection, settings: Settings, wanted: str | None) -> str:
    forces = connection.execute("select distinct force_code from measures.int_measure_monthly order by 1").fetchall()
    known = [force for (force,) in forces]
    if wanted is None and len(known) == 1:
        return known[0]
    # The same default as for papers and the first page of the site.
    chosen, names = settings.force if wanted is None else wanted, ", ".join(known) or "none is loaded"
    if chosen not in known:
        raise UsageError(f"no figures of force {printable(chosen)}; name one with --force: {names}")
    return chosen


def _figure(connection: duckdb.DuckDBPyConnection, measure: str, month: date, force_code: str) -> Row:
    months = {row["month_start"]: row for row in read_figures(connection, force_code, [measure], date.min, date.max)}
    if month not in months:
        span = f"there are {min(months):%Y-%m} to {max(months):%Y-%m}" if months else "there are no months"
        raise UsageError(f"{measure} of {force_code} has no month {month:%Y-%m}; {span}")
    return months[month]


def _published(settings: Settings, figure: Row) -> Row | None:
    pointer = pointer_of(settings.published)
    if not pointer.exists():
        return None
    folder = pointer.resolve()
    with reading_connection(folder / DATABASE) as connection:
        [row] = _rows(connection, "published", _span([figure])) or [{"value": None, "display_value": None}]
    return {"run_id": folder.name, **row, "has_moved_on": row["value"] != figure["value"]}


def _by(rows: Iterable[Row], name: str) -> Mapping[tuple[str, str, date], list[Row]]:
    """Return rows by force, one of their columns and month, without these."""
    groups = defaultdict(list)
    for row in rows:
        groups[row.pop("force_code"), row.pop(name), row.pop("month_start")].append(row)
    return groups


def _span(figures: Sequence[Row]) -> dict[str, Any]:
    """Return the parameters of the queries for figures; `force_code` is for those of a single figure."""
    months = [figure["month_start"] for figure in figures]
    forces, measures = (sorted({figure[name] for figure in figures}) for name in ("force_code", "measure"))
    span = {"forces": forces, "measures": measures}
    return span | {"force_code": figures[0]["force_code"], "first_month": min(months), "last_month": max(months)}


def _rows(connection: duckdb.DuckDBPyConnection, names: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the query that queries of `queries.sql`, one after the other, make up."""
    queries = named_queries(__package__, "queries.sql")
    return query_rows(connection, "\n".join(queries[name] for name in names.split()), values)
