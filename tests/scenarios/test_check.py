"""`fcir check` says what a file would do, and leaves nothing behind."""

from __future__ import annotations

import os

import pytest

from tests.roots import CALLS, DataRoot, call


@pytest.fixture
def empty(tmp_path):
    return DataRoot(tmp_path / "home")


@pytest.fixture
def file_of(tmp_path):
    """Write a file of calls outside every data root."""

    def write(name, *lines):
        path = tmp_path / name
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
        return str(path)

    return write


def test_it_ends_with_1_on_a_rejection_and_checks_all_files(empty, file_of):
    broken = file_of("call_segments_2022-10-28.csv", "call_id,line", "c,999")
    faulty = file_of("call_segments_2022-10-29.csv", CALLS, *(call(n, "never") for n in range(21)))
    good = file_of("call_segments_2022-10-30.csv", CALLS, call(1, "2022-10-30"))
    done = empty.fcir("check", "--rows", "2", broken, faulty, good)
    assert done.code == 1
    assert done.out.count("would be REJECTED") == 2
    assert done.out.count("verdict on call_segments of") == 3
    assert done.out.count("[faulty_rows_are_within_limits]") == 1
    assert done.out.count("[not_a_timestamp]") == 2
    assert "would be loaded: 1 row read" in done.out


def test_a_file_of_any_name_can_be_checked_with_its_source_and_a_link_is_rejected(empty, file_of, tmp_path):
    path = file_of("Export (3).csv", CALLS, call(1, "2022-10-30"))
    assert "1 good" in empty.fcir("check", path, "--source", "call_segments").out
    link = tmp_path / "call_segments_2022-10-31.csv"
    link.symlink_to(path)
    done = empty.fcir("check", str(link))
    assert (done.code, "REJECTED" in done.out) == (1, True)


def test_names_of_files_cannot_change_a_terminal(empty, file_of):
    hostile = ["_\x1b[2J\nnewline", "_\u202efdp", os.fsdecode(b"_\xff\xfe"), "_".ljust(222, "x")]
    names = [f"call_segments_2022-10-30{end}.csv" for end in hostile]
    done = empty.fcir("check", *(file_of(name, CALLS, call(n, "2022-10-30")) for n, name in enumerate(names)))
    assert (done.code, done.err, done.out.count("would be loaded: 1 row read, 1 good")) == (0, "", len(names))
    missing = empty.fcir("check", "none_\x1b[2J.csv")
    assert missing.code == 2
    assert all(line.isprintable() for line in [*done.out.splitlines(), *missing.err.splitlines()])
