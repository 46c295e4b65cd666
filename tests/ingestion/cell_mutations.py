"""Mutations of single cells: their text, and its value or the reason for quarantine."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.ingestion.mutation_kinds import enter, kind
from tests.reference.drafts import (
    CSV,
    CSV_GZ,
    DATE,
    DEFAULT_FORCE,
    FORMS,
    JSONL,
    MARKER,
    MOMENT,
    MONTH,
    NULL_WORDS,
    PARQUET,
    SECONDS,
    SOURCES,
    START,
    TRUTH,
    XLSX,
    Column,
    Draft,
    Misfit,
    Row,
)
from tests.reference.extract_files import Formula, Number, Rich, Wall

TIMED = tuple(START)
CALLS, CONTACTS, REPORTS, CHATS, CRIMES, FIGURES = (
    "call_segments",
    "digital_contacts",
    "online_crime_reports",
    "live_chats",
    "crimes",
    "published_figures",
)
FLAGGED = (CONTACTS, CHATS)
NOT_SHEETS = (CSV, CSV_GZ, JSONL, PARQUET)
TYPES = (DATE, MOMENT, MONTH, SECONDS, TRUTH)


def _faulty_cells(
    name: str, sources: tuple[str, ...], column: str, code: str, *texts: Any, forms: tuple[str, ...] = FORMS
) -> None:
    """Add a kind: a text in a column, or in a column of a type, that quarantines its row."""

    def apply(draft: Draft) -> None:
        found = draft.of_kind(column) if column in TYPES else column
        if found not in draft.fields:
            raise Misfit
        draft.make_faulty(found, draft.rng.choice(texts), code)

    enter(name, apply, sources=sources, forms=forms)


_faulty_cells(
    "bad_timestamp",
    TIMED,
    MOMENT,
    "not_a_timestamp",
    "31/02/2023 10:00",
    "2023-13-01T00:00:00",
    "yesterday",
    "2023-03-28 10:61",
    "2023-03-28 1O:00:00",
    "2023-00-10 10:00",
    "32/01/2023 10:00:00",
    "2023-03-28 10:00:60",
    "28.03.2023 10:00",
    "2023/03/28 10:00",
    "28 Mar 2023 10:00",
    "1679997600",
    "2023-03-28T10:00:00+25:00",
    "2023-03-28T10:00:00+01:75",
)
_faulty_cells("american_date", TIMED, MOMENT, "not_a_timestamp", "03/28/2023 10:00", "12/31/2022 23:59:59")
_faulty_cells("twelve_hour_clock", TIMED, MOMENT, "not_a_timestamp", "28/03/2023 10:00 PM", "2023-03-28 10:00am")
_faulty_cells("two_digit_year", TIMED, MOMENT, "not_a_timestamp", "28/03/23 10:00", "23-03-28 10:00")
_faulty_cells("time_of_day_missing", TIMED, MOMENT, "no_time_of_day", "2023-03-28", "28/03/2023", "45013")
_faulty_cells(
    "hour_that_never_was",
    TIMED,
    MOMENT,
    "time_never_existed",
    "2023-03-26 01:30:00",
    "26/03/2023 01:00",
    "2022-03-27T01:59:59",
    "1981-03-29 01:00:01",
)
_faulty_cells("midnight_as_twenty_four", TIMED, MOMENT, "not_a_timestamp", "2023-03-28 24:00:00", "28/03/2023 24:00")
_faulty_cells("leap_day_of_no_leap_year", TIMED, MOMENT, "not_a_timestamp", "29/02/2023 10:00", "1900-02-29 10:00:00")
_faulty_cells(
    "serial_number_out_of_range", TIMED, MOMENT, "not_a_timestamp", "19999.5", "80001.25", "145013.5", "-45013.5"
)
_faulty_cells("apostrophe_before_a_timestamp", TIMED, MOMENT, "not_a_timestamp", "'2023-03-28 10:00:00")
_faulty_cells(
    "date_cell_without_time", TIMED, MOMENT, "no_time_of_day", Wall(date(2023, 1, 10), "dd/mm/yyyy"), forms=(XLSX,)
)
_faulty_cells("negative_seconds", (CALLS,), SECONDS, "below_minimum", "-5", "-0.5", "-1,234")
_faulty_cells(
    "negative_number_cell",
    (CALLS,),
    "queue_seconds",
    "below_minimum",
    Number(-5),
    Number(-0.25, "[h]:mm:ss"),
    forms=(XLSX,),
)
_faulty_cells(
    "thousands_separators_in_wrong_places",
    (CALLS,),
    SECONDS,
    "not_seconds",
    "1,23",
    "12,34",
    "1234,567",
    ",123",
    "1,,234",
)
_faulty_cells("decimal_comma", (CALLS,), SECONDS, "not_seconds", "12,5", "0,75", forms=(CSV, CSV_GZ))
_faulty_cells(
    "not_a_duration",
    (CALLS,),
    SECONDS,
    "not_seconds",
    "1:75:30",
    "12:99",
    "a while",
    "1.5.2",
    "5 parsecs",
    "::",
    "4m 56",
    "s",
    "1:2",
    "NaN",
    "inf",
)
_faulty_cells("segment_zero", (CALLS,), "segment_no", "below_minimum", "0", "-3", "-0")
_faulty_cells("not_whole", (CALLS,), "segment_no", "not_an_integer", "1.5", "two", "+1", "1.0", "9" * 30, "'1")
_faulty_cells("offset_outside_its_list", (CALLS,), "utc_offset_minutes", "not_in_list", "30", "-60", "BST", "60.5")
_faulty_cells("neither_yes_nor_no", FLAGGED, TRUTH, "not_a_boolean", "maybe", "2", "ja", "U", "-1", "on")
_faulty_cells(
    "month_that_is_none",
    (FIGURES,),
    MONTH,
    "not_a_month",
    "Jan 2023",
    "2023-13",
    "2023-00",
    "2023/01",
    "01/2023",
    "202301",
)
_faulty_cells(
    "date_that_is_none",
    (FIGURES,),
    DATE,
    "not_a_date",
    "31/02/2023",
    "2023-02-29",
    "15 March 2023",
    "03/28/2023",
    "2023-3-15",
    "20230315",
)


def odd_texts(name: str, *texts: str, **applies_to: Any) -> None:
    """Add a kind: a text, with a unique number for `#`, that is loaded unchanged."""
    enter(
        name,
        lambda draft: draft.put(draft.rng.choice(texts).replace("#", str(draft.rng.randrange(10**9)))),
        **applies_to,
    )


odd_texts("emoji", "A🚓\u200d👮🏽#", slots=("unicode",))
odd_texts("control_characters", "A\x07\x1b[31m\x0b\x0c\x1c\x7f#", forms=NOT_SHEETS)
odd_texts("line_separators_of_unicode", "A\x85B\u2028C\u2029D#", forms=NOT_SHEETS, slots=("unicode",))
odd_texts("text_that_looks_like_a_formula", "=1+1#", "@SUM(A1)#", "+17#", "'17#")
odd_texts(
    "text_that_looks_like_sql_or_markup",
    *("'; drop table x; --#", "<b>&amp;</b>#", "{{ x }}#", "%s ${1} \\0#", "NULL;#", "$1#"),
)
odd_texts("line_end_in_a_sheet_cell", "one\ntwo #", forms=(XLSX,))


def start_alone(draft: Draft, row: Row, moment: datetime, text: str | None) -> None:
    """Give the row another start, in the format of the file or as a text, and other times that fit it."""
    start = START[draft.source]
    if start not in draft.fields:
        raise Misfit
    row.values[start] = moment
    if text is not None:
        row.cells[start] = text
    for name, spec in SOURCES[draft.source].items():
        if spec.kind == MOMENT and name != start:
            row.cells.pop(name, None)
            row.values[name] = moment.replace(microsecond=0) + timedelta(hours=6) if spec.required else None
    row.values["utc_offset_minutes"] = None
    if draft.source == "crimes":
        row.values.update(status="recorded", cancel_code=None)


def _with_start(draft: Draft) -> Row:
    if START[draft.source] not in draft.fields:
        raise Misfit
    return draft.fresh()


def _starts(
    name: str, *cases: tuple[str, str], is_ambiguous: bool = False, sources: tuple[str, ...] = TIMED, **others: Any
) -> None:
    """Add a kind: a row that starts at one of these UTC times, written as the text."""

    def apply(draft: Draft) -> None:
        row = _with_start(draft)
        moment, text = draft.rng.choice(cases)
        start_alone(draft, row, datetime.fromisoformat(f"{moment}+00:00"), text)
        row.is_ambiguous = is_ambiguous

    enter(name, apply, sources=sources, **others)


def _spellings(moment: str, *texts: str) -> tuple[tuple[str, str], ...]:
    return tuple((moment, text) for text in texts)


_starts("leap_day", *_spellings("2020-02-29 10:00:00", "29/02/2020 10:00", "2020-02-29T10:00:00"))
_starts("year_9999", ("9999-12-31 23:59:59", "9999-12-31 23:59:59"), sources=(CALLS, CONTACTS))
_starts("old_time", ("1999-12-31 23:59:00", "31/12/1999 23:59"))
_starts(
    "offsets_of_all_spellings",
    *_spellings(
        "2022-07-01 10:30:00",
        *("2022-07-01T10:30:00Z", "2022-07-01 11:30:00+01:00", "2022-07-01T11:30+01"),
        *("2022-07-01T05:30:00.000-0500", "2022-07-01T16:00:00 +05:30"),
    ),
)
_starts(
    "fractions_of_a_second",
    *_spellings(
        "2022-01-15 10:30:05.250000",
        *("2022-01-15T10:30:05.250Z", "2022-01-15 10:30:05.25", "2022-01-15 10:30:05,250", "15/01/2022 10:30:05.250"),
    ),
)
_starts("serial_number_as_text", ("2023-03-28 11:00:00", "45013.5"), forms=NOT_SHEETS)
_starts(
    "hour_that_occurs_twice",
    *_spellings("2022-10-30 00:30:00", "2022-10-30 01:30:00", "30/10/2022 01:30", "2022-10-30T01:30"),
    ("2022-10-30 00:00:00", "2022-10-30 01:00:00"),
    ("2022-10-30 00:59:59", "2022-10-30 01:59:59"),
    is_ambiguous=True,
)
_starts(
    "doubled_hour_with_an_offset",
    ("2022-10-30 00:15:00", "2022-10-30T01:15:00+01:00"),
    ("2022-10-30 01:15:00", "2022-10-30 01:15:00+00:00"),
)
_starts(
    "edges_of_the_clock_changes",
    ("2023-03-26 00:59:59", "2023-03-26 00:59:59"),
    ("2023-03-26 01:00:00", "2023-03-26 02:00:00"),
    ("2022-10-29 23:59:59", "2022-10-30 00:59:59"),
    ("2022-10-30 02:00:00", "2022-10-30 02:00:00"),
    ("1970-01-15 09:00:00", "15/01/1970 10:00"),
)


@kind(sources=(CALLS,))
def doubled_hour_with_the_offset_column(draft: Draft) -> None:
    if "utc_offset_minutes" not in draft.fields:
        raise Misfit
    row = _with_start(draft)
    offset = draft.rng.choice((0, 60))
    start_alone(draft, row, datetime(2022, 10, 30, 1 - offset // 60, 40, tzinfo=UTC), "30/10/2022 01:40:00")
    row.values["utc_offset_minutes"] = offset


@kind(sources=(CALLS,))
def offset_column_that_disagrees(draft: Draft) -> None:
    if "utc_offset_minutes" not in draft.fields:
        raise Misfit
    row = _with_start(draft)
    start_alone(draft, row, datetime(2022, 7, 1, 10, 30, tzinfo=UTC), "2022-07-01 11:30:00")
    row.values["utc_offset_minutes"], row.disagrees = 0, True


def _follower(draft: Draft) -> str:
    name = {CALLS: "called_back_at", CHATS: "ended_at", REPORTS: "submitted_at", CRIMES: "updated_at"}[draft.source]
    if name not in draft.fields:
        raise Misfit
    return name


@kind(sources=(CALLS, CHATS, REPORTS, CRIMES))
def doubled_hour_settled_by_the_start(draft: Draft) -> None:
    follower = _follower(draft)
    row = _with_start(draft)
    start_alone(draft, row, datetime(2022, 10, 30, 1, 10, tzinfo=UTC), "2022-10-30T01:10:00Z")
    row.values[follower], row.cells[follower] = datetime(2022, 10, 30, 1, 30, tzinfo=UTC), "2022-10-30 01:30:00"


@kind(sources=(CALLS, CHATS, REPORTS, CRIMES))
def doubled_hour_left_open_by_the_start(draft: Draft) -> None:
    follower = _follower(draft)
    row = _with_start(draft)
    start_alone(draft, row, datetime(2022, 10, 29, 23, 50, tzinfo=UTC), "30/10/2022 00:50:00")
    row.values[follower], row.cells[follower] = datetime(2022, 10, 30, 0, 30, tzinfo=UTC), "30/10/2022 01:30:00"
    row.is_ambiguous = True


@kind(sources=(CALLS, CHATS, REPORTS, CRIMES))
def doubled_hour_of_start_and_follower(draft: Draft) -> None:
    follower = _follower(draft)
    row = _with_start(draft)
    start_alone(draft, row, datetime(2022, 10, 30, 0, 30, tzinfo=UTC), "30/10/2022 01:30:00")
    row.values[follower], row.cells[follower] = datetime(2022, 10, 30, 1, 20, tzinfo=UTC), "30/10/2022 01:20:00"
    row.is_ambiguous = True


@kind(sources=(CALLS, CHATS))
def doubled_hour_before_the_start(draft: Draft) -> None:
    follower = _follower(draft)
    row = _with_start(draft)
    start_alone(draft, row, datetime(2022, 10, 30, 2, 30, tzinfo=UTC), "30/10/2022 02:30:00")
    row.cells[follower], row.verdict = "30/10/2022 01:30:00", ("out_of_order", follower)


@kind(forms=(XLSX,), sources=TIMED)
def date_cells_in_the_clock_changes(draft: Draft) -> None:
    doubled = datetime(2022, 10, 30, 1, 30)  # noqa: DTZ001 - a clock time
    _sheet_moment(draft, Wall(doubled), datetime(2022, 10, 30, 0, 30, tzinfo=UTC)).is_ambiguous = True
    left_out = datetime(2023, 3, 26, 1, 30)  # noqa: DTZ001 - a clock time
    draft.make_faulty(draft.of_kind(MOMENT), Wall(left_out), "time_never_existed")


@kind(sources=(CALLS, CHATS, REPORTS, CRIMES))
def times_in_the_wrong_order(draft: Draft) -> None:
    start, later = {
        CALLS: ("arrived_at", "called_back_at"),
        CHATS: draft.rng.choice((("requested_at", "accepted_at"), ("requested_at", "ended_at"))),
        REPORTS: ("started_at", "submitted_at"),
        CRIMES: ("recorded_at", "cancelled_at"),
    }[draft.source]
    if not {start, later} <= set(draft.fields):
        raise Misfit
    row = draft.fresh(lambda each: bool(each.values[start]))
    row.values[later] = row.values[start] - timedelta(minutes=draft.rng.randint(1, 500))
    if later == "ended_at":
        row.values["accepted_at"] = None
    row.verdict = ("out_of_order", start if draft.source == REPORTS else later)


@kind(sources=(CHATS,))
def chat_that_ended_before_it_was_accepted(draft: Draft) -> None:
    if "accepted_at" not in draft.fields:
        raise Misfit
    row = draft.fresh()
    row.values["ended_at"] = row.values["requested_at"] + timedelta(minutes=5)
    row.values["accepted_at"] = row.values["requested_at"] + timedelta(minutes=10)
    row.verdict = ("out_of_order", "ended_at")


@kind(sources=(CALLS, CHATS, REPORTS, CRIMES))
def times_that_are_equal(draft: Draft) -> None:
    start, later = {
        CALLS: ("arrived_at", "called_back_at"),
        CHATS: ("requested_at", "ended_at"),
        REPORTS: ("started_at", "submitted_at"),
        CRIMES: ("recorded_at", "cancelled_at"),
    }[draft.source]
    if not {start, later} <= set(draft.fields):
        raise Misfit
    row = draft.fresh(lambda each: bool(each.values[start]))
    row.values[later] = row.values[start]
    if draft.source == CHATS:
        row.values["accepted_at"] = None


@kind(sources=(CRIMES,))
def cancelled_without_a_time(draft: Draft) -> None:
    if "cancelled_at" not in draft.fields:
        raise Misfit
    row = draft.fresh()
    row.values.update(status="cancelled", cancelled_at=None)
    row.verdict = ("required_when", "cancelled_at")


@kind(sources=(CALLS,))
def queue_time_that_is_not_there(draft: Draft) -> None:
    row = draft.fresh(lambda each: "queue_seconds" not in each.cells)
    row.cells["queue_seconds"], row.values["queue_seconds"] = draft.rng.choice(NULL_WORDS), None
    row.verdict = ("required_when", "queue_seconds") if row.values["disposition"] == "answered" else None


@kind()
def required_cell_empty(draft: Draft) -> None:
    column = draft.pick(lambda _, spec: spec.required)
    draft.make_faulty(column, draft.rng.choice(NULL_WORDS), "required_empty")


@kind()
def null_words_in_an_optional_cell(draft: Draft) -> None:
    column = draft.pick(lambda name, spec: not (spec.required or spec.required_when or name == START.get(draft.source)))
    words = [*NULL_WORDS, "Null", "N/a", "#n/a", "#div/0!", " - "]
    draft.change(column, draft.rng.choice(words), None)


@kind()
def outside_the_closed_list(draft: Draft) -> None:
    column = draft.pick(lambda _, spec: bool(spec.values))
    draft.make_faulty(column, draft.rng.choice(("9999", "unknown", "ring ring", "0x3e7", "999.0")), "not_in_list")


@kind()
def closed_list_in_another_case(draft: Draft) -> None:
    column = draft.pick(lambda _, spec: any(not value.isdigit() for value in spec.values))
    row = draft.fresh(lambda each: bool(each.values[column]))
    text = row.values[column]
    row.cells[column] = draft.rng.choice((text.upper(), text.title(), text.swapcase()))


@kind(sources=(CALLS,))
def thousands_separators(draft: Draft) -> None:
    draft.change(draft.of_kind(SECONDS), "1,234.5", Decimal("1234.5"))
    draft.change("segment_no", "0,002", 2)


@kind(sources=(CALLS,))
def durations_in_words_and_clocks(draft: Draft) -> None:
    column = draft.of_kind(SECONDS)
    spellings = (("4m 56s", 296), ("17s", 17), ("1:02:03", 3723), ("75:30", 4530), ("00:00:07", 7), ("0m 5s", 5))
    text, value = draft.rng.choice(spellings)
    draft.change(column, text, Decimal(value))


@kind(sources=(CALLS,))
def scientific_notation(draft: Draft) -> None:
    draft.make_faulty(draft.of_kind(SECONDS), draft.rng.choice(("1e3", "1.2E+03")), "not_seconds")
    draft.make_faulty("segment_no", "1e0", "not_an_integer")


@kind(sources=(CALLS,))
def hexadecimal(draft: Draft) -> None:
    draft.make_faulty("segment_no", draft.rng.choice(("0x10", "0b1", "1_000")), "not_an_integer")
    draft.make_faulty(draft.of_kind(SECONDS), "0x10", "not_seconds")


@kind(sources=(CALLS,), slots=("unicode",))
def digits_of_other_scripts(draft: Draft) -> None:
    draft.make_faulty("segment_no", draft.rng.choice(("５", "٣", "²", "Ⅳ")), "not_an_integer")  # noqa: RUF001 - the point
    draft.make_faulty(draft.of_kind(SECONDS), "１２", "not_seconds")  # noqa: RUF001 - the point


@kind(sources=FLAGGED)
def yes_and_no_in_all_spellings(draft: Draft) -> None:
    column = draft.of_kind(TRUTH)
    text, value = draft.rng.choice(
        (("YES", True), ("y", True), ("tRUE", True), ("1", True), ("nO", False), ("0", False))
    )
    draft.change(column, text, value)


@kind(sources=(FIGURES,))
def date_in_all_spellings(draft: Draft) -> None:
    texts = ["15/03/2023", "2023-03-15", "15/3/2023"]
    if draft.form != XLSX:
        # In a workbook the number would depend on the day that it counts from.
        texts.append("45000")
    text = draft.rng.choice(texts)
    draft.change(draft.of_kind(DATE), text, date(2023, 3, 15))


@kind(slots=("unicode",))
def spaces_of_all_kinds_around_cells(draft: Draft) -> None:
    left = draft.rng.choice(("  ", "\u00a0", "\u2003", "\u3000 "))
    right = draft.rng.choice(("\u00a0 ", "\u202f", " \t"))
    for _ in range(2):
        row = draft.fresh()
        names = [column.name for column in draft.columns if row.values.get(column.name) is not None]
        name = draft.rng.choice(names)
        row.cells[name] = left + draft.text_of(row, name) + right


@kind(slots=("unicode",))
def marks_of_direction(draft: Draft) -> None:
    column = draft.pick(lambda _, spec: bool(spec.values))
    row = draft.fresh(lambda each: bool(each.values[column]))
    row.cells[column], row.verdict = f"\u200f{row.values[column]}", ("not_in_list", column)
    text = f"\u200e{draft.rng.randrange(10**9)}\u202eX"
    draft.put(text)


@kind()
def long_cell(draft: Draft) -> None:
    text = f"{draft.rng.randrange(10**9)}" + "x" * (30_000 if draft.form == XLSX else 200_000)
    draft.put(text)


@kind(forms=(CSV, CSV_GZ, JSONL, PARQUET))
def long_cells_over_several_blocks(draft: Draft) -> None:
    # Readers take half a mebibyte at a time.
    for _ in range(4):
        text = f"{draft.rng.randrange(10**9)}" + "z" * draft.rng.randrange(150_000, 400_000)
        draft.put(text)


@kind()
def long_personal_cell(draft: Draft) -> None:
    column = draft.pick(lambda _, spec: spec.personal)
    row = draft.fresh()
    row.values[column] = f"{MARKER} {row.values[column]}" + "y" * 20_000


@kind(slots=("unicode",))
def personal_cell_with_signs(draft: Draft) -> None:
    column = draft.pick(lambda _, spec: spec.personal)
    row = draft.fresh()
    row.values[column] = f"{MARKER} 'O’Brien' \"Ж\" 🚓; {draft.rng.randrange(10**9)}"  # noqa: RUF001 - the point


@kind()
def same_person_twice(draft: Draft) -> None:
    column = draft.pick(lambda _, spec: spec.personal and not spec.key)
    one, other = draft.fresh(), draft.fresh()
    one.values[column] = f"{MARKER} {draft.rng.randrange(10**9)}"
    other.values[column], other.cells[column] = one.values[column], f" {one.values[column]}  "


def _sheet_moment(draft: Draft, cell: Any, moment: datetime) -> Row:
    row = _with_start(draft)
    start_alone(draft, row, moment, None)
    row.cells[START[draft.source]] = cell
    return row


@kind(forms=(XLSX,), sources=TIMED, slots=("1904",))
def serial_number_cell(draft: Draft) -> None:
    _sheet_moment(draft, Number(45013.75), datetime(2023, 3, 28, 17, 0, tzinfo=UTC))


@kind(forms=(XLSX,), sources=TIMED, slots=("1904",))
def serial_number_cell_of_1904(draft: Draft) -> None:
    _sheet_moment(draft, Number(45013.75 - 1462), datetime(2023, 3, 28, 17, 0, tzinfo=UTC))
    draft.is_1904 = True


@kind(forms=(XLSX,), sources=TIMED)
def midnight_in_a_date_cell(draft: Draft) -> None:
    _sheet_moment(draft, Wall(datetime(2023, 1, 10)), datetime(2023, 1, 10, tzinfo=UTC))  # noqa: DTZ001


@kind(forms=(XLSX,), sources=TIMED)
def date_cell_in_an_odd_format(draft: Draft) -> None:
    shown = draft.rng.choice(
        ("d mmm yy h:mm AM/PM", "[$-809]dddd d mmmm yyyy hh:mm", "yyyy\\-mm\\-dd\\Thh:mm:ss", "hh:mm:ss")
    )
    wall = Wall(datetime(2023, 1, 10, 9, 15), shown)  # noqa: DTZ001
    _sheet_moment(draft, wall, datetime(2023, 1, 10, 9, 15, tzinfo=UTC))


@kind(forms=(XLSX,), sources=(CALLS,))
def day_fractions(draft: Draft) -> None:
    shown = draft.rng.choice(("[h]:mm:ss", "hh:mm:ss", "mm:ss", "[mm]:ss"))
    draft.change("queue_seconds", Number(296 / 86400, shown), Decimal(296))


@kind(forms=(XLSX,), sources=(CALLS,))
def number_under_a_format_without_time(draft: Draft) -> None:
    draft.change("queue_seconds", Number(39, draft.rng.choice(("0.00", "@", "#,##0", "0%"))), Decimal(39))


@kind(forms=(XLSX,), sources=(CALLS,))
def duration_cell_of_a_day(draft: Draft) -> None:
    draft.change("queue_seconds", Number(1.0, "[h]:mm:ss"), Decimal(86_400))


@kind(forms=(XLSX,))
def error_cells_that_mean_no_value(draft: Draft) -> None:
    column = draft.pick(lambda name, spec: not (spec.required or spec.required_when or name == START.get(draft.source)))
    text = draft.rng.choice((("=NA()", "#N/A"), ("=1/0", "#DIV/0!")))
    draft.change(column, Formula(*text), None)


@kind(forms=(XLSX,), sources=(CALLS,))
def formula_with_its_value(draft: Draft) -> None:
    draft.change("queue_seconds", Formula("=2*21", 42), Decimal(42))


@kind(forms=(XLSX,))
def formula_without_its_value(draft: Draft) -> None:
    row = draft.fresh()
    name = draft.rng.choice(list(draft.fields))
    row.cells[name], row.verdict = Formula("=2*21", None), ("formula_without_value", None)


@kind(forms=(XLSX, JSONL), sources=tuple(name for name in SOURCES if name != CRIMES))
def identifier_as_a_number(draft: Draft) -> None:
    number = draft.rng.randrange(10**11, 10**12)
    name = next(iter(SOURCES[draft.source]))
    draft.change(name, Number(number) if draft.form == XLSX else number, str(number))


@kind(sources=(CALLS, CHATS, CRIMES))
def words_for_no_value_that_are_none(draft: Draft) -> None:
    column = draft.pick(lambda _, spec: spec.kind == SECONDS or bool(spec.values))
    code = "not_in_list" if SOURCES[draft.source][column].values else "not_seconds"
    draft.make_faulty(column, draft.rng.choice(("None", "nan", "n.a.", "--", "?", "#NULL!", "(blank)", "9999-")), code)


@kind(forms=(XLSX,))
def text_in_two_fonts(draft: Draft) -> None:
    column, text = draft.column_for(f"bold{draft.rng.randrange(10**9)}")
    draft.change(column, Rich(text[:4], text[4:]), text)


@kind()
def force_in_another_case(draft: Draft) -> None:
    row = with_force(draft)
    row.cells["force_code"] = row.values["force_code"].title()


@kind()
def force_left_empty(draft: Draft) -> None:
    row = with_force(draft)
    row.cells["force_code"], row.values["force_code"] = draft.rng.choice(("", "NULL", "-")), DEFAULT_FORCE


def with_force(draft: Draft) -> Row:
    """Return a fresh row of a file with a force column, which is added if missing."""
    if not draft.has_header:
        raise Misfit
    if all(column.name != "force_code" for column in draft.columns):
        header = "Force Code"
        draft.columns.append(Column("force_code", header))
    return draft.fresh()


@kind(forms=(XLSX,), sources=TIMED)
def error_cell_in_a_time(draft: Draft) -> None:
    text = draft.rng.choice((("=#REF!", "#REF!"), ("=1+a", "#NAME?"), ("=1+A", "#VALUE!")))
    draft.make_faulty(draft.of_kind(MOMENT), Formula(*text), "not_a_timestamp")


@kind(forms=(XLSX,), sources=(CALLS,))
def number_under_a_date_format(draft: Draft) -> None:
    draft.change("queue_seconds", Number(39, "dd/mm/yyyy"), Decimal(39))


@kind(forms=(XLSX,))
def error_cell_outside_the_list(draft: Draft) -> None:
    column = draft.pick(lambda _, spec: bool(spec.values))
    draft.make_faulty(column, Formula("=#REF!", "#REF!"), "not_in_list")


@kind(forms=(JSONL,), sources=(CALLS,))
def json_numbers_in_other_spellings(draft: Draft) -> None:
    draft.change("segment_no", 2.0, 2)
    row = draft.change("queue_seconds", 1500.0, Decimal(1500))
    row.record = lambda record: json.dumps(record).replace("1500.0", draft.rng.choice(("1.5e3", "1500.0", "15E+2")))
