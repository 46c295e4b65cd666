"""Mutations of whole records: cells, quotes, lines, repeated and invalid records."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa

from tests.ingestion.cell_mutations import odd_texts, with_force
from tests.ingestion.mutation_kinds import LAYOUT, kind
from tests.reference.drafts import (
    CSV,
    CSV_GZ,
    DELIMITED,
    JSONL,
    MARKER,
    MOMENT,
    PARQUET,
    SECONDS,
    SOURCES,
    START,
    TEXT,
    XLSX,
    Column,
    Draft,
    Misfit,
    Row,
    fault_of,
)

TOTALS = ("Total", "TOTALS", "Grand total", "grand Total", "totals")


def _faulty_line(draft: Draft, line: Callable[[list[str], str], str], code: str) -> None:
    row = draft.fresh()
    row.line, row.verdict = line, (code, None)


@kind(forms=DELIMITED)
def too_few_cells(draft: Draft) -> None:
    left = draft.rng.randrange(2, len(draft.columns) - 1)
    _faulty_line(draft, lambda cells, delimiter: delimiter.join(["A", *cells[1:left]]), "too_few_cells")


@kind(forms=DELIMITED)
def too_many_cells(draft: Draft) -> None:
    _faulty_line(draft, lambda cells, delimiter: delimiter.join([*cells, f"{MARKER} more"]), "too_many_cells")


@kind(forms=(XLSX,))
def cell_beyond_the_last_column(draft: Draft) -> None:
    row = draft.fresh()
    row.beyond, row.verdict = f"{MARKER} rang twice", ("too_many_cells", None)


@kind(forms=DELIMITED)
def empty_cells_at_the_end(draft: Draft) -> None:
    draft.fresh().line = lambda cells, delimiter: delimiter.join([*cells, "", "  ", ""])


@kind(forms=DELIMITED)
def delimiter_that_is_not_quoted(draft: Draft) -> None:
    # An extra empty cell at the end would be no fault.
    _faulty_line(
        draft, lambda cells, delimiter: delimiter.join([f"A{delimiter}B", *cells[1:-1], "C"]), "too_many_cells"
    )


def _text_place(draft: Draft, text: str) -> tuple[int, str, str]:
    """Return position and name of a column for a text, and the text as written there."""
    name, value = draft.column_for(text)
    return next(i for i, column in enumerate(draft.columns) if column.name == name), name, value


@kind(forms=DELIMITED)
def quote_in_the_middle_of_a_cell(draft: Draft) -> None:
    place, name, text = _text_place(draft, f'5" pipe {draft.rng.randrange(10**9)}')
    row = draft.fresh()
    row.values[name] = text
    row.line = lambda cells, delimiter: delimiter.join([*cells[:place], text, *cells[place + 1 :]])


@kind(forms=DELIMITED)
def quote_that_is_not_closed(draft: Draft) -> None:
    place = draft.rng.randrange(len(draft.columns))
    _faulty_line(
        draft,
        lambda cells, delimiter: delimiter.join([*cells[:place], '"' + cells[place].strip('"'), *cells[place + 1 :]]),
        "unbalanced_quote",
    )


@kind(forms=DELIMITED)
def text_behind_a_closing_quote(draft: Draft) -> None:
    text = draft.rng.choice(('"a"b', '"a" ', '"a\\"b"'))
    place = draft.rng.randrange(len(draft.columns))
    _faulty_line(
        draft,
        lambda cells, delimiter: delimiter.join([*cells[:place], text, *cells[place + 1 :]]),
        "unbalanced_quote",
    )


@kind(forms=DELIMITED, slots=("stray pair",))
def two_stray_quotes_rows_apart(draft: Draft) -> None:
    place, name, text = _text_place(draft, f'{draft.rng.randrange(10**9)}"')
    first = draft.fresh()
    behind = draft.rows[next(i for i, row in enumerate(draft.rows) if row is first) + 1 : -1]
    second = next((row for row in behind if not row.is_touched), None)
    if second is None:
        raise Misfit
    second.is_touched = True
    second.values[name] = text
    first.verdict = ("unbalanced_quote", None)
    first.line = lambda cells, delimiter: delimiter.join([*cells[:place], '"open', *cells[place + 1 :]])
    second.line = lambda cells, delimiter: delimiter.join([*cells[:place], text, *cells[place + 1 :]])


@kind(forms=DELIMITED, slots=("stray pair",))
def two_stray_quotes_around_a_blank_line(draft: Draft) -> None:
    two_stray_quotes_rows_apart(draft)
    first = next(i for i, row in enumerate(draft.rows) if row.verdict == ("unbalanced_quote", None))
    draft.rows[first + 1].above.append("")


@kind(forms=DELIMITED, slots=("stray pair",))
def two_stray_quotes_of_which_one_is_in_half_a_row(draft: Draft) -> None:
    two_stray_quotes_rows_apart(draft)
    place = next(i for i, row in enumerate(draft.rows) if row.verdict == ("unbalanced_quote", None))
    broken, following = draft.rows[place], draft.rows[place + 1]
    if following.line or following.is_touched:
        return
    following.is_touched = True
    left, _, _ = _text_place(draft, "open")
    broken.line = lambda cells, delimiter: delimiter.join([*cells[:left], '"open'])


@kind(forms=DELIMITED)
def quote_that_is_not_closed_before_much_text(draft: Draft) -> None:
    for _ in range(5):
        text = f"{draft.rng.randrange(10**9)}" + "z" * 300_000
        draft.put(text)
    quote_that_is_not_closed(draft)


@kind(forms=DELIMITED)
def quoted_line_ends_over_blocks(draft: Draft) -> None:
    text = f"{draft.rng.randrange(10**9)}" + "one, two\n" * draft.rng.randrange(60_000, 80_000) + "end"
    draft.put(text)


@kind(forms=DELIMITED)
def quoted_line_end(draft: Draft) -> None:
    for _ in range(2):
        end = draft.rng.choice(("\n", "\r\n", "\n\n", "\r"))
        text = f"one{end}two {draft.rng.randrange(10**9)}"
        draft.put(text)


odd_texts("quoted_delimiter", "one, two; three\tfour|five #", forms=DELIMITED)
odd_texts("doubled_quotes", '# "quoted", ""twice""', forms=DELIMITED)


@kind(forms=DELIMITED)
def nul_in_a_line(draft: Draft) -> None:
    place = draft.rng.randrange(len(draft.columns))
    _faulty_line(
        draft,
        lambda cells, delimiter: delimiter.join([*cells[:place], "a\x00b", *cells[place + 1 :]]),
        "unreadable_record",
    )


@kind(forms=(JSONL, PARQUET))
def nul_in_a_value(draft: Draft) -> None:
    column, _ = draft.column_for("text")
    row = draft.fresh()
    row.cells[column], row.verdict = "a\x00b", ("unreadable_record", None)


@kind(forms=(CSV, CSV_GZ, JSONL), slots=("very long",))
def line_of_more_than_a_mebibyte(draft: Draft) -> None:
    column, _ = draft.column_for("text")
    row = draft.fresh()
    row.cells[column], row.verdict = "x" * 1_100_000, ("unreadable_record", None)


@kind(forms=(CSV, CSV_GZ, XLSX, JSONL))
def blank_lines(draft: Draft) -> None:
    for _ in range(3):
        draft.any_row().above.append("")


@kind(forms=(CSV, CSV_GZ, JSONL))
def lines_of_spaces(draft: Draft) -> None:
    for _ in range(3):
        draft.any_row().above.append(draft.rng.choice(("  ", " \t " if draft.delimiter != "\t" else " ")))


@kind(forms=DELIMITED, slots=("delimiter",))
def lines_of_delimiters(draft: Draft) -> None:
    for _ in range(3):
        draft.any_row().above.append(draft.delimiter * draft.rng.randint(1, len(draft.columns) + 3))


@kind(forms=(XLSX,))
def rows_far_below(draft: Draft) -> None:
    draft.any_row().above.extend([""] * 4000)


@kind(slots=("tail",))
def totals_row(draft: Draft) -> None:
    spec = draft.fields.get(draft.columns[0].name)
    if draft.form == PARQUET and (spec is None or spec.kind != TEXT):
        # A total cannot stand in a column of another type.
        raise Misfit
    draft.below = [[draft.rng.choice(TOTALS), *["17"] * (len(draft.columns) - 1)]]


@kind(forms=(CSV, CSV_GZ, XLSX), slots=("tail",))
def totals_row_behind_blank_cells(draft: Draft) -> None:
    draft.below = [["", " ", draft.rng.choice(TOTALS), "17"]]


@kind(forms=(CSV, CSV_GZ, JSONL), slots=("tail",))
def totals_row_before_blank_lines(draft: Draft) -> None:
    draft.below = [[draft.rng.choice(TOTALS), "17"], [""], [""]]


@kind(forms=DELIMITED, slots=("tail",))
def totals_row_that_ends_without_a_line_end(draft: Draft) -> None:
    draft.below = [[draft.rng.choice(TOTALS), "17"]]
    draft.ends_with_newline = False


@kind(forms=DELIMITED, slots=("tail", "line ends"))
def totals_row_under_carriage_returns(draft: Draft) -> None:
    draft.newlines, draft.below = ("\r",), [[draft.rng.choice(TOTALS), "17"]]


@kind(forms=DELIMITED)
def totals_row_in_the_middle(draft: Draft) -> None:
    label = draft.rng.choice(TOTALS)
    _faulty_line(draft, lambda _, delimiter: delimiter.join([label, "17"]), "too_few_cells")


@kind(forms=(XLSX, JSONL, PARQUET))
def totals_in_the_middle_of_typed_rows(draft: Draft) -> None:
    row = draft.fresh()
    first = next(iter(SOURCES[draft.source]))
    if SOURCES[draft.source][first].personal:
        raise Misfit
    required = [name for name, spec in draft.fields.items() if spec.required and name != first]
    row.values = {"force_code": row.values["force_code"]}
    row.cells[first] = draft.rng.choice(TOTALS)
    code = fault_of(first, row.cells[first])
    row.verdict = (code, first) if code else ("required_empty", required[0])


@kind()
def text_that_begins_like_a_total(draft: Draft) -> None:
    first = draft.columns[0].name
    spec = draft.fields.get(first)
    if spec is None or spec.kind != TEXT or spec.values:
        raise Misfit
    (row,) = draft.last_rows(1)
    row.values[first] = f"Total {MARKER} {draft.rng.randrange(10**9)}" if spec.personal else "Totally"


@kind(forms=(CSV, CSV_GZ, XLSX), slots=("headings",))
def header_again_in_the_middle(draft: Draft) -> None:
    row = draft.fresh()
    row.cells = {column.name: column.header for column in draft.columns}
    of_kind = {MOMENT: "not_a_timestamp", TEXT: "not_in_list", "number": "not_an_integer", "date": "not_a_date"}
    codes = {
        name: of_kind.get(spec.kind) if spec.kind != TEXT or spec.values else fault_of(name, row.cells[name].strip())
        for name, spec in draft.fields.items()
    }
    if "force_code" in row.cells:
        codes = {"force_code": "unknown_force", **codes}
    row.verdict = next((code, name) for name, code in codes.items() if code)


@kind()
def duplicate_row(draft: Draft) -> None:
    row = draft.fresh()
    again = row.copy()
    again.verdict = ("duplicate_row", None)
    draft.insert_after(row, again)


@kind()
def duplicate_row_three_times(draft: Draft) -> None:
    row = draft.fresh()
    for _ in range(2):
        again = row.copy()
        again.verdict = ("duplicate_row", None)
        draft.insert_after(row, again)


def _differing(draft: Draft, row: Row) -> Row:
    other = row.copy()
    name, value = {
        "call_segments": ("queue_seconds", Decimal(9999)),
        "digital_contacts": ("received_at", None),
        "online_crime_reports": ("submitted_at", None),
        "live_chats": ("ended_at", None),
        "crimes": ("offence_code", "99/9"),
        "published_figures": ("published_value", "99,999"),
    }[draft.source]
    if value is None:
        value = row.values[name].replace(year=row.values[name].year + 1)
    other.values[name] = value
    return other


@kind()
def superseded_row(draft: Draft) -> None:
    row = draft.fresh()
    draft.insert_after(row, _differing(draft, row))
    row.verdict = ("superseded_row", None)


@kind()
def row_superseded_twice(draft: Draft) -> None:
    row = draft.fresh()
    # A status or disposition calls for other columns.
    calling = {spec.required_when[0] for spec in draft.fields.values() if spec.required_when}
    column = draft.pick(lambda name, spec: spec.required and not spec.key and spec.kind == TEXT and name not in calling)
    last = _differing(draft, row)
    between = row.copy()
    values = draft.fields[column].values or ("another", "text")
    between.values[column] = next(value for value in values if value != row.values[column])
    row.verdict = between.verdict = ("superseded_row", None)
    draft.insert_after(row, last)
    place = next(i for i, each in enumerate(draft.rows) if each is row)
    draft.rows.insert(place + 1, between)


@kind(sources=("call_segments", "digital_contacts", "live_chats", "online_crime_reports"))
def superseded_by_another_person(draft: Draft) -> None:
    name = draft.pick(lambda _, spec: spec.personal)
    row = draft.fresh()
    other = row.copy()
    other.values[name] = f"{MARKER} {draft.rng.randrange(10**9)}"
    draft.insert_after(row, other)
    row.verdict = ("superseded_row", None)


@kind(sources=("call_segments", "digital_contacts", "live_chats"))
def duplicate_by_a_default(draft: Draft) -> None:
    name = draft.pick(lambda _, spec: spec.default is not None)
    row = draft.fresh()
    again = row.copy()
    row.values[name], again.values[name] = None, draft.fields[name].default
    again.verdict = ("duplicate_row", None)
    draft.insert_after(row, again)


@kind()
def duplicate_but_for_an_unknown_column(draft: Draft) -> None:
    if not draft.has_header:
        raise Misfit
    header = f"remarks {draft.rng.randrange(1000)}"
    draft.columns.append(Column(header, header))
    draft.unknown.append(header)
    row = draft.fresh()
    again = row.copy()
    row.values[header], again.values[header] = f"{MARKER} one", f"{MARKER} other"
    again.verdict = ("duplicate_row", None)
    draft.insert_after(row, again)


@kind()
def same_key_of_another_force(draft: Draft) -> None:
    row = with_force(draft)
    other = row.copy()
    other.values["force_code"] = "west-mercia"
    draft.insert_after(row, other)


@kind(sources=tuple(name for name in SOURCES if name != "crimes"))
def keys_that_differ_in_case(draft: Draft) -> None:
    name = next(iter(SOURCES[draft.source]))
    row = draft.fresh()
    other = row.copy()
    other.values[name] = row.values[name].lower()
    draft.insert_after(row, other)


@kind()
def faulty_row_does_not_supersede(draft: Draft) -> None:
    column = draft.pick(lambda _, spec: bool(spec.values))
    row = draft.fresh()
    other = _differing(draft, row)
    other.cells[column], other.verdict = "none of these", ("not_in_list", column)
    draft.insert_after(row, other)


@kind(forms=DELIMITED, slots=("tail",))
def width_grows_in_the_middle(draft: Draft) -> None:
    for row in draft.last_rows(4):
        row.line, row.verdict = lambda cells, delimiter: delimiter.join([*cells, "new"]), ("too_many_cells", None)


@kind(forms=DELIMITED, slots=("tail", "last line"))
def width_shrinks_in_the_middle(draft: Draft) -> None:
    for row in draft.last_rows(4):
        row.line, row.verdict = lambda cells, delimiter: delimiter.join(cells[:-1]), ("too_few_cells", None)


@kind(forms=DELIMITED, slots=("tail", "rejected", "last line"))
def half_a_row_at_the_end(draft: Draft) -> None:
    (row,) = draft.last_rows(1)
    left = draft.rng.randrange(2, len(draft.columns) - 1)
    row.line = lambda cells, delimiter: delimiter.join([*cells[:left], "ha"])
    draft.ends_with_newline, draft.rejected = False, frozenset({"cut_off"})


@kind(forms=DELIMITED, slots=("tail", "rejected", "last line"))
def half_a_quoted_cell_at_the_end(draft: Draft) -> None:
    (row,) = draft.last_rows(1)
    left = draft.rng.randrange(2, len(draft.columns))
    row.line = lambda cells, delimiter: delimiter.join([*cells[:left], '"ha'])
    draft.ends_with_newline, draft.rejected = False, frozenset({"cut_off"})


@kind(forms=DELIMITED, slots=("unicode",))
def byte_order_mark_in_the_middle(draft: Draft) -> None:
    # Two exports, one behind the other.
    draft.fresh().line = lambda cells, delimiter: "\ufeff" + delimiter.join(cells)


@kind(forms=(JSONL,), slots=("tail",))
def half_a_record_with_a_line_end(draft: Draft) -> None:
    (row,) = draft.last_rows(1)
    row.record = lambda record: json.dumps(record)[: len(json.dumps(record)) // 2]
    row.verdict, draft.below = ("unreadable_record", None), [[""]]


@kind(layer=LAYOUT, forms=(JSONL,), slots=("tail", "rejected", "line ends"))
def half_a_record_at_the_end(draft: Draft) -> None:
    (row,) = draft.last_rows(1)
    share = draft.rng.uniform(0.05, 0.95)
    row.record = lambda record: json.dumps(record)[: 1 + int((len(json.dumps(record)) - 2) * share)]
    draft.ends_with_newline, draft.rejected = False, frozenset({"cut_off"})


def _faulty_record(draft: Draft, record: Callable[[dict[str, Any]], str]) -> None:
    row = draft.fresh()
    row.record, row.verdict = record, ("unreadable_record", None)


@kind(forms=(JSONL,))
def nested_value(draft: Draft) -> None:
    column = draft.pick(lambda _, spec: not spec.personal)
    row = draft.fresh()
    row.cells[column] = draft.rng.choice(([1, 2], {"a": 1}, [], {}))
    row.verdict = ("unreadable_record", None)


@kind(forms=(JSONL,))
def key_that_occurs_twice(draft: Draft) -> None:
    header = draft.rng.choice([column.header for column in draft.columns if column.name in draft.fields])
    _faulty_record(draft, lambda record: json.dumps(record)[:-1] + f', "{header}": "{MARKER}"}}')


@kind(forms=(JSONL,))
def line_that_is_no_json(draft: Draft) -> None:
    _faulty_record(draft, lambda record: json.dumps(record).replace('"', "'"))


@kind(forms=(JSONL,))
def line_that_is_no_object(draft: Draft) -> None:
    text = draft.rng.choice((f'["{MARKER}"]', "7", "null", f'"{MARKER}"', "true"))
    _faulty_record(draft, lambda _: text)


@kind(forms=(JSONL,))
def text_behind_the_object(draft: Draft) -> None:
    _faulty_record(draft, lambda record: json.dumps(record) + draft.rng.choice((",", " x", ' {"a": 1}')))


@kind(forms=(JSONL,))
def lone_surrogate(draft: Draft) -> None:
    column, _ = draft.column_for("text")
    row = draft.fresh()
    row.cells[column], row.verdict = "\ud83d alone", ("unreadable_record", None)
    row.record = json.dumps


@kind(forms=(JSONL,), sources=("call_segments",))
def json_number_that_is_none(draft: Draft) -> None:
    column = draft.of_kind(SECONDS)
    draft.make_faulty(column, draft.rng.choice((float("nan"), float("inf"))), "not_seconds")


@kind(forms=(JSONL,))
def key_left_out(draft: Draft) -> None:
    header_of = {column.name: column.header for column in draft.columns}
    name = draft.pick(lambda _, spec: spec.required)
    row = draft.fresh()
    row.record = lambda record: json.dumps({k: v for k, v in record.items() if k != header_of[name]})
    row.verdict = ("required_empty", name)


@kind(forms=(JSONL,))
def optional_key_left_out(draft: Draft) -> None:
    header_of = {column.name: column.header for column in draft.columns}
    name = draft.pick(lambda name, spec: not (spec.required or spec.required_when or name == START.get(draft.source)))
    row = draft.fresh()
    row.values[name] = None
    row.record = lambda record: json.dumps({k: v for k, v in record.items() if k != header_of[name]})


@kind(forms=(JSONL,))
def keys_in_another_order(draft: Draft) -> None:
    for _ in range(3):
        draft.fresh().record = lambda record: json.dumps(dict(reversed(record.items())))


@kind(forms=(PARQUET,))
def bytes_that_are_no_text(draft: Draft) -> None:
    column = draft.pick(lambda _, spec: spec.kind == TEXT)
    if column in draft.arrays:
        raise Misfit
    broken = draft.fresh()
    broken.verdict = ("unreadable_record", None)

    def array(_: list[Any]) -> pa.Array:
        texts = [draft.text_of(row, column).encode() for row in draft.rows]
        texts[next(i for i, row in enumerate(draft.rows) if row is broken)] = b"\xff\xfe" + MARKER.encode()
        return pa.array(texts, pa.binary())

    draft.arrays[column] = array


@kind(forms=(PARQUET,), sources=("call_segments",), layer=LAYOUT)
def not_a_number_in_parquet(draft: Draft) -> None:
    if any("queue_seconds" in row.cells for row in draft.rows) or "queue_seconds" in draft.arrays:
        raise Misfit
    row = draft.fresh(lambda each: each.values["disposition"] == "answered")
    row.values["queue_seconds"], row.verdict = Decimal("nan"), ("required_when", "queue_seconds")
    draft.arrays["queue_seconds"] = lambda values: pa.array(
        [None if value is None else float(value) for value in values], pa.float64()
    )


@kind(forms=(JSONL,))
def deep_nesting(draft: Draft) -> None:
    text = draft.rng.choice(("[" * 50_000, '{"a":' * 5_000))
    _faulty_record(draft, lambda _: text)


@kind(forms=(JSONL,), sources=("call_segments",))
def number_of_many_digits(draft: Draft) -> None:
    draft.make_faulty(draft.of_kind(SECONDS), 10**400, "not_seconds")


@kind(forms=DELIMITED, slots=("tail",))
def zeros_at_the_end(draft: Draft) -> None:
    if not draft.rows:
        raise Misfit
    draft.rows.append(Row({}, verdict=("unreadable_record", None), line=lambda *_: "\x00" * 100, is_touched=True))
    draft.ends_with_newline = False


@kind(forms=DELIMITED, slots=("tail",))
def mark_of_the_end_of_file(draft: Draft) -> None:
    if not draft.rows:
        raise Misfit
    draft.rows.append(Row({}, verdict=("too_few_cells", None), line=lambda *_: "\x1a", is_touched=True))
    draft.ends_with_newline = False
