"""An hour and a half on two processors: `make test-spark SPARK_TESTS="-m large"`."""

from datetime import date, timedelta

import pytest

from tests.long.benchmark.data import Extent, extent_of, write_extracts, write_night
from tests.roots import DataRoot
from tests.spark.conftest import running_spark
from tests.spark.equality import Pair
from tests.spark.test_batches import load_second_batch


@pytest.mark.long
@pytest.mark.large
def test_five_million_rows_are_equal_after_a_first_and_a_second_batch_and_from_scratch(tmp_path):
    extent = Extent(extent_of("L").forces, date(2023, 1, 16), 34)
    loaded = DataRoot(tmp_path / "loaded", {"FCIR_FORCE": extent.forces[0]})
    write_extracts(loaded.home / "landing", extent)
    done = loaded.process("run", "--load-only")
    assert done.code == 0, done.out + done.err
    (tmp_path / "spark").mkdir()
    with running_spark(tmp_path / "spark", memory="6g") as spark:
        first = Pair.of_loads(loaded, spark, tmp_path / "duckdb")
        first.build()
        assert loaded.warehouse("select sum(rows_loaded) > 5000000 from audit.load") == [(True,)]
        assert first.differences() == []

        write_night(first.on_spark.home / "landing", extent)
        middle = extent.first + timedelta(days=extent.days // 2)
        split = (f"call_segments_{middle}.csv", f"crimes_{middle}.csv")
        load_second_batch(first.on_spark, split, str(middle), f"online_crime_reports_{middle}.csv")
        second = Pair.of_loads(first.on_spark, spark, tmp_path / "second")
        second.build()
        assert second.differences(is_by_changes=True) == []

        (second.on_spark.home / "marts.duckdb").unlink()
        second.build()
        assert second.differences() == []
