"""How each file of the sample spells its names and cells: variants that a warehouse must read. Writes no files."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from dagster_project.sample.deliveries import File


class Stamp(StrEnum):
    """Spelling of a timestamp."""

    ISO = "2022-08-01T10:00:00"
    SPACED = "2022-08-01 10:00:00"
    OFFSET = "2022-08-01T10:00:00+01:00"
    ZULU = "2022-08-01T09:00:00Z"
    BRITISH = "01/08/2022 10:00:00"
    BRITISH_MINUTES = "01/08/2022 10:00"


class Names(StrEnum):
    """Spelling of a column name."""

    SNAKE = "call_id"
    TITLE = "Call Id"
    UPPER = "CALL_ID"
    DASHED = "call-id"
    CAMEL = "callId"
    SHORT = "UCID"  # the alias if the contract has one, else as TITLE


class Durations(StrEnum):
    """Spelling of a duration; in spreadsheet cells, a fraction of a day."""

    SECONDS = "296"
    CLOCK = "04:56"
    WORDS = "4m 56s"


@dataclass(frozen=True)
class Style:
    """The format of one file.

    Attributes:
        extension: extension of the file name, which is also its format.
        stamp: spelling of timestamps in text files.
        thousands: whether durations of 1,000 s or more have a thousands separator.
        null: word for "no value".
        yes, no: words for booleans; empty for JSON booleans.
        turn: number of columns moved from the start to the end.
        without: omitted columns.
        unknown: a column that is in no contract, or empty.
        preamble: lines above the header.
        total: first cell of a totals row, or empty.
        cover_sheet: whether a workbook opens with a sheet of notes.
        with_zone: whether Parquet timestamps are UTC instants, instead of clock times.
        omits_nulls: whether JSON omits names without a value.
    """

    extension: str
    stamp: Stamp = Stamp.SPACED
    names: Names = Names.SNAKE
    durations: Durations = Durations.SECONDS
    thousands: bool = False
    null: str = ""
    yes: str = "Y"
    no: str = "N"
    turn: int = 0
    without: tuple[str, ...] = ()
    unknown: str = ""
    preamble: tuple[str, ...] = ()
    total: str = ""
    delimiter: str = ","
    encoding: str = "utf-8"
    newline: str = "\n"
    cover_sheet: bool = False
    with_zone: bool = False
    omits_nulls: bool = False

    @property
    def is_csv(self) -> bool:
        """Whether the file is CSV, compressed or not."""
        return self.extension.startswith("csv")


_NULLS = ("", "", "NULL", "", "N/A", "", "-", "", "#N/A", "", "-9999", "null")
_NOTICE = "SYNTHETIC SAMPLE: no row of this file is a real event"


def day_number(date: dt.date) -> int:
    """Return the day number that rotates defects and styles: 0 on the first day with printed figures."""
    return (date - dt.date(2022, 8, 1)).days


def style_of(source: str, *, date: dt.date, file: File) -> Style:
    """Return the style of one file, always the same for a source, date and file."""
    day = day_number(date)
    if file is File.LATE:
        return Style(
            "xlsx",
            names=Names.TITLE,
            durations=Durations.CLOCK if day % 2 else Durations.SECONDS,
            without=("utc_offset_minutes",),
            preamble=("Late rows", _NOTICE) if day % 2 else (),
        )
    if file is File.CORRECTED:
        return Style("csv", names=Names.UPPER, stamp=Stamp.ISO, null="NULL")
    return _STYLES[source](day, date)


# By month.
_CALL_STAMPS = (
    *(Stamp.BRITISH, Stamp.BRITISH, Stamp.SPACED, Stamp.ISO, Stamp.OFFSET, Stamp.ISO),
    *(Stamp.ZULU, Stamp.BRITISH, Stamp.SPACED, Stamp.ISO, Stamp.OFFSET, Stamp.ZULU),
)


def _calls(day: int, date: dt.date) -> Style:
    # Tenths of a second, used in the last month, have no clock form.
    whole = date < dt.date(2023, 1, 1)
    stamp = _CALL_STAMPS[date.month - 1]
    if stamp is Stamp.BRITISH and day % 10 == 6:
        stamp = Stamp.BRITISH_MINUTES
    durations = Durations.SECONDS
    if whole and day % 11 == 5:
        durations = Durations.CLOCK
    elif whole and day % 11 == 8:
        durations = Durations.WORDS
    is_plain = day % 9 == 4
    return Style(
        "csv" if is_plain else "csv.gz",
        stamp=stamp,
        names=(Names.SNAKE, Names.SHORT, Names.SNAKE, Names.UPPER, Names.TITLE, Names.DASHED)[day // 2 % 6],
        durations=durations,
        thousands=day % 4 == 1,
        null=_NULLS[day // 3 % len(_NULLS)],
        turn=3 if day % 8 == 7 else 0,
        # The extract includes the offset since the clock change of 2022.
        without=() if date >= dt.date(2022, 10, 1) else ("utc_offset_minutes",),
        unknown="caller_name" if day % 12 == 10 else "",
        preamble=(
            ("ACD segments, daily", _NOTICE, f"Run date: {date + dt.timedelta(days=1):%d/%m/%Y} 04:00", "")
            if day % 5 == 3
            else ()
        ),
        total=("Total", "TOTALS", "Grand total")[day % 3] if day % 7 == 3 else "",
        delimiter={13: ";", 31: "\t", 67: "|"}.get(day % 90, ","),
        encoding={3: "cp1252", 22: "utf-16", 40: "utf-8-sig"}.get(day % 45, "utf-8"),
        newline="\r\n" if day % 10 == 4 else "\n",
    )


def _contacts(day: int, date: dt.date) -> Style:
    return Style(
        "jsonl",
        stamp=(Stamp.OFFSET, Stamp.ISO, Stamp.ZULU)[date.month % 3],
        names=Names.CAMEL if day % 6 == 1 else Names.SNAKE,
        null="N/A" if day % 14 == 6 else "",
        yes="Y" if day % 9 == 4 else "",
        no="N" if day % 9 == 4 else "",
        unknown="sender_email" if day % 13 == 8 else "",
        omits_nulls=day % 4 == 2,
    )


def _reports(day: int, date: dt.date) -> Style:
    is_old_form = date < dt.date(2022, 11, 1)
    # Starts and ends of forms in the repeated hour are in order only with their offsets.
    stamp = Stamp.BRITISH if is_old_form else Stamp.SPACED
    if (date.month, date.weekday()) == (10, 6) and date.day > 24:
        stamp = Stamp.OFFSET
    return Style(
        "csv",
        stamp=stamp,
        names=Names.TITLE if is_old_form else Names.SNAKE,
        null=_NULLS[day // 5 % len(_NULLS)],
        unknown="location_text" if is_old_form and day % 3 == 0 else "",
        preamble=("Online reporting \u2013 submissions", _NOTICE) if day % 6 == 0 else (),
        total="Total" if day % 9 == 2 else "",
        delimiter=";" if is_old_form else ",",
        encoding="cp1252" if is_old_form else "utf-8",
        newline="\r\n" if is_old_form else "\n",
    )


def _chats(day: int, date: dt.date) -> Style:
    return Style(
        "xlsx",
        names=Names.SNAKE if date.month == 12 else Names.TITLE,
        null="-" if day % 8 == 3 else "",
        yes="Yes" if day % 2 else "TRUE",
        no="No" if day % 2 else "FALSE",
        unknown="visitor_name" if day % 12 == 4 else "",
        preamble=("Live chat sessions", _NOTICE, "") if day % 5 == 2 else (),
        total="Total" if day % 10 == 6 else "",
        cover_sheet=day % 11 == 8,
    )


def _crimes(day: int, date: dt.date) -> Style:
    extension = {7: "xlsx", 11: "csv"}.get(day % 15, "parquet")
    return Style(
        extension,
        stamp=Stamp.BRITISH,
        names=Names.SNAKE if extension == "parquet" else Names.TITLE,
        null="N/A" if extension == "csv" else "",
        turn=2 if day % 10 == 9 else 0,
        unknown="victim_name" if day % 20 == 13 else "",
        total="Total" if extension == "csv" and day % 2 else "",
        with_zone=date.month in (10, 11),
    )


_STYLES = {
    "call_segments": _calls,
    "digital_contacts": _contacts,
    "online_crime_reports": _reports,
    "live_chats": _chats,
    "crimes": _crimes,
}
