"""When the tables of a publication start from those of the one before, and what becomes of them then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from dagster_project.loading.landing import sha256_of
from dagster_project.publication.database import DATABASE, can_take_over, write_tables
from dagster_project.transformation.project import Mart
from dagster_project.warehouse.connection import dry_connection
from dagster_project.warehouse.tables import ensure_tables

FACT = Mart("fct", "Facts.", ("id",), {"id": "Number."}, ("day", "id"), changed_rows=("changes", "chg_fct_rows"))
KPI = Mart("kpi", "Figures.", ("id",), {"id": "Number."}, ("id",))
NOON = datetime(2022, 11, 15, 12, tzinfo=UTC)


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with dry_connection() as connection:
        ensure_tables(connection, [])
        connection.execute("create schema marts")
        connection.execute("create schema changes")
        connection.execute(
            "create table marts.fct as "
            "select range as id, range % 3 as day, 1 as load_id, range as source_row, 'a' as value from range(9)"
        )
        connection.execute("create table marts.kpi as select 1 as id, 'a' as value")
        connection.execute("create table changes.chg_fct_rows (load_id bigint, source_row bigint)")
        connection.execute("insert into audit.publication values (1, 'first', '2022-11-14', 7, 1, 'project', true)")
        connection.execute("insert into audit.build_started values ('project', 7)")
        yield connection


def folder_of(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


@pytest.fixture
def first(warehouse, tmp_path) -> Path:
    """The tables of a publication."""
    folder = folder_of(tmp_path / "first")
    write_tables(warehouse, [FACT, KPI], folder, before=None)
    return folder


def taken_over(
    warehouse: duckdb.DuckDBPyConnection,
    before: Path | None,
    *,
    published_at: datetime = NOON,
    project: str = "project",
) -> bool:
    return can_take_over(warehouse, before, published_at=published_at, change_seq=9, project_fingerprint=project)


def rows(folder: Path, table: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(folder / DATABASE), read_only=True) as connection:
        return connection.execute(f"from marts.{table}").fetchall()


def test_a_build_that_went_on_from_what_is_published_lets_it_be_taken_over(warehouse, first):
    assert taken_over(warehouse, first)


def test_nothing_is_taken_over_before_the_first(warehouse):
    assert not taken_over(warehouse, None)


def test_nothing_is_taken_over_by_another_state_of_the_project(warehouse, first):
    assert not taken_over(warehouse, first, project="another")


def test_the_first_publication_of_a_month_starts_anew(warehouse, first):
    assert taken_over(warehouse, first, published_at=datetime(2022, 11, 30, 23, 59, tzinfo=UTC))
    assert not taken_over(warehouse, first, published_at=datetime(2022, 12, 1, tzinfo=UTC))


@pytest.mark.parametrize("upon", [None, 6, 8])
def test_nothing_is_taken_over_by_a_build_that_went_on_from_elsewhere(warehouse, first, upon):
    warehouse.execute("update audit.build_started set built_upon = ?", [upon])
    assert not taken_over(warehouse, first)


def test_publishing_the_same_state_again_takes_it_over(warehouse, first):
    warehouse.execute("update audit.publication set change_seq = 9")
    assert taken_over(warehouse, first)


def test_a_publication_that_was_never_completed_is_not_taken_over(warehouse, first):
    warehouse.execute("update audit.publication set is_complete = false")
    assert not taken_over(warehouse, first)


def test_touched_rows_of_a_fact_and_all_rows_of_other_tables_are_renewed(warehouse, first, tmp_path):
    warehouse.execute("insert into changes.chg_fct_rows values (1, 4), (1, 5), (2, 5), (2, 9)")
    warehouse.execute("delete from marts.fct where id in (4, 5)")
    warehouse.execute("insert into marts.fct values (9, 0, 2, 9, 'new'), (5, 0, 2, 5, 'corrected')")
    warehouse.execute("update marts.kpi set value = 'b'")
    # Of no touched key: that it stays shows that the file was taken over.
    warehouse.execute("update marts.fct set value = 'b' where id = 1")
    before = sha256_of(first / DATABASE)
    second = folder_of(tmp_path / "second")
    counts = write_tables(warehouse, [FACT, KPI], second, before=first)
    assert counts == {"fct": 9, "kpi": 1}
    told = rows(second, "fct")
    assert [row[0] for row in told] == [0, 3, 6, 1, 7, 2, 8, 5, 9]
    assert {row[0]: row[4] for row in told} == dict.fromkeys((0, 1, 2, 3, 6, 7, 8), "a") | {5: "corrected", 9: "new"}
    assert rows(second, "kpi") == [(1, "b")]
    assert sha256_of(first / DATABASE) == before


def test_a_fact_that_does_not_come_to_as_many_rows_is_written_whole(warehouse, first, tmp_path):
    warehouse.execute("delete from marts.fct where id = 8")
    warehouse.execute("update marts.fct set value = 'b' where id = 1")
    second = folder_of(tmp_path / "second")
    assert write_tables(warehouse, [FACT], second, before=first) == {"fct": 8}
    assert [(row[0], row[4]) for row in rows(second, "fct")] == [
        (number, "b" if number == 1 else "a") for number in (0, 3, 6, 1, 4, 7, 2, 5)
    ]


def test_tables_that_were_taken_over_say_what_they_mean(warehouse, first, tmp_path):
    second = folder_of(tmp_path / "second")
    write_tables(warehouse, [FACT, KPI], second, before=first)
    with duckdb.connect(str(second / DATABASE), read_only=True) as connection:
        comments = connection.execute("select table_name, comment from duckdb_tables() order by all").fetchall()
    assert comments == [("fct", "Facts."), ("kpi", "Figures.")]
