"""Rows of a person on days that are held: an erasure changes them, so it needs a decision."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import duckdb

from dagster_project.clock import LONDON
from dagster_project.contracts import Contract
from dagster_project.privacy.person import Person
from dagster_project.privacy.retention import Hold
from dagster_project.sql import quoted, scalar, table
from dagster_project.warehouse.connection import WAREHOUSE
from dagster_project.warehouse.tables import column_types, raw_columns
from dagster_project.words import counted


@dataclass(frozen=True)
class HeldRows:
    """How many rows of a person a hold names."""

    source: str
    first_day: date
    last_day: date
    reason: str
    rows: int

    def __str__(self) -> str:
        """Return it as a line for messages."""
        days = str(self.first_day) if self.first_day == self.last_day else f"{self.first_day} to {self.last_day}"
        return f"{self.source} {days} ({self.reason}): {counted(self.rows, 'row')}"

    def as_json(self) -> dict[str, object]:
        """Return it for a certificate."""
        days = {"first_day": str(self.first_day), "last_day": str(self.last_day)}
        return {"source": self.source, **days, "reason": self.reason, "rows": self.rows}


def held_rows(
    connection: duckdb.DuckDBPyConnection, contracts: Mapping[str, Contract], person: Person, holds: Iterable[Hold]
) -> list[HeldRows]:
    """Return the holds that name a day of a person's rows in the warehouse; their reasons do not show the person.

    A row is the person's if a text of it has a pseudonym or the identifier, as an erasure replaces them.

    Args:
        connection: the warehouse.
        contracts: all contracts.
        person: whose rows.
        holds: the holds in force.
    """
    values = person.values()
    values.register(connection)
    found = []
    for hold in holds:
        columns = column_types(connection, WAREHOUSE, "raw", hold.source)
        texts = [values.condition(quoted(name)) for name, kind in columns.items() if kind == "varchar"]
        times = [quoted(name) for name, kind in raw_columns(contracts[hold.source]).items() if kind == "timestamp"]
        if not texts or not times:
            continue
        is_of_person = " or ".join(condition for condition, _ in texts)
        is_held = " or ".join(f"({moment} >= ? and {moment} < ?)" for moment in times)
        rows = scalar(
            connection,
            f"select count(*) from {table('raw', hold.source)} where ({is_held}) and ({is_of_person})",
            [*instants_of(hold) * len(times), *(value for _, parameters in texts for value in parameters)],
        )
        if rows:
            reason = values.hidden_in(hold.reason)
            found.append(HeldRows(hold.source, hold.first_day, hold.last_day, reason, rows))
    return found


def instants_of(hold: Hold) -> tuple[datetime, datetime]:
    """Return the first instant of the days of a hold, and the first one after them, as times are stored.

    A hold until 9999-12-31, the last day of Python, which people write for no end, has none.
    """
    first = first_instant(hold.first_day)
    if hold.last_day == date.max:
        return first, datetime.max  # noqa: DTZ901 - times are stored without a zone
    return first, first_instant(hold.last_day + timedelta(1))


def first_instant(day: date) -> datetime:
    """Return the first instant of a day in London, as times are stored."""
    return datetime.combine(day, time(), LONDON).astimezone(UTC).replace(tzinfo=None)
