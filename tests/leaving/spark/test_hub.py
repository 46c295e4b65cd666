"""A hub that builds on Spark has the tables of one that builds on DuckDB, after each of two batches."""

from collections.abc import Iterator

import pytest

from tests.leaving.end_to_end.command import CALLS, CRIMES, Command, call
from tests.leaving.end_to_end.hub import hub_over, loaded_members
from tests.leaving.spark.conftest import running_spark
from tests.leaving.spark.equality import different_tables

pytestmark = pytest.mark.long

RECEIVED = (
    "select force_code, sum(received) as calls from marts.kpi_calls_monthly "
    "group by force_code having calls > 0 order by force_code"
)


@pytest.fixture(scope="module")
def members(tmp_path_factory, parsed_project) -> dict[str, Command]:
    return loaded_members(tmp_path_factory.mktemp("members"), parsed_project)


@pytest.fixture(scope="module")
def hubs(members, tmp_path_factory) -> Iterator[tuple[Command, Command]]:
    """A hub that builds on Spark, and one over the same members that builds on DuckDB."""
    folder = tmp_path_factory.mktemp("hubs")
    home = folder / "on_spark"
    home.mkdir()
    with running_spark(home) as settings:
        on_spark = hub_over(home, members, {"FCIR_TARGET": "spark", "FCIR_SPARK_PORT": str(settings.spark_port)})
        yield on_spark, hub_over(folder / "on_duckdb", members)


def run(command: Command, *arguments: str) -> None:
    done = command.run(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tables_of_both_hubs_are_equal(hubs):
    for hub in hubs:
        run(hub, "run")
    on_spark, on_duckdb = hubs
    assert different_tables(on_spark.home, on_duckdb.home) == []


def test_the_tables_of_both_hubs_are_equal_after_late_corrected_and_withdrawn_rows(hubs, members):
    late = call(90, "2022-10-31", queue=70, disposition="abandoned")
    members["kent"].land("call_segments_2022-10-31_more.csv", CALLS, late)
    members["kent"].land("crimes_2022-10-31.csv", CRIMES, "46/1/22,2022-10-31 12:00,2022-10-31 11:00,8N,recorded,,")
    # Without two of its three rows.
    members["surrey"].land("call_segments_2022-10-31_late.csv", CALLS, call(30, "2022-10-31"))
    for member in members.values():
        run(member, "run", "--load-only")
    on_spark, on_duckdb = hubs
    before = on_duckdb.published(RECEIVED)
    for hub in hubs:
        run(hub, "run")
    assert on_duckdb.published(RECEIVED) == [(force, calls + (1 if force == "kent" else -2)) for force, calls in before]
    assert different_tables(on_spark.home, on_duckdb.home) == []
    (on_spark.home / "marts.duckdb").unlink()
    run(on_spark, "run")
    assert different_tables(on_spark.home, on_duckdb.home, is_by_changes=True) == []
