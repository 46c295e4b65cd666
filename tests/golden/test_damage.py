"""Damaged files of a data root are named with the remedy, and a run repairs what can be made again."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import duckdb
import pytest

from tests.roots import CALLS, call


def cut(file):
    os.truncate(file, file.stat().st_size // 2)


def empty(file):
    os.truncate(file, 0)


def overwrite(file):
    file.write_bytes(bytes(range(255, 0, -1)) * 20)


def make_folder(file):
    file.unlink()
    file.mkdir()


def point_nowhere(file):
    file.unlink()
    file.symlink_to("nowhere")


def make_readable(file):
    file.chmod(0o644)


def people_in(vault):
    with duckdb.connect(str(vault), read_only=True) as connection:
        return connection.execute("select surrogate from person order by 1").fetchall()


def replace_key(file):
    file.write_text("ab" * 32)


CALLERS = "select caller_number from raw.call_segments where caller_number is not null group by all"


@pytest.fixture
def root(three_days, tmp_path):
    return three_days.copy(tmp_path / "home")


REMEDY_KEY, REMEDY_VAULT, REMEDY_WAREHOUSE = (
    "install -m 600 COPY_OF_THE_KEYS {file}",
    "Restore its newest copy, or give everybody a new surrogate",
    "fcir rebuild; or restore the newest backup",
)


@pytest.mark.parametrize(
    ("name", "spoil", "code", "remedy"),
    [
        ("secrets/pseudonym.key", Path.unlink, 2, REMEDY_KEY),
        ("secrets/pseudonym.key", replace_key, 2, REMEDY_KEY),
        ("secrets/pseudonym.key", make_readable, 2, "chmod 600 {file}"),
        ("secrets/erased.key", Path.unlink, 2, REMEDY_KEY),
        ("secrets/people.duckdb", Path.unlink, 2, REMEDY_VAULT),
        ("secrets/people.duckdb", overwrite, 2, REMEDY_VAULT),
        ("warehouse.duckdb", Path.unlink, 1, "fcir rebuild"),
        ("warehouse.duckdb", overwrite, 1, REMEDY_WAREHOUSE),
        ("warehouse.duckdb", cut, 1, REMEDY_WAREHOUSE),
        ("warehouse.duckdb", empty, 1, REMEDY_WAREHOUSE),
        ("warehouse.lock", make_folder, 2, "mv {file} {file}.old"),
    ],
)
def test_a_file_that_cannot_be_made_again_stops_commands_with_its_remedy(root, name, spoil, code, remedy):
    file = root.home / name
    spoil(file)
    for verb in ("status", "run"):
        done = root.fcir(verb)
        assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
        assert done.err.startswith(f"fcir: {file}")
        assert remedy.format(file=file) in done.err


def test_a_damaged_file_of_dagster_is_named_with_its_remedy(root):
    cut(root.home / "dagster" / "history" / "runs.db")
    (root.home / "published" / "current" / "fcir.duckdb").unlink()
    done = root.fcir("run")
    assert (done.code, done.err.count("\n")) == (1, 1)
    home = root.home / "dagster"
    assert f"move them away; no data are lost: mv {home} {home}.old" in done.err
    home.rename(f"{home}.old")
    assert root.fcir("run").code == 0


@pytest.mark.parametrize(
    ("name", "spoil", "found"),
    [
        ("current", point_nowhere, "points to nowhere, which does not exist"),
        ("current/manifest.json", cut, "not readable as a manifest"),
        ("current/fcir.duckdb", cut, "bytes, expected"),
    ],
)
def test_status_names_a_damaged_publication(root, name, spoil, found):
    file = root.home / "published" / name
    spoil(file)
    done = root.fcir("status")
    assert (done.code, done.err) == (1, "")
    assert f"warning: {file} is damaged (" in done.out
    assert found in done.out
    assert "Nothing is published yet" not in done.out


def test_a_run_makes_damaged_files_again_although_nothing_is_new(root, three_days):
    before, history = root.current.readlink(), root.home / "history" / "manifest.json"
    history.unlink()
    (root.current / "fcir.duckdb").write_bytes(b"rubbish")
    for name in ("marts.duckdb", "dbt/column_lineage.json"):
        cut(root.home / name)
    assert root.fcir("status").code == 1
    done = root.fcir("run")
    assert (done.code, done.err) == (0, ""), done.out
    assert f"warning: {root.home / 'marts.duckdb'} is damaged (" in done.out
    assert root.current.readlink() != before
    assert root.damage() == []
    assert history.exists()
    assert root.figures() == three_days.figures()
    whole = root.fcir("status")
    assert (whole.code, "is damaged" in whole.out) == (0, False)


def test_a_run_publishes_again_where_the_pointer_leads_nowhere(root):
    root.current.resolve().rename(root.home / "away")
    assert root.fcir("run").code == 0
    assert root.damage() == []


def test_a_rebuild_makes_up_for_an_older_vault_and_gives_no_one_the_surrogate_of_another(root):
    vault = root.home / "secrets/people.duckdb"
    older = vault.read_bytes()
    root.land("call_segments_2022-11-01_late.csv", CALLS, *(call(number, "2022-11-01") for number in range(50, 60)))
    root.load()
    callers = root.warehouse(CALLERS)
    vault.write_bytes(older)
    root.land("call_segments_2022-11-01_b.csv", CALLS, call(60, "2022-11-01"))
    refused = root.fcir("run")
    assert (refused.code, REMEDY_VAULT in refused.err) == (2, True)
    (root.home / "landing" / "call_segments" / "call_segments_2022-11-01_b.csv").unlink()
    assert root.fcir("rebuild").code == 0
    assert root.fcir("verify").code == 0
    assert len(set(root.warehouse(CALLERS))) == len(set(callers)) == len(callers)


def test_an_older_vault_loses_the_erased_again_although_nothing_is_new(root, monkeypatch):
    vault = root.home / "secrets/people.duckdb"
    older = vault.read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"07700 900003")))
    assert root.fcir("erase", "--yes", "--reason", "case 1").code == 0
    left = people_in(vault)
    vault.write_bytes(older)
    assert people_in(vault) != left
    assert "Nothing is new" in root.fcir("run").out
    assert people_in(vault) == left


def test_corrupt_rows_of_the_marts_are_named_with_the_command_that_makes_them_again(root):
    marts = root.home / "marts.duckdb"
    corrupt_rows(marts)
    done = root.fcir("trace", "calls_999.received", "2022-10")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"fcir: {marts} is damaged: ")
    assert done.err.endswith(f"mv {marts} {marts}.damaged && fcir run\n")


def corrupt_rows(file):
    """Change bytes in the blocks of a DuckDB file that hold rows, as a disk does: catalogue, size and time stay."""
    status = file.stat()
    with duckdb.connect(str(file), read_only=True) as connection:
        names = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        blocks = {
            block
            for schema, name in names
            for (block,) in connection.execute(
                "select block_id from pragma_storage_info(?)", [f"marts.{schema}.{name}"]
            ).fetchall()
            if block is not None and block >= 0
        }
    with file.open("r+b") as stream:
        for block in blocks:
            stream.seek(3 * 4096 + block * 262_144 + 8)
            stream.write(bytes(range(32)))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
