"""Where Spark would give another figure without an error: with the settings and macros of the project it does not."""

from decimal import Decimal

import pytest

from dagster_project.transformation.project import invoke
from dagster_project.warehouse.lake import connect
from dagster_project.warehouse.spark import LakeError
from tests.roots import DataRoot

pytestmark = pytest.mark.long

BUILD_A_VIEW = """
from dagster_project.settings import read_settings
from dagster_project.transformation.project import invoke

results = invoke(read_settings(), ["run", "--select", "stg_changing"]).results
assert [str(item.status) for item in results if item.node.resource_type == "model"] == ["success"]
"""


@pytest.fixture(scope="module")
def lake(spark):
    with connect(spark) as lake:
        yield lake


def shown(settings, query: str):
    """Return the only value of a query of the dbt project, computed by Spark."""
    results = invoke(settings, ["show", "--inline", f"select {query} as answer", "--output", "json"]).results
    return results[0].agate_table.rows[0][0]


def test_a_value_that_cannot_be_computed_and_a_missing_file_are_errors_and_no_null(lake, tmp_path):
    for expression in ("cast('12a' as int)", "cast('2022-02-30' as date)", "cast(9223372036854775807 as bigint) + 1"):
        with pytest.raises(LakeError, match="Spark refused a statement"):
            lake.rows(f"select {expression}")
    with pytest.raises(LakeError, match="does not exist"):
        lake.rows(f"select * from parquet.`{tmp_path}/*.parquet`")


def test_a_view_of_the_project_that_changed_has_its_new_query(lake, spark, tmp_path):
    settings = {"FCIR_TARGET": "spark", "FCIR_SPARK_PORT": str(spark.spark_port)}
    root = DataRoot(tmp_path / "home", settings)
    model = root.home / "config" / "models" / "staging" / "stg_changing.sql"
    model.parent.mkdir(parents=True)
    for condition, has_rows in (("1 = 2", False), ("1 = 1", True)):
        model.write_text(f"select 1 as number where {condition}\n", encoding="utf-8")
        built = root.process(code=BUILD_A_VIEW)
        assert built.code == 0, built.err
        assert (lake.rows("select count(*) from staging.stg_changing") != [(0,)]) is has_rows


def test_an_integer_quotient_larger_than_a_bigint_is_exact(spark):
    dividend, divisor = "cast('99999999999999999999999999999' as decimal(38, 0))", "cast(3 as decimal(38, 0))"
    assert shown(spark, f'{{{{ int_div("{dividend}", "{divisor}") }}}}') == Decimal("33333333333333333333333333333")


@pytest.mark.parametrize("text", ["it's", "a \\ b", "''", "\\'"])
def test_a_text_of_the_project_arrives_as_it_is_written(spark, text):
    literal = text.replace("\\", "\\\\").replace('"', '\\"')
    assert shown(spark, f'{{{{ quoted_or_null("{literal}") }}}}') == text
