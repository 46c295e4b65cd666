"""What becomes of a row: the fault of a cell and which comes first, defaults, pseudonyms, and what a reason shows."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from dagster_project.contracts import CellType, load_contracts
from dagster_project.contracts.model import IDENTIFIER
from dagster_project.extracts import cells
from dagster_project.extracts.rows import (
    CELL_RECORD_FAULTS,
    RECORD_FAULTS,
    fault_sentences,
    reason_of,
)
from dagster_project.settings import CONTRACTS
from dagster_project.sql import quoted
from tests.cases import cases_of
from tests.unit.extracts.stays import EXTRACT_DATE, GOOD, STAYS, judge

TELEPHONE = "07700900123"
FAULTS = [
    *cases_of(__file__)["faults"],
    *(
        ({column.name: f"of {value} "}, "looks_personal", column.name, f"text of {len(value) + 4} characters{digits}")
        for column in STAYS.columns
        for value, digits in ((TELEPHONE, ", 11 of them digits"), ("jane.doe@example.com", ""))
        if not column.is_personal and (column.name != "desk" or value != TELEPHONE)
    ),
]


def test_each_fault_has_its_column_and_the_shape_of_its_cell(session):
    for (changed, code, column, shape), row in zip(
        FAULTS, judge(session, [{**GOOD, **changed} for changed, *_ in FAULTS]), strict=True
    ):
        found = row["fault"], row["fault_column"], row["other_faults"], row["fault_detail"]
        assert found == (code, column, "", shape), changed
        assert row["force_code"] == (None if column == "force_code" else "kent")
    assert {code for _, code in fault_sentences(STAYS)} == {code for _, code, *_ in FAULTS} | {*CELL_RECORD_FAULTS}


def test_a_good_row_comes_out_typed_and_rules_between_columns_allow_equal_times(session):
    full = {
        **{"force_code": "Surrey", "offset_minutes": "60", "nights": "1,200", "waited": "4m 56s", "guest": "n/a"},
        **{"longitude": "-0.143517000", "ended_at": GOOD["begun_at"], "booked_at": "29/10/2022 10:00"},
        **{"paid_on": "30/10/2022", "billed_for": "2022-10", "is_regular": "YES", "desk": TELEPHONE},
    }
    empty = {**dict.fromkeys(("waited", "is_regular", "force_code"), "-"), "kind": "short stay", "ended_at": None}
    least = {"nights": "1", "longitude": "1.77", "paid_on": "1900-01-02", "room": "1" * 20, "waited": "0"}
    row, short, longest = judge(session, [{**GOOD, **cells} for cells in (full, empty, least)])
    # The day before the clocks go back is summer time: 10:00 in London is 09:00 UTC.
    start = datetime(2022, 10, 29, 9)  # noqa: DTZ001 (naive UTC, as stored)
    expected = {
        **{"fault": None, "force_code": "surrey", "stay_id": "s1", "kind": "long", "offset_minutes": 60, "guest": None},
        **{"begun_at": start, "ended_at": start, "booked_at": start, "nights": 1200, "waited": Decimal(296)},
        **{"longitude": Decimal("-0.143517"), "paid_on": date(2022, 10, 30), "billed_for": date(2022, 10, 1)},
        **{"is_regular": True, "desk": TELEPHONE, "is_dst_ambiguous": False, "extract_date": EXTRACT_DATE},
        **{"load_id": 7, "source_row": 1},
    }
    assert {name: row[name] for name in expected} == expected
    assert row["longitude"].as_tuple().exponent == -6
    filled = ("fault", "waited", "is_regular", "force_code", "kind")
    assert [short[name] for name in filled] == [None, Decimal(0), False, "kent", "Short Stay"]
    assert longest["fault"] is None


def test_the_first_fault_in_the_order_of_the_columns_is_named_and_a_personal_cell_has_no_shape(session):
    three = {**GOOD, "is_regular": "maybe", "kind": "medium", "nights": "0"}
    rows = judge(session, [three, three | {"kind": "long"}, {**GOOD, "passport": None}])
    assert [tuple(row[part] for part in ("fault_column", "fault", "other_faults", "fault_detail")) for row in rows] == [
        ("kind", "not_in_list", "nights below_minimum, is_regular not_a_boolean", "text of 6 letters"),
        ("nights", "below_minimum", "is_regular not_a_boolean", "1 digit"),
        ("passport", "required_empty", "", None),
    ]


def test_a_faulty_row_has_the_surrogates_of_its_personal_cells(session):
    people = ({"guest": "B7"}, {"passport": "B7", "guest": "b7"}, {"passport": None})
    rows = judge(session, [*({**GOOD, "nights": "0", **cells} for cells in people), {"fault": "unbalanced_quote"}])
    assert [row["surrogates"] for row in rows] == [[1, 2], [1], [], []]


def test_a_fault_of_the_record_has_no_column_unless_it_is_of_one_cell(session):
    records = [{"fault": code, "fault_detail": "9 instead of 11"} for code in RECORD_FAULTS]
    of_cells = [{"fault": code, "record_column": "guest"} for code in CELL_RECORD_FAULTS]
    parts = ("fault", "fault_column", "other_faults", "fault_detail", "force_code")
    assert [tuple(row[part] for part in parts) for row in judge(session, [*records, *of_cells])] == [
        *((code, None, "", "9 instead of 11", None) for code in RECORD_FAULTS),
        *((code, "guest", "", None, None) for code in CELL_RECORD_FAULTS),
    ]


def test_sentences_state_what_was_expected():
    digits = "(at most 3 before the point, 6 after it)"
    expected = {
        ("longitude", "not_a_decimal"): f"longitude: not a number in decimal digits {digits}",
        ("longitude", "above_maximum"): "longitude: a value above the maximum (1.77: the United Kingdom ends there)",
        ("longitude", "below_minimum"): "longitude: a value below the minimum (-8.65)",
        ("kind", "not_in_list"): "kind: a value outside the closed list (Short Stay, long, 999)",
        ("room", "not_of_form"): f"room: not of the form that the contract states ({STAYS.column('room').form})",
        ("ended_at", "out_of_order"): "ended_at: a time in an impossible order; it is before begun_at",
        ("booked_at", "out_of_order"): "booked_at: a time in an impossible order; it is after begun_at",
        ("ended_at", "required_when"): "ended_at: no value, which another column requires (kind is long)",
        ("guest", "digits_lost"): f"guest: {RECORD_FAULTS['digits_lost']}",
    }
    found = fault_sentences(STAYS)
    assert {fault: found[fault] for fault in expected} == expected


@pytest.mark.parametrize(
    ("detail", "column", "others", "reason"),
    [
        (None, "guest", "kind not_in_list", "S (also faulty: kind not_in_list)"),
        ("2 instead of 5", None, "", "S: 2 instead of 5"),
        ("3 digits", "kind", "", "S; found 3 digits"),
    ],
)
def test_a_reason_says_what_was_found(session, detail, column, others, reason):
    sql = "select $1 as fault_detail, $2 as fault_column, $3 as other_faults"
    sql = "select " + reason_of("'S'") + f" from ({sql}) as faulty"
    assert session.execute(sql, [detail, column, others]).fetchall() == [(reason,)]


PERSONAL = [
    *(TELEPHONE, "07700 900123", "07700-900-123", "0113 496 0000", "(020) 7946 0958", "0161 4960000", "01632 96001"),
    *("03001231234", "+447700900123", "+44 (0)7700 900123", "+44 20 7946 0958", "00447700900123", "0044 7700 900 123"),
    *("07700\u00a0900\u2011123", "\u202a+447700900123\u202c", "\u200e07700900123", "'07700900123", "tel:07700900123"),
    "\uff10\uff17\uff17\uff10\uff10\uff19\uff10\uff10\uff11\uff12\uff13",
    *("AB123456C", "AB 12 34 56 C", "ab 12 34 56 c", "ab.c@example.org", "<mailto:a@b.co>", "a\uff20b.co"),
    *("please call Jane.O'Hara+x@police.example.uk today", "ask jos\u00e9@example.org", "info@b\u00fcro.example"),
    *('"j smith"@example.org', "a\ufe6bb.co", "C1-07700900123", "07700.900.123", "07-700-900-123", "7700900123"),
    *("J SMITH 01/02/80 07700 900123", "01.02.1980 07700900123", "x07700900123y", "of AB-12-34-56-C"),
    *("jane.smith.1980", "j.smith", "Jane.Smith80"),
]
HARMLESS = [
    *("00001000001659308409", "03-10-2022-001", "02-22-0001234", "20221030041500", "2022-10-30", "0800 123"),
    *("0412345678", "0812345678", "1234567890", "447700900123", "012345678", "012345678901", "4m 56s", "35,634"),
    *("03102022001", "07112022-001", "03 10 2022 001", "7.11.2022.1234567", "46/123456/22", "1700900123"),
    *("QQ123456C", "AB123456E", "AB12345C", "ab123456c", "8a9f3c21-77aa-4c1d-9b1e-0123456789ab"),
    *("5 @ 10", "@home", "a@b", "kent_fcir_2023-03-15", "Folkestone and Hythe"),
    *("KP.CR.0012", "a.b.12", "section.name of 1980"),
]


def test_personal_values_are_found_in_any_grouping_and_other_numbers_and_words_are_none(session):
    found = judge(session, [{**GOOD, "note": text} for text in (*PERSONAL, *HARMLESS)])
    codes = {text: row["fault"] for text, row in zip((*PERSONAL, *HARMLESS), found, strict=True)}
    assert codes == dict.fromkeys(PERSONAL, "looks_personal") | dict.fromkeys(HARMLESS)


SHOWN = {
    **{text: f'"{text}"' for text in ("998", "lost", "31/02/2022 10:00", "07700 900123", "Zo\u00eb", "x" * 40)},
    "x" * 41: f'"{"x" * 40}\u2026"',
    **{"<b>": '"\\u003cb\\u003e"', 'a"b': '"a\\u0022b"', "a\\b": '"a\\u005cb"', "a\u202eb": '"a\\u202eb"'},
    **{"\x1b[2J": '"\\u001b\\u005b2J"', "k\u0435nt": '"k\\u0435nt"', "x<" * 21: '"' + "x\\u003c" * 20 + '\u2026"'},
    "https://evil.example": '"https\\u003a//evil.example"',
}


def test_the_text_of_a_cell_is_shown_escaped_and_cut(session):
    every = "".join(map(chr, range(1, 0x2100)))
    texts = [*SHOWN, *(every[at : at + 20] for at in range(0, len(every), 20))]
    sql = f"select cell, {cells.shown_text('cell')} from (select unnest($1) as cell)"
    found = dict(session.execute(sql, [texts]).fetchall())
    assert {text: found[text] for text in SHOWN} == SHOWN
    shown = "".join(text[1:-1] for text in found.values()).replace("\u2026", "")
    assert shown.isprintable()
    assert not set(shown) & set('<>&"`|*[]{}$@~^')


def test_null_words_mean_no_value_in_any_case_and_no_other_word_does(session):
    words = {"null", "n/a", "-", "#n/a", "#div/0!", "-9999"}
    others = ["Null", "n/A", "-99", "none", "nan", "--", "n.a.", "a longer word", ""]
    texts = [*words, *map(str.upper, words), *others]
    sql = f"select cell, {cells.without_null_words('cell')} from (select unnest($1) as cell)"
    for text, found in session.execute(sql, [texts]).fetchall():
        assert found == (None if text.lower() in words else text)


HARMFUL = [
    *("<script>alert(1)</script>", '"><img src=x>', "{{ 7*7 }}", "$(touch x)", "=cmd|' /c calc'!A1", "@SUM(1+1)"),
    *("javascript:alert(1)", "https://evil.example/?q=", "kent\u202egnidaer", "kent\nsurrey", "'; drop table x; --"),
    *("J SMITH 01/02/80", "jsmith.1980", "Janesmith1", "facade", "1 High Street", "1" * 65, "\u00e91", ""),
]
IDENTIFIERS = ["00001000001659308409", "DC-03440550-42", "a-b_c.d/e:1", "46/1234/22", "deadbeefcafe1", "abcde1abcde"]


@pytest.mark.parametrize("contract", load_contracts(CONTRACTS).values(), ids=lambda contract: contract.source)
def test_a_text_of_a_source_is_personal_or_of_a_list_or_of_a_narrow_form_or_a_paper_printed_it(session, contract):
    for column in contract.columns:
        is_closed = column.values or column.is_personal or column.cell_type is not CellType.TEXT
        if is_closed or column.name == "force_code" or column.pattern_reason:
            continue
        sql = f"select {quoted(column.name)} from (select unnest($cells) as {quoted(column.name)}) "
        sql += f"where {cells.is_of_form(column)}"
        assert session.execute(sql, {"cells": HARMFUL}).fetchall() == [], column.name
        if column.pattern == IDENTIFIER:
            assert len(session.execute(sql, {"cells": IDENTIFIERS}).fetchall()) == len(IDENTIFIERS)


def test_every_code_of_the_list_of_offences_is_one_that_a_delivery_may_have(session):
    pattern = load_contracts(CONTRACTS)["crimes"].column("offence_code").pattern
    codes = f"select offence_code from read_csv('{CONTRACTS.parent}/dbt/seeds/offences.csv', all_varchar = true)"
    assert session.execute(f"{codes} where not regexp_full_match(offence_code, $1)", [pattern]).fetchall() == []
