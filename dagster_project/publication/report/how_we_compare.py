"""The section of a board paper that compares the force with all UK forces, as published nationally."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal

import duckdb

from dagster_project.publication.report.display import display
from dagster_project.publication.report.model import Column, Figure, Row, Section, Statement, Table, long_month, span
from dagster_project.publication.report.published_answering import CLOCK, PublishedMonth, findings, published_months
from dagster_project.warehouse.connection import has_table

CODE, TITLE = "how_we_compare", "How we compare"

_SHARE, _MEAN = "Answered in under 10 seconds", "Mean answer time in seconds"
_Row = tuple[str, str, str, int, Callable[[PublishedMonth], Decimal | int | None]]
_ROWS: tuple[_Row, ...] = (
    ("calls", "Calls, as published", "count", 0, lambda row: row.own.calls),
    ("pct_under_10s", _SHARE, "percent", 1, lambda row: row.own.under_10s),
    ("uk_pct_under_10s", f"{_SHARE}, United Kingdom", "percent", 1, lambda row: row.country.under_10s),
    ("force_rank", "Rank of the share, 1 is the highest", "count", 0, lambda row: row.force_rank),
    ("mean_answer_seconds", _MEAN, "count", 1, lambda row: row.own.mean_seconds),
    ("uk_mean_answer_seconds", f"{_MEAN}, United Kingdom", "count", 1, lambda row: row.country.mean_seconds),
    ("mean_rank", "Rank of the mean, 1 is the shortest", "count", 0, lambda row: row.mean_rank),
)
_GROUP_ROWS: tuple[_Row, ...] = (
    (
        *("group_pct_under_10s", f"{_SHARE}, most similar forces", "percent", 1),
        lambda row: row.group.under_10s if row.group else None,
    ),
    (
        *("group_mean_answer_seconds", f"{_MEAN}, most similar forces", "count", 1),
        lambda row: row.group.mean_seconds if row.group else None,
    ),
)


def how_we_compare(connection: duckdb.DuckDBPyConnection, force_code: str, months: Sequence[date]) -> Section | None:
    """Return the section; None if no published figure of the force is delivered for any of the months.

    Args:
        connection: a database with the marts.
        force_code: the force.
        months: the months of the paper, oldest first.
    """
    if not has_table(connection, "national_call_answering"):
        return None
    published = published_months(connection, force_code=force_code, until=months[-1])
    by_month = {row.month: row for row in published if row.month in months}
    known = [row for row in by_month.values() if row.own.calls is not None]
    if not known:
        return None
    newest = known[-1]
    rows = (*_ROWS, *(_GROUP_ROWS if any(row.group for row in known) else ()))
    return Section(
        CODE,
        TITLE,
        (
            *(Statement(f"999 calls, {long_month(newest.month)}", text) for text in findings(newest)),
            Statement("A different clock from that of the section on 999 calls", CLOCK),
        ),
        (),
        Table(
            f"999 calls as published for all forces, {span(months[0], months[-1])}",
            tuple(Column(f"{month:%Y-%m}", f"{month:%b %Y}", long_month(month)) for month in months),
            tuple(
                Row(
                    f"{CODE}.{code}",
                    label,
                    unit,
                    decimals,
                    tuple(_figure(by_month.get(month), value, unit, decimals) for month in months),
                )
                for code, label, unit, decimals, value in rows
            ),
        ),
        (),
    )


def published_share(compared: Section | None) -> str:
    """Return the newest published share of 999 calls answered in under 10 seconds, for below the headline table.

    Returns:
        `Nationally published: 82.4% of 999 calls answered in under 10 seconds (Dec 2022).`; empty without a figure.
    """
    if compared is None:
        return ""
    [row] = [row for row in compared.table.rows if row.measure == f"{CODE}.pct_under_10s"]
    figures = zip(compared.table.columns, row.figures, strict=True)
    column, figure = [(column, figure) for column, figure in figures if figure.value is not None][-1]
    return f"Nationally published: {figure.text} of 999 calls answered in under 10 seconds ({column.title})."


def _figure(
    row: PublishedMonth | None, value: Callable[[PublishedMonth], Decimal | int | None], unit: str, decimals: int
) -> Figure:
    found = value(row) if row else None
    exact = None if found is None else Decimal(found)
    return Figure(display(exact, unit, decimals), exact, is_provisional=False)
