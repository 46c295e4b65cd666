"""What the text of a cell means where it has two plausible readings; null words; the shape of a text."""

from __future__ import annotations

import unicodedata
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from judging_helpers import connect
from plain_cells import reading

from dagster_project.contracts import CellType, Column
from dagster_project.extracts import cells

KINDS = (CellType.INTEGER, CellType.SECONDS, CellType.DATE, CellType.MONTH, CellType.BOOLEAN)

# A failing example is a list of texts, and the assertion names the one; shrinking the list would tell nothing more.
MANY = settings(
    max_examples=30,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def session():
    with connect() as connection:
        yield connection


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
def test_the_shape_of_a_text_keeps_no_letter_and_no_digit_of_it(session, texts):
    session.execute("create or replace temp table texts as select unnest($1) as cell", [texts])
    for text, shape in session.execute(f"select cell, {cells.shape_of('cell')} from texts").fetchall():  # noqa: S608
        assert len(shape) <= 24
        telling = {character for character in shape if unicodedata.category(character)[0] in "LMN"}
        assert telling <= {"a", "9"}, text
