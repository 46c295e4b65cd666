"""Memory of connections to the warehouse, and their files and modes."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from dagster_project.warehouse.connection import (
    DatabaseUnreadable,
    is_cut_short,
    loading_connection,
    memory_limit,
    opening,
    spilling_connection,
    transaction,
)
from dagster_project.writing import make_private_folder, private_files, readable_files


def test_spilled_files_are_private_and_deleted_with_the_connection(tmp_path: Path) -> None:
    folder = tmp_path / "warehouse.duckdb.tmp"
    folder.mkdir(mode=0o755)
    (folder / "duckdb_temp_storage_DEFAULT-0.tmp").write_bytes(b"of a run that was killed")

    with spilling_connection(tmp_path / "warehouse.duckdb") as connection:
        assert list(folder.iterdir()) == []
        connection.execute("set memory_limit = '40MB'")
        # The rows of a cursor that is not read to its end stay sorted, in memory or in the folder.
        connection.execute("select md5(cast(range as varchar)) as text from range(2000000) order by text").fetchone()
        assert sum(file.stat().st_size for file in folder.iterdir()) > 10_000_000
        assert _mode(folder) == 0o700

    assert list(folder.iterdir()) == []


def test_the_memory_limit_grows_with_the_warehouse_up_to_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def limit(size: int) -> int:
        warehouse = tmp_path / "warehouse.duckdb"
        with warehouse.open("wb") as file:
            # Nothing but the length: no block is written.
            file.truncate(size)
        return int(memory_limit(warehouse).removesuffix("MB"))

    with duckdb.connect() as connection:
        threads, most = connection.execute(
            "select current_setting('threads'), parse_formatted_bytes(current_setting('memory_limit'))"
        ).fetchall()[0]
    # The processors of the machine are more than a container may use.
    monkeypatch.setattr(os, "cpu_count", lambda: 1_000)
    of_threads = 200 * threads
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert limit(1_000_000) == of_threads
    assert limit(4_000_000 * (of_threads + 100)) == of_threads + 100
    assert limit(8 * machine) == most // 1_000_000
    assert most <= machine * 8 // 10


def test_the_memory_limit_is_that_of_a_container(tmp_path: Path) -> None:
    lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    own = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), None)
    if own is None:
        pytest.skip("no cgroups of version 2")
    groups, warehouse = tmp_path / "groups", tmp_path / "warehouse.duckdb"
    (groups / own).mkdir(parents=True)
    (groups / own / "cpu.max").write_text("100000 100000\n", encoding="utf-8")
    (groups / own / "memory.max").write_text(f"{1_000 * 2**20}\n", encoding="utf-8")
    isolated = ["unshare", "--map-root-user", "--mount", "sh", "-c", 'mount --bind "$0" /sys/fs/cgroup && exec "$@"']
    if subprocess.run([*isolated, groups, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a folder over /sys/fs/cgroup")
    code = (
        "import sys; from pathlib import Path; from dagster_project.warehouse.connection import memory_limit; "
        "print(memory_limit(Path(sys.argv[1])))"
    )

    def limit(size: int) -> str:
        with warehouse.open("wb") as file:
            file.truncate(size)
        command = [*isolated, groups, sys.executable, "-c", code, warehouse]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    # One thread, then 80% of 1,000 MiB.
    assert limit(1_000_000) == "200MB"
    assert limit(2**40) == "838MB"


def test_the_log_of_the_warehouse_is_private_and_other_files_are_not(tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    before = os.umask(0o022)
    try:
        with loading_connection(warehouse) as connection:
            connection.execute("create table t as select 1 as n")
            assert _mode(tmp_path / "warehouse.duckdb.wal") == 0o600
        with spilling_connection(warehouse) as connection:
            with transaction(connection):
                connection.execute("insert into t values (2)")
            assert _mode(tmp_path / "warehouse.duckdb.wal") == 0o600
            connection.execute(f"copy t to '{tmp_path}/published.csv'")
        assert _mode(tmp_path / "published.csv") == 0o644
    finally:
        os.umask(before)


def _mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_loading_spills_nothing(tmp_path: Path) -> None:
    with loading_connection(tmp_path / "warehouse.duckdb") as connection:
        assert connection.execute("select current_setting('temp_directory')").fetchone() == ("",)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["marts.duckdb", "warehouse.duckdb"]


def test_a_private_folder_is_private_with_all_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "dagster"
    make_private_folder(folder)
    assert _mode(folder) == 0o700

    outside = tmp_path / "outside"
    outside.write_text("of somebody else", encoding="utf-8")
    outside.chmod(0o644)
    (folder / "runs").mkdir()
    (folder / "runs" / "run.db").write_text("", encoding="utf-8")
    (folder / "link").symlink_to(outside)
    (folder / "runs" / "run.db").chmod(0o644)
    (folder / "runs").chmod(0o755)
    folder.chmod(0o755)
    make_private_folder(folder)
    assert [_mode(path) for path in (folder, folder / "runs", folder / "runs" / "run.db")] == [0o700, 0o700, 0o600]
    assert _mode(outside) == 0o644


def test_published_files_are_readable_in_a_process_of_private_files(tmp_path: Path) -> None:
    @readable_files()
    def publish() -> None:
        (tmp_path / "published").mkdir()
        (tmp_path / "published" / "page").write_text("", encoding="utf-8")

    with private_files():
        publish()
        (tmp_path / "private").write_text("", encoding="utf-8")
    assert _mode(tmp_path / "published") == 0o755
    assert _mode(tmp_path / "published" / "page") == 0o644
    assert _mode(tmp_path / "private") == 0o600


@pytest.mark.parametrize(
    ("error", "is_damaged"),
    [
        (duckdb.IOException('IO Error: The file "f" exists, but it is not a valid DuckDB database file!'), True),
        (duckdb.Error("Corrupt database file: computed checksum 1 does not match stored checksum 2"), True),
        (duckdb.IOException("IO Error: Could not read enough bytes from file"), True),
        (duckdb.ConnectionException("Connection Error: Can't open a connection with a different configuration"), False),
        (duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate data"), False),
        (duckdb.IOException('IO Error: Cannot open file "f": Permission denied'), False),
        (duckdb.IOException("IO Error: Trying to read a database file with version number 999"), False),
        (duckdb.IOException('IO Error: Could not write file "f": No space left on device'), False),
        (duckdb.InterruptException("INTERRUPT Error: Interrupted!"), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_backup_is_advised_for_a_damaged_file_only(error: duckdb.Error, is_damaged: bool) -> None:
    with pytest.raises(DatabaseUnreadable) as raised, opening(Path("warehouse.duckdb"), "Put the backup back."):
        raise error
    assert ("Put the backup back." in str(raised.value)) == is_damaged
    assert ("nothing says that the file is damaged" in str(raised.value)) != is_damaged


def test_a_truncated_file_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create table kept as select md5(cast(range as varchar)) as text from range(100000)")
        connection.execute("create table gone as from kept")
        connection.execute("checkpoint")
        connection.execute("drop table gone")
    with duckdb.connect(str(file), read_only=True) as connection:
        assert not is_cut_short(connection, file)
        os.truncate(file, file.stat().st_size // 2)
        assert is_cut_short(connection, file)
