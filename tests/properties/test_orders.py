"""The same deliveries in any order give the same facts and figures, also where a force begins its numbers again."""

from itertools import permutations

import pytest

from tests.compiled_project import CompiledProject, build_node, warehouse
from tests.roots import DataRoot
from tests.scenarios.numbers import STEPS, queries


@pytest.fixture(scope="module")
def known():
    """What the orders before gave."""
    return {}


@pytest.mark.parametrize("order", list(permutations(range(len(STEPS)))))
def test_any_order_of_delivery_gives_the_same_facts_and_figures(
    order: tuple[int, ...], tmp_path, project: CompiledProject, known
) -> None:
    root = DataRoot(tmp_path / "home")
    for step in order:
        STEPS[step](root)
        root.load()
    with warehouse(loaded=root.home / "warehouse.duckdb") as connection:
        for node in project.with_ancestors(list(queries())):
            build_node(connection, node)
        found = {name: connection.execute(query).fetchall() for name, query in queries().items()}
    assert len([row for row in found["fct_call"] if row[0] == "essex" and row[2] == 1]) == 90
    expected = known.setdefault("of the first order", found)
    assert [name for name in expected if found[name] != expected[name]] == []
