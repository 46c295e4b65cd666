"""What a board paper consists of. Every renderer shows these texts as they are; none computes or words anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

# Months of a paper, as the papers of the field have it.
PAPER_MONTHS = 6


@dataclass(frozen=True)
class Figure:
    """One figure of a table."""

    text: str
    """As it is printed; a dash where there is none."""
    value: Decimal | None
    """Percentages 0 to 100, durations in seconds; null where there is no figure."""
    is_provisional: bool
    """Whether a day is missing that is not before the first delivery of a year to date."""
    note: int | None = None
    """Number of the paper's note on it, from 1."""
    since: date | None = None
    """Of a year to date that lacks no day but those before the first delivery, that day."""


@dataclass(frozen=True)
class Column:
    """One column of figures."""

    code: str
    """`2023-01` for a month, else the period of `kpi_measure_period`."""
    title: str
    meaning: str
    """Which days the column covers, in words."""
    since: str = ""
    """`since August 2022`, where all figures of a year to date begin with a first delivery then."""


@dataclass(frozen=True)
class Row:
    """One measure over the columns of a table."""

    measure: str
    """Code of the catalogue, `calls_999.received`."""
    label: str
    unit: str
    decimals: int
    figures: tuple[Figure, ...]
    remark: str = ""
    """`year to date since August 2022`, where other rows of the table begin at another time."""


@dataclass(frozen=True)
class Table:
    """The figures of a section: months first, oldest first, then the periods to compare with."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Point:
    """One month or week of a chart."""

    month: date
    """First day of the month, or of the week."""
    value: Decimal
    text: str
    is_provisional: bool
    signal: str | None
    """Which rule of the control chart it breaks; null where none."""
    is_after_gap: bool = False
    """Whether the month or week before has no figure, so that no line leads here."""


@dataclass(frozen=True)
class Chart:
    """The months or weeks of one measure with its control limits."""

    measure: str
    title: str
    finding: str
    """What it shows, in a few words, printed below the title."""
    alternative: str
    """What it shows, for those who do not see it."""
    unit: str
    points: tuple[Point, ...]
    mean: Decimal | None
    lower_limit: Decimal | None
    upper_limit: Decimal | None
    target: Decimal | None
    target_label: str
    is_trial: bool = False
    """Whether the limits come from too few points for a verdict; they are drawn faintly."""
    by: str = "month"
    """What a point is, `month` or `week`."""

    @property
    def key(self) -> str:
        """What tells the chart from the others of a paper."""
        return f"{self.measure} by {self.by}"


@dataclass(frozen=True)
class Card:
    """A headline figure."""

    section: str
    label: str
    figure: Figure
    month: date
    remark: str


@dataclass(frozen=True)
class Run:
    """A stretch of text in one style."""

    text: str
    is_strong: bool = False
    is_emphasised: bool = False


@dataclass(frozen=True)
class Block:
    """A paragraph of the commentary, or an item of a list."""

    kind: str
    """paragraph, bullet or number."""
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Statement:
    """What the figures of one measure say."""

    label: str
    text: str


@dataclass(frozen=True)
class Section:
    """One part of the paper."""

    code: str
    title: str
    statements: tuple[Statement, ...]
    commentary: tuple[Block, ...]
    table: Table
    charts: tuple[Chart, ...]
    weekly_charts: tuple[Chart, ...] = ()
    """Of the headline percentages, weeks up to the last month."""

    @property
    def all_charts(self) -> tuple[Chart, ...]:
        """The charts in the order of the paper."""
        return (*self.charts, *self.weekly_charts)


@dataclass(frozen=True)
class Definition:
    """What a measure means, as the catalogue has it."""

    section: str
    label: str
    text: str


@dataclass(frozen=True)
class Report:
    """The board paper of one force for one month."""

    force_code: str
    force_name: str
    months: tuple[date, ...]
    """The months shown, oldest first."""
    data_until: date | None
    """Newest extract date that was accepted."""
    is_synthetic: bool
    cards: tuple[Card, ...]
    commentary: tuple[Block, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...]
    """Notes on figures, in the order of their numbers."""
    definitions: tuple[Definition, ...]
    unfinished: str = ""
    """That days of the last month are missing, in a sentence; an empty text where none is."""

    @property
    def period(self) -> str:
        """The months shown, in words."""
        return span(self.months[0], self.months[-1])

    @property
    def is_provisional(self) -> bool:
        """Whether any figure of a table is."""
        return any(figure.is_provisional for figure in self.figures())

    def figures(self) -> Iterator[Figure]:
        """The figures of all tables."""
        for section in self.sections:
            for row in section.table.rows:
                yield from row.figures


def long_month(month: date) -> str:
    """`January 2023`."""
    return f"{month:%B %Y}"


def short_month(month: date) -> str:
    """`Jan 2023`."""
    return f"{month:%b %Y}"


def span(first: date, last: date) -> str:
    """`August 2022 to January 2023`; one month where both are the same."""
    return long_month(first) if first == last else f"{long_month(first)} to {long_month(last)}"


def since(day: date) -> str:
    """`since August 2022`; `since 13 August 2022` where it is not the first of the month."""
    return f"since {long_month(day)}" if day.day == 1 else f"since {day.day} {long_month(day)}"


def counted_days(loaded: int, days: int) -> str:
    """`1 of 28 days`."""
    return f"{loaded:,} of {days:,} days"


def listed(words: list[str]) -> str:
    """`a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
