"""Read the dated events that analysts list for the charts of a force.

The list is `commentary/FORCE/events.csv` below the data root, with the columns `date`, `label` and, for events of some
sections only, `sections`: their codes or titles, separated by semicolons. A row with a fault is left out.
"""

import csv
import unicodedata
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from dagster_project.publication.characters import cleaned
from dagster_project.publication.paths import check_name
from dagster_project.publication.report.analyst_files import CommentaryError, day_of, read_text
from dagster_project.publication.report.model import Event

# The narrowest chart of a paper has room for 30 letters.
_LONGEST_LABEL = 30

# A chart of two years with more lines shows nothing else.
_MOST_EVENTS = 100

_REQUIRED = ("date", "label")
_KNOWN = (*_REQUIRED, "sections")


def events_file(folder: Path, force_code: str) -> Path:
    """Return the path of the events of a force.

    Raises:
        UnsafeName: the force code cannot be a folder name.
    """
    return folder / check_name(force_code) / "events.csv"


def read_events(path: Path, sections: Mapping[str, str]) -> tuple[tuple[Event, ...], tuple[str, ...]]:
    """Read the events of a force.

    Args:
        path: the CSV file, UTF-8.
        sections: sections of the catalogue, code to title.

    Returns:
        The events by date, and a message for each row that is left out; both empty if there is no file.

    Raises:
        CommentaryError: the file cannot be read (`read_text`), is not CSV, has another header or more than 100 rows.
    """
    text = read_text(path)
    if not text.strip():
        return (), ()
    reader = csv.reader(text.split("\n"), strict=True)
    events: list[Event] = []
    faults: list[str] = []
    try:
        header = [name.strip().casefold() for name in next(reader)]
        _check_header(path, header)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(events) + len(faults) == _MOST_EVENTS:
                raise CommentaryError(
                    f"{path}, line {reader.line_num}: more than {_MOST_EVENTS} events. Remove old ones, then run: "
                    "fcir publish"
                )
            event = _event(header, [cell.strip() for cell in cells], sections)
            if isinstance(event, Event):
                events.append(event)
            else:
                faults.append(f"{path}, line {reader.line_num}: {event}, then run: fcir publish")
    except csv.Error as error:
        raise CommentaryError(
            f"{path}, line {reader.line_num}: not CSV ({error}). Correct it, then run: fcir publish"
        ) from None
    return tuple(sorted(events, key=lambda event: (event.day, event.label))), tuple(faults)


def _check_header(path: Path, header: Sequence[str]) -> None:
    if (
        any(name not in _KNOWN for name in header)
        or not set(_REQUIRED) <= set(header)
        or len(set(header)) < len(header)
    ):
        raise CommentaryError(
            f"{path}, line 1: the columns are {', '.join(header)!r}, expected date, label and, if needed, sections. "
            "Correct the first line, then run: fcir publish"
        )


def _event(header: Sequence[str], cells: Sequence[str], sections: Mapping[str, str]) -> Event | str:
    """Return the event of a row, or what is wrong with it and how to correct it."""
    if len(cells) != len(header):
        return f"{len(cells)} cells, expected {len(header)}. Put texts with a comma in quotation marks"
    row = dict(zip(header, cells, strict=True))
    day, label = day_of(row["date"]), row["label"]
    if day is None:
        return f"{row['date'][:40]!r} is not a date. Write it as 15 March 2023, 2023-03-15 or 15/03/2023"
    if not label:
        return "the label is empty. Write what happened"
    if len(label) > _LONGEST_LABEL:
        return f"the label has {len(label)} characters, and a chart has room for {_LONGEST_LABEL}. Shorten it"
    if cleaned(label) != label or any(
        unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") for character in label
    ):
        return "the label has a control character. Type it again"
    codes = []
    for name in filter(None, map(str.strip, row.get("sections", "").split(";"))):
        code = next(
            (code for code, title in sections.items() if name.casefold() in (code.casefold(), title.casefold())), ""
        )
        if not code:
            near = get_close_matches(name, sections.values(), n=1, cutoff=0) or list(sections.values())[:1]
            return (
                f"{name[:40]!r} is not a section; a section is, for example, {near[0] if near else 'none'!r}. Change it"
            )
        codes.append(code)
    return Event(day, label, tuple(codes))
