"""The contract of one source: columns, types, keys and rules. `odcs.py` reads it from a file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any

FORCE_COLUMN = "force_code"

# Form of every text that is neither personal nor a closed list, unless its contract states another: published text must
# not be a name or an address. Letters in a row are few, because names have more. Identifiers of systems in use have at
# most 40 characters (a UUID has 36).
_LETTERS, _OTHERS = "[A-Za-z]{1,5}", "_./:-"
IDENTIFIER = (
    f"({_LETTERS}[{_OTHERS}]|[{_OTHERS}])*({_LETTERS})?[0-9]({_LETTERS}[0-9{_OTHERS}]|[0-9{_OTHERS}])*({_LETTERS})?"
    "|[A-Fa-f-]*[0-9][0-9A-Fa-f-]*"
)
IDENTIFIER_DESCRIPTION = (
    "an identifier: letters, digits and - _ . / :, at least one digit, at most five letters in a row unless all are "
    "hexadecimal digits and dashes"
)
IDENTIFIER_LENGTH = 64

EPOCH_FORMATS = {"%s": (r"[1-9]\d{8,9}", 1_000_000), "%Q": (r"[1-9]\d{11,12}", 1_000)}
"""Formats of seconds and milliseconds since 1970 in UTC: their digits (1973 to 2286), and the microseconds of one."""

# The nightly run starts at 04:15; extracts that arrive by 09:00 are published before or soon after people start work.
DELIVERED_BY = time(9)


class CellType(StrEnum):
    """How the text of a cell is parsed; `extracts/cells.py` has the parsers."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    SECONDS = "seconds"
    TIMESTAMP = "timestamp"
    DATE = "date"
    MONTH = "month"
    BOOLEAN = "boolean"


class Identifier(StrEnum):
    """What a personal column identifies; decides which spellings are equal (`extracts/identifiers.py`)."""

    PHONE = "phone"
    EMAIL = "email"
    REFERENCE = "reference"
    OPERATOR = "operator"
    CONTACT = "contact"
    """What a contact refers to: a telephone number, an address, or else a reference."""


class Severity(StrEnum):
    """Effect of a failed expectation: a critical one rejects the delivery, a warning is only shown."""

    CRITICAL = "critical"
    WARNING = "warning"


def normalised(name: str) -> str:
    """Return a column name without the differences between extracts: case, spaces, `_` and `-`."""
    return re.sub(r"[\s_\-]+", "", name).casefold()


@dataclass(frozen=True)
class Column:
    """One column in the contract of a source."""

    name: str
    cell_type: CellType
    description: str
    is_required: bool = False
    identifies: Identifier | None = None
    """Kind of identifier of a personal column, whose rows hold a surrogate instead; None if it is not personal."""
    null_words: tuple[str, ...] = ()
    """Texts of a personal column that stand for no one, in any case, such as `withheld`."""
    key_position: int | None = None
    aliases: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    """Closed list: allowed values with their descriptions; empty if any value is allowed."""
    precision: int | None = None
    """Maximum digits of a decimal, including those after the point; None for other types."""
    scale: int | None = None
    """Maximum digits of a decimal after the point; None for other types."""
    minimum: int | Decimal | date | None = None
    """Smallest allowed value: a whole number for integers and seconds, a day for dates and months."""
    maximum: int | Decimal | date | None = None
    maximum_reason: str = ""
    """Why no value can be greater, for messages."""
    pattern: str | None = None
    """Regular expression (RE2) that the whole text must match; None if any text is allowed."""
    pattern_description: str = ""
    """The pattern in words, for messages."""
    pattern_reason: str = ""
    """Why a name may fit the pattern and be published; empty if none fits."""
    max_length: int | None = None
    """Maximum characters of a text; in a pattern, counted repetitions of a large class would cost 4 us per cell."""
    resembles_personal: str = ""
    """Why good values may look like a telephone or National Insurance number; empty if they may not."""
    default: str | None = None
    """Text in place of an empty cell or an absent column."""
    default_column: str | None = None
    """Column whose cell stands in place of an empty cell or an absent column."""
    spellings: Mapping[str, str] = field(default_factory=dict)
    """Texts of the source system, in lower case, each with the text of the contract that it stands for."""
    time_formats: tuple[str, ...] = ()
    """Formats, as of `strptime` or `EPOCH_FORMATS`, in which the system writes times; instead of British ones."""
    time_of_day: tuple[str, ...] = ()
    """Header texts of the column with the time of day, if the source system writes date and time in two columns."""
    file_name_part: str | None = None
    """Regular expression whose group is the value of the column, in the name of each file that lacks the column."""
    not_before: tuple[str, ...] = ()
    not_after: tuple[str, ...] = ()
    required_when: Mapping[str, str] = field(default_factory=dict)
    utc_offset_from: str | None = None
    """Column with the UTC offset in minutes, used in the hour that occurs twice."""

    @property
    def is_personal(self) -> bool:
        """Whether the value leads to a person."""
        return self.identifies is not None

    @property
    def is_filled(self) -> bool:
        """Whether a row may lack a cell, because another value stands in its place."""
        return self.default is not None or bool(self.default_column or self.file_name_part)

    @property
    def form(self) -> str:
        """Required form of a text, in words; empty if any text is allowed."""
        length = f"at most {self.max_length:,} characters" if self.max_length else ""
        return ", ".join(filter(None, (self.pattern_description, length)))

    @cached_property
    def names(self) -> frozenset[str]:
        """Normalised header texts that mean this column."""
        return frozenset(normalised(name) for name in (self.name, *self.aliases))


def time_of_day_of(column: Column) -> str:
    """Return the name of the column with the time of day; no column and hardly a heading has such a name."""
    return f"{column.name} (time of day)"


@dataclass(frozen=True)
class Rule:
    """An expectation stated in the contract, in addition to those that follow from its columns."""

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
    """One source: its columns in order, its rules, and the requirements on its deliveries."""

    source: str
    version: str
    domain: str
    owner: str
    tags: tuple[str, ...]
    description: str
    grain: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    cadence: str
    """`daily`: one delivery is owed for each day; `irregular`: none is."""
    start_column: str | None
    """Timestamp of the start of the event; resolves the row's other timestamps in the hour that occurs twice."""
    event_column: str | None
    """Timestamp that is compared with the extract date; by default the start column."""
    delivery_measures: Mapping[str, str]
    """SQL aggregates over one delivery's candidate rows, by name, for rules on deliveries."""
    faulty_share_limit: float
    faulty_rows_limit: int
    volume_floor: float
    """Minimum plausible rows of a day, as a share of the recent median."""
    sheets: tuple[str, ...] | None
    """XLSX sheets with the data; none named: every sheet whose header matches; None: the one sheet that does."""
    delivered_by: time = DELIVERED_BY
    """Deadline of the extract of a daily source: London time on the day after the extract date."""
    needs_marker: bool = False
    """Whether a file counts as complete only if there is a marker for it."""
    first_delivery: date | None = None
    """Extract date before which nothing is owed, regardless of the landing folder; None: the first delivery."""
    allows_events_outside_day: bool = False
    """Whether most events of a daily delivery may be on other days than the extract date and its neighbours."""
    identity_column: str | None = None
    """Time of an event that no later version of it changes; by default the event column."""
    identity_days: int | None = None
    """Rows with one identifier are of one event if no more days pass from one to the next; None if any may pass."""
    extract_date_offset: int = 0
    """Days from the date in a file name to the extract date: -1 if the system stamps its files with the day after."""
    main_list: str | None = None
    """Column with the main closed list of the source: its rows are counted and judged by each value, a member."""
    describes_forces: bool = False
    """Whether rows describe forces that need not deliver them, as a national table does; each row names its force."""

    @property
    def is_daily(self) -> bool:
        """Whether a delivery is owed for each day."""
        return self.cadence == "daily"

    @property
    def key(self) -> tuple[Column, ...]:
        """Key columns in key order, unique together with the force; empty if load and row number are the key."""
        keyed = [column for column in self.columns if column.key_position is not None]
        return tuple(sorted(keyed, key=lambda column: column.key_position or 0))

    @property
    def identity_time(self) -> str | None:
        """Column with the time of an event; None if events have none."""
        return self.identity_column or self.event_column

    def is_too_small(self, volume_ratio: float | None) -> bool:
        """Whether a delivery has too few rows, as the expectation on its `volume_ratio` states it."""
        return self.is_daily and volume_ratio is not None and volume_ratio < self.volume_floor

    def file_date(self, extract_date: date) -> date:
        """Return the date in the names of the files of an extract date."""
        return extract_date - timedelta(self.extract_date_offset)

    @property
    def required(self) -> tuple[Column, ...]:
        """Columns that every extract must have."""
        return tuple(column for column in self.columns if column.is_required and not column.is_filled)

    @cached_property
    def cells(self) -> tuple[Column, ...]:
        """Columns that are read from a file: those of the contract, and the times of day that have one of their own."""
        return *self.columns, *(
            Column(time_of_day_of(column), CellType.TEXT, "", aliases=column.time_of_day)
            for column in self.columns
            if column.time_of_day
        )

    def column(self, name: str) -> Column:
        """Return the column of that name.

        Raises:
            KeyError: the contract has no such column.
        """
        for column in self.cells:
            if column.name == name:
                return column
        raise KeyError(name)
