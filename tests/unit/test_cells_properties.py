"""Cells of every type, with near-misses of every form, against the second reading in `tests/reference/cells.py`."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dagster_project.contracts import CellType, Column
from dagster_project.extracts.pieces import trimmed_text
from tests.reference.cells import Reading, reading
from tests.unit.judging_helpers import STAYS, examples, judge

MANY = examples(16)

COLUMNS = (
    Column("word", CellType.TEXT, ""),
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
BY_NAME = {column.name: column for column in COLUMNS}
KEYS = (
    Column("force_code", CellType.TEXT, ""),
    Column("stay_id", CellType.TEXT, "", is_required=True, key_position=1),
)
FREE = replace(STAYS, columns=(*KEYS, *COLUMNS))
"""A contract without rules between columns: a row is faulty only because of its one cell."""

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


def differences(session, cells: Iterable[tuple[str, str]], serial_days: int = 0) -> list[tuple[object, ...]]:
    """Column, text and both readings wherever they differ; the first few."""
    distinct = list(dict.fromkeys(cells))
    trimmed = trimmed_text(pa.array([text for _, text in distinct], pa.string())).to_pylist()
    rows = [{"stay_id": str(n), name: cell} for n, ((name, _), cell) in enumerate(zip(distinct, trimmed, strict=True))]
    found: list[tuple[object, ...]] = []
    for (name, text), row in zip(distinct, judge(session, rows, contract=FREE, serial_days=serial_days), strict=True):
        column = BY_NAME[name]
        digits = (column.precision - column.scale, column.scale) if column.precision else (0, 0)
        expected = reading(column.cell_type, text, serial_days=serial_days, values=tuple(column.values), digits=digits)
        judged = Reading(row.get(name), row["fault"], bool(row.get("is_dst_ambiguous")))
        if row["fault"]:
            assert (row["fault_column"], row["fault_count"]) == (name, 1), (name, text)
            judged = Reading(reason=row["fault"])
        if judged != expected and not is_rounded_otherwise(judged.value, expected.value):
            found.append((name, text, judged, expected))
    return found[:8]


def is_rounded_otherwise(judged: object, expected: object) -> bool:
    """Whether two readings of a serial number are next milliseconds: the half of one is not exact in a double."""
    if not (isinstance(judged, datetime) and isinstance(expected, datetime)):
        return False
    return expected.microsecond % 1000 == 0 and abs(judged - expected) == timedelta(milliseconds=1)


def digits(least: int, most: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=least, max_size=most)


fractions = st.sampled_from(["", ".", ","]).flatmap(
    lambda point: digits(0, 10).map(lambda text: point and point + text)
)
signs = st.sampled_from(["", "", "", "-", "+"])
plain_numbers = st.builds("{}{}{}".format, signs, digits(1, 20), fractions)
grouped_numbers = st.builds(
    lambda sign, head, groups, fraction: sign + ",".join([head, *groups]) + fraction,
    signs,
    digits(1, 3),
    st.lists(digits(3, 3), min_size=1, max_size=6),
    fractions,
)
padded_numbers = st.builds(
    lambda sign, zeros, whole, fraction, filled: f"{sign}{zeros}{whole}.{fraction}{filled}",
    signs,
    st.sampled_from(["", "0", "0" * 40]),
    digits(1, 7),
    digits(0, 4),
    st.sampled_from(["", "0", "000", "0" * 40]),
)
clocks = st.builds(
    lambda head, parts, fraction: ":".join([head, *parts]) + fraction,
    digits(1, 8),
    st.lists(st.integers(0, 61).map("{:02}".format), min_size=1, max_size=3),
    fractions,
)
words = st.builds(
    lambda numbers, units, gap, space, fraction: gap.join(
        f"{number}{fraction if unit in 'sS' else ''}{space}{unit}" for number, unit in zip(numbers, units, strict=False)
    ),
    st.lists(digits(1, 14), min_size=3, max_size=3),
    st.sampled_from(["hms", "hm", "ms", "hs", "h", "m", "s", "HMS", "Ms", "sm", "mm"]),
    st.sampled_from(["", " ", "  "]),
    st.sampled_from(["", " "]),
    fractions,
)

# Wide enough for every rule of London's clock that the engine knows, and narrow around the changes of it.
changes = st.builds(
    lambda year, month, day: datetime(year, month, day),  # noqa: DTZ001 (local)
    st.integers(1972, 2037),
    st.sampled_from([3, 10]),
    st.integers(23, 31),
)
moments = st.datetimes(datetime(1948, 1, 1), datetime(2120, 12, 31)) | st.builds(  # noqa: DTZ001 (local)
    lambda day, minutes: day + timedelta(minutes=minutes), changes, st.integers(-30, 240)
)
days = st.dates(date(1000, 1, 1), date(9998, 12, 31)) | moments.map(lambda moment: moment.date())
offsets = st.sampled_from(["", "", "Z", "z", " Z", "+01:00", "-0530", "+14", " +0100", "+00:00", "-14:59", "+1"])
clock_faces = st.sampled_from(["%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%H:%M:%S,%f", "%H:%M:%S.%f000", "%I:%M %p"])
iso_times = st.builds(
    lambda moment, gap, face, offset: f"{moment:%Y-%m-%d}{gap}{moment.strftime(face)}{offset}",
    moments,
    st.sampled_from(["T", " ", "  ", "t"]),
    clock_faces,
    offsets,
)
british_times = st.builds(
    lambda moment, is_padded, face, offset: (
        (f"{moment:%d/%m/%Y}" if is_padded else f"{moment.day}/{moment.month}/{moment.year}")
        + f" {moment.strftime(face)}{offset}"
    ),
    moments,
    st.booleans(),
    clock_faces,
    st.sampled_from(["", "", "", "Z"]),
)
iso_days, month_texts = days.map(str), days.map(lambda day: f"{day.year}-{day.month:02}")
british_days = days.map(lambda day: f"{day:%d/%m/}{day.year}") | days.map(
    lambda day: f"{day.day}/{day.month}/{day.year}"
)
midnights = st.builds("{}{}".format, iso_days, st.sampled_from(["T00:00", " 00:00:00", "T00:00:00.000", " 00:00:01"]))
serials = st.builds(
    "{}{}".format,
    st.integers(19_999, 80_001),
    st.sampled_from(["", ".0", ".000", ".5", ".25", ".041666666664", ".99999999999999", ".0000000000000001"])
    | digits(1, 12).map(".{}".format),
)
truths = st.sampled_from(["y", "N", "Yes", "nO", "TRUE", "false", "1", "0"])
listed = st.sampled_from(["Short Stay", "LONG", "short stay", "999", "0", "60", "060"])
null_words = st.sampled_from(["NULL", "null", "N/A", "n/a", "-", "#N/A", "#DIV/0!", "#div/0!", "-9999", ""])
anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=24)

FORMS: dict[str, st.SearchStrategy[str]] = {
    "word": anything,
    "pieces": plain_numbers | grouped_numbers,
    "metres": plain_numbers | grouped_numbers | padded_numbers,
    "waited": plain_numbers | grouped_numbers | clocks | words,
    "begun_at": iso_times | british_times | serials | iso_days | british_days,
    "paid_on": iso_days | british_days | midnights | serials,
    "billed_for": month_texts,
    "is_regular": truths,
    "kind": listed,
    "offset_minutes": listed,
}


@MANY
@given(st.lists(st.one_of(null_words, anything, *FORMS.values()), min_size=60, max_size=90), st.sampled_from([0, 1462]))
@example(["999999999999.9999999", "999999999999.5s", "0.0000005", "\ufeff60\u00a0"], 0)
def test_every_form_means_the_same_in_either_reading_under_every_type(session, texts, serial_days):
    cells = [(column.name, text) for text in texts for column in COLUMNS]
    assert differences(session, cells, serial_days) == []


@pytest.mark.parametrize("name", FORMS)
@examples(8)
@given(st.data())
def test_a_text_near_to_a_form_is_read_or_refused_alike(session, name, data):
    texts = data.draw(st.lists(FORMS[name] | FORMS[name] | null_words, min_size=2, max_size=3, unique=True))
    chance = random.Random(data.draw(st.integers(0, 2**64), label="seed"))
    near = [*(near for text in texts for near in neighbours(text)), *further_off(texts, 1_500, chance)]
    serial_days = data.draw(st.sampled_from([0, 1462]), label="serial_days")
    assert differences(session, ((name, text) for text in near if "\0" not in text), serial_days) == []


REFUSED = [
    ("waited", "999999999999h", "not_seconds"),
    ("waited", "9999999999999h 5s", "not_seconds"),
    ("waited", "1000000000000s", "not_seconds"),
    ("begun_at", "44864", "no_time_of_day"),
    ("begun_at", "44864.0", "no_time_of_day"),
    ("begun_at", "44864.000", "no_time_of_day"),
    ("begun_at", "12345", "not_a_timestamp"),
    ("begun_at", "31/02/2022", "not_a_timestamp"),
    ("begun_at", "2022-02-30", "not_a_timestamp"),
    ("begun_at", "23/10/2015 T1:41:00", "not_a_timestamp"),
]


def test_durations_beyond_any_table_and_days_that_no_calendar_has_are_refused_by_their_reason(session):
    rows = [{"stay_id": str(place), name: text} for place, (name, text, _) in enumerate(REFUSED)]
    for (name, text, code), row in zip(REFUSED, judge(session, rows, contract=FREE), strict=True):
        assert (row["fault"], row["fault_column"]) == (code, name), text
        assert reading(BY_NAME[name].cell_type, text).reason == code, text


def test_a_closed_list_of_numbers_goes_by_their_value(session):
    texts = {"0": 0, "00": 0, "060": 60, "60": 60}
    rows = [{"stay_id": text, "offset_minutes": text} for text in texts]
    assert {row["stay_id"]: row["offset_minutes"] for row in judge(session, rows, contract=FREE)} == texts
