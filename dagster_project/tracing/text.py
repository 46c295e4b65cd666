"""Present a trace as text for people (`trace.txt.j2`), and as records and an object for programs."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from importlib.resources import files
from itertools import groupby
from typing import Any

from jinja2 import Environment, StrictUndefined

from dagster_project.console import aligned
from dagster_project.tracing.model import Row, Trace, amount_text
from dagster_project.words import counted, printable

# Files listed for each part, and for quarantined rows; the others are counted. As in the summary of a run.
_LISTED = 12
# Characters of a cell: row numbers, which are last, then fit a line of 140.
_WIDTH = 60

_FILE_COLUMNS = ("source", "extract_date", "file_name", "file_sha256", "load_id", "events", "amount", "source_rows")
_ROW_COLUMNS = ("part", "amount", "source", "extract_date", "file_name", "load_id", "source_row")


def lines_of(trace: Trace) -> list[str]:
    """Return the trace as lines for a terminal, without characters that it would obey."""
    environment = Environment(  # noqa: S701 - text for a terminal, no HTML
        undefined=StrictUndefined, line_statement_prefix="%", finalize=_escaped
    )
    environment.filters |= {"amount": amount_text, "spans": _spans, "table": _table}
    template = environment.from_string((files(__package__) / "trace.txt.j2").read_text(encoding="utf-8"))
    return template.render(vars(trace), faults=trace.faults, roles=trace.roles, counted=counted).splitlines()


def records_of(trace: Trace, *, with_rows: bool) -> tuple[Sequence[str], list[list[Any]]]:
    """Return the trace as column names and rows: one row for each part and file, or for each row of an extract."""
    if with_rows:
        return _ROW_COLUMNS, [[row[name] for name in _ROW_COLUMNS] for row in trace.rows]
    of_files = [(part.part, file) for part in trace.parts for file in part.files]
    return ("part", *_FILE_COLUMNS), [[part, *(file[name] for name in _FILE_COLUMNS)] for part, file in of_files]


def document_of(trace: Trace) -> dict[str, Any]:
    """Return the whole trace as an object; objects in it, dates and decimals are not converted."""
    others = {name: value for name, value in vars(trace).items() if name != "figure"}
    return {**trace.figure, **others, "adds_up": not trace.faults, "faults": trace.faults}


def _escaped(value: object) -> object:
    return value if str(value).isprintable() else printable(str(value))


def _spans(days: Sequence[Row]) -> str:
    """Return spans of days with their state: `2022-10-03 to 2022-10-04 rejected; 2022-10-06 missing`."""
    # Within a span, a day and its position differ by the same number.
    spans = groupby(enumerate(days), key=lambda item: (item[1]["state"], item[1]["day"].toordinal() - item[0]))
    texts = []
    for (state, _), span in spans:
        first, *others = (day["day"] for _, day in span)
        texts.append(f"{first} to {others[-1]} {state}" if others else f"{first} {state}")
    return "; ".join(texts)


def _table(rows: Sequence[Row], columns: str, *, is_whole: bool = False) -> Iterator[str]:
    """Yield the lines of a table of the first rows.

    Args:
        rows: the rows.
        columns: their columns, each perhaps with a format: `file_sha256:.12 events:,`.
        is_whole: show all rows.
    """
    named = [column.partition(":")[::2] for column in columns.split()]
    numbers = [name for name, _ in named if isinstance(rows[0][name], int | Decimal)]
    cells = [[_cell(row[name], form) for name, form in named] for row in rows[: None if is_whole else _LISTED]]
    for line in aligned([name for name, _ in named], cells, right=numbers):
        yield f"  {line}"
    if len(rows) > len(cells):
        yield f"  and {len(rows) - len(cells):,} more: --json has all"


def _cell(value: Any, form: str) -> str:
    text = "" if value is None else amount_text(value) if isinstance(value, Decimal) else format(value, form)
    # A number that is cut in the middle would be another row.
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH + 1].rpartition(',')[0]}, ..."
