"""The reference of the benchmark and the project come to the same tables."""

from __future__ import annotations

from datetime import date

from tests.long.benchmark import data
from tests.long.benchmark.__main__ import Bench


def test_project_and_reference_agree_on_a_first_load_and_on_a_night(tmp_path, parsed_project):
    # Around the clock change of autumn.
    extent = data.Extent(("kent",), date(2022, 10, 27), 5)
    data.write_extracts(tmp_path / "landing", extent)
    bench = Bench(tmp_path, extent, landing=tmp_path / "landing")
    bench.prepare(parsed_project)
    assert bench.check() == []
