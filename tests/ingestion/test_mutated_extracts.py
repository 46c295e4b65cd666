"""A thousand mutated extracts: every row is loaded or quarantined for the right reason, and no personal value shows."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dagster_project.cli.app import app
from tests.ingestion.mutation_kinds import KINDS
from tests.ingestion.stacked_mutations import mutated_extracts
from tests.ingestion.verdicts import Outcome, Reading, deviations, listed, not_conserved, read_all
from tests.reference.drafts import FORMS, MARKER, SOURCES, Draft

SEED, COUNT = 20261030, 1000
# `fcir check` reads every 25th file.
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


def test_every_mutation_occurs_five_times_and_files_have_up_to_three(drafts):
    counts = Counter(name for draft in drafts for name in draft.kinds)
    assert len(KINDS) >= 60
    assert {name for name in KINDS if counts[name] < 5} == set()
    assert {len(draft.kinds) for draft in drafts} == {1, 2, 3}


def test_every_form_of_every_source_is_mutated(drafts):
    assert {(draft.source, draft.form) for draft in drafts} == {(s, f) for s in SOURCES for f in FORMS}


def test_every_row_is_loaded_or_quarantined_and_counted(reading):
    assert len(reading.outcomes) == COUNT
    assert not_conserved(reading) == []


def test_every_row_has_expected_number_reason_column_and_values(reading):
    wrong = deviations(reading)
    assert not wrong, listed(wrong)


def test_each_person_has_one_pseudonym_of_their_own(reading):
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


def test_check_reports_what_loading_would_do(sample, folder):
    wrong = [text for outcome in sample for text in _wrong_in_command(outcome, folder)]
    assert not wrong, listed(wrong)
    assert not (folder / "home").exists(), "it wrote something"


def _wrong_in_command(outcome: Outcome, folder: Path) -> list[str]:
    path = folder / "landing" / outcome.draft.source / outcome.draft.name
    # In this process: starting 40 others takes half a CPU minute.
    environment = {"FCIR_HOME": str(folder / "home"), "FCIR_FORCE": "surrey"}
    result = CliRunner().invoke(app, ["check", "--rows", "1000", str(path)], env=environment)
    output, about = result.output, f"{outcome.draft.name} ({', '.join(outcome.draft.kinds)})"
    wrong = [f"{about}: {MARKER!r} in the output"] if MARKER.casefold() in output.casefold() else []
    if not isinstance(result.exception, SystemExit | None):
        return [*wrong, f"{about}: raises {result.exception!r}"]
    if outcome.expected.rejected:
        is_named = any(f"[{code}]" in output for code in outcome.expected.rejected)
        return wrong + [f"{about}: {output}"] * (result.exit_code != 1 or not is_named)
    rows = re.findall(r"^  row (\d+)(?:, column (\w+))?: .* \[(\w+)\]$", output, re.MULTILINE)
    found = {(int(row), code, column or None) for row, column, code in rows}
    if result.exit_code != outcome.expected.is_judged_badly or found != outcome.quarantine:
        wrong.append(f"{about}: exit code {result.exit_code}, expected {outcome.quarantine}, found {found}")
    if f"{outcome.expected.rows_read:,} rows read, {len(outcome.expected.loaded):,} good" not in output:
        wrong.append(f"{about}: other counts: {output.splitlines()[0]}")
    return wrong
