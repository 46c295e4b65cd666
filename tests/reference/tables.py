"""What expected rows of all tables share: how they are entered and compared, and what a month of them has."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import duckdb

from dagster_project.settings import DBT_PROJECT
from tests.reference.history import Month, Row, days_of
from tests.reference.measures import NaiveWarehouse, percent, rounded

Rows = dict[tuple[Any, ...], dict[str, Any]]
RowsOfForce = Callable[[NaiveWarehouse], Rows]
Naive = Mapping[str, NaiveWarehouse]
Tables = dict[str, tuple[tuple[str, ...], Callable[[Naive], Rows]]]
TABLES: Tables = {}
"""Mart to its grain and what makes its rows of all forces; `marts` fills it."""
FACTS: Tables = {}
with (DBT_PROJECT / "seeds" / "measure_catalogue.csv").open(encoding="utf-8", newline="") as _lines:
    CATALOGUE = {row["measure"]: row for row in csv.DictReader(_lines)}


def table(*grain: str, among: Tables = TABLES) -> Callable[[RowsOfForce], RowsOfForce]:
    """Enter a function among the tables by its name: it gives rows of a force by the grain after the force."""

    def enter(rows_of_force: RowsOfForce) -> RowsOfForce:
        kept = cache(rows_of_force)
        among[rows_of_force.__name__] = (
            ("force_code", *grain),
            lambda naive: {(force, *key): row for force, one in naive.items() for key, row in kept(one).items()},
        )
        return kept

    return enter


def first_day(month: Month) -> date:
    """The first day of a month."""
    return date(*month, 1)


def completeness(one: NaiveWarehouse, sources: tuple[str, ...], *months: Month) -> Row:
    """How much of some months the source with the fewest days has."""
    loaded = sum(one.calendar(sources).fewest(month) for month in months)
    days = sum(len(days_of(month)) for month in months)
    return {"is_provisional": loaded < days, "share_of_days_loaded": percent(loaded, days)}


def monthly(one: NaiveWarehouse, sources: tuple[str, ...], rows: Iterable[tuple[Month, tuple[Any, ...], Row]]) -> Rows:
    """Rows by month and further columns of a key: with nulls where not all sources have a day of the month."""
    calendar = one.calendar(sources)
    return {
        (first_day(month), *key): (row if month in calendar.delivered else dict.fromkeys(row))
        | completeness(one, sources, month)
        for month, key, row in rows
        if month in calendar.span
    }


def grouped(rows: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    """Rows by a key; none of any other."""
    found = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found


def mean(values: Iterable[Decimal | int], number: int) -> Decimal | None:
    """A sum by a number; None by 0."""
    return rounded(Fraction(sum(values)) / number) if number else None


def rows_of(connection: duckdb.DuckDBPyConnection, name: str, key: Iterable[str]) -> Rows:
    """Rows of a table by their key."""
    cursor = connection.execute(f'select * from marts."{name}"')
    columns = [item[0] for item in cursor.description]
    rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    found = {tuple(row.pop(column) for column in key): row for row in rows}
    assert len(found) == len(rows), f"{name}: two rows of one key"
    return found


def differences(name: str, found: Rows, expected: Rows) -> list[str]:
    """Rows that only one side has, and cells that are others."""

    def described() -> Iterator[str]:
        for key in sorted(expected.keys() | found.keys(), key=str):
            if key not in expected or key not in found:
                yield f"{name} {key}: {found.get(key)} instead of {expected.get(key)}"
            elif expected[key] != found[key]:
                for column, value in expected[key].items():
                    if found[key][column] != value:
                        yield f"{name} {key} {column}: {found[key][column]!r} instead of {value!r}"

    return list(described())
