"""A few trials of every fault that takes seconds; `make chaos` runs all."""

import pytest

from dagster_project.contracts import load_contracts
from dagster_project.settings import CONTRACTS
from tests.leaving.chaos import personal
from tests.leaving.chaos.faults import FAULTS
from tests.leaving.chaos.roots import Roots, Unavailable

SHORT = [(name, seed) for name, fault in FAULTS.items() for seed in range(1, fault.short + 1)]


@pytest.fixture(scope="module")
def roots(tmp_path_factory, parsed_project, undisturbed) -> Roots:
    """Prepared data roots, with one that another test has loaded and published."""
    return Roots(tmp_path_factory.mktemp("chaos"), parsed=parsed_project, complete=undisturbed.home)


@pytest.mark.parametrize(("name", "seed"), SHORT)
def test_a_fault_is_survived(roots, tmp_path, name, seed):
    try:
        FAULTS[name].trial(seed, roots, tmp_path / "trial")
    except Unavailable as reason:
        pytest.skip(str(reason))


def test_every_personal_column_has_planted_values(tmp_path):
    planted = {place.partition(" of ")[0] for _, place in personal.write(tmp_path)}
    contracts = load_contracts(CONTRACTS).values()
    assert planted >= {f"{of.source}.{column.name}" for of in contracts for column in of.columns if column.is_personal}
