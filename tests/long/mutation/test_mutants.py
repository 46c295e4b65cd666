"""Unit tests or the reference computation notice at least 95% of small faults in the models' SQL."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.long.mutation.killing import Trial, trial
from tests.long.mutation.mutants import round_trip

# 80 take a CPU minute; MUTANTS=6000 tries them all, MUTANT_SEED draws others.
NUMBER = int(os.environ.get("MUTANTS", "80"))
SEED = int(os.environ.get("MUTANT_SEED", "20221030"))
# Of 500 drawn, 490 were noticed; most of the others change nothing in a table, such as the order of equals.
LEAST = 0.95


@pytest.fixture(scope="module")
def mutation_trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    with trial(tmp_path_factory.mktemp("mutants")) as drawn:
        yield drawn


def test_unit_tests_pass_on_models_without_a_fault(mutation_trial: Trial) -> None:
    failing = {}
    for model in mutation_trial.unit_tests.of_model:
        # As a mutant is written, but without a fault; dbt passes the tests with the text of the file.
        sql = round_trip(mutation_trial.project.by_name[model].sql)
        if name := mutation_trial.unit_tests.failing(mutation_trial.connections[0], model, sql):
            failing[model] = name
    assert failing == {}


def test_at_least_95_percent_of_mutants_are_killed(mutation_trial: Trial) -> None:
    drawn = mutation_trial.draw(NUMBER, seed=SEED)
    survivors = [f"{mutant.model}: {mutant.fault}" for mutant in drawn if mutation_trial.killer(mutant) is None]
    assert len(drawn) - len(survivors) >= LEAST * len(drawn), "\n".join(
        [f"{len(survivors)} of {len(drawn)} survive", *survivors]
    )
