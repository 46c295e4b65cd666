"""What the four formats of a query's result make of rows: widths, escapes, and values that a format lacks."""

import csv
import io
import json
import re
from collections.abc import Iterator
from itertools import chain

import duckdb
import pytest
import typer
from markdown_it import MarkdownIt
from rich.cells import cell_len

from dagster_project.cli.trace import trace
from dagster_project.publication import result_formats
from dagster_project.publication.query import PublishedQuery
from dagster_project.publication.result_formats import write_csv, write_json, write_markdown, write_table
from dagster_project.tracing import read as tracing_read
from dagster_project.tracing import text as tracing_text

HOSTILE = {
    "a colour": "\x1b[31mred",
    "a link": "\x1b]8;;https://example.org\x1b\\here\x1b]8;;\x1b\\",
    "a title": "\x1b]0;title\x07",
    "a bell": "\x07",
    "a carriage return": "good\rbad",
    "a line feed": "a\nb",
    "a tab": "a\tb",
    "a backspace": "ab\b\b",
    "nothing": "\x00",
    "delete": "\x7f",
    "a control sequence in one character": "\x9b31m",
    "the next line": "\x85",
    "an override of the direction": "\u202egnp.exe",
    "an embedding": "\u202a\u202b\u202c\u202d",
    "an isolate": "\u2066\u2067\u2068\u2069",
    "marks of direction": "\u200e\u200f\u061c",
    "no width": "a\u200bb\u200c\u200d\u2060\ufeff",
    "a line separator": "a\u2028b\u2029c",
    "tags": "\U000e0041\U000e0042",
    "a soft hyphen": "a\u00adb",
}


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as opened:
        yield opened


def numbers(rows: int) -> str:
    return f"select range as n from range({rows})"  # noqa: S608 - a number


def table(connection, sql: str, out: io.StringIO, *, is_whole: bool = False) -> list[str]:
    write_table(PublishedQuery(connection, sql), out, is_whole=is_whole)
    return out.getvalue().split("\n")[:-1]


def written(write, connection, sql: str, out: io.StringIO | None = None) -> str:
    out = out or io.StringIO()
    query = PublishedQuery(connection, sql)
    write(query.columns, chain.from_iterable(query.chunks()), out)
    return out.getvalue()


def test_a_terminal_gets_200_rows_and_their_number(connection, monkeypatch) -> None:
    # However busy the machine is.
    monkeypatch.setattr(result_formats, "_COUNT_SECONDS", 60)
    lines = table(connection, numbers(352332), Terminal())
    assert [line.strip() for line in lines[:2]] == ["n", "0"]
    assert lines[200].strip() == "199"
    assert lines[201:] == ["352,332 rows; use --all or --csv for all of them"]


def test_rows_that_cannot_be_counted_in_time_are_reported_as_more_than_200(connection) -> None:
    endless = "with recursive t(n) as (select 1 union all select n + 1 from t) select n from t"
    lines = table(connection, endless, Terminal())
    assert len(lines) == 202
    assert lines[-1] == "more than 200 rows; use --all or --csv for all of them"


@pytest.mark.parametrize("rows", [0, 1, 200])
def test_a_table_of_all_rows_says_nothing_else(connection, capsys, rows) -> None:
    assert len(table(connection, numbers(rows), Terminal())) == 1 + rows
    assert len(table(connection, numbers(rows), io.StringIO())) == 1 + rows
    assert capsys.readouterr().err == ""


def test_a_file_gets_whole_cells_and_stderr_the_number_of_rows(connection, capsys, monkeypatch) -> None:
    monkeypatch.setattr(result_formats, "_COUNT_SECONDS", 60)
    monkeypatch.setenv("COLUMNS", "40")
    lines = table(connection, "select repeat('x', 300) as a, range as b from range(1000)", io.StringIO())
    assert lines[1] == f"{'x' * 300}    0"
    assert len(lines) == 201
    assert capsys.readouterr().err == "1,000 rows; use --all or --csv for all of them\n"


@pytest.mark.parametrize("out", [io.StringIO, Terminal])
def test_all_rows_are_printed_on_request(connection, out) -> None:
    # The first chunk is narrower than the rest; a terminal gets the names again.
    lines = table(connection, "select range as n, 'a' as b from range(12345)", out(), is_whole=True)
    rows = [line.split() for line in lines if line.split() != ["n", "b"]]
    assert rows == [[str(n), "a"] for n in range(12345)]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_every_table_fits_the_terminal(connection, monkeypatch, width) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    wide = ", ".join(
        f"repeat('{text}', 5) as column_{n}" for n, text in enumerate(["\u8b66\u5bdf", "\U0001f694", "x"] * 100)
    )
    lines = table(connection, f"select {wide}, 1 as last", Terminal())
    assert max(cell_len(line) for line in lines[:2]) <= width
    shown = len(lines[0].split())
    assert lines[2:] == [f"{301 - shown} of 301 columns do not fit; select fewer, or use --csv for all of them"]


def test_a_cell_is_cut_and_a_number_or_a_date_is_not(connection, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    sql = "select repeat('x', 5000000) as a, date '2022-08-01' as b, 1234567890 as c"
    assert table(connection, sql, Terminal())[1] == f"{'x' * 15}\u2026  2022-08-01  1234567890"
    assert table(connection, "select repeat('x', 5000000) as a", Terminal())[1] == f"{'x' * 39}\u2026"


def test_columns_that_fit_are_as_wide_as_they_need(connection, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    sql = "select 'kent' as force_code, repeat('y', 40) as label, 7 as n"
    assert table(connection, sql, Terminal()) == [f"force_code  label{' ' * 35}  n", f"kent        {'y' * 40}  7"]


def test_a_terminal_without_a_width_counts_as_80_wide(connection, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "0")
    monkeypatch.setattr("os.get_terminal_size", lambda *_: (_ for _ in ()).throw(OSError))
    assert table(connection, "select repeat('x', 100) as a", Terminal())[1] == f"{'x' * 79}\u2026"


@pytest.mark.parametrize("case", HOSTILE)
def test_a_terminal_gets_no_control_or_invisible_character(connection, case) -> None:
    value = HOSTILE[case]
    encoded = "".join(f"chr({ord(char)})||" for char in value) + "''"
    name = value.replace("\x00", "").replace('"', '""')
    sql = f'select {encoded} as "x{name}", [{encoded}] as nested, encode({encoded}) as bytes'
    outputs = {
        "table": "\n".join(table(connection, sql, Terminal())),
        "table of a file": "\n".join(table(connection, sql, io.StringIO())),
        "csv": written(write_csv, connection, sql, Terminal()),
        "markdown": written(write_markdown, connection, sql),
        "json": written(write_json, connection, sql),
    }
    for form, text in outputs.items():
        assert text.replace("\n", "").isprintable(), form
    assert len(outputs["table"].split("\n")) == 2
    assert len(outputs["markdown"].split("\n")) == 4
    # JSON and a CSV that goes into a file are exact.
    assert next(iter(json.loads(outputs["json"])[0].values())) == value
    (_, row) = csv.reader(io.StringIO(written(write_csv, connection, sql), newline=""))
    assert row[0] == value


def test_csv_marks_formulas_and_no_numbers(connection) -> None:
    sql = "select '=1+1' as \"=a\", -5 as b, '-1.2%' as c, '@x' as d, null as e, '' as f, -1.5 as g, chr(13)||'=1' as h"
    rows = list(csv.reader(io.StringIO(written(write_csv, connection, sql), newline="")))
    assert rows == [
        ["'=a", "b", "c", "d", "e", "f", "g", "h"],
        ["'=1+1", "-5", "-1.2%", "'@x", "", "", "-1.5", "'\r=1"],
    ]


def test_json_loses_no_column_and_no_value(connection) -> None:
    sql = (
        "select 1 as a, 2 as a, 3 as a_1, 4 as A, 'nan'::double as nan, '-inf'::float as inf, "
        "['1', null, 'inf'] as list, {'x': date '2022-08-01', 'y': ['nan'::double]} as struct, "
        "map {date '2022-08-01': 1.50} as map, '\\xFF\\x00a\\x5C'::blob as blob, "
        "12.50::decimal(9, 2) as decimal, true as yes, null as nothing, "
        "170141183460469231731687303715884105727::hugeint as huge"
    )
    (record,) = json.loads(written(write_json, connection, sql), parse_constant=pytest.fail)
    assert record == {
        "a": 1,
        "a_2": 2,
        "a_1": 3,
        "A": 4,
        "nan": "NaN",
        "inf": "-Infinity",
        "list": ["1", None, "inf"],
        "struct": {"x": "2022-08-01", "y": ["NaN"]},
        "map": {"2022-08-01": "1.50"},
        "blob": "\\xFF\\x00a\\x5C",
        "decimal": "12.50",
        "yes": True,
        "nothing": None,
        "huge": 170141183460469231731687303715884105727,
    }


def test_json_is_an_array_of_any_number_of_rows(connection) -> None:
    for rows in (0, 1, 1001):
        text = written(write_json, connection, numbers(rows))
        assert json.loads(text) == [{"n": n} for n in range(rows)]


def test_other_formats_show_nested_values_as_json_and_both_columns_of_a_name(connection) -> None:
    sql = "select ['\u00e9', null] as a, {'b': 1.5::decimal(3, 1)} as a, 'nan'::double as c, '\\xFF'::blob as d"
    assert list(csv.reader(io.StringIO(written(write_csv, connection, sql)))) == [
        ["a", "a", "c", "d"],
        ['["\u00e9", null]', '{"b": "1.5"}', "nan", "\\xFF"],
    ]


def test_markdown_escapes_pipes_and_line_ends(connection) -> None:
    sql = "select 'a|b' || chr(10) || '\\' as \"x|y\""
    assert written(write_markdown, connection, sql) == "| x\\|y |\n|---|\n| a\\|b\\n\\\\ |\n"


def test_markdown_has_no_html_link_or_picture_of_a_value(connection) -> None:
    sql = "select '<img/src=x/onerror=alert(1)>' as \"<b>\", '![x](https://example.org/y)' as b, [1] as c"
    assert written(write_markdown, connection, sql) == (
        "| &lt;b> | b | c |\n|---|---|---|\n| &lt;img/src=x/onerror=alert(1)> | `![x](https://example.org/y)` | [1] |\n"
    )


# What the Dagster UI and GitHub make links of, and markup.
ADDRESSES = [
    "https://e.example",
    "see HTTP://e.example/a|b",
    "www.e.example",
    "WWW.e.example",
    "ann@e.example",
    "`a@b.c",
]
MARKUP = ["[a](/b)", "![a](//e.example)", "https:&#47;&#47;e.example", "ann&#64;e.example", "&lt;b&gt;", "<b>x</b>"]


@pytest.mark.parametrize("value", ADDRESSES + MARKUP)
def test_markdown_shows_a_value_as_it_is(value) -> None:
    out = io.StringIO()
    write_markdown(("name",), [(value,)], out)
    tokens = MarkdownIt("commonmark").enable("table").parse(out.getvalue())
    _, cell = [token.children for token in tokens if token.type == "inline"]
    assert {part.type for part in cell} <= {"text", "code_inline"}
    assert "".join(part.content for part in cell) == value
    # Renderers look for addresses when they have undone all escapes.
    assert not any(re.search(r"https?://|www\.|\w@\w", part.content, re.I) for part in cell if part.type == "text")


def test_trace_escapes_what_it_shows(monkeypatch, capsys) -> None:
    found = type("Trace", (), {"faults": ()})
    monkeypatch.setattr(tracing_read, "trace_figure", lambda *_, **__: found)
    monkeypatch.setattr(tracing_text, "lines_of", lambda _: ["Owner  \x1b[31m\u202eeve", "C:\\kept"])
    with pytest.raises(typer.Exit):
        trace("calls_999.received", "2022-08")
    assert capsys.readouterr().out == "Owner  \\x1b[31m\\u202eeve\nC:\\kept\n"
