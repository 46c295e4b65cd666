"""Identifiers of people: which spellings are one, and which are not."""

import pytest

from dagster_project.contracts import Identifier
from dagster_project.extracts.identifiers import identifiers_query
from dagster_project.warehouse.connection import dry_connection


def forms(
    kind: Identifier, *cells: str | None, force: str = "kent", null_words: tuple[str, ...] = ()
) -> list[str | None]:
    with dry_connection() as connection:
        asked = "(select unnest($n) as n, unnest($cells) as cell, $force as force)"
        rows = connection.execute(
            f"{identifiers_query(asked, kind, null_words)} order by n",
            {"n": list(range(len(cells))), "cells": list(cells), "force": force},
        ).fetchall()
    return [form for _, form in rows]


BRITISH = (
    "07700900123",
    "07700 900123",
    "07700-900-123",
    "(07700) 900.123",
    "7700900123",
    "7700900123.0",
    "'07700900123",
    "+447700900123",
    "+44 (0)7700 900123",
    "0044 7700 900123",
    "44 7700 900123",
    "tel:+447700900123",
    "07700 900123 x12",
    "07700900123 ext. 4",
    "\uff10\uff17\uff17\uff10\uff10\uff19\uff10\uff10\uff11\uff12\uff13",
    "07700\u2011900\u2011123",
)


def test_spellings_of_a_number_are_one():
    assert set(forms(Identifier.PHONE, *BRITISH)) == {"p:+447700900123"}
    assert forms(Identifier.PHONE, "+1 202 555 0123", "0012025550123") == ["p:+12025550123"] * 2
    # Nine digits after the zero, and the zero that a spreadsheet drops of a landline.
    assert forms(Identifier.PHONE, "0800 111111", "2079460456") == ["p:+44800111111", "p:+442079460456"]


def test_other_texts_of_a_column_of_numbers_stay_apart_from_numbers():
    assert forms(Identifier.PHONE, "900123", "900 123", "Ext 12") == ["n:900123", "n:900123", "n:ext12"]


@pytest.mark.parametrize("kind", list(Identifier))
def test_empty_cells_and_null_words_stand_for_no_one(kind):
    assert forms(kind, None, "N/A", "-") == [None] * 3


def test_words_of_a_column_and_numbers_that_lost_digits_stand_for_no_one():
    words = ("withheld", "0")
    for kind in (Identifier.PHONE, Identifier.CONTACT):
        assert forms(kind, "Withheld", "0", "4.477E+11", "4,4770012e+11", null_words=words) == [None] * 4
        assert None not in forms(kind, "withheld 2", "00", "07700900123", null_words=words)
    # Not a number that a spreadsheet shortened, but a reference that looks like one.
    assert forms(Identifier.REFERENCE, "12E5") == ["r:kent:12e5"]


def test_case_and_blanks_do_not_tell_identifiers_apart():
    assert len(set(forms(Identifier.REFERENCE, "46/1/22", " 46/ 1/22"))) == 1
    assert len(set(forms(Identifier.OPERATOR, "OP-12", "op-12"))) == 1
    assert forms(Identifier.EMAIL, "Jane@Example.org ") == ["e:jane@example.org"]


def test_references_and_operators_are_those_of_a_force_and_numbers_are_not():
    for kind in (Identifier.REFERENCE, Identifier.OPERATOR):
        assert forms(kind, "1234", force="kent") != forms(kind, "1234", force="essex")
    assert forms(Identifier.PHONE, "07700900123", force="kent") == forms(Identifier.PHONE, "07700900123", force="essex")
    assert forms(Identifier.REFERENCE, "1234") != forms(Identifier.OPERATOR, "1234")


def test_what_a_contact_refers_to_has_the_form_of_its_kind():
    number, address, reference, digits = forms(Identifier.CONTACT, "+44 7700 900123", "a@b.uk", "46/1/22", "7700900123")
    assert number == forms(Identifier.PHONE, "07700900123")[0]
    assert address == forms(Identifier.EMAIL, "a@b.uk")[0]
    assert reference == forms(Identifier.REFERENCE, "46/1/22")[0]
    # Without a plus or a leading zero, digits are a reference.
    assert digits == forms(Identifier.REFERENCE, "7700900123")[0]
