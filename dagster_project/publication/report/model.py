"""The data model of a board paper. Renderers show its texts unchanged; they compute nothing and add no wording."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

# Number of months in a paper, as is usual for board papers.
PAPER_MONTHS = 6


@dataclass(frozen=True)
class Measure:
    """One measure of the catalogue."""

    code: str
    section: str
    section_title: str
    section_order: int
    label: str
    """As papers print it, below the title of its section."""
    short_label: str
    unit: str
    decimals: int
    better: str
    definition: str
    numerator: str | None
    denominator: str | None
    owner: str
    sources: str
    in_board_paper: bool
    is_headline: bool
    chart_type: str
    """judged, none or cohort."""
    target_kind: str
    is_sum: bool = False
    headline_order: int | None = None
    """Position on the first page; None if it is not on it."""
    topic: str = ""
    """Measures of one topic share one main point."""
    weight: float = 0.0
    """How much a change matters among the main points, 0 to 1."""
    clause: str = ""
    """The figure as a clause, with `{x}` in its place."""
    volume: str = ""
    """Measure of the events behind it; empty if there is none."""
    stated_seconds: str = ""
    """Answer targets that the names state, `10` or `10 or 15`; empty if they state none."""
    breakdown: str = ""
    """The closed list of which it counts one value, with the others on one page; empty if it counts no single value."""


@dataclass(frozen=True)
class PaperMonth:
    """A month that a paper can be made for."""

    month: date
    days: int
    days_loaded: int
    """Number of its days that every source delivered."""
    is_default: bool
    """Whether its paper is shown first; months after it are running."""
    is_running: bool

    @property
    def coverage(self) -> str:
        """`1 of 28 days`; empty if every day is delivered."""
        return counted_days(self.days_loaded, self.days) if self.days_loaded < self.days else ""

    @property
    def unfinished(self) -> str:
        """`February 2023 is not complete: ...`; empty if every day is delivered."""
        if not self.coverage:
            return ""
        verb = "is" if self.days_loaded == 1 else "are"
        return (
            f"{long_month(self.month)} is not complete: {self.coverage} {verb} delivered by every source. Its figures "
            "are provisional."
        )


@dataclass(frozen=True)
class Figure:
    """One figure of a table."""

    text: str
    """The printed text; a dash if there is no figure."""
    value: Decimal | None
    """Percentages 0 to 100, durations in seconds; None if there is no figure."""
    is_provisional: bool
    """Whether a day is missing, other than days before the first delivery of a year to date."""
    note: int | None = None
    """Number of the note on it in the paper, from 1."""
    since: date | None = None
    """First delivery, if a year to date lacks only the days before it."""


@dataclass(frozen=True)
class Column:
    """One column of figures."""

    code: str
    """`2023-01` for a month, otherwise a period of `kpi_measure_period`."""
    title: str
    meaning: str
    """The days that the column covers, in words."""
    since: str = ""
    """`since August 2022`, if all figures of a year to date begin with a first delivery then."""

    @property
    def heading(self) -> str:
        """The title with the beginning of the figures, if one is stated."""
        return " ".join(filter(None, (self.title, self.since)))


@dataclass(frozen=True)
class Row:
    """One measure across the columns of a table."""

    measure: str
    label: str
    unit: str
    decimals: int
    figures: tuple[Figure, ...]
    remark: str = ""
    """`year to date since August 2022`, if other rows of the table begin at another time."""


@dataclass(frozen=True)
class Table:
    """The figures of a section: months, oldest first, then the comparison periods."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Point:
    """One month or week of a chart."""

    month: date
    """First day of the month or week."""
    value: Decimal
    text: str
    is_provisional: bool
    verdict: str | None = None
    """`better` or `worse` than usual, if the month is one of them."""
    is_after_gap: bool = False
    """Whether the preceding month or week has no figure, so that no line connects to this point."""
    is_after_change: bool = False
    """Whether the preceding point has another formula: a line to it would show the change as one of performance."""


def stretches(points: Iterable[Point]) -> list[list[Point]]:
    """Return the complete points that each line of a chart joins.

    A line ends at a provisional point, at a month or week without a figure, and where the formula changes.
    """
    lines: list[list[Point]] = [[]]
    for point in points:
        if point.is_provisional or point.is_after_gap or point.is_after_change:
            lines.append([])
        if not point.is_provisional:
            lines[-1].append(point)
    return [line for line in lines if line]


@dataclass(frozen=True)
class Event:
    """Something that happened on a day, as an analyst lists it for the charts."""

    day: date
    label: str
    sections: tuple[str, ...] = ()
    """Codes of the sections that it concerns; empty for all."""

    @property
    def words(self) -> str:
        """`Strike (14 October 2022)`."""
        return f"{self.label} ({self.day.day} {long_month(self.day)})"


@dataclass(frozen=True)
class Chart:
    """The months or weeks of one measure, with what the year before the newest month would lead one to expect."""

    measure: str
    title: str
    finding: str
    """What stands out in the newest month, in a few words, printed below the title; empty if nothing does."""
    alternative: str
    unit: str
    points: tuple[Point, ...]
    decimals: int = 0
    usual: Decimal | None = None
    """The usual value of the newest month; None, like the limits of the band around it, without a year before it."""
    lower_limit: Decimal | None = None
    upper_limit: Decimal | None = None
    target: Decimal | None = None
    target_label: str = ""
    usual_from: date | None = None
    """First month of the band: twelve months before the newest."""
    by: str = "month"
    """The period of a point, `month` or `week`."""
    events: tuple[Event, ...] = ()
    formula_note: str = ""
    """`different formula since November 2022`, if the line breaks there and the finding does not say so."""

    @property
    def caption(self) -> str:
        """Result, target and change of formula, printed below the title."""
        return "; ".join(filter(None, (self.finding, self.target_label, self.formula_note)))

    @property
    def key(self) -> str:
        """The key of the chart, unique within a paper."""
        return f"{self.measure} by {self.by}"


COMPARED = ("month_before", "year_before", "fytd", "prev_fytd")
"""What a headline figure stands beside: month before, same month last year, year to date, last year's."""


@dataclass(frozen=True)
class MainPoint:
    """One of the main points of a paper."""

    text: str
    measure: str
    section: str


@dataclass(frozen=True)
class Headline:
    """A headline measure in the last month of a paper, or what is published nationally beside it."""

    measure: str
    label: str
    unit: str
    decimals: int
    figure: Figure
    beside: Mapping[str, Figure]
    """What it stands beside, by the names of `COMPARED`."""
    trend: tuple[Point, ...]
    trend_words: str
    """`High 53.27% Oct, low 15.89% Jan`; empty if no month is complete."""
    trend_scale: tuple[Decimal, Decimal] | None
    """The range that its drawing covers, never narrower than the usual range."""
    verdict: str
    """`Worse than usual, highest since Mar 2021`; empty if nothing stands out. Beside a figure that is published
    nationally, that of the country and the rank."""
    target: str
    """`under 2%: met; met in 12 of the last 12 months`; empty without a target."""
    rest: str
    """What the rest of the year needs; empty without a target."""
    is_affected: bool = False
    """Whether data behind the figure are missing or could not be used."""
    target_side: str = ""
    """What `target` says in words: `under` or `over`, the value, and whether it is met."""
    target_value: Decimal | None = None
    target_state: str = ""


@dataclass(frozen=True)
class Matrix:
    """The headline measures side by side."""

    columns: tuple[tuple[str, str], ...]
    """Name and title: `label`, `figure`, those of `COMPARED`, `target`, `rest` and `trend`. Columns that no measure
    fills are left out."""
    headlines: tuple[Headline, ...]


@dataclass(frozen=True)
class Run:
    """A part of a text in one style."""

    text: str
    is_strong: bool = False
    is_emphasised: bool = False


@dataclass(frozen=True)
class Block:
    """A paragraph or list item of the commentary."""

    kind: str
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Explanation:
    """What an analyst wrote on an exception."""

    comment: tuple[Block, ...] = ()
    action: str = ""
    owner: str = ""
    due: str = ""


@dataclass(frozen=True, kw_only=True)
class ExceptionItem(Explanation):
    """A measure whose month needs an explanation, with what is known of it."""

    label: str
    reason: str


@dataclass(frozen=True)
class Revision:
    """A figure of an earlier month that has changed since the previous paper."""

    label: str
    month: str
    before: Figure
    after: Figure
    cause: str
    unit: str
    decimals: int

    @property
    def texts(self) -> tuple[str, ...]:
        """The cells of its row in a table."""
        return self.label, self.month, self.before.text, self.after.text, self.cause


EXCEPTION_COLUMNS = ("Measure", "Why", "Comment", "Action", "Owner", "Due")
REVISION_COLUMNS = ("Measure", "Month", "Then", "Now", "Cause")
"""Titles of the columns of an exception and of a revision."""


@dataclass(frozen=True)
class Statement:
    """Sentences on the figures of one measure."""

    label: str
    text: str


@dataclass(frozen=True)
class Section:
    """One section of the paper."""

    code: str
    title: str
    statements: tuple[Statement, ...]
    commentary: tuple[Block, ...]
    table: Table
    charts: tuple[Chart, ...]
    weekly_charts: tuple[Chart, ...] = ()
    """Charts of the headline percentages, with weeks up to the last month."""

    @property
    def all_charts(self) -> tuple[Chart, ...]:
        """All charts, in the order of the paper."""
        return (*self.charts, *self.weekly_charts)

    @property
    def events_note(self) -> str:
        """`Marked in the charts: ...`, with every event of any chart; empty if there is none."""
        events = {event for chart in self.all_charts for event in chart.events}
        return marked_words(sorted(events, key=lambda event: (event.day, event.label)), " in the charts")


HOW_TO_READ = (
    "A month is judged once, against the twelve complete months before it, without one or two that are extreme: "
    "it is worse or better than usual if it is further from their median than the figures usually move from month to "
    "month (more than 3.145 times as far). "
    "Without such words, nothing stands out. What the rest of the year needs assumes as many calls as in the same "
    "months of last year; without a target it says what the year would be if each month left had the numbers of this "
    "one. The line of the last twelve months covers at least the usual range, so that ordinary variation looks small. "
    "A main point is said once: what an earlier paper said is not said again.",
    "In a chart, a point is a month, or a complete week from Monday to Sunday. A hollow point is a month with missing "
    "days; it is not joined to the line. The grey band is what the year before would lead one to expect of the newest "
    "month, with the median in its middle, and the dashed orange line is the target or benchmark. A square marks a "
    "month that was worse or better than usual when it was new.",
)
"""Paragraphs that explain the headline table and charts."""

_HOW_TO_READ_EVENTS = (
    "A dotted vertical line marks an event that the force has listed, with its name above it. The line is at the point "
    "of the month or week in which the event took place, and does not say that it caused a change."
)

_SYNTHETIC = (
    "Synthetic sample.",
    "These figures were computed from made-up extracts that are calibrated to figures that a force printed. They "
    "describe no real call, contact or crime.",
)
_PROVISIONAL = (
    "Provisional figures",
    "are in italics with the number of a note, which says what was not delivered.",
)


@dataclass(frozen=True)
class Definition:
    """The definition of a measure, from the catalogue, with the values in force."""

    section: str
    label: str
    name: str
    text: str


@dataclass(frozen=True)
class Report:
    """The board paper of one force for one month."""

    force_code: str
    force_name: str
    months: tuple[date, ...]
    data_until: date | None
    is_synthetic: bool
    main_points: tuple[MainPoint, ...]
    """At most five, those of most weight first."""
    points_note: str
    """What limits the figures of the first page, or that nothing stands out; empty if there is nothing to say."""
    matrix: Matrix
    exceptions: tuple[ExceptionItem, ...]
    no_exceptions: str
    """What was looked for, in the place of exceptions; empty if there are some."""
    commentary: tuple[Block, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...]
    definitions: tuple[Definition, ...]
    front: tuple[tuple[str, str], ...] = ()
    """Titles and values of the front matter, such as author and date of meeting."""
    marking: str = ""
    """Protective marking, shown on each page; empty if there is none."""
    revisions: tuple[Revision, ...] = ()
    revisions_note: str = ""
    """A sentence on revisions; empty if earlier publications are not known."""
    publication: str = ""
    unfinished: str = ""
    """A sentence saying that days of the last month are missing; empty if none are."""

    @property
    def commentary_title(self) -> str:
        """The heading of what the analyst wrote, with who signs for it."""
        author = dict(self.front).get("Author", "")
        return f"Commentary by {author}" if author else "Commentary"

    @property
    def period(self) -> str:
        """The months shown, in words."""
        return span(self.months[0], self.months[-1])

    @property
    def title(self) -> str:
        """The title of a file: force, subject and months."""
        return f"{self.force_name}: contact and crime performance, {self.period}"

    @property
    def day(self) -> date:
        """The date of a file: its newest delivery, not the time of rendering, so that the same report is the same."""
        return self.data_until or self.months[-1]

    @property
    def notices(self) -> tuple[tuple[str, str], ...]:
        """What a reader must know before the first figure: a few words, and the sentence that follows them."""
        return (
            *([_SYNTHETIC] if self.is_synthetic else []),
            *([("Not complete.", self.unfinished)] if self.unfinished else []),
            *([_PROVISIONAL] if self.is_provisional else []),
        )

    @property
    def how_to_read(self) -> tuple[str, ...]:
        """Paragraphs that explain the headline table and charts, and events if there are any."""
        return (*HOW_TO_READ, *([_HOW_TO_READ_EVENTS] if any(item.events_note for item in self.sections) else []))

    @property
    def is_provisional(self) -> bool:
        """Whether any figure in a table is provisional."""
        return any(figure.is_provisional for figure in self.figures())

    def figures(self) -> Iterator[Figure]:
        """Yield the figures of all tables."""
        for section in self.sections:
            for row in section.table.rows:
                yield from row.figures


def period_of(day: date, by: str) -> date:
    """Return the first day of the month or week (from Monday) that a day is in."""
    return day.replace(day=1) if by == "month" else day - timedelta(days=day.weekday())


def months_before(month: date, number: int) -> date:
    """Return the first day of the month a number of months before another."""
    index = month.year * 12 + month.month - 1 - number
    return date(index // 12, index % 12 + 1, 1)


def long_month(month: date) -> str:
    """Return the month as `January 2023`."""
    return f"{month:%B %Y}"


def short_month(month: date) -> str:
    """Return the month as `Jan 2023`."""
    return f"{month:%b %Y}"


def span(first: date, last: date) -> str:
    """Return `August 2022 to January 2023`; a single month if both are the same."""
    return long_month(first) if first == last else f"{long_month(first)} to {long_month(last)}"


def since(day: date) -> str:
    """Return `since August 2022`, or `since 13 August 2022` for a day other than the first of the month."""
    return f"since {long_month(day)}" if day.day == 1 else f"since {day.day} {long_month(day)}"


def counted_days(loaded: int, days: int) -> str:
    """Return `1 of 28 days`."""
    return f"{loaded:,} of {days:,} days"


def marked_words(events: Sequence[Event], where: str = "") -> str:
    """Return `Marked: Strike (14 October 2022) and New system (1 November 2022).`; empty without events."""
    return f"Marked{where}: {listed([event.words for event in events])}." if events else ""


def listed(words: list[str]) -> str:
    """Return `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
