"""The benchmark of reading compares equal tables and says so when they are not."""

from __future__ import annotations

import subprocess

import duckdb
import pytest

from tests.long.benchmark.reading import compare


def test_both_readers_make_the_same_table_of_a_small_extract():
    def measure(command: list[str]) -> float:
        subprocess.run(command, check=True)
        return 2.0 if "DuckDB" in command else 3.0

    said = compare(measure, rounds=1, rows=3_000)
    assert said.splitlines()[-1].split() == ["ratio", "of", "the", "medians", "1.50"]


def test_a_table_that_differs_in_one_cell_fails_the_benchmark():
    def measure(command: list[str]) -> float:
        subprocess.run(command, check=True)
        if "DuckDB" in command:
            with duckdb.connect(command[-1]) as connection:
                connection.execute("update calls set queue_seconds = queue_seconds + 1 where call_id = 'C000000007'")
        return 1.0

    with pytest.raises(RuntimeError, match="the tables differ"):
        compare(measure, rounds=1, rows=3_000)
