"""Present a trace as text for people and as records for programs."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from dagster_project.console import aligned
from dagster_project.tracing.model import Figure, MissingDay, QuarantinedRows, Ranges, Trace, TracedPart, amount_text
from dagster_project.words import counted

# Number of files listed for each part and for quarantined rows; the others are counted. As in the summary of a run.
_LISTED = 12
# Width of the row numbers next to a file, in characters: the rest of a line of 140.
_ROWS_WIDTH = 60

_NO_FIGURE = "\N{EN DASH}"

# Characters shown of a hash, enough to tell two files apart.
_HASH_LENGTH = 12


def ranges_text(ranges: Ranges, width: int | None = None) -> str:
    """Return row numbers as `2-9, 11, 15-16`.

    Args:
        ranges: first and last number of each run.
        width: maximum number of characters, after which the others are counted, `... and 12 more`; None: no maximum.
            The first run is always shown.
    """
    texts = [str(first) if first == last else f"{first}-{last}" for first, last in ranges]
    if width is None:
        return ", ".join(texts)
    length, shown = 0, 0
    for text in texts:
        length += len(text) + 2
        if shown and length - 2 > width:
            break
        shown += 1
    more = sum(last - first + 1 for first, last in ranges[shown:])
    return ", ".join(texts[:shown]) + (f" and {more:,} more" if more else "")


def lines_of(trace: Trace) -> Iterator[str]:
    """Yield the trace as lines for a terminal."""
    figure = trace.figure
    yield f"{figure.measure}, {figure.force_code}, {figure.month_start:%B %Y}: {figure.label}"
    yield ""
    yield f"Figure       {figure.display_value or _NO_FIGURE}   ({_unit(figure)})"
    if figure.display_value is None:
        nothing = "there is nothing to divide by" if figure.is_additive else "there is no event to work it out from"
        yield f"             {nothing if figure.is_delivered else 'nothing was delivered for this month'}"
    yield f"Published    {_published(trace)}"
    if not trace.is_current:
        yield "Not current  what is loaded, or the project, has changed since the figures were built. Run: fcir run"
    yield f"Provisional  {_provisional(trace)}"
    for source, days in groupby(trace.missing_days, key=lambda day: day.source):
        yield f"             {source}: {_days(list(days))}"
    yield f"Definition   {figure.definition}"
    yield f"Owner        {figure.owner}"
    if figure.formula_measure != figure.measure:
        yield (
            f"Formula      {figure.formula_measure}, in force for {figure.force_code} in this month; why: "
            f"fcir query \"from definitions where applies_to = '{figure.measure}'\""
        )
    yield from _sums(trace)
    for fault in trace.faults:
        yield f"Adds up      NO: {fault}"
    if not trace.faults:
        yield "Adds up      the rows below give these sums"
    for part in trace.parts:
        yield ""
        yield from _part(part)
    yield ""
    yield from _quarantined(trace)
    if trace.rows:
        yield ""
        yield from _table(
            ["part", "amount", "source", "extract date", "file", "load", "row"],
            [[_cell(value) for value in record] for record in records_of(trace, with_rows=True)[1]],
            right=("amount", "load", "row"),
        )
        if any(row.amount is None for row in trace.rows):
            yield (
                "A row without an amount is a further row of an event that counts on another one, such as a call on "
                "that of its first segment."
            )


def records_of(trace: Trace, *, with_rows: bool) -> tuple[list[str], list[list[Any]]]:
    """Return the trace as column names and rows: one row for each part and file, or for each row of an extract."""
    if with_rows:
        columns = ["part", "amount", "source", "extract_date", "file_name", "load_id", "source_row"]
        return columns, [[getattr(row, column) for column in columns] for row in trace.rows]
    columns = ["part", "source", "extract_date", "file_name", "file_sha256", "load_id", "events", "amount"]
    return [*columns, "source_rows"], [
        [part.part, *(getattr(file, column) for column in columns[1:]), ranges_text(file.rows)]
        for part in trace.parts
        for file in part.files
    ]


def document_of(trace: Trace, *, with_rows: bool) -> dict[str, Any]:
    """Return the whole trace as an object; dates and decimals are not converted."""
    figure = vars(trace.figure)
    document: dict[str, Any] = {
        **figure,
        "published": vars(trace.published) | {"has_moved_on": trace.has_moved_on} if trace.published else None,
        "is_current": trace.is_current,
        "missing_days": [vars(day) for day in trace.missing_days],
        "adds_up": not trace.faults,
        "faults": list(trace.faults),
        "parts": [
            {
                "part": part.part,
                "uses": [{"role": use.role, "weight": use.weight} for use in trace.uses if use.part == part.part],
                "amount": part.amount,
                "events": part.events,
                "files": [
                    {name: value for name, value in vars(file).items() if name != "rows"}
                    | {"source_rows": ranges_text(file.rows)}
                    for file in part.files
                ],
            }
            for part in trace.parts
        ],
        "quarantined": [vars(item) for item in trace.quarantined],
    }
    if with_rows:
        document["rows"] = [vars(row) for row in trace.rows]
    return document


def _cell(value: object) -> str:
    return amount_text(value) if isinstance(value, Decimal) else "" if value is None else str(value)


def _unit(figure: Figure) -> str:
    if figure.target is None:
        return figure.unit
    direction = {"lower": "under ", "higher": "over "}.get(figure.better, "")
    return f"{figure.unit}; target {direction}{amount_text(figure.target)}"


def _published(trace: Trace) -> str:
    published = trace.published
    if published is None:
        return "not yet. Run: fcir run"
    if not published.is_there:
        return f"{published.run_id} does not have it; a run publishes it: fcir run"
    if not trace.has_moved_on:
        return f"{published.run_id} has the same figure"
    value = _NO_FIGURE if published.value is None else amount_text(published.value)
    return (
        f"{published.run_id} has {published.display_value or value} ({value}); the warehouse has changed since. "
        "Run: fcir run"
    )


def _provisional(trace: Trace) -> str:
    figure = trace.figure
    days = f"{figure.days_loaded} of {figure.days_in_month} days are loaded"
    if not figure.is_provisional:
        return f"no; {days}"
    of = " of the source with fewest" if len(trace.sources) > 1 else ""
    return f"yes, it may change; {days}{of} ({figure.share_of_days_loaded:.2f}%)"


def _days(days: Sequence[MissingDay]) -> str:
    texts = []
    for state, same in groupby(days, key=lambda day: day.state):
        spans: list[list[MissingDay]] = []
        for day in same:
            if spans and (day.day - spans[-1][1].day).days == 1:
                spans[-1][1] = day
            else:
                spans.append([day, day])
        texts.append(
            ", ".join(str(first.day) if first is last else f"{first.day} to {last.day}" for first, last in spans)
            + f" {state}"
        )
    return "; ".join(texts)


def _sums(trace: Trace) -> Iterator[str]:
    figure = trace.figure
    if not figure.is_additive:
        yield "Population   the figure does not add up; it is worked out from these events"
        yield from _uses(trace, "population")
        return
    top = _amount(figure.numerator, figure.numerator_divisor)
    if figure.denominator_words is None:
        yield f"Sum          {top}   {figure.numerator_words}"
        yield from _uses(trace, "numerator")
        return
    below = _amount(figure.denominator, figure.denominator_divisor)
    times = f"{figure.factor} * " if figure.factor != 1 else ""
    yield f"Quotient     {times}{_bracketed(top)} / {_bracketed(below)}"
    yield f"  numerator   {top}   {figure.numerator_words}"
    yield from _uses(trace, "numerator")
    yield f"  denominator {below}   {figure.denominator_words}"
    yield from _uses(trace, "denominator")


def _uses(trace: Trace, role: str) -> Iterator[str]:
    amounts = {part.part: part.amount for part in trace.parts}
    for use in trace.uses:
        if use.role == role:
            times = f"{abs(use.weight)} * " if abs(use.weight) != 1 else ""
            yield f"    {'-' if use.weight < 0 else '+'} {times}{amount_text(amounts[use.part])} {use.part}"


def _amount(amount: Decimal | None, divisor: int) -> str:
    """Return a sum with the divisor that converts it to its unit, such as seconds to hours."""
    if amount is None:
        return _NO_FIGURE
    return amount_text(amount) if divisor == 1 else f"{amount_text(amount)} / {divisor:,}"


def _bracketed(text: str) -> str:
    return f"({text})" if " " in text else text


def _part(part: TracedPart) -> Iterator[str]:
    if not part.files:
        yield f"{part.part}: no events"
        return
    sources = ", ".join(dict.fromkeys(file.source for file in part.files))
    total = "" if part.counted == part.events else f", {amount_text(part.counted)} together"
    is_purged = any(file.purged_at for file in part.files)
    rows = "" if is_purged or part.rows == part.events else f"{counted(part.rows, 'row')} of "
    files = counted(len(part.files), "file")
    yield f"{part.part}: {counted(part.events, 'event')}{total}, in {rows}{files} of {sources}"
    yield from _table(
        ["extract date", "file", "sha256", "load", "events", "rows of the file"],
        [
            [
                str(file.extract_date),
                file.file_name + ("" if file.status == "loaded" else f" ({file.status})"),
                file.file_sha256[:_HASH_LENGTH],
                str(file.load_id),
                f"{file.events:,}",
                f"purged {file.purged_at}" if file.purged_at else ranges_text(file.rows, _ROWS_WIDTH),
            ]
            for file in part.files[:_LISTED]
        ],
        right=("load", "events"),
    )
    if len(part.files) > _LISTED:
        yield f"  and {counted(len(part.files) - _LISTED, 'more file')}: --csv lists all, --rows every row"


def _quarantined(trace: Trace) -> Iterator[str]:
    where = "in the deliveries of the month and in others that the figure was counted from"
    if not trace.quarantined:
        yield f"Quarantined  no row {where}"
        return
    total = sum(item.rows for item in trace.quarantined)
    reasons: dict[str, int] = {}
    for item in trace.quarantined:
        reasons[item.reason_code] = reasons.get(item.reason_code, 0) + item.rows
    yield f"Quarantined  {counted(total, 'row')} {where}: " + ", ".join(
        f"{count:,} {code}" for code, count in sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    )
    files = [list(items) for _, items in groupby(trace.quarantined, key=lambda item: item.load_id)]
    yield from _table(
        ["source", "extract date", "file", "load", "rows"],
        [
            [
                items[0].source,
                str(items[0].extract_date),
                items[0].file_name,
                str(items[0].load_id),
                f"{sum(item.rows for item in items):,}",
            ]
            for items in files[:_LISTED]
        ],
        right=("load", "rows"),
    )
    if len(files) > _LISTED:
        yield f"  and {counted(len(files) - _LISTED, 'more file')}"
    yield f"  Each with its reason: {_query(trace.quarantined)}"


def _query(items: Sequence[QuarantinedRows]) -> str:
    """Return the command that lists the rows, by range of days: a list of two hundred loads would be too long."""
    days = [item.extract_date for item in items]
    sources = ", ".join(f"'{source}'" for source in dict.fromkeys(item.source for item in items))
    return (
        f'fcir query "from quarantine where source in ({sources}) '
        f"and extract_date between '{min(days)}' and '{max(days)}'\""
    )


def _table(titles: list[str], rows: list[list[str]], *, right: Sequence[str]) -> Iterator[str]:
    return (f"  {line}" for line in aligned(titles, rows, right=right))
