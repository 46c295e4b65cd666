"""The process in which workbooks and Parquet files are read: when it is kept, replaced, limited, and ended."""

import os
import random
import resource
import select
import signal
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from dagster_project.child_process import Child
from dagster_project.extracts import isolation
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.isolation import IsolatedReader
from dagster_project.extracts.reading import Extract, open_extract
from tests.unit.extracts.visits import NAMES, VISITS, refusal, repacked, rows_of, rows_or_code, written

STRINGS = "xl/sharedStrings.xml"


def workbook(folder: Path, rows: int = 1) -> Path:
    path = folder / "v.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for i, row in enumerate([NAMES, *([f"v{i}", "a", "b", i, "d"] for i in range(rows))]):
            sheet.write_row(i, 0, row)
    return path


def parquet(folder: Path, rows: int = 1) -> Path:
    path = folder / "v.parquet"
    columns = {"visit_id": [f"v{i}" for i in range(rows)], "room": ["a"] * rows, "begun_at": ["b"] * rows}
    pq.write_table(pa.table(columns | {"stay": [i * 1.5 for i in range(rows)]}), path, row_group_size=300)
    return path


def pid_of(extract: Extract) -> int:
    reader = vars(extract)["_reader"]
    assert isinstance(reader, IsolatedReader)
    return reader.pid


def has_ended(pid: int) -> bool:
    """Whether a process is gone; a zombie has ended too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def idle() -> list[int]:
    return [worker.pid for worker in isolation.idle_workers]


def test_one_worker_reads_file_after_file_and_is_asked_again_after_a_refusal(tmp_path):
    pids = []
    for make in (workbook, parquet, workbook):
        with open_extract(make(tmp_path), VISITS) as extract:
            pids.append(pid_of(extract))
            list(extract.batches())
        assert rows_or_code(written(tmp_path, b"PAR1" + bytes(100) + b"PAR1", "w.parquet")) == "corrupt"
        assert pids[0] in idle()
    assert len(set(pids)) == 1
    assert pids[0] != os.getpid()


def test_two_files_can_be_open_at_once(tmp_path):
    with open_extract(workbook(tmp_path), VISITS) as one, open_extract(parquet(tmp_path), VISITS) as other:
        assert pid_of(one) != pid_of(other)
        assert [table.num_rows for extract in (other, one) for table in extract.batches()] == [1, 1]


def test_a_worker_that_needed_much_memory_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(isolation, "_RECYCLE_ABOVE_KIB", 0)
    with open_extract(workbook(tmp_path), VISITS) as extract:
        list(extract.batches())
        assert has_ended(pid_of(extract))
    assert pid_of(extract) not in idle()


def test_a_file_that_is_not_read_to_its_end_costs_its_worker(tmp_path):
    with open_extract(parquet(tmp_path, 120_000), VISITS) as extract:
        next(extract.batches())
        with pytest.raises(ValueError, match="not read to their end"):
            vars(extract)["_reader"].count()
    assert has_ended(pid_of(extract))
    assert pid_of(extract) not in idle()


def test_a_worker_that_dies_rejects_the_file_and_the_next_one_is_read(tmp_path):
    # More than the connection holds, so that the worker waits for this process.
    with open_extract(parquet(tmp_path, 120_000), VISITS) as extract:
        os.kill(pid_of(extract), signal.SIGSEGV)
        with pytest.raises(UnreadableExtract) as caught:
            list(extract.batches())
    assert (caught.value.code, caught.value.sha256) == ("reader_crashed", extract.sha256)
    assert str(caught.value).startswith("v.parquet: damaged, or too large for the memory: reading it ended by SIGSEGV;")
    assert rows_of(workbook(tmp_path)) == ["2 v0|a|b|0|d"]


def test_an_idle_worker_that_has_died_is_replaced(tmp_path):
    rows_of(workbook(tmp_path))
    for pid in (dead := idle()):
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert rows_of(workbook(tmp_path)) == ["2 v0|a|b|0|d"]
    assert len(idle()) == 1
    assert not set(idle()) & set(dead)


def test_a_worker_that_is_silent_is_ended(tmp_path, monkeypatch):
    rows_of(workbook(tmp_path))
    pid = idle()[-1]
    os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(isolation, "TIME_LIMIT", 0.3)
    error = refusal(workbook(tmp_path))
    assert error.code == "reader_stalled"
    assert "did not respond for 0 seconds; deliver it as CSV, or saved again by another program" in str(error)
    assert has_ended(pid)


def arrow(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()


OPENED, PIECE = b'{"serial_days": 0, "found": [], "unknown": []}', b'{"last_label": "", "is_end": false}'
REPLIES = {
    "no JSON": [b"{"],
    "another message": [PIECE],
    "no Arrow": [OPENED, PIECE, b"rows"],
    "other columns": [OPENED, PIECE, arrow(pa.table({"other": [1]}))],
}


@pytest.mark.parametrize("replies", REPLIES.values(), ids=REPLIES)
def test_a_worker_that_replies_nonsense_rejects_the_file(tmp_path, monkeypatch, replies):
    left = iter(replies)
    monkeypatch.setattr(Child, "receive", lambda *_: next(left))
    error = refusal(parquet(tmp_path))
    assert error.code == "reader_crashed"
    assert "sent an invalid reply" in str(error)


def test_a_worker_ends_with_its_parent_even_while_native_code_runs(tmp_path):
    script = (
        "import sys, os, signal; from pathlib import Path\n"
        "from tests.unit.extracts.visits import VISITS; from dagster_project.extracts.reading import open_extract\n"
        "opened = open_extract(Path(sys.argv[1]), VISITS); extract = opened.__enter__()\n"
        "os.kill(extract._reader.pid, signal.SIGSTOP)\n"
        "print(extract._reader.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", script, str(workbook(tmp_path))]
    pid = int(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout)
    watch = os.pidfd_open(pid)
    os.kill(pid, signal.SIGCONT)
    # Readable once the process has ended.
    assert select.select([watch], [], [], 20)[0]
    os.close(watch)


def test_a_worker_gets_no_setting_and_no_secret_and_has_limits(tmp_path, monkeypatch):
    monkeypatch.setenv("FCIR_SECRET", "x")
    monkeypatch.setattr(isolation, "idle_workers", [])
    with open_extract(workbook(tmp_path), VISITS) as extract:
        pid = pid_of(extract)
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        limits = {kind: resource.prlimit(pid, kind) for kind in (resource.RLIMIT_DATA, resource.RLIMIT_FSIZE)}
        assert resource.prlimit(pid, resource.RLIMIT_CORE) == (0, 0)
        assert 600 <= resource.prlimit(pid, resource.RLIMIT_CPU)[0] < 700
        assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
        assert {Path(f"/proc/{pid}/fd/{number}").readlink() for number in (1, 2)} == {Path("/dev/null")}
    assert {name.partition(b"=")[0] for name in variables if name} == {
        *(b"PATH", b"PYTHONPATH", b"LC_ALL", b"OPENBLAS_NUM_THREADS", b"ARROW_DEFAULT_MEMORY_POOL"),
        b"MALLOC_ARENA_MAX",
    }
    assert limits == {resource.RLIMIT_DATA: (1 << 30, 1 << 30), resource.RLIMIT_FSIZE: (0, 0)}


def test_a_worker_does_not_start_alone():
    alone = subprocess.run([sys.executable, "-m", "dagster_project.extracts.worker"], capture_output=True, text=True)
    assert alone.returncode == 1
    assert "is started by fcir" in alone.stderr


def test_texts_that_do_not_fit_the_memory_are_refused(tmp_path):
    # They unpack to 15 GiB.
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 5_000, pa.int32()), pa.array(["y" * (1 << 20)]))
    path = tmp_path / "v.parquet"
    pq.write_table(pa.table({"visit_id": column, "room": column, "begun_at": column}), path, compression="zstd")
    assert rows_or_code(path) in {"too_large", "reader_crashed"}


@pytest.mark.parametrize("make", [workbook, parquet])
def test_a_file_that_is_cut_or_damaged_anywhere_gives_rows_or_is_refused(tmp_path, make):
    chance = random.Random(20_221_030)
    path = make(tmp_path, 1000)
    data = path.read_bytes()
    for i in range(20):
        path.write_bytes(data[: i * len(data) // 20])
        assert rows_or_code(path) in {"corrupt", "cut_off", "wrong_extension", "empty_file"}
    seen: Counter[str] = Counter()
    for _ in range(60):
        damaged = bytearray(data)
        for _ in range(chance.choice([1, 1, 2, 8, 40])):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        found = rows_or_code(path)
        seen[found.partition(" ")[0]] += 1
    assert seen["corrupt"] > 30
    assert not seen.keys() & {"reader_stalled", "count_differs"}


def test_a_container_with_a_false_size_is_refused(tmp_path):
    path = repacked(workbook(tmp_path), lambda parts: parts.update({STRINGS: parts[STRINGS] + b" " * (20 << 20)}))
    with zipfile.ZipFile(path) as container:
        size = container.getinfo(STRINGS).file_size
    path.write_bytes(path.read_bytes().replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    assert rows_or_code(path) in {"corrupt", "unsafe"}
