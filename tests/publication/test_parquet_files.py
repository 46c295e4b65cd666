"""Facts as Parquet by month: which files a publication writes, and which it reuses."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from dagster_project.publication.parquet_files import can_take_over, parquet_addresses, write_parquet
from dagster_project.transformation.project import Mart
from dagster_project.warehouse.connection import dry_connection
from dagster_project.warehouse.tables import ensure_tables

WHOLE = Mart("fct_event", "Events.", ("id",), {}, ("seen_date", "id"), month_of="seen_date")
FACT = replace(WHOLE, changed_rows=("staging", "changed_rows"))
KPI = Mart("kpi", "Figures.", ("id",), {}, ("id",))
AUGUST, SEPTEMBER = (f"parquet/fct_event/month=2022-{month}/part-0.parquet" for month in ("08", "09"))


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """Three days of each of two months, their rows in no order."""
    with dry_connection() as connection:
        connection.execute("create schema staging")
        connection.execute(
            "create table marts.fct_event as select range as id, range as load_id, range as source_row, 'a' as value, "
            "(date '2022-09-02' - to_days(cast(range as integer)))::date as seen_date from range(6)"
        )
        connection.execute("create table marts.kpi as select unnest([2, 1]) as id")
        connection.execute("create table staging.changed_rows (load_id bigint, source_row bigint, seen_date date)")
        yield connection


def published(warehouse, folder: Path, before: Path | None = None, fact: Mart = FACT) -> Path:
    folder.mkdir()
    write_parquet(warehouse, [fact, KPI], folder, before=before)
    return folder


@pytest.fixture
def first(warehouse, tmp_path) -> Path:
    return published(warehouse, tmp_path / "first")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def rows_of(file: Path) -> list[tuple[object, ...]]:
    return duckdb.read_parquet(str(file), hive_partitioning=False).fetchall()


def shared(first: Path, second: Path) -> set[str]:
    """Addresses of the files that two publications have in common."""
    return {name for name in contents(second) if (first / name).exists() and (first / name).samefile(second / name)}


def test_a_fact_is_a_folder_of_months_and_another_mart_one_file(first):
    assert set(contents(first)) == {AUGUST, SEPTEMBER, "parquet/kpi.parquet"}
    assert parquet_addresses(first, "fct_event") == [AUGUST, SEPTEMBER]
    assert parquet_addresses(first, "kpi") == ["parquet/kpi.parquet"]


def test_rows_have_the_order_of_the_mart_and_no_column_of_the_month(first):
    assert [row[0] for row in rows_of(first / SEPTEMBER)] == [1, 0]
    assert rows_of(first / "parquet" / "kpi.parquet") == [(1,), (2,)]
    assert pq.read_schema(first / AUGUST).names == ["id", "load_id", "source_row", "value", "seen_date"]
    whole = duckdb.read_parquet(f"{first}/parquet/fct_event/*/*.parquet", hive_partitioning=True)
    assert whole.aggregate("month, count(*)", "month").order("month").fetchall() == [("2022-08", 4), ("2022-09", 2)]


def test_months_without_a_changed_row_reuse_their_files(warehouse, first, tmp_path):
    warehouse.execute("update marts.fct_event set value = 'corrected' where id = 0")
    warehouse.execute("insert into staging.changed_rows values (0, 0, '2022-09-02')")
    second = published(warehouse, tmp_path / "second", first)
    assert shared(first, second) == {AUGUST}
    assert contents(second) == contents(published(warehouse, tmp_path / "whole"))
    shutil.rmtree(first)
    assert len(rows_of(second / AUGUST)) == 4


def test_a_row_that_moves_changes_both_months(warehouse, first, tmp_path):
    warehouse.execute("insert into marts.fct_event values (6, 6, 6, 'a', '2022-10-01')")
    second = published(warehouse, tmp_path / "second", first)
    warehouse.execute("update marts.fct_event set load_id = 7, seen_date = '2022-10-02' where id = 0")
    warehouse.execute("insert into staging.changed_rows values (0, 0, '2022-09-02'), (7, 0, '2022-10-02')")
    third = published(warehouse, tmp_path / "third", second)
    assert shared(second, third) == {AUGUST}
    assert contents(third) == contents(published(warehouse, tmp_path / "whole"))


def test_a_month_that_lost_its_last_row_has_no_file(warehouse, first, tmp_path):
    warehouse.execute("delete from marts.fct_event where id in (0, 1)")
    warehouse.execute("insert into staging.changed_rows values (0, 0, '2022-09-02'), (1, 1, '2022-09-01')")
    second = published(warehouse, tmp_path / "second", first)
    assert parquet_addresses(second, "fct_event") == [AUGUST]


def test_a_month_with_another_number_of_rows_is_written(warehouse, first, tmp_path):
    warehouse.execute("delete from marts.fct_event where id = 0")
    second = published(warehouse, tmp_path / "second", first)
    assert shared(first, second) == {AUGUST}
    assert contents(second) == contents(published(warehouse, tmp_path / "whole"))


def test_every_column_may_be_null_in_every_month(warehouse, first):
    warehouse.execute("insert into marts.fct_event (id, seen_date) values (9, '2022-10-01')")
    warehouse.execute("delete from marts.fct_event where id = 9")
    again = published(warehouse, first.with_name("again"))
    assert contents(again) == contents(first)
    assert all(column.max_definition_level == 1 for column in pq.ParquetFile(again / AUGUST).schema)


def test_an_empty_fact_is_a_file_without_rows(warehouse, tmp_path):
    warehouse.execute("create table kept as from marts.fct_event")
    warehouse.execute("delete from marts.fct_event")
    first = published(warehouse, tmp_path / "first")
    assert parquet_addresses(first, "fct_event") == ["parquet/fct_event/month=none/part-0.parquet"]
    assert rows_of(first / "parquet" / "fct_event" / "*" / "*.parquet") == []
    warehouse.execute("insert into marts.fct_event by name from kept")
    second = published(warehouse, tmp_path / "second", first)
    assert parquet_addresses(second, "fct_event") == [AUGUST, SEPTEMBER]


def test_a_fact_that_was_one_file_is_written_whole(warehouse, first, tmp_path):
    shutil.rmtree(first / "parquet" / "fct_event")
    (first / "parquet" / "fct_event.parquet").write_bytes(b"of an earlier version")
    second = published(warehouse, tmp_path / "second", first)
    assert shared(first, second) == set()
    assert parquet_addresses(second, "fct_event") == [AUGUST, SEPTEMBER]


def test_a_fact_that_is_not_renewed_by_its_changed_rows_is_written_whole(warehouse, first, tmp_path):
    assert shared(first, published(warehouse, tmp_path / "second", first, WHOLE)) == set()


@pytest.fixture
def recorded(warehouse) -> duckdb.DuckDBPyConnection:
    """A warehouse that was published as `first` after its change 7, and whose build begun last went on from there."""
    ensure_tables(warehouse, [])
    warehouse.execute("insert into audit.publication values (1, 'first', '2022-11-14', 7, 'project', true)")
    warehouse.execute("insert into audit.build_started values ('project', 7)")
    return warehouse


def taken_over(warehouse: duckdb.DuckDBPyConnection, before: Path | None, *, project: str = "project") -> bool:
    return can_take_over(warehouse, before, change_seq=9, project_fingerprint=project)


def test_a_build_upon_the_publication_reuses_it(recorded):
    assert taken_over(recorded, Path("first"))
    assert not taken_over(recorded, None)
    assert not taken_over(recorded, Path("another"))
    assert not taken_over(recorded, Path("first"), project="another")


@pytest.mark.parametrize(
    ("change", "is_reused"),
    [
        *((f"audit.build_started set built_upon = {upon}", False) for upon in ("null", 6, 8)),
        ("audit.publication set change_seq = 9", True),
        ("audit.publication set is_complete = false", False),
    ],
    ids=["no base", "an earlier base", "a later base", "the same state again", "never completed"],
)
def test_a_publication_is_reused_by_builds_upon_it_and_of_its_state(recorded, change, is_reused):
    recorded.execute(f"update {change}")
    assert taken_over(recorded, Path("first")) is is_reused
