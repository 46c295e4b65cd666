"""A thousand mutated extracts: every row in one place, the right one, for the right reason, and no person in sight."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from tests.ingestion.mutation_kinds import KINDS
from tests.ingestion.stacked_mutations import mutated_extracts
from tests.ingestion.verdicts import Outcome, Reading, deviations, listed, not_conserved, read_all
from tests.reference.drafts import FORMS, MARKER, SOURCES, Draft

SEED, COUNT = 20261030, 1000
FCIR = Path(sys.executable).with_name("fcir")
# Every so many files the command itself is asked.
COMMAND_EVERY = 25


@pytest.fixture(scope="module")
def drafts() -> list[Draft]:
    return mutated_extracts(SEED, COUNT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutated")


@pytest.fixture(scope="module")
def reading(drafts: list[Draft], folder: Path) -> Reading:
    return read_all(drafts, folder)


def test_every_kind_of_mutation_occurs_five_times_and_up_to_three_meet_in_a_file(drafts):
    counts = Counter(name for draft in drafts for name in draft.kinds)
    assert len(KINDS) >= 60
    assert {name for name in KINDS if counts[name] < 5} == set()
    assert {len(draft.kinds) for draft in drafts} == {1, 2, 3}


def test_all_forms_of_all_sources_are_mutated(drafts):
    assert {(draft.source, draft.form) for draft in drafts} == {(s, f) for s in SOURCES for f in FORMS}


def test_every_row_of_every_file_is_loaded_or_quarantined_and_counted(reading):
    assert len(reading.outcomes) == COUNT
    assert not_conserved(reading) == []


def test_every_row_has_its_number_its_reason_its_column_and_its_values(reading):
    wrong = deviations(reading)
    assert not wrong, listed(wrong)


def test_a_person_has_one_pseudonym_and_a_pseudonym_one_person(reading):
    assert len(reading.pseudonyms) > 5_000
    of_person, of_pseudonym = defaultdict(set), defaultdict(set)
    for person, pseudonym in reading.pseudonyms:
        of_person[person].add(pseudonym)
        of_pseudonym[pseudonym].add(person)
    assert [person for person, found in of_person.items() if len(found) > 1] == []
    assert [pseudonym for pseudonym, found in of_pseudonym.items() if len(found) > 1] == []
    assert of_person[None] == {None}


def test_no_personal_value_is_in_any_output(reading):
    assert MARKER.casefold() not in reading.output.casefold()


def test_memory_stays_below_a_gigabyte(reading):
    assert reading.peak_bytes < 1 << 30


@pytest.fixture(scope="module")
def sample(reading: Reading) -> list[Outcome]:
    return reading.outcomes[::COMMAND_EVERY]


def test_the_command_says_of_a_file_what_loading_would_do(sample, folder):
    wrong = [text for outcome in sample for text in _wrong_in_command(outcome, folder)]
    assert not wrong, listed(wrong)
    assert not (folder / "home").exists(), "it wrote something"


def _wrong_in_command(outcome: Outcome, folder: Path) -> list[str]:
    path = folder / "landing" / outcome.draft.source / outcome.draft.name
    process = subprocess.run(
        [FCIR, "check", "--rows", "1000", path],
        env={"FCIR_HOME": str(folder / "home"), "FCIR_FORCE": "surrey"},
        capture_output=True,
        text=True,
        check=False,
    )
    said, about = process.stdout + process.stderr, f"{outcome.draft.name} ({', '.join(outcome.draft.kinds)})"
    wrong = [f"{about}: {text!r} in the output" for text in (MARKER, "Traceback") if text.casefold() in said.casefold()]
    if outcome.expected.rejected:
        is_named = any(f"[{code}]" in said for code in outcome.expected.rejected)
        return wrong + [f"{about}: {said}"] * (process.returncode != 1 or not is_named)
    rows = re.findall(r"^  row (\d+)(?:, column (\w+))?: .* \[(\w+)\]$", said, re.MULTILINE)
    found = {(int(row), code, column or None) for row, column, code in rows}
    if process.returncode != outcome.expected.is_judged_badly or found != outcome.quarantine:
        wrong.append(f"{about}: exit code {process.returncode}, expected {outcome.quarantine}, found {found}")
    if f"{outcome.expected.rows_read:,} rows read, {len(outcome.expected.loaded):,} good" not in said:
        wrong.append(f"{about}: other counts: {said.splitlines()[0]}")
    return wrong
