"""What a contract says about one source: columns, types, keys, rules. Reading files does not belong here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any

FORCE_COLUMN = "force_code"

# What an identifier looks like unless its contract says otherwise. One with blanks or an at sign is free text or an
# address. Identifiers of systems in use have at most 40 characters (a UUID has 36).
IDENTIFIER = r"[^\s@\pZ\p{Cc}]+"
IDENTIFIER_DESCRIPTION = "an identifier without blanks and @"
IDENTIFIER_LENGTH = 64

# The nightly run begins at 04:15; what comes by 09:00 is published before people come to work or soon after.
DELIVERED_BY = time(9)


class CellType(StrEnum):
    """How the text of a cell is read; `extracts/cells.py` holds the reading itself."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    SECONDS = "seconds"
    TIMESTAMP = "timestamp"
    DATE = "date"
    MONTH = "month"
    BOOLEAN = "boolean"


class Severity(StrEnum):
    """What a failed expectation does: a critical one rejects the delivery, a warning is shown."""

    CRITICAL = "critical"
    WARNING = "warning"


def normalised(name: str) -> str:
    """A column name without what may differ between extracts: case, spaces, `_` and `-`."""
    return re.sub(r"[\s_\-]+", "", name).casefold()


@dataclass(frozen=True)
class Column:
    """One column of a source as its contract states it."""

    name: str
    cell_type: CellType
    description: str
    is_required: bool = False
    is_personal: bool = False
    key_position: int | None = None
    aliases: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    """Closed list: allowed value to its description; empty when any value may come."""
    precision: int | None = None
    """Digits of a decimal at most, those after the point included; None for other types."""
    scale: int | None = None
    """Digits of a decimal after the point at most; None for other types."""
    minimum: int | Decimal | date | None = None
    """Least possible value: of an integer or seconds a whole number, of a date or month a day."""
    maximum: int | Decimal | date | None = None
    maximum_reason: str = ""
    """Why no value can be greater, as a message gives it."""
    pattern: str | None = None
    """Regular expression (RE2) that the whole text matches; None when any text may come."""
    pattern_description: str = ""
    """The pattern in words, as a message gives it."""
    max_length: int | None = None
    """Most characters of a text. In a pattern, a number of repetitions of a large class costs 4 us a cell."""
    resembles_personal: str = ""
    """Why good values of the column may have the shape of a telephone or National Insurance number; else empty."""
    default: str | None = None
    not_before: tuple[str, ...] = ()
    not_after: tuple[str, ...] = ()
    required_when: Mapping[str, str] = field(default_factory=dict)
    utc_offset_from: str | None = None
    """Column that gives the UTC offset in minutes in the hour that occurs twice."""

    @property
    def form(self) -> str:
        """What texts of the column look like, in words; empty when any text may come."""
        length = f"at most {self.max_length:,} characters" if self.max_length else ""
        return ", ".join(filter(None, (self.pattern_description, length)))

    @cached_property
    def names(self) -> frozenset[str]:
        """Normalised header texts that mean this column."""
        return frozenset(normalised(name) for name in (self.name, *self.aliases))


@dataclass(frozen=True)
class Rule:
    """An expectation that the contract states beyond the ones that follow from its columns."""

    name: str
    description: str
    dimension: str
    severity: Severity
    on_deliveries: bool
    """True: over one row per delivery; false: over the candidate rows."""
    expectation: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Contract:
    """One source: its columns in order, its rules, and what is expected of its deliveries."""

    source: str
    version: str
    domain: str
    owner: str
    tags: tuple[str, ...]
    description: str
    grain: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    is_daily: bool
    start_column: str | None
    """Timestamp at which what a row describes began; settles the other timestamps of the doubled hour."""
    event_column: str | None
    """Timestamp that is compared with the extract date; the start column unless stated."""
    delivery_measures: Mapping[str, str]
    """Name to SQL aggregate over one delivery's candidate rows, for rules over deliveries."""
    faulty_share_limit: float
    faulty_rows_limit: int
    volume_floor: float
    """Least believable rows of a day as a share of the recent median."""
    sheet: str | None
    """XLSX sheet that holds the data; None: the one sheet whose header matches."""
    delivered_by: time = DELIVERED_BY
    """London time on the day after the extract date by which the extract has to be there; of daily sources."""
    needs_marker: bool = False
    """Whether a file counts as complete only with a marker beside it."""
    first_delivery: date | None = None
    """Extract date before which nothing is owed, whatever lies in the landing folder; None: the first that came."""
    allows_events_outside_day: bool = False
    """Whether most events of a daily delivery may be of other days than the extract date and its neighbours."""
    absent_forces_complete: bool = False
    """Whether a delivery of several forces without a row of one of them says that this force had none that day."""

    @property
    def key(self) -> tuple[Column, ...]:
        """Key columns in key order; unique together with the force. None where load and row number are the key."""
        keyed = [column for column in self.columns if column.key_position is not None]
        return tuple(sorted(keyed, key=lambda column: column.key_position or 0))

    @property
    def required(self) -> tuple[Column, ...]:
        """Columns that every extract has to have."""
        return tuple(column for column in self.columns if column.is_required)

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: the contract has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def column_named(self, header: str) -> Column | None:
        """The column that a header text means, or None when the contract does not know it."""
        wanted = normalised(header)
        return next((column for column in self.columns if wanted in column.names), None)
