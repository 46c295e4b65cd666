"""What the text of a cell means, against a second parser in plain Python: every type, every null word."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from judging_helpers import connect

from dagster_project.contracts import CellType, Column
from dagster_project.extracts import cells

DIGIT = "0123456789"

# A failing example is a list of texts, and the assertion names the one; shrinking the list would tell nothing more.
MANY = settings(
    max_examples=30,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


# The second parser. It goes through the text by hand; where the first has patterns, this one has arithmetic.


def whole(text: str, digits: int = 18) -> int | None:
    """Digits, or groups of three behind one of one to three."""
    sign, body = (-1, text[1:]) if text.startswith("-") else (1, text)
    groups = body.split(",")
    if len(groups) > 1 and not (1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])):
        return None
    joined = "".join(groups)
    if not joined or any(character not in DIGIT for character in joined) or len(joined) > digits:
        return None
    return sign * int(joined)


def decimal(text: str) -> Decimal | None:
    integral, point, fraction = text.partition(".")
    number = whole(integral, digits=12)
    if number is None or (point and (not fraction or any(character not in DIGIT for character in fraction))):
        return None
    exact = Decimal(f"{abs(number)}.{fraction or 0}")
    return -exact if integral.startswith("-") else exact


def plain(text: str) -> Decimal | None:
    """A number without sign and thousands separators."""
    return None if "," in text or "-" in text else decimal(text)


def duration(text: str) -> Decimal | None:
    found = decimal(text)
    if found is None:
        found = clock(text) if ":" in text else words(text)
    return None if found is None else found.quantize(Decimal("0.000001"), ROUND_HALF_UP)


def clock(text: str) -> Decimal | None:
    parts = text.split(":")
    if len(parts) not in (2, 3):
        return None
    numbers = [plain(part) for part in parts]
    if any(number is None for number in numbers) or any("." in part for part in parts[:-1]):
        return None
    # What stands behind a colon has two digits and ends at 59; only the first number may be larger.
    if any(
        len(part.partition(".")[0]) != 2 or number >= 60 for part, number in zip(parts[1:], numbers[1:], strict=True)
    ):
        return None
    if len(parts[0]) > 7:
        return None
    total = Decimal(0)
    for number in numbers:
        total = total * 60 + number
    return total


def words(text: str) -> Decimal | None:
    rest, total, sizes = text.lower(), Decimal(0), {"h": 3600, "m": 60, "s": 1}
    if not rest:
        return None
    order = "hms"
    while rest:
        figures = ""
        while rest and rest[0] in DIGIT + ".":
            figures, rest = figures + rest[0], rest[1:]
        rest = rest.removeprefix(" ")
        unit, rest = rest[:1], rest[1:]
        number = plain(figures)
        if not unit or unit not in order or number is None or (unit != "s" and "." in figures):
            return None
        total += number * sizes[unit]
        order = order[order.index(unit) + 1 :]
        if unit != "s":
            rest = rest.removeprefix(" ")
    return total


def day(text: str, separator: str, widths: tuple[set[int], ...], places: tuple[int, int, int]) -> date | None:
    parts = text.split(separator)
    if len(parts) != 3 or any(len(part) not in width for part, width in zip(parts, widths, strict=True)):
        return None
    if any(character not in DIGIT for part in parts for character in part):
        return None
    try:
        return date(*(int(parts[place]) for place in places))
    except ValueError:
        return None


def iso_day(text: str) -> date | None:
    return day(text, "-", ({4}, {2}, {2}), (0, 1, 2))


def british_day(text: str) -> date | None:
    return day(text, "/", ({1, 2}, {1, 2}, {4}), (2, 1, 0))


def serial_date(text: str) -> date | None:
    if len(text) != 5 or any(character not in DIGIT for character in text) or not 20_000 <= int(text) <= 80_000:
        return None
    return date(1899, 12, 30) + timedelta(days=int(text))


def calendar_day(text: str) -> date | None:
    for midnight in ("00:00", "00:00:00", "00:00:00.000"):
        for separator in "T ":
            if text.endswith(separator + midnight):
                return iso_day(text.removesuffix(separator + midnight))
    return iso_day(text) or british_day(text) or serial_date(text)


def month(text: str) -> date | None:
    return iso_day(f"{text}-01")


def truth(text: str) -> bool | None:
    return {"y": True, "yes": True, "true": True, "1": True, "n": False, "no": False, "false": False, "0": False}.get(
        text.lower()
    )


PARSERS: dict[CellType, Callable[[str], Any]] = {
    CellType.INTEGER: whole,
    CellType.SECONDS: duration,
    CellType.DATE: calendar_day,
    CellType.MONTH: month,
    CellType.BOOLEAN: truth,
}


@pytest.fixture(scope="module")
def session():
    with connect() as connection:
        yield connection


def parsed(session, texts: list[str]) -> list[dict[CellType, Any]]:
    """Every text under every type but the timestamp, in one query."""
    session.execute("create or replace temp table texts (place bigint, cell varchar, serial_days integer)")
    session.execute("insert into texts select generate_subscripts($1, 1), unnest($1), 0", [texts])
    values = ", ".join(cells.value_of(Column("cell", kind, "")) for kind in PARSERS)
    rows = session.execute(f"select {values} from texts order by place").fetchall()  # noqa: S608 (own expressions)
    return [dict(zip(PARSERS, row, strict=True)) for row in rows]


def digits(low: int, high: int) -> st.SearchStrategy[str]:
    return st.text(DIGIT, min_size=low, max_size=high)


grouped = st.builds(lambda head, tail: ",".join([head, *tail]), digits(1, 3), st.lists(digits(3, 3), max_size=3))
signed = st.builds(str.__add__, st.sampled_from(["", "", "-"]), digits(1, 12) | grouped)
fraction = st.builds(lambda figures: figures and f".{figures}", digits(0, 8))
numbers = st.builds(str.__add__, signed, fraction)
clocks = st.builds(
    lambda parts, tail: ":".join(parts) + tail, st.lists(digits(1, 3) | digits(2, 2), min_size=2, max_size=4), fraction
)
worded = st.lists(
    st.builds(
        lambda *parts: "".join(parts), digits(1, 3), fraction, st.sampled_from(["", " "]), st.sampled_from("hmsHMSd")
    )
    | st.builds(str.__add__, digits(1, 3), st.sampled_from("hms")),
    min_size=1,
    max_size=3,
).map(" ".join) | st.builds("{}h {}m {}s".format, digits(1, 2), digits(1, 2), digits(1, 2))
days = st.dates(date(1900, 1, 1), date(2100, 12, 31))
day_texts = (
    days.map(str)
    | days.map(lambda value: f"{value.day}/{value.month}/{value.year}")
    | days.map(lambda value: f"{value:%d/%m/%Y}")
    | st.builds(
        str.__add__, days.map(str), st.sampled_from(["T00:00", " 00:00:00", "T00:00:00.000", " 00:01", " 24:00"])
    )
    | st.builds("{:04}-{:02}-{:02}".format, st.integers(1900, 2100), st.integers(0, 13), st.integers(0, 32))
    | st.builds("{}/{}/{}".format, st.integers(0, 32), st.integers(0, 13), st.integers(1900, 2100))
    | st.builds("{:04}-{:02}".format, st.integers(1900, 2100), st.integers(0, 14))
    | st.integers(19_990, 80_010).map(str)
)
flags = st.sampled_from(["y", "N", "Yes", "no", "TRUE", "false", "0", "1", "yep", "on", "01"])
anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
cell_texts = st.one_of(numbers, clocks, worded, day_texts, flags, anything).map(str.strip).filter(bool)


@MANY
@given(st.lists(cell_texts, min_size=60, max_size=120))
def test_every_type_reads_a_text_as_the_second_parser_does(session, texts):
    for text, found in zip(texts, parsed(session, texts), strict=True):
        for kind, parser in PARSERS.items():
            assert found[kind] == parser(text), (kind.value, text)


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
    assert PARSERS[CellType(kind)](text) == value


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
