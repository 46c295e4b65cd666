"""Cells with two plausible readings, null words, and the shown part of a text."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.contracts import CellType, Column
from dagster_project.extracts import cells
from tests.reference.cells import reading
from tests.unit.judging_helpers import examples

KINDS = (CellType.INTEGER, CellType.SECONDS, CellType.DATE, CellType.MONTH, CellType.BOOLEAN)

MANY = examples(30)


def parsed(session, texts: list[str]) -> list[dict[CellType, Any]]:
    """Every text under every type but text and timestamp, in one query."""
    session.execute("create or replace temp table texts (place bigint, cell varchar, serial_days integer)")
    session.execute("insert into texts select generate_subscripts($1, 1), unnest($1), 0", [texts])
    values = ", ".join(cells.value_of(Column("cell", kind, "")) for kind in KINDS)
    rows = session.execute(f"select {values} from texts order by place").fetchall()  # noqa: S608 (own expressions)
    return [dict(zip(KINDS, row, strict=True)) for row in rows]


anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "1,234", 1234),
        ("integer", "1,23", None),
        ("integer", "1.0", None),
        ("integer", "1e3", None),
        ("integer", "٣", None),
        ("integer", "9" * 18, 10**18 - 1),
        ("integer", "9" * 19, None),
        ("seconds", "4m 56s", Decimal(296)),
        ("seconds", "17s", Decimal(17)),
        ("seconds", "1h", Decimal(3600)),
        ("seconds", "1H 2M 3.5S", Decimal("3723.5")),
        ("seconds", "05:07", Decimal(307)),
        ("seconds", "75:07", Decimal(4507)),
        ("seconds", "1:05:07.25", Decimal("3907.25")),
        ("seconds", "26:00:00", Decimal(93600)),
        ("seconds", "1:75:00", None),
        ("seconds", "1:05:75", None),
        ("seconds", "5:7", None),
        ("seconds", "1:2:3:4", None),
        ("seconds", "1,234.5", Decimal("1234.5")),
        ("seconds", "1.234,5", None),
        ("seconds", "-5", Decimal(-5)),
        ("seconds", "-00:05", None),
        ("seconds", "5m4h", None),
        ("seconds", ".", None),
        ("seconds", "NaN", None),
        ("seconds", "inf", None),
        ("date", "29/02/2023", None),
        ("date", "29/02/2024", date(2024, 2, 29)),
        ("date", "03/11/2022", date(2022, 11, 3)),
        ("date", "11/13/2022", None),
        ("date", "2022-10-30 00:00:00", date(2022, 10, 30)),
        ("date", "2022-10-30 10:00:00", None),
        ("date", "0000-01-01", None),
        ("date", "44864", date(2022, 10, 30)),
        ("date", "19999", None),
        ("month", "2022-13", None),
        ("month", "2022-1", None),
        ("boolean", "yES", True),
        ("boolean", "2", None),
    ],
)
def test_a_cell_that_has_two_plausible_readings_has_the_one_that_is_stated(session, kind, text, value):
    assert parsed(session, [text])[0][CellType(kind)] == value
    assert reading(CellType(kind), text).value == value


@MANY
@given(
    st.lists(
        st.sampled_from(
            ["null", "n/a", "-", "#n/a", "#div/0!", "-9999", "-99", "none", "nan", "--", "n.a.", "x"]
        ).flatmap(
            lambda word: st.lists(st.booleans(), min_size=len(word), max_size=len(word)).map(
                lambda uppers: "".join(c.upper() if up else c for c, up in zip(word, uppers, strict=True))
            )
        ),
        min_size=30,
    )
)
def test_null_words_mean_no_value_in_any_case_and_no_other_word_does(session, texts):
    session.execute("create or replace temp table texts as select unnest($1) as cell", [texts])
    found = dict(session.execute(f"select cell, {cells.without_null_words('cell')} from texts").fetchall())  # noqa: S608
    for text in texts:
        is_null = text.lower() in {"null", "n/a", "-", "#n/a", "#div/0!", "-9999"}
        assert found[text] == (None if is_null else text)


@MANY
@given(st.lists(anything, min_size=30, max_size=60))
def test_a_shown_value_is_short_and_has_no_character_that_could_be_markup(session, texts):
    session.execute("create or replace temp table texts as select unnest($1) as cell", [texts])
    for text, shown in session.execute(f"select cell, {cells.shown_value('cell')} from texts").fetchall():  # noqa: S608
        if shown is None:
            continue
        assert shown.removesuffix("…").isprintable(), text
        assert not set(shown) & set('<>&"`|*[]{}$@~^'), text
        assert "://" not in shown
        assert len(shown) <= 40 * len("\\u0000f") + 1, text


SHOWN = {
    "998": "998",
    "lost": "lost",
    "31/02/2022 10:00": "31/02/2022 10:00",
    "20221030101500": "20221030101500",
    "Zoë": "Zoë",
    "x" * 41: "x" * 40 + "…",
    "<b>": "\\u003cb\\u003e",
    'a"b': "a\\u0022b",
    "a\\b": "a\\u005cb",
    "\x1b[2J": "\\u001b\\u005b2J",
    "a\u202eb": "a\\u202eb",
    "k\u0435nt": "k\\u0435nt",
    "https://evil.example": "https\\u003a//evil.example",
    "07700 900123": None,
    "07700.900.123": None,
    "ring 07700/900123 back": None,
    "x07700900123": None,
    "of AB 12 34 56 C": None,
    "+353 87 555 2031": None,
    "447700900123": None,
    "a@b": None,
}


@pytest.mark.parametrize("text", SHOWN)
def test_a_value_is_shown_unless_it_has_the_shape_of_a_personal_one(session, text):
    assert session.execute(f"select {cells.shown_value('cell')} from (select $1 as cell)", [text]).fetchone() == (  # noqa: S608
        SHOWN[text],
    )
