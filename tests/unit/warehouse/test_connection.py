"""Connections to DuckDB files: their memory, their modes, and what is said of a damaged file."""

import os
import stat
from pathlib import Path

import duckdb
import pytest

from dagster_project.warehouse import connection as connections
from dagster_project.warehouse.connection import DatabaseUnreadable, loading_connection, spilling_connection
from dagster_project.warehouse.lock import WarehouseLocked


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


@pytest.fixture
def warehouse(tmp_path):
    return tmp_path / "warehouse.duckdb"


def test_spilled_files_are_private_and_deleted_with_the_connection(warehouse):
    folder = warehouse.with_name("warehouse.duckdb.tmp")
    folder.mkdir(mode=0o755)
    (folder / "duckdb_temp_storage_DEFAULT-0.tmp").write_bytes(b"of a run that was killed")
    with spilling_connection(warehouse) as connection:
        assert list(folder.iterdir()) == []
        connection.execute("set memory_limit = '40MB'")
        # The rows of a cursor that is not read to its end stay sorted, in memory or in the folder.
        connection.execute("select md5(cast(range as varchar)) as text from range(2000000) order by text").fetchone()
        assert sum(file.stat().st_size for file in folder.iterdir()) > 10_000_000
        assert mode(folder) == 0o700
    assert list(folder.iterdir()) == []


def test_loading_spills_nothing_and_its_files_are_private_in_a_process_of_readable_ones(warehouse, tmp_path):
    wal = warehouse.with_name("warehouse.duckdb.wal")
    before = os.umask(0o022)
    try:
        with loading_connection(warehouse) as connection:
            settings = "select current_setting('temp_directory'), current_setting('TimeZone')"
            assert connection.execute(settings).fetchall() == [("", "UTC")]
            connection.execute("create table t as select 1 as n")
            assert mode(wal) == 0o600
        with spilling_connection(warehouse) as connection:
            with pytest.raises(duckdb.CatalogException), connections.transaction(connection):
                connection.execute("insert into t values (3); insert into gone values (3)")
            with connections.transaction(connection):
                connection.execute("insert into t values (2)")
            assert mode(wal) == 0o600
            connection.execute(f"copy t to '{tmp_path}/published.csv'")
    finally:
        os.umask(before)
    assert (tmp_path / "published.csv").read_text() == "n\n1\n2\n"
    modes = [mode(tmp_path / name) for name in ("published.csv", "warehouse.duckdb", "marts.duckdb")]
    assert modes == [0o644, 0o600, 0o600]


def test_a_reading_connection_sees_its_file_alone_and_cannot_be_unlocked(warehouse):
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create table t as select 1 as n")
    with connections.reading_connection(warehouse, {"threads": 1}) as connection:
        assert connection.execute("select n, current_setting('threads') from t").fetchall() == [(1, 1)]
        for statement in ("insert into t values (2)", "from read_text('/etc/hostname')", "set threads = 2"):
            with pytest.raises(duckdb.Error):
                connection.execute(statement)


def test_the_memory_limit_grows_with_the_warehouse_up_to_the_machine(warehouse, monkeypatch):
    def limit(size: int) -> int:
        with warehouse.open("wb") as file:
            # Nothing but the length: no block is written.
            file.truncate(size)
        return int(connections.memory_limit(warehouse).removesuffix("MB"))

    with duckdb.connect() as connection:
        threads, most = connection.execute(
            "select current_setting('threads'), parse_formatted_bytes(current_setting('memory_limit'))"
        ).fetchall()[0]
    # The processors of the machine are more than a container may use.
    monkeypatch.setattr(os, "cpu_count", lambda: 1_000)
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert limit(1_000_000) == 200 * threads
    assert limit(4_000_000 * (200 * threads + 100)) == 200 * threads + 100
    assert limit(8 * machine) == most // 1_000_000 <= machine * 8 // 10_000_000


# -- damage

RESTORE = "Put the backup back."
DAMAGES = ("f is not a valid DuckDB database file", "Could not read enough bytes", "Corrupt database file")
LOCKED = 'IO Error: Could not set lock on file "f": Conflicting lock is held in duckdb (PID 7). See also'


@pytest.mark.parametrize(
    ("message", "says"),
    [
        *((f"IO Error: {text}", f"w is damaged: {text}. {RESTORE}") for text in DAMAGES),
        ("Connection Error: Can't open a connection with a different configuration", "run again"),
        ('IO Error: Cannot open file "f": Permission denied', "chmod u+rw w"),
        ("IO Error: Trying to read a database file with version number 999", "update this one"),
        (LOCKED, "w is open in another program (duckdb (PID 7)); nothing was done"),
    ],
)
def test_a_backup_is_advised_for_a_damaged_file_only(message, says):
    with pytest.raises((DatabaseUnreadable, WarehouseLocked)) as raised, connections.opening(Path("w"), RESTORE):
        raise duckdb.IOException(message)
    assert says in str(raised.value)
    assert (RESTORE in str(raised.value)) == ("nothing" not in str(raised.value))
    assert isinstance(raised.value, WarehouseLocked) == (message == LOCKED)


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (duckdb.IOException("IO Error: Could not read enough bytes from file"), DatabaseUnreadable),
        (duckdb.Error("Corrupt database file: computed checksum 1"), DatabaseUnreadable),
        (duckdb.ConversionException("'Corrupt database file' is no number"), duckdb.ConversionException),
        (duckdb.IOException("IO Error: another\nCorrupt database file"), duckdb.IOException),
    ],
)
def test_an_error_of_a_statement_is_damage_only_if_duckdb_found_it(error, raised):
    with pytest.raises(raised), connections.noticing_damage(lambda: (Path("w"), RESTORE)):
        raise error


def test_a_truncated_file_is_noticed_unless_its_log_is_not_applied(warehouse):
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create table kept as select md5(cast(range as varchar)) as text from range(100000)")
        connection.execute("create table gone as from kept")
        connection.execute("checkpoint")
        connection.execute("drop table gone")
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        assert not connections.is_cut_short(connection, warehouse)
        os.truncate(warehouse, warehouse.stat().st_size // 2)
        assert connections.is_cut_short(connection, warehouse)
        warehouse.with_name("warehouse.duckdb.wal").touch()
        assert not connections.is_cut_short(connection, warehouse)
