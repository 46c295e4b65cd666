"""What the four formats of a query's result make of rows: widths, escapes, and values that a format lacks."""

import csv
import io
import json
import re
from itertools import chain

import duckdb
import pytest
from markdown_it import MarkdownIt
from rich.cells import cell_len

from dagster_project.publication import query as result_formats
from dagster_project.publication.query import (
    PublishedQuery,
    write_csv,
    write_json,
    write_markdown,
    write_rows,
    write_table,
)

ENDLESS = "with recursive t(n) as (select 1 union all select n + 1 from t) select n from t"


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def connection(monkeypatch):
    # However busy the machine is.
    monkeypatch.setattr(result_formats, "_COUNT_SECONDS", 60)
    with duckdb.connect(config={"threads": 1}) as opened:
        yield opened


def table(connection, sql: str, out: io.StringIO, *, is_whole: bool = False) -> list[str]:
    write_table(PublishedQuery(connection, sql), out, is_whole=is_whole)
    return out.getvalue().split("\n")[:-1]


def written(write, connection, sql: str, out: io.StringIO | None = None) -> str:
    out, query = out or io.StringIO(), PublishedQuery(connection, sql)
    write(query.columns, chain.from_iterable(query.chunks()), out)
    return out.getvalue()


def rows_of_csv(connection, sql: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(written(write_csv, connection, sql), newline="")))


@pytest.mark.parametrize(
    ("sql", "is_whole", "shown", "says"),
    [
        ("from range(0)", False, 0, ["0 rows"]),
        ("from range(200)", False, 200, []),
        ("from range(352332)", False, 200, ["352,332 rows; use --all or --csv for all of them"]),
        (ENDLESS, False, 200, ["more than 200 rows; use --all or --csv for all of them"]),
        ("from range(12345)", True, 12345, []),
    ],
)
def test_a_terminal_gets_200_rows_and_their_number_or_all_on_request(
    connection, monkeypatch, capsys, sql, is_whole, shown, says
):
    if sql == ENDLESS:
        monkeypatch.setattr(result_formats, "_COUNT_SECONDS", 0.1)
    name, *lines = (line.strip() for line in table(connection, sql, Terminal(), is_whole=is_whole))
    numbers = [line for line in lines if line.isdigit()]
    assert (len(numbers), [line for line in lines if line not in (*numbers, name)]) == (shown, says)
    # A file gets its rows alone, and stderr what is said of them.
    _, *rows = table(connection, sql, io.StringIO(), is_whole=is_whole)
    assert [row.strip() for row in rows] == numbers
    assert capsys.readouterr().err.splitlines() == says


@pytest.mark.parametrize("width", [40, 200])
def test_every_table_fits_the_terminal(connection, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    texts = ["\u8b66\u5bdf", "\U0001f694", "x"] * 10
    wide = ", ".join(f"repeat('{text}', 5) as column_{n}" for n, text in enumerate(texts))
    header, row, note = table(connection, f"select {wide}, 1 as last", Terminal())
    assert max(cell_len(header), cell_len(row)) <= width
    shown = len(header.split())
    assert note == f"{31 - shown} of 31 columns do not fit; select fewer, or use --csv for all of them"


@pytest.mark.parametrize(
    ("width", "sql", "last"),
    [
        (40, "repeat('x', 50) as a, date '2022-08-01' as b, 123456789 as c", f"{'x' * 16}…  2022-08-01  123456789"),
        (60, "'kent' as force_code, repeat('y', 40) as label, 7 as n", f"kent        {'y' * 40}  7"),
        # A terminal without a width counts as 80 wide.
        (0, "repeat('x', 100) as a", f"{'x' * 79}…"),
    ],
)
def test_texts_are_cut_to_fit_a_terminal_and_numbers_and_dates_are_not(connection, monkeypatch, width, sql, last):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("os.get_terminal_size", lambda *_: (_ for _ in ()).throw(OSError))
    assert table(connection, f"select {sql}", Terminal())[-1] == last
    assert "…" not in table(connection, f"select {sql}", io.StringIO())[-1]


# -- values that come from outside

LINKS = "\x1b[31mred\x1b]8;;https://example.org\x1b\\here\x1b]8;;\x1b\\"
CONTROLS = "a\rb\nc\td\x85e\u2028f\u2029g\x07ab\b\b\x00\x7f\x9b31m"
DIRECTIONS = "\u202egnp.exe\u202a\u202b\u202c\u202d\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
NO_WIDTH = "a\u200bb\u200c\u200d\u2060\ufeffa\u00adb\U000e0041"


@pytest.mark.parametrize("value", [LINKS, CONTROLS, DIRECTIONS, NO_WIDTH], ids=ascii)
def test_a_terminal_gets_no_control_or_invisible_character(connection, value):
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
    assert [len(outputs[form].split("\n")) for form in ("table", "markdown")] == [2, 4]
    # JSON and a CSV that goes into a file are exact.
    assert next(iter(json.loads(outputs["json"])[0].values())) == rows_of_csv(connection, sql)[1][0] == value


def test_csv_marks_formulas_and_no_numbers_and_shows_nested_values_as_json(connection):
    sql = "select '=1+1' as \"=a\", -5 as b, '-1.2%' as c, '@x' as d, null as e, '' as f, chr(13)||'=1' as h"
    marked = [["'=a", *"bcdefh"], ["'=1+1", "-5", "-1.2%", "'@x", "", "", "'\r=1"]]
    assert rows_of_csv(connection, sql) == marked
    sql = "select ['\u00e9', null] as a, {'b': 1.5::decimal(3, 1)} as a, 'nan'::double as c, '\\xFF'::blob as d"
    assert rows_of_csv(connection, sql) == [[*"aacd"], ['["\u00e9", null]', '{"b": "1.5"}', "nan", "\\xFF"]]


def test_json_loses_no_column_value_or_row(connection):
    sql = (
        "select 1 as a, 2 as a, 3 as a_1, 4 as A, 'nan'::double as nan, '-inf'::float as inf, "
        "['1', null, 'inf'] as list, {'x': date '2022-08-01', 'y': ['nan'::double]} as struct, "
        "map {date '2022-08-01': 1.50} as map, '\\xFF\\x00a\\x5C'::blob as blob, "
        "12.50::decimal(9, 2) as decimal, true as yes, null as nothing, "
        "170141183460469231731687303715884105727::hugeint as huge"
    )
    (record,) = json.loads(written(write_json, connection, sql), parse_constant=pytest.fail)
    assert record == {
        **{"a": 1, "a_2": 2, "a_1": 3, "A": 4, "nan": "NaN", "inf": "-Infinity", "list": ["1", None, "inf"]},
        **{"struct": {"x": "2022-08-01", "y": ["NaN"]}, "map": {"2022-08-01": "1.50"}, "blob": "\\xFF\\x00a\\x5C"},
        **{"decimal": "12.50", "yes": True, "nothing": None, "huge": 170141183460469231731687303715884105727},
    }
    for rows in (0, 1, 1001):
        found = json.loads(written(write_json, connection, f"from range({rows})"))
        assert found == [{"range": n} for n in range(rows)]


def test_markdown_escapes_pipes_line_ends_and_html(connection):
    sql = "select 'a|b' || chr(10) || '\\' as \"x|y\", '<img/src=x>' as \"<b>\", [1] as c"
    assert written(write_markdown, connection, sql) == (
        "| `x\\|y` | `<b>` | c |\n|---|---|---|\n| `a\\|b\\n\\\\` | `<img/src=x>` | [1] |\n"
    )


@pytest.mark.parametrize(
    "value",
    [
        # What the Dagster UI and GitHub make links of, and markup.
        *("https://e.example", "see HTTP://e.example/a|b", "WWW.e.example", "ann@e.example", "`a@b.c"),
        *("![a](//e.example)", "https:&#47;&#47;e.example", "ann&#64;e.example", "&lt;b&gt;", "<b>x</b>"),
    ],
)
def test_markdown_shows_a_value_as_it_is(value):
    out = io.StringIO()
    write_markdown(("name",), [(value,)], out)
    tokens = MarkdownIt("commonmark").enable("table").parse(out.getvalue())
    _, cell = [token.children for token in tokens if token.type == "inline"]
    assert {part.type for part in cell} <= {"text", "code_inline"}
    assert "".join(part.content for part in cell) == value
    # Renderers look for addresses when they have undone all escapes.
    assert not any(re.search(r"https?://|www\.|\w@\w", part.content, re.I) for part in cell if part.type == "text")


def test_the_first_column_of_rows_is_kept_whole(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    out = Terminal()
    write_rows(["a", "b"], [[("x" * 20, "y" * 30)]], out)
    assert out.getvalue().splitlines()[1] == f"{'x' * 20}  {'y' * 17}…"
