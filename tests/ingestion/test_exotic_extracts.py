"""Valid extracts in every form that the description allows: all rows load, with exactly the values that they mean."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.ingestion.exotic_extracts import DELIMITERS, ENCODINGS, LINE_ENDS, QUOTES, exotic_extracts
from tests.ingestion.verdicts import Reading, deviations, listed, not_conserved, read_all
from tests.reference.drafts import CSV, CSV_GZ, FORMS, MARKER, SOURCES, Draft

SEED = 20220327


@pytest.fixture(scope="module")
def drafts() -> list[Draft]:
    return exotic_extracts(SEED)


@pytest.fixture(scope="module")
def reading(drafts: list[Draft], tmp_path_factory: pytest.TempPathFactory) -> Reading:
    return read_all(drafts, tmp_path_factory.mktemp("exotic"))


def test_extracts_cover_every_combination_of_text_properties(drafts):
    assert len(drafts) >= 500
    assert {(draft.source, draft.form) for draft in drafts} == {(s, f) for s in SOURCES for f in FORMS}
    ways = Counter(
        (draft.form, draft.encoding, draft.byte_order_mark, draft.delimiter, draft.newlines, draft.quoting)
        for draft in drafts
        if draft.form in (CSV, CSV_GZ)
    )
    assert len(ways) == 2 * len(ENCODINGS) * len(DELIMITERS) * len(LINE_ENDS) * len(QUOTES)


def test_extracts_have_no_fault(drafts):
    assert [draft.name for draft in drafts if draft.rejected or any(row.verdict for row in draft.rows)] == []


def test_every_row_is_loaded_and_counted(reading):
    assert not_conserved(reading) == []
    assert sum(outcome.quarantined_rows for outcome in reading.outcomes) == 0


def test_every_value_is_as_expected(reading):
    wrong = deviations(reading)
    assert not wrong, listed(wrong)


def test_no_personal_value_is_in_any_output(reading):
    assert MARKER.casefold() not in reading.output.casefold()
