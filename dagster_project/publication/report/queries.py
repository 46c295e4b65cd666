"""Read what the papers and pages of a force need from the marts, by the queries of `queries/`: all months at once.

Everything that is made of a paper follows from these rows; no other module of this package has a connection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import duckdb

from dagster_project.publication.report.definitions import FormulaChange, Rule, formula_changes
from dagster_project.publication.report.display import shortened
from dagster_project.publication.report.model import Measure, PaperMonth
from dagster_project.publication.report.names import with_own_seconds
from dagster_project.sql import grouped, query_rows, scalar

Row = Mapping[str, Any]
Figures = Mapping[tuple[str, date, str], Row]
"""Rows of `kpi_measure_period` by measure, month and period."""


@dataclass(frozen=True)
class ForceRows:
    """What the marts have of a force: rows as they are, of all months, oldest first."""

    force_code: str
    force_name: str = ""
    months: Sequence[PaperMonth] = ()
    """Months with any figure."""
    data_until: date | None = None
    is_synthetic: bool = False
    catalogue: Sequence[Measure] = ()
    """All measures: those of the board paper in its order, then the others."""
    rules: Sequence[Rule] = ()
    figures: Figures = field(default_factory=dict)
    verdicts: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    """Months of each measure with their verdicts."""
    weeks: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    """Complete weeks of each measure; none in a public edition, as of the rows below."""
    published: Sequence[Row] = ()
    """Months of the national table on 999 calls."""
    revisions: Sequence[Row] = ()
    missing: Mapping[date, Sequence[Row]] = field(default_factory=dict)
    quarantined: Mapping[tuple[str, date, str], Row] = field(default_factory=dict)
    """Rows of deliveries by source, month and period."""
    reasons: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    """Quarantined rows by source: month, reason and number."""
    accepted: Sequence[Row] = ()
    """Days that an operator accepted in spite of a check."""
    maturity: Sequence[Row] = ()
    """Cancelled crimes by month of recording and age."""

    @cached_property
    def formulas(self) -> Mapping[str, Sequence[FormulaChange]]:
        """Changes of formula by measure."""
        return formula_changes(self.rules)

    @property
    def measures(self) -> list[Measure]:
        """The measures of the paper."""
        return [item for item in self.catalogue if item.in_board_paper or item.is_headline]

    @property
    def headlines(self) -> list[Measure]:
        """The measures of the first page, in its order."""
        return sorted((item for item in self.catalogue if item.is_headline), key=lambda item: item.headline_order or 0)


def read_force(connection: duckdb.DuckDBPyConnection, force_code: str) -> ForceRows:
    """Read everything that the marts have of a force, with one query a table."""

    def of_force(name: str) -> list[dict[str, Any]]:
        return read(connection, name, force_code=force_code)

    months, rules = paper_months(connection).get(force_code, []), read_rules(connection, force_code)
    span = (months[0].month, months[-1].month + timedelta(days=months[-1].days - 1)) if months else (date.min, date.max)
    columns = "select count(*) from duckdb_columns() where table_name = 'load_audit' and column_name = ?"
    name = read(connection, "force", force_code=force_code)
    until, is_synthetic = newest_delivery(connection, is_of_paper=True)
    return ForceRows(
        force_code=force_code,
        force_name=shortened(name[0]["force_name"] if name and name[0]["force_name"] else force_code),
        months=months,
        data_until=until,
        is_synthetic=is_synthetic,
        catalogue=[with_own_seconds(item, rules, *span) for item in read_measures(connection)],
        rules=rules,
        figures={(row["measure"], row["month_start"], row["period"]): row for row in of_force("periods")},
        verdicts=grouped(of_force("verdicts"), "measure"),
        weeks=grouped(of_force("weeks"), "measure"),
        published=of_force("published"),
        revisions=of_force("revisions"),
        missing=grouped(of_force("missing"), "month_start"),
        quarantined={(row["source"], row["month_start"], row["period"]): row for row in of_force("quarantined")},
        reasons=grouped(of_force("reasons"), "source"),
        # A public edition has the table without the column.
        accepted=read(connection, "accepted") if scalar(connection, columns, ["accepted_because"]) else (),
        maturity=of_force("maturity"),
    )


def read(connection: duckdb.DuckDBPyConnection, name: str, **parameters: object) -> list[dict[str, Any]]:
    """Return the rows of a query; none if the database lacks one of its tables, as a public edition does.

    Args:
        connection: a database with the marts.
        name: name of the query in `queries/`.
        parameters: values for the parameters that it names.
    """
    try:
        return query_rows(connection, _sql(name), parameters)
    except duckdb.CatalogException:
        return []


@cache
def _sql(name: str) -> str:
    return files(__package__).joinpath("queries", f"{name}.sql").read_text(encoding="utf-8")


def read_measures(connection: duckdb.DuckDBPyConnection) -> list[Measure]:
    """Read the catalogue: measures of the board paper in its order, then the others by section and name."""
    return [Measure(**row) for row in read(connection, "measures")]


def read_rules(connection: duckdb.DuckDBPyConnection, force_code: str) -> tuple[Rule, ...]:
    """Return the rules of a force, by kind, measure and day: its own, and on days without one those for all forces."""
    return tuple(Rule(**row) for row in read(connection, "rules", force_code=force_code))


def catalogue_sections(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the sections of the catalogue in order: code to title."""
    return {row["section"]: row["section_title"] for row in read(connection, "sections")}


def paper_months(connection: duckdb.DuckDBPyConnection) -> dict[str, list[PaperMonth]]:
    """Return the months that papers can be made for: force to its months with any figure, oldest first."""
    months = grouped(read(connection, "months"), "force_code")
    return {
        force: [PaperMonth(**{name: row[name] for name in row if name != "force_code"}) for row in rows]
        for force, rows in months.items()
    }


def default_month(months: Sequence[PaperMonth]) -> date | None:
    """Return the month whose paper is shown first; None if there are no months."""
    return next((item.month for item in months if item.is_default), None)


def newest_delivery(connection: duckdb.DuckDBPyConnection, *, is_of_paper: bool = False) -> tuple[date | None, bool]:
    """Return the newest day delivered to measures (of the paper only), and whether any delivery is synthetic."""
    rows = read(connection, "newest", is_of_paper=is_of_paper)
    return (rows[0]["day"], rows[0]["is_synthetic"]) if rows else (None, False)
