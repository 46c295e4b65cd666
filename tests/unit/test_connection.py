"""What connections to the warehouse may keep in memory, and what they leave on the disk."""

from __future__ import annotations

import stat
from pathlib import Path

from dagster_project.warehouse.connection import loading_connection, spilling_connection


def test_what_is_spilled_is_for_the_owner_alone_and_does_not_outlast_the_connection(tmp_path: Path) -> None:
    folder = tmp_path / "warehouse.duckdb.tmp"
    folder.mkdir(mode=0o755)
    (folder / "duckdb_temp_storage_DEFAULT-0.tmp").write_bytes(b"of a run that was killed")

    with spilling_connection(tmp_path / "warehouse.duckdb") as connection:
        assert list(folder.iterdir()) == []
        connection.execute("set memory_limit = '40MB'")
        # The rows of a cursor that is not read to its end stay sorted, in memory or in the folder.
        connection.execute("select md5(cast(range as varchar)) as text from range(2000000) order by text").fetchone()
        assert sum(file.stat().st_size for file in folder.iterdir()) > 10_000_000
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    assert list(folder.iterdir()) == []


def test_loading_spills_nothing(tmp_path: Path) -> None:
    with loading_connection(tmp_path / "warehouse.duckdb") as connection:
        (found,) = connection.execute("select current_setting('temp_directory')").fetchall()
    assert found == ("",)
    assert [path.name for path in tmp_path.iterdir()] == ["warehouse.duckdb"]
