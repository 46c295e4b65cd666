"""`fcir verify` finds what differs from the manifests of publications and from the audit."""

from __future__ import annotations

import shutil

import duckdb
import pytest

from tests.roots import DataRoot


def test_an_undisturbed_data_root_has_no_fault(three_days):
    done = three_days.fcir("verify")
    assert (done.code, done.err) == (0, ""), done.out


def test_a_restored_backup_verifies_clean(three_days, tmp_path):
    file, restored = tmp_path / "backup.tar", DataRoot(tmp_path / "home")
    assert (three_days.fcir("backup", str(file)).code, file.stat().st_mode & 0o777) == (0, 0o600)
    done = restored.fcir("restore", str(file))
    assert (done.code, ": no fault." in done.out) == (0, True), done.out + done.err
    assert restored.published("from marts.kpi_calls_monthly order by all") == three_days.published(
        "from marts.kpi_calls_monthly order by all"
    )
    assert (three_days.fcir("backup", str(file)).code, restored.fcir("restore", str(file)).code) == (2, 2)


def flip_a_bit(root):
    content = bytearray((root.current / "board_paper.html").read_bytes())
    content[len(content) // 2] ^= 1
    (root.current / "board_paper.html").write_bytes(content)
    return "board_paper.html"


def lose_a_file(root):
    (root.current / "board_paper.pdf").unlink()
    return "board_paper.pdf"


def add_a_file(root):
    (root.current / "extra.html").write_text("x")
    return "extra.html"


def open_a_file_to_all(root):
    (root.current / "fcir.duckdb").chmod(0o666)
    return "fcir.duckdb"


def let_all_read_rows(root):
    (root.current / "fcir.duckdb").chmod(0o644)
    return "every user can read rows that are for analysts"


def point_nowhere(root):
    root.current.unlink()
    root.current.symlink_to("nowhere")
    return "current"


def change_a_row(root):
    with duckdb.connect(str(root.home / "warehouse.duckdb")) as connection:
        connection.execute("update raw.live_chats set ended_at = ended_at + interval 1 minute")
    return "live_chats"


def lose_a_row(root):
    with duckdb.connect(str(root.home / "warehouse.duckdb")) as connection:
        connection.execute("delete from raw.crimes where source_row = 2")
    return "crimes"


def put_the_vault_of_another_root(root):
    with duckdb.connect(str(root.home / "secrets" / "people.duckdb")) as connection:
        connection.execute("update state set root_id = 'another'")
    return "people.duckdb is the vault of another data root"


def lose_the_copy_of_the_audit(root):
    shutil.rmtree(root.home / "history")
    return "history"


CHANGES = (
    *(flip_a_bit, lose_a_file, add_a_file, open_a_file_to_all, let_all_read_rows, point_nowhere),
    *(change_a_row, lose_a_row, put_the_vault_of_another_root, lose_the_copy_of_the_audit),
)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_found_and_named(three_days, tmp_path, change):
    root = three_days.copy(tmp_path / "home")
    named = change(root)
    done = root.fcir("verify")
    assert done.code == 1
    assert named in done.out
