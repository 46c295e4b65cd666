"""Facts as Parquet by month: which files a publication writes, and which it reuses."""

import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from dagster_project.publication.files import write_manifest
from dagster_project.publication.parquet_files import can_take_over, parquet_addresses, write_parquet
from dagster_project.transformation.project import Mart
from dagster_project.warehouse.connection import dry_connection
from dagster_project.warehouse.tables import ensure_tables

WHOLE = Mart("fct_event", "Events.", ("id",), {}, ("seen_date", "id"), month_of="seen_date")
FACT = replace(WHOLE, changed_rows=("staging", "changed_rows"))
KPI = Mart("kpi", "Figures.", ("id",), {}, ("id",))
AUGUST, SEPTEMBER = (f"parquet/fct_event/month=2022-{month}/part-0.parquet" for month in ("08", "09"))


CHANGED = "insert into staging.changed_rows values"


@pytest.fixture
def warehouse():
    """Two days of September and four of August, their rows in no order."""
    with dry_connection() as connection:
        connection.execute(
            """
            create schema staging;
            create table marts.fct_event as
            select range as id, range as load_id, range as source_row, 'a' as value,
                (date '2022-09-02' - to_days(cast(range as integer)))::date as seen_date
            from range(6);
            create table marts.kpi as select unnest([2, 1]) as id;
            create table staging.changed_rows (seen_date date)
            """
        )
        yield connection


@pytest.fixture
def published(warehouse, tmp_path):
    """A function that publishes and returns the folder."""

    def published(name: str, before: Path | None = None, fact: Mart = FACT) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        write_parquet(warehouse, [fact, KPI], folder, before=before)
        return folder

    return published


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def shared(first: Path, second: Path) -> set[str]:
    """Addresses of the files that two publications have in common."""
    return {name for name in contents(second) if (first / name).exists() and (first / name).samefile(second / name)}


def ids(file: Path) -> list[object]:
    return [row[0] for row in duckdb.read_parquet(str(file), hive_partitioning=False).fetchall()]


def test_a_fact_is_a_folder_of_months_in_order_and_another_mart_one_file(published):
    first = published("first")
    assert set(contents(first)) == {AUGUST, SEPTEMBER, "parquet/kpi.parquet"}
    assert parquet_addresses(first, "fct_event") == [AUGUST, SEPTEMBER]
    assert parquet_addresses(first, "kpi") == ["parquet/kpi.parquet"]
    assert (ids(first / SEPTEMBER), ids(first / "parquet" / "kpi.parquet")) == ([1, 0], [1, 2])
    assert pq.read_schema(first / AUGUST).names == ["id", "load_id", "source_row", "value", "seen_date"]
    # Nothing says which rows of this one have changed.
    assert shared(first, published("second", first, WHOLE)) == set()


@pytest.mark.parametrize(
    ("changes", "reused"),
    [
        (f"update marts.fct_event set value = 'corrected' where id = 0; {CHANGED} ('2022-09-02')", {AUGUST}),
        # A row that moves changes both months.
        (
            "update marts.fct_event set seen_date = '2022-08-02' where id = 0; "
            f"{CHANGED} ('2022-09-02'), ('2022-08-02')",
            set(),
        ),
        (f"delete from marts.fct_event where id < 2; {CHANGED} ('2022-09-02'), ('2022-09-01')", {AUGUST}),
        # A file must never lack rows, whatever is said of changes.
        ("delete from marts.fct_event where id = 0", {AUGUST}),
        ("", {AUGUST, SEPTEMBER}),
    ],
    ids=["corrected", "moved", "last rows of a month gone", "another number of rows", "nothing"],
)
def test_months_without_a_changed_row_reuse_their_files(warehouse, published, changes, reused):
    first = published("first")
    warehouse.execute(changes)
    second = published("second", first)
    assert shared(first, second) == reused
    assert contents(second) == contents(published("whole"))
    shutil.rmtree(first)
    assert len(parquet_addresses(second, "fct_event")) == (1 if "id < 2" in changes else 2)


def test_every_column_may_be_null_in_every_month(warehouse, published):
    first = published("first")
    warehouse.execute("insert into marts.fct_event (id, seen_date) values (9, '2022-10-01')")
    warehouse.execute("delete from marts.fct_event where id = 9")
    again = published("again")
    assert contents(again) == contents(first)
    assert all(column.max_definition_level == 1 for column in pq.ParquetFile(again / AUGUST).schema)


def test_an_empty_fact_is_a_file_without_rows(warehouse, published):
    warehouse.execute("create table kept as from marts.fct_event; delete from marts.fct_event")
    first = published("first")
    assert parquet_addresses(first, "fct_event") == ["parquet/fct_event/month=none/part-0.parquet"]
    assert ids(first / "parquet" / "fct_event" / "*" / "*.parquet") == []
    warehouse.execute("insert into marts.fct_event by name from kept")
    assert parquet_addresses(published("second", first), "fct_event") == [AUGUST, SEPTEMBER]


@pytest.mark.parametrize(
    ("change", "is_reused"),
    [
        ("", True),
        *((f"update audit.build_started set built_upon = {upon}", False) for upon in ("null", 6, 8)),
    ],
    ids=["its build", "no base", "an earlier base", "a later base"],
)
def test_a_publication_is_reused_by_builds_upon_it_and_of_its_state(warehouse, tmp_path, change, is_reused):
    """The warehouse was published as `first` after its change 7, and the build begun last went on from there."""
    ensure_tables(warehouse, [])
    warehouse.execute("insert into audit.build_started values ('project', 7)")
    warehouse.execute(change)

    write_manifest(tmp_path, {"change_seq": 7, "dbt_project_sha256": "project"})

    def can(before: Path | None, project: str = "project", change_seq: int = 9) -> bool:
        return can_take_over(warehouse, before, change_seq=change_seq, project_fingerprint=project)

    assert can(tmp_path) is is_reused
    assert (can(tmp_path, change_seq=7), can(None), can(tmp_path, "another project")) == (True, False, False)
