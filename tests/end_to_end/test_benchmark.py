"""The reference of the benchmark and the project come to the same tables, and a difference fails the benchmark."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from dagster_project.benchmark import data, equality
from dagster_project.benchmark.__main__ import ALL, Bench
from dagster_project.benchmark.measure import measure


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    """A week around the clock change of autumn, and the first load of it."""
    folder = tmp_path_factory.mktemp("bench")
    extent = data.Extent(("kent",), date(2022, 10, 26), 6)
    data.write_extracts(folder / "landing", extent)
    bench = Bench(folder, extent, landing=folder / "landing")
    bench.prepare()
    return bench


def test_project_and_reference_agree_on_a_first_load_and_on_a_night(bench):
    assert bench.check() == []


def test_a_cell_that_differs_is_told(bench):
    measure(bench.reference(ALL))
    (database,) = (bench.home.parent / "references").glob("*/warehouse.duckdb")
    with duckdb.connect(str(database)) as connection:
        connection.execute("update marts.fct_call set talk_seconds = talk_seconds + 1 where source_row = 7")
    told = equality.differences(database, bench.home / "warehouse.duckdb", equality.FACTS)
    assert len(told) == 1
    assert told[0].startswith("marts.fct_call:")
