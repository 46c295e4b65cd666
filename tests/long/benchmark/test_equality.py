"""The warehouse, plain DuckDB and dbt alone come to the same tables."""

from datetime import date

from tests.long.benchmark.__main__ import Bench
from tests.long.benchmark.data import Extent


def test_all_programs_agree_on_a_first_load_and_on_a_night(tmp_path, parsed_project):
    # Around the clock change of autumn.
    bench = Bench(tmp_path, Extent(("kent",), date(2022, 10, 27), 5))
    bench.prepare(parsed_project)
    assert bench.differences() == []
