"""The comparison of mutated extracts with expectations reports every difference."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.ingestion.verdicts import Outcome, read_all
from tests.reference.drafts import CSV, Drawer

DAY = date(2022, 6, 1)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    draft = Drawer(1).draft("call_segments", CSV, DAY)
    draft.make_faulty("segment_no", "first", "not_an_integer")
    (outcome,) = read_all([draft], Path(tmp_path_factory.mktemp("judged"))).outcomes
    return outcome


def test_file_read_as_expected_has_no_deviation(outcome):
    assert outcome.wrong() == []
    assert outcome.is_conserved


def test_other_row_reason_column_or_value_is_a_deviation(outcome):
    ((number, (code, column)),) = outcome.expected.quarantined.items()
    for quarantined in ({number + 1: (code, column)}, {number: ("other", column)}, {number: (code, "line")}, {}):
        assert replace(outcome, quarantined=quarantined).wrong()
    assert replace(outcome, reasons={number: f"{column}: not a whole number in digits"}).wrong()
    assert replace(outcome, reasons={}).wrong()
    good = next(iter(outcome.loaded))
    assert replace(outcome, loaded={**outcome.loaded, good: {**outcome.loaded[good], "segment_no": 99}}).wrong()
    assert replace(outcome, expected=replace(outcome.expected, unknown=("surname",))).wrong()
    assert replace(outcome, expected=replace(outcome.expected, rejected=frozenset({"no_header"}))).wrong()
    assert replace(outcome, file={**outcome.file, "error": "refused [no_header]"}).wrong()


def test_lost_doubled_or_uncounted_row_is_not_conserved(outcome):
    (number,) = outcome.expected.quarantined
    good = next(iter(outcome.loaded))
    fewer = {row: values for row, values in outcome.loaded.items() if row != good}
    assert not replace(outcome, loaded=fewer).is_conserved
    assert not replace(outcome, quarantined_rows=0).is_conserved
    assert not replace(outcome, loaded={**fewer, number: outcome.loaded[good]}).is_conserved
    assert not replace(outcome, file={**outcome.file, "rows_read": 0}).is_conserved
