"""Cells of every type: what a text means, read by SQL and by plain Python, and what a message shows of it."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from dagster_project.contracts import CellType, Column
from tests.unit.extracts.plain_cells import reading
from tests.unit.extracts.stays import STAYS, judge

COLUMNS = {
    column.name: column
    for column in (
        Column("pieces", CellType.INTEGER, ""),
        Column("metres", CellType.DECIMAL, "", precision=9, scale=3),
        Column("waited", CellType.SECONDS, ""),
        Column("begun_at", CellType.TIMESTAMP, ""),
        Column("paid_on", CellType.DATE, ""),
        Column("billed_for", CellType.MONTH, ""),
        Column("is_regular", CellType.BOOLEAN, ""),
        Column("kind", CellType.TEXT, "", values={"Short Stay": "", "long": "", "999": ""}),
        Column("offset_minutes", CellType.INTEGER, "", values={"0": "", "60": ""}),
    )
}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text)


# The value of a text, or the code of its fault.
READINGS: dict[str, dict[str, object]] = {
    "pieces": {
        "1,234": 1234,
        "-17": -17,
        "0,002": 2,
        "9" * 18: 10**18 - 1,
        "123,456,789,012,345,678": 123456789012345678,
        **dict.fromkeys(
            ("1,23", "1234,567", "1.0", "1e3", "+1", "٣", "0x10", "1_000", "9" * 19, "'1"), "not_an_integer"
        ),
    },
    "metres": {
        "1,234.5": Decimal("1234.5"),
        "-0.125": Decimal("-0.125"),
        "999999.999": Decimal("999999.999"),
        "000,000,001.500000": Decimal("1.5"),
        f"{'0' * 37}1.{'0' * 40}": Decimal(1),
        "0.1435": "too_many_decimals",
        **dict.fromkeys(("1000000", "1,0", "1e-3", ".5", "5.", "1.2.3", "--1"), "not_a_decimal"),
    },
    "waited": {
        "17": Decimal(17),
        "1,234.5": Decimal("1234.5"),
        "-5": Decimal(-5),
        "0.0000005": Decimal("0.000001"),
        "4m 56s": Decimal(296),
        "1H 2M 3.5S": Decimal("3723.5"),
        "1h": Decimal(3600),
        "2h5s": Decimal(7205),
        "05:07": Decimal(307),
        "75:07": Decimal(4507),
        "1:05:07.25": Decimal("3907.25"),
        "26:00:00": Decimal(93600),
        **dict.fromkeys(("1:75:00", "1:05:75", "5:7", "1:2:3:4", "1.234,5", "1,23", "-00:05", "5m4h"), "not_seconds"),
        **dict.fromkeys((".", "::", "s", "NaN", "inf", "1e3", "4m 56", "1.5m"), "not_seconds"),
        **dict.fromkeys(("999999999999h", "9999999999999h 5s", "1000000000000s"), "not_seconds"),
        "999999999999.9999999": "not_seconds",
        "999999999999": Decimal(999999999999),
    },
    "begun_at": {
        "2022-07-01 10:00": utc("2022-07-01 09:00"),
        "2022-12-01T10:00:30": utc("2022-12-01 10:00:30"),
        "03/11/2022 9:05": utc("2022-11-03 09:05"),
        "3/1/2022  9:05:07": utc("2022-01-03 09:05:07"),
        "03/11/2022T09:05:07,5": utc("2022-11-03 09:05:07.5"),
        "2022-07-01T10:00:00Z": utc("2022-07-01 10:00"),
        "2022-07-01 10:00:00+0100": utc("2022-07-01 09:00"),
        "2022-07-01 10:00:00 -14:59": utc("2022-07-02 00:59"),
        "2022-07-01T10:00+01": utc("2022-07-01 09:00"),
        "2022-07-01T10:00:00.1234567": utc("2022-07-01 09:00:00.123456"),
        "2022-07-01T10:00:00,999999999z": utc("2022-07-01 10:00:00.999999"),
        "2022-10-30 01:30": utc("2022-10-30 00:30"),
        "2022-10-30 01:30+00:00": utc("2022-10-30 01:30"),
        "2022-03-27 01:59:59": "time_never_existed",
        "44864.25": utc("2022-10-30 06:00"),
        "80000.0": "no_time_of_day",
        **dict.fromkeys(("2022-07-01", "01/07/2022", "1/7/2022", "44864", "44864.000", "20000"), "no_time_of_day"),
        **dict.fromkeys(
            ("07/13/2022 10:00", "2022-02-29 10:00", "2022-7-1 10:00", "0000-07-01 10:00"), "not_a_timestamp"
        ),
        **dict.fromkeys(("2022-07-01 24:00", "2022-07-01 10:60", "2022-07-01 10:00 PM"), "not_a_timestamp"),
        **dict.fromkeys(("2022-07-01 10:00+15:00", "19999.5", "80000.5", "1656666000", "12345"), "not_a_timestamp"),
        **dict.fromkeys(("infinity", "epoch", "now", "31/02/2022", "23/10/2015 T1:41:00"), "not_a_timestamp"),
        "1900-01-01 23:59:59": "before_1900",
        "1900-01-02 00:00": utc("1900-01-02 00:00"),
    },
    "paid_on": {
        "2022-10-30": date(2022, 10, 30),
        "29/02/2024": date(2024, 2, 29),
        "3/1/2022": date(2022, 1, 3),
        "2022-10-30 00:00:00": date(2022, 10, 30),
        "2022-10-30T00:00": date(2022, 10, 30),
        "2022-10-30 00:00:00.000": date(2022, 10, 30),
        "44864": date(2022, 10, 30),
        "80000": date(2119, 1, 11),
        "20000": date(1954, 10, 3),
        **dict.fromkeys(("29/02/2023", "11/13/2022", "2022-10-30 10:00:00", "2022-3-15", "20221030"), "not_a_date"),
        **dict.fromkeys(("0000-01-01", "0999-12-31", "19999", "80001", "44864.0", "15 March 2023"), "not_a_date"),
        "1900-01-01": "before_1900",
        "1900-01-02": date(1900, 1, 2),
    },
    "billed_for": {
        "2022-10": date(2022, 10, 1),
        "1900-01": "before_1900",
        **dict.fromkeys(("2022-13", "2022-1", "2022-00", "2022/01", "202201", "Jan 2023", "0999-01"), "not_a_month"),
    },
    "is_regular": {
        **dict.fromkeys(("y", "yES", "TRUE", "1"), True),
        **dict.fromkeys(("N", "nO", "false", "0"), False),
        **dict.fromkeys(("2", "ja", "on", "maybe", "-1"), "not_a_boolean"),
    },
    "kind": {
        **dict.fromkeys(("short stay", "SHORT STAY"), "Short Stay"),
        "LONG": "long",
        "999": "999",
        **dict.fromkeys(("longer", "999.0", "None", "n.a.", "--"), "not_in_list"),
    },
    "offset_minutes": {
        "0": 0,
        "00": 0,
        "60": 60,
        "060": 60,
        "-0": 0,
        **dict.fromkeys(("30", "60.0", "BST"), "not_in_list"),
    },
}
# Characters of the forms, and some that look or count like them elsewhere: a no-break and a thin space, a tab, Arabic,
# full-width and superscript digits, a full-width colon, a long dash, letters that have odd capitals.
EDITS = "0123569-+/:.,; TZthmsyne\t\n\u00a0\u2009\u0663\uff11\u00b2\uff1a\u2013\u017f'"


def neighbours(text: str) -> Iterator[str]:
    """Every text that is one removed, doubled, swapped, replaced or inserted character away."""
    for at, character in enumerate(text):
        before, after = text[:at], text[at + 1 :]
        yield before + after
        yield before + character + text[at:]
        yield before + after[:1] + character + after[1:]
        for edit in EDITS:
            yield before + edit + after
            yield before + edit + text[at:]
    for edit in EDITS:
        yield text + edit


def further_off(texts: list[str], count: int, chance: random.Random) -> Iterator[str]:
    """Texts two or three edits away."""
    for _ in range(count):
        text = chance.choice(texts)
        for _ in range(chance.randint(2, 3)):
            at = chance.randrange(len(text) + 1)
            kept = text[at + chance.randint(0, 1) :]
            text = text[:at] + chance.choice((chance.choice(EDITS), "")) + kept
        yield text


def judged(session, column: Column, texts: Iterable[str], serial_days: int = 0) -> dict[str, tuple[object, bool]]:
    """What each text is under a contract without rules between columns, as `reading` has it."""
    listed = list(dict.fromkeys(texts))
    keys = tuple(STAYS.column(name) for name in ("force_code", "stay_id"))
    start = {"start_column": "begun_at" if column.name == "begun_at" else None, "event_column": None}
    rows = [{"stay_id": "1", column.name: text.strip().strip("\ufeff").strip() or None} for text in listed]
    found = judge(session, rows, contract=replace(STAYS, columns=(*keys, column), **start), serial_days=serial_days)
    return {
        text: (row["fault"] or row[column.name], bool(row.get("is_dst_ambiguous")))
        for text, row in zip(listed, found, strict=True)
    }


@pytest.mark.parametrize("name", READINGS)
def test_a_text_means_what_is_stated_in_either_reading(session, name):
    column, expected = COLUMNS[name], READINGS[name]
    found = judged(session, column, expected)
    assert {text: value for text, (value, _) in found.items()} == expected
    assert {text: reading(column, text)[0] for text in expected} == expected


@pytest.mark.parametrize("name", READINGS)
def test_a_text_near_to_a_form_is_read_or_refused_alike(session, name):
    column, chance = COLUMNS[name], random.Random(name)
    forms = [text for text, value in READINGS[name].items() if not isinstance(value, str) or column.values]
    near = [
        *(near for text in forms for near in neighbours(text)),
        *further_off(forms, 1_500, chance),
        "NULL",
        "n/A",
        "-9999",
    ]
    for serial_days in (0, 1462):
        found = judged(session, column, near, serial_days)
        expected = {text: reading(column, text, serial_days) for text in found}
        wrong = [
            (text, found[text], expected[text])
            for text in found
            if found[text] != expected[text] and not is_rounded_otherwise(found[text][0], expected[text][0])
        ]
        assert not wrong[:8]
        near = near[::5]


def is_rounded_otherwise(one: object, other: object) -> bool:
    """Whether two readings of a serial number are next milliseconds: the half of one is not exact in a double."""
    if not (isinstance(one, datetime) and isinstance(other, datetime)):
        return False
    return other.microsecond % 1000 == 0 and abs(one - other) == timedelta(milliseconds=1)
