"""The file of the marts: whether it belongs to its warehouse, and rewriting it."""

import shutil
import stat
from pathlib import Path

import duckdb
import pytest

from dagster_project.warehouse.connection import loading_connection, open_read_only
from dagster_project.warehouse.marts import (
    belong_together,
    is_damaged,
    note_writing,
    note_written,
    rewrite,
    should_be_rewritten,
)
from dagster_project.warehouse.tables import ensure_tables


@pytest.fixture
def warehouse(tmp_path) -> Path:
    """A warehouse whose marts were left with it."""
    file = tmp_path / "warehouse.duckdb"
    with loading_connection(file) as connection:
        ensure_tables(connection, [])
        note_writing(connection, from_scratch=True)
        connection.execute("create table marts.fct as select range as id from range(50000)")
        connection.execute("comment on table marts.fct is 'Facts.'")
        note_written(connection)
    return file


@pytest.fixture
def marts(warehouse) -> Path:
    return warehouse.with_name("marts.duckdb")


def is_whole(warehouse: Path) -> bool:
    with open_read_only(warehouse) as connection:
        return belong_together(connection)


def test_restored_changed_missing_or_empty_marts_belong_to_no_warehouse(warehouse, marts, tmp_path):
    assert is_whole(warehouse)
    with loading_connection(warehouse) as connection:
        connection.execute("select count(*) from marts.fct").fetchall()
    assert is_whole(warehouse), "reading changes nothing"
    kept = shutil.copy2(marts, tmp_path / "kept")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{marts}' as other")
        connection.execute("delete from other.marts.fct where id = 1")
    assert not is_whole(warehouse)
    shutil.copy(kept, marts)
    assert not is_whole(warehouse), "with another time"
    shutil.copy2(kept, marts)
    assert is_whole(warehouse)
    marts.unlink()
    assert not is_whole(warehouse)
    # New marts ignore the log of marts that were moved away.
    marts.with_name("marts.duckdb.wal").write_bytes(b"of another file")
    with loading_connection(warehouse) as connection:
        assert not belong_together(connection)


def test_a_killed_build_continues_unless_it_began_from_scratch(warehouse):
    for noted, is_continued in (({}, True), ({"from_scratch": True}, False)):
        with loading_connection(warehouse) as connection:
            note_writing(connection, **noted)
            connection.execute("insert into marts.fct values (0)")
        assert is_whole(warehouse) is is_continued


def test_a_file_is_damaged_if_a_part_of_it_cannot_be_read(marts, tmp_path):
    assert (is_damaged(marts), is_damaged(tmp_path / "none")) == (False, True)
    with marts.open("r+b") as file:
        file.seek(marts.stat().st_size // 2)
        file.write(b"damage")
    assert is_damaged(marts)


def test_a_rewritten_file_has_all_tables_and_no_deleted_bytes(warehouse, marts):
    deleted = "of a withdrawn delivery"
    with loading_connection(warehouse) as connection:
        # Not compressed, so that the bytes can be looked for; DuckDB cuts free blocks off the end, these stand before.
        connection.execute("set force_compression = 'uncompressed'")
        connection.execute(
            f"create table marts.gone as select '{deleted}' || hash(range) as t from range(50000); checkpoint fcir"
        )
        connection.execute("create table marts.behind as select range as id from range(50000); checkpoint fcir")
        connection.execute("drop table marts.gone; checkpoint fcir")
        assert deleted.encode() in marts.read_bytes()
        assert should_be_rewritten(connection)
    rewrite(marts)
    assert deleted.encode() not in marts.read_bytes()
    assert stat.S_IMODE(marts.stat().st_mode) == 0o600
    assert [path.name for path in marts.parent.iterdir() if "draft" in path.name] == []
    with loading_connection(warehouse) as connection:
        assert not should_be_rewritten(connection)
        tables = (
            "select table_name, comment, estimated_size from duckdb_tables() where schema_name = 'marts' order by 1"
        )
        assert connection.execute(tables).fetchall() == [("behind", None, 50000), ("fct", "Facts.", 50000)]


def test_a_withdrawal_since_the_last_publication_has_the_file_rewritten(warehouse):
    with loading_connection(warehouse) as connection:
        connection.execute("insert into audit.publication values (1, 'first', '2022-11-14', 7, 'project', true)")
        # By the order of changes: the clock may have been set back since the publication.
        for change, is_due in ((7, False), (8, True)):
            connection.execute(
                "insert into audit.load (load_id, source, extract_date, rows_read, rows_loaded, rows_quarantined, "
                "status, is_synthetic, loaded_at, run_id, change_seq, withdrawn_at) "
                "values (1, 'crimes', '2022-10-01', 1, 0, 0, 'rejected', false, now(), 'run', ?, '2022-11-13')",
                [change],
            )
            assert should_be_rewritten(connection) is is_due
