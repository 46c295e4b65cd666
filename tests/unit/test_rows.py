"""What becomes of a row: each fault and which comes first, defaults, closed lists, pseudonyms; no value shows."""

import hmac
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.extracts.rows import CELL_RECORD_FAULTS, RECORD_FAULTS, fault_sentences, shows_value, without_value
from tests.unit.judging_helpers import EXTRACT_DATE, GOOD, KEY, STAYS, examples, judge, judge_one


def test_a_good_row_comes_out_typed_and_without_a_fault(session):
    full = {
        "force_code": "Surrey",
        "offset_minutes": "60",
        "nights": "1,200",
        "waited": "4m 56s",
        "booked_at": "28/10/2022 09:00",
        "paid_on": "30/10/2022",
        "billed_for": "2022-10",
        "is_regular": "YES",
        "guest": "n/a",
    }
    row = judge_one(session, **full)
    assert row["fault"] is None
    assert row["fault_count"] == 0
    # The day before the clocks go back is summer time: 10:00 in London is 09:00 UTC.
    expected = {
        "force_code": "surrey",
        "stay_id": "s1",
        "kind": "long",
        "begun_at": datetime(2022, 10, 29, 9),  # noqa: DTZ001 (naive UTC, as stored)
        "offset_minutes": 60,
        "nights": 1200,
        "waited": Decimal(296),
        "ended_at": datetime(2022, 10, 29, 10),  # noqa: DTZ001
        "booked_at": datetime(2022, 10, 28, 8),  # noqa: DTZ001
        "paid_on": date(2022, 10, 30),
        "billed_for": date(2022, 10, 1),
        "is_regular": True,
        "guest": None,
        "is_dst_ambiguous": False,
        "extract_date": EXTRACT_DATE,
        "load_id": 7,
        "source_row": 1,
    }
    assert {name: row[name] for name in expected} == expected


def test_an_empty_cell_takes_its_default_and_an_absent_force_the_configured_one(session):
    row = judge_one(session, waited="NULL", is_regular="-9999", force_code="-")
    assert (row["fault"], row["waited"], row["is_regular"], row["force_code"]) == (None, Decimal(0), False, "kent")


FAULTS = [
    ({"stay_id": None}, "required_empty", "stay_id"),
    ({"stay_id": "N/A"}, "required_empty", "stay_id"),
    ({"passport": "null"}, "required_empty", "passport"),
    ({"kind": "medium"}, "not_in_list", "kind"),
    ({"offset_minutes": "30"}, "not_in_list", "offset_minutes"),
    ({"begun_at": "yesterday"}, "not_a_timestamp", "begun_at"),
    # Of the year 10000 in UTC.
    ({"booked_at": "9999-12-31T23:30:00-01:00"}, "not_a_timestamp", "booked_at"),
    ({"begun_at": "2022-10-30"}, "no_time_of_day", "begun_at"),
    ({"begun_at": "2022-03-27 01:30"}, "time_never_existed", "begun_at"),
    ({"begun_at": "30/12/1899 00:00"}, "before_1900", "begun_at"),
    ({"booked_at": "1753-01-01 00:00"}, "before_1900", "booked_at"),
    ({"booked_at": "1900-01-01T00:30:00+01:00"}, "before_1900", "booked_at"),
    ({"paid_on": "30/12/1899"}, "before_1900", "paid_on"),
    ({"billed_for": "1899-12"}, "before_1900", "billed_for"),
    ({"begun_at": "1900-01-01 00:00"}, "before_1900", "begun_at"),
    ({"booked_at": "01/01/1900 23:59:59"}, "before_1900", "booked_at"),
    ({"booked_at": "1900-01-02T00:30:00+01:00"}, "before_1900", "booked_at"),
    ({"paid_on": "1900-01-01"}, "before_1900", "paid_on"),
    ({"billed_for": "1900-01"}, "before_1900", "billed_for"),
    ({"ended_at": "2022-10-29 09:59:59"}, "out_of_order", "ended_at"),
    ({"booked_at": "2022-10-29 10:00:01"}, "out_of_order", "booked_at"),
    ({"ended_at": None}, "required_when", "ended_at"),
    ({"ended_at": "#N/A"}, "required_when", "ended_at"),
    ({"nights": "0"}, "below_minimum", "nights"),
    ({"nights": "one"}, "not_an_integer", "nights"),
    ({"waited": "-1"}, "below_minimum", "waited"),
    ({"waited": "soon"}, "not_seconds", "waited"),
    ({"paid_on": "13/2022"}, "not_a_date", "paid_on"),
    ({"billed_for": "October"}, "not_a_month", "billed_for"),
    ({"is_regular": "maybe"}, "not_a_boolean", "is_regular"),
    ({"nights": "2000"}, "above_maximum", "nights"),
    ({"room": "12b"}, "not_of_form", "room"),
    ({"room": "1" * 21}, "not_of_form", "room"),
    ({"force_code": "kennt"}, "unknown_force", "force_code"),
    ({"force_code": "../../../../escaped-by-a-cell"}, "unknown_force", "force_code"),
    ({"force_code": "javascript:alert(1)"}, "unknown_force", "force_code"),
    ({"force_code": "=cmd|' /c calc'!A1"}, "unknown_force", "force_code"),
    *(
        ({column: value}, "looks_personal", column)
        for column in (
            *("force_code", "stay_id", "kind", "begun_at", "offset_minutes", "nights", "waited", "paid_on"),
            *("billed_for", "is_regular", "room", "note"),
        )
        for value in ("07700900123", "jane.doe@example.com", "AB 12 34 56 C")
        # The force is read in lower case, in which there are no such numbers.
        if (column, value) != ("force_code", "AB 12 34 56 C")
    ),
]


NAMED = pytest.mark.parametrize(
    "case",
    range(len(FAULTS)),
    ids=[f"{code}-{column}-{number}" for number, (_, code, column) in enumerate(FAULTS)],
)


@pytest.fixture(scope="module")
def faulty(session):
    return judge(session, [{**GOOD, **cells} for cells, _, _ in FAULTS])


@NAMED
def test_each_fault_is_found_in_its_column(faulty, case):
    _, code, column = FAULTS[case]
    row = faulty[case]
    assert (row["fault"], row["fault_column"], row["fault_count"]) == (code, column, 1)
    assert (column, code) in fault_sentences(STAYS)


def test_a_value_that_looks_personal_is_not_shown(faulty):
    rows = [row for (_, code, _), row in zip(FAULTS, faulty, strict=True) if code == "looks_personal"]
    assert len(rows) == 35
    assert {row["fault_detail"] for row in rows} == {None}


PERSONAL = [
    "07700900123",
    "07700 900123",
    "07700-900-123",
    "0113 496 0000",
    "(020) 7946 0958",
    "0161 4960000",
    "01632 96001",
    "03001231234",
    "+447700900123",
    "+44 (0)7700 900123",
    "+44 20 7946 0958",
    "00447700900123",
    "0044 7700 900 123",
    "07700\u00a0900\u2011123",
    "AB123456C",
    "AB 12 34 56 C",
    "ab.c@example.org",
    "please call Jane.O'Hara+x@police.example.uk today",
    "<mailto:a@b.co>",
    "a\uff20b.co",
    "\u202a+447700900123\u202c",
    "\u200e07700900123",
    "\uff10\uff17\uff17\uff10\uff10\uff19\uff10\uff10\uff11\uff12\uff13",
    "'07700900123",
    "tel:07700900123",
    "ab 12 34 56 c",
    "ask jos\u00e9@example.org",
    "info@b\u00fcro.example",
    '"j smith"@example.org',
    "a\ufe6bb.co",
]
HARMLESS = [
    "00001000001659308409",
    "03-10-2022-001",
    "02-22-0001234",
    "20221030041500",
    "2022-10-30",
    "0800 123",
    "0412345678",
    "0812345678",
    "1234567890",
    "447700900123",
    "012345678",
    "012345678901",
    "QQ123456C",
    "AB123456E",
    "AB12345C",
    "ab123456c",
    "8a9f3c21-77aa-4c1d-9b1e-0123456789ab",
    "kent_fcir_2023-03-15",
    "35,634",
    "4m 56s",
    "5 @ 10",
    "@home",
    "a@b",
    "Folkestone and Hythe",
]


@pytest.mark.parametrize("text", PERSONAL)
def test_personal_values_are_found_in_any_grouping(session, text):
    row = judge_one(session, note=text)
    assert (row["fault"], row["fault_column"]) == ("looks_personal", "note")


@pytest.mark.parametrize("text", HARMLESS)
def test_other_numbers_and_words_are_not_personal_values(session, text):
    assert judge_one(session, note=text)["fault"] is None


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ({"ended_at": GOOD["begun_at"], "booked_at": GOOD["begun_at"]}, None),
        ({"kind": "Short Stay", "ended_at": None}, None),
        ({"kind": "LONG", "ended_at": None}, "required_when"),
        ({"desk": "07700900123"}, None),
        ({"desk": "jane.doe@example.com"}, "looks_personal"),
    ],
    ids=["equal times are in order", "not required", "required", "an identifier like a telephone number", "an address"],
)
def test_a_contract_decides_about_order_requirements_and_personal_values(session, cells, fault):
    assert judge_one(session, **cells)["fault"] == fault


def test_the_sentence_of_a_time_out_of_order_says_what_is_wrong_with_it():
    column = STAYS.column("ended_at")
    order = [f"before {name}" for name in column.not_before] + [f"after {name}" for name in column.not_after]
    assert order
    sentence = fault_sentences(STAYS)["ended_at", "out_of_order"]
    assert sentence == f"ended_at: a time in an impossible order; it is {' or '.join(order)}"


def test_every_fault_of_the_engine_has_a_case_here():
    assert {code for _, code in fault_sentences(STAYS)} == {code for _, code, _ in FAULTS} | {*CELL_RECORD_FAULTS}


def test_the_first_fault_in_the_order_of_the_columns_is_named_and_all_are_counted(session):
    rows = judge(
        session,
        [
            {**GOOD, "is_regular": "maybe", "kind": "medium", "nights": "0"},
            {**GOOD, "is_regular": "maybe", "nights": "0"},
            {**GOOD, "begun_at": None, "ended_at": "2022", "is_regular": "maybe"},
        ],
    )
    # From three faults on the cells may have shifted, and no value is shown.
    assert [(row["fault_column"], row["fault"], row["fault_count"], row["fault_detail"]) for row in rows] == [
        ("kind", "not_in_list", 3, None),
        ("nights", "below_minimum", 2, "0"),
        ("begun_at", "required_empty", 3, None),
    ]


def test_a_record_that_could_not_be_split_has_that_fault_and_no_column(session):
    detail = "9 instead of 11"
    rows = judge(session, [{"fault": code, "fault_detail": detail} for code in RECORD_FAULTS])
    assert [(row["fault"], row["fault_column"], row["fault_count"], row["fault_detail"]) for row in rows] == [
        (code, None, 1, detail) for code in RECORD_FAULTS
    ]


def test_a_fault_of_the_record_that_is_of_one_cell_names_its_column(session):
    rows = judge(session, [{"fault": code, "record_column": "guest"} for code in CELL_RECORD_FAULTS])
    assert [(row["fault"], row["fault_column"], row["fault_count"], row["fault_detail"]) for row in rows] == [
        (code, "guest", 1, None) for code in CELL_RECORD_FAULTS
    ]
    assert {fault_sentences(STAYS)["guest", code].partition(":")[0] for code in CELL_RECORD_FAULTS} == {"guest"}


@NAMED
def test_a_fault_shows_the_value_unless_the_column_is_personal_or_the_value_looks_personal(faulty, case):
    cells, code, column = FAULTS[case]
    (text,) = cells.values()
    detail = faulty[case]["fault_detail"]
    if text is None or column == "passport" or code == "looks_personal":
        assert not detail
    # The force is read in lower case; a longer text is cut.
    elif detail is not None and text.isascii() and text.replace(" ", "").isalnum() and len(text) <= 40:
        assert detail.lower() == text.lower()


@NAMED
def test_a_value_that_is_not_shown_has_its_reason(faulty, case):
    _, code, column = FAULTS[case]
    row = faulty[case]
    has_no_value = code in ("required_empty", "required_when")
    if has_no_value or code == "looks_personal" or row["fault_detail"] is not None:
        assert row["hidden_because"] is None
    else:
        assert row["hidden_because"] == (
            "its column is personal"
            if column == "passport"
            else "it has an at sign, or a number like a telephone or National Insurance number"
        )


def test_a_value_with_a_telephone_number_in_it_says_why_it_is_not_shown(session):
    row = judge_one(session, kind="call 07700 900123 back")
    assert (row["fault"], row["fault_detail"]) == ("not_in_list", None)
    assert row["hidden_because"] == "it has an at sign, or a number like a telephone or National Insurance number"


def test_values_of_a_row_that_may_have_shifted_say_why_they_are_not_shown(session):
    row = judge_one(session, is_regular="maybe", kind="medium", nights="0")
    assert (row["fault"], row["fault_detail"]) == ("not_in_list", None)
    assert row["hidden_because"] == "cells of the row may have shifted"
    # An empty cell has no value to hide.
    row = judge_one(session, begun_at=None, ended_at="2022", is_regular="maybe")
    assert (row["fault"], row["hidden_because"]) == ("required_empty", None)


def test_a_closed_list_ignores_case_and_keeps_the_spelling_of_the_contract(session):
    spellings = {"short stay": "Short Stay", "SHORT STAY": "Short Stay", "Long": "long", "999": "999", "longer": None}
    rows = judge(session, [{**GOOD, "kind": text} for text in spellings])
    assert [row.get("kind") for row in rows] == list(spellings.values())
    assert [row["fault"] for row in rows] == [None, None, None, None, "not_in_list"]


identifiers = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=80).filter(
    lambda text: text.upper() not in {"NULL", "N/A", "-", "#N/A", "#DIV/0!", "-9999"}
)


@examples(3)
@given(st.lists(identifiers, min_size=100, max_size=150))
def test_a_pseudonym_is_the_keyed_hash_of_the_cell(session, texts):
    for text, row in zip(texts, judge(session, [{**GOOD, "passport": text} for text in texts]), strict=True):
        assert row["passport"] == hmac.new(bytes(range(32)), text.encode(), sha256).hexdigest()[:32], text


def test_the_same_person_has_the_same_pseudonym_in_every_column_and_another_under_another_key(session):
    row = judge_one(session, guest="07700 900123", passport="07700 900123")
    assert row["guest"] == row["passport"] == KEY.pseudonym(" 07700 900123 ")
    assert replace(KEY, secret=bytes(32)).pseudonym("07700 900123") != row["guest"]


def test_an_event_after_the_extract_date_is_found_by_its_local_day(session):
    cells = {**GOOD, "kind": "999", "ended_at": None}
    # In summer the last local hour of a day is 22:00 to 23:00 UTC; half past midnight is still the day before in UTC.
    rows = judge(
        session,
        [{**cells, "begun_at": "2022-07-01 23:59:59"}, {**cells, "begun_at": "2022-07-02 00:30"}],
        extract_date=date(2022, 7, 1),
    )
    assert [row["rows_after_extract_date"] for row in rows] == [False, True]


@pytest.mark.parametrize(
    ("reason", "after"),
    [
        ('guest: too long; found "Ann (2 x)"', "guest: too long; the value is not shown: its column is personal"),
        (
            'guest: too long; found "Ann" (2 cells of the row are faulty)',
            "guest: too long; the value is not shown: its column is personal (2 cells of the row are faulty)",
        ),
        ('guest: too long; found "A"nn\n" B"', "guest: too long; the value is not shown: its column is personal"),
    ],
)
def test_a_reason_loses_the_value_that_it_shows(session, reason, after):
    sql = f"select {shows_value('$1')}, {without_value('$1')}"
    assert session.execute(sql, [reason]).fetchall() == [(True, after)]
    assert session.execute(sql, [after]).fetchall() == [(False, after)]
