"""A few trials of faults that take a minute; `make chaos` tries more, and more often."""

import pytest

from tests.long.chaos import faults
from tests.long.chaos.roots import Roots


@pytest.fixture(scope="module")
def roots(tmp_path_factory, three_days) -> Roots:
    return Roots(tmp_path_factory.mktemp("chaos"), complete=three_days)


def test_a_first_run_that_was_killed_is_finished_by_the_next_command(roots, tmp_path):
    faults.killed("first")(1, roots, tmp_path / "home")


@pytest.mark.parametrize("seed", range(3))
def test_a_publication_that_was_killed_is_published_by_the_next_command(roots, tmp_path, seed):
    faults.killed("publish")(seed, roots, tmp_path / "home")


def test_a_publication_is_published_although_the_next_command_was_killed_too(roots, tmp_path):
    faults.killed("publish", kills=2)(1, roots, tmp_path / "home")


@pytest.mark.parametrize("fault", [faults.full_disk, faults.small_disk])
def test_a_disk_without_space_loses_nothing(roots, tmp_path, fault):
    fault(1, roots, tmp_path / "home")
