"""Every unit test of the dbt project passes on Spark too."""

import pytest

from tests.dbt.running import run_dbt


# A unit test takes the types of its columns from the tables that the batches built.
@pytest.mark.long
@pytest.mark.usefixtures("on_spark")
def test_every_unit_test_passes(spark):
    results = run_dbt(spark, "test", "--select", "test_type:unit")
    assert len(results) > 55
