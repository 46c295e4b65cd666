"""A hub that builds on Spark has the tables of one that builds on DuckDB."""

import pytest

from tests.end_to_end.hub import hub_over, loaded_members
from tests.spark.conftest import running_spark
from tests.spark.equality import different_tables


@pytest.mark.long
def test_the_tables_of_both_hubs_are_equal(tmp_path, parsed_project):
    members = loaded_members(tmp_path, parsed_project)
    on_duckdb = hub_over(tmp_path / "on_duckdb", members)
    home = tmp_path / "on_spark"
    home.mkdir()
    with running_spark(home) as settings:
        on_spark = hub_over(home, members, {"FCIR_TARGET": "spark", "FCIR_SPARK_PORT": str(settings.spark_port)})
        for hub in (on_spark, on_duckdb):
            done = hub.run("run")
            assert done.returncode == 0, done.stdout + done.stderr
    assert different_tables(on_spark.home, on_duckdb.home) == []
