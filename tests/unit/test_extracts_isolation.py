import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from dagster_project.extracts import isolation, reading
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.isolation import IsolatedReader
from dagster_project.extracts.reading import open_extract
from dagster_project.extracts.xlsx import XlsxReader
from tests.unit.extract_helpers import NAMES, contract, read, refusal, repacked

SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
DAMAGE = {"corrupt", "cut_off", "unsafe", "wrong_extension", "empty_file", "encrypted", "no_header", "missing_column"}


def workbook(folder: Path, rows: int = 1) -> Path:
    path = folder / "v.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, NAMES)
    for i in range(1, rows + 1):
        sheet.write_row(i, 0, [f"v{i}", "a", "b", i, "d"])
    book.close()
    return path


def parquet(folder: Path, rows: int = 1) -> Path:
    path = folder / "v.parquet"
    columns = {"visit_id": [f"v{i}" for i in range(rows)], "room": ["a"] * rows, "begun_at": ["b"] * rows}
    pq.write_table(pa.table(columns | {"stay": [i * 1.5 for i in range(rows)]}), path, row_group_size=300)
    return path


def with_rows(path: Path, rows: str, string: str = "") -> Path:
    def change(parts: dict[str, bytes]) -> None:
        parts[SHEET] = parts[SHEET].replace(b"</sheetData>", rows.encode() + b"</sheetData>")
        parts[STRINGS] = parts[STRINGS].replace(b"</sst>", string.encode() + b"</sst>")

    return repacked(path, change)


def outcome(path: Path) -> str:
    """`rows` or the code of the refusal; any other exception fails the test."""
    try:
        read(path)
    except UnreadableExtract as error:
        return error.code
    return "rows"


def assert_too_large_within_limits(path: Path) -> None:
    """The file is refused within 300 MiB in a process of its own, and 1 GiB of data in its worker.

    A process inherits the peak of the one that starts it, so that of this one, which runs all tests, must not count.
    """
    script = (
        "import re, resource, sys; from pathlib import Path\n"
        "from tests.unit.test_extracts_isolation import outcome, isolation\n"
        "code = outcome(Path(sys.argv[1])); [worker.end() for worker in isolation.idle_workers]\n"
        "own = re.search('VmHWM:(.*)kB', Path('/proc/self/status').read_text())[1]\n"
        "print(code, int(own), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    code, own, worker = subprocess.check_output([sys.executable, "-c", script, str(path)], text=True).split()
    assert code in {"too_large", "reader_crashed"}
    assert int(own) < 300 << 10
    # Its limit is that of data; mapped files of Python and its libraries come on top, 15 MiB of them with Python 3.13.
    assert int(worker) < (1 << 20) + (64 << 10)


def reader_of(extract: object) -> IsolatedReader:
    reader = vars(extract)["_reader"]
    assert isinstance(reader, IsolatedReader)
    return reader


@pytest.mark.parametrize("make", [workbook, parquet])
def test_one_worker_reads_file_after_file_and_is_not_this_process(tmp_path, make):
    pids = []
    for _ in range(3):
        with open_extract(make(tmp_path), contract()) as extract:
            pids.append(reader_of(extract).pid)
            list(extract.batches())
    assert len(set(pids)) == 1
    assert pids[0] != os.getpid()


def test_two_files_can_be_open_at_once(tmp_path):
    with open_extract(workbook(tmp_path), contract()) as one, open_extract(parquet(tmp_path), contract()) as other:
        assert reader_of(one).pid != reader_of(other).pid
        assert [t.num_rows for e in (other, one) for t in e.batches()] == [1, 1]


def test_a_worker_is_asked_again_after_it_refused_a_file(tmp_path):
    with open_extract(workbook(tmp_path), contract()) as extract:
        before = reader_of(extract).pid
        list(extract.batches())
    bad = tmp_path / "w.parquet"
    bad.write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    assert refusal(bad).code == "corrupt"
    with open_extract(workbook(tmp_path), contract()) as extract:
        assert reader_of(extract).pid == before


def test_a_file_that_is_not_read_to_its_end_costs_its_worker(tmp_path):
    with open_extract(parquet(tmp_path, 120_000), contract()) as extract:
        pid = reader_of(extract).pid
        next(extract.batches())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert len(read(parquet(tmp_path, 5))[0]) == 5


def test_a_worker_that_dies_rejects_the_file_and_the_next_one_is_read(tmp_path):
    # More than the connection holds, so that the worker waits for us.
    with open_extract(parquet(tmp_path, 120_000), contract()) as extract:
        os.kill(reader_of(extract).pid, signal.SIGSEGV)
        with pytest.raises(UnreadableExtract) as caught:
            list(extract.batches())
    assert caught.value.code == "reader_crashed"
    assert "v.parquet" in str(caught.value)
    assert "SIGSEGV" in str(caught.value)
    assert "CSV" in str(caught.value)
    assert caught.value.sha256 == extract.sha256
    assert len(read(workbook(tmp_path, 2))[0]) == 2


def test_an_idle_worker_that_has_died_is_replaced(tmp_path):
    with open_extract(workbook(tmp_path), contract()) as extract:
        pid = reader_of(extract).pid
        list(extract.batches())
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert len(read(workbook(tmp_path, 2))[0]) == 2


def test_a_worker_that_is_silent_is_ended(tmp_path, monkeypatch):
    with open_extract(workbook(tmp_path), contract()) as extract:
        pid = reader_of(extract).pid
        list(extract.batches())
    os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(isolation, "TIME_LIMIT", 0.3)
    error = refusal(workbook(tmp_path))
    assert error.code == "reader_stalled"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_worker_ends_with_its_parent_even_while_native_code_runs(tmp_path):
    script = (
        "import sys, os, signal; from pathlib import Path\n"
        "from tests.unit.extract_helpers import contract; from dagster_project.extracts.reading import open_extract\n"
        "opened = open_extract(Path(sys.argv[1]), contract()); extract = opened.__enter__()\n"
        "os.kill(extract._reader.pid, signal.SIGSTOP)\n"
        "print(extract._reader.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", script, str(workbook(tmp_path))]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    pid = int(ended.stdout)
    os.kill(pid, signal.SIGCONT)
    for _ in range(100):
        try:
            # Init reaps it later: a zombie has ended too.
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except FileNotFoundError:
            return
        time.sleep(0.05)
    pytest.fail("the worker lives on")


def test_the_worker_gets_no_setting_and_no_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("FCIR_SECRET", "x")
    monkeypatch.setattr(isolation, "idle_workers", [])
    with open_extract(workbook(tmp_path), contract()) as extract:
        names = Path(f"/proc/{reader_of(extract).pid}/environ").read_bytes()
    assert b"LC_ALL" in names
    assert b"FCIR_SECRET" not in names


def test_the_memory_of_the_worker_does_not_grow_with_the_processors(tmp_path, monkeypatch):
    monkeypatch.setattr(isolation, "idle_workers", [])
    with open_extract(workbook(tmp_path), contract()) as extract:
        variables = Path(f"/proc/{reader_of(extract).pid}/environ").read_bytes().split(b"\0")
    assert b"OPENBLAS_NUM_THREADS=1" in variables


def test_the_worker_imports_no_framework():
    script = (
        "import sys; import dagster_project.extracts.worker\n"
        "heavy = {'dagster', 'dbt', 'great_expectations', 'duckdb', 'pandas'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "[]"


def test_cells_that_share_one_long_text_do_not_fill_the_memory(tmp_path):
    rows = "".join(
        f'<row r="{i}">' + "".join(f'<c r="{c}{i}" t="s"><v>9</v></c>' for c in "ABCDE") + "</row>"
        for i in range(3, 20_000)
    )
    path = with_rows(workbook(tmp_path), rows, f"<si><t>{'y' * 100_000}</t></si>")
    assert_too_large_within_limits(path)


@pytest.mark.parametrize(
    ("rows", "codes"),
    [
        ('<row r="3"><c r="XFD1048576"><v>1</v></c><c r="A3"><v>1</v></c></row>', {"too_large", "reader_crashed"}),
        ('<row r="1048576"><c r="A1048576"><v>1</v></c></row>', {"rows"}),
        (
            '<row r="3">' + "".join(f'<c r="A3"><v>{i}</v></c>' for i in range(1_000_000)) + "</row>",
            {"too_large"},
        ),
        ('<row r="2"><c r="A2"><v>1</v></c></row>', {"count_differs"}),
        ("".join(f'<row s="{i}"/>' for i in range(1_050_000)), {"too_large"}),
        ('<row r="3"><c r="A3" t="inlineStr"><is><t>&#160; </t></is></c></row>', {"rows"}),
    ],
)
def test_rows_at_the_edges_are_read_or_refused(tmp_path, rows, codes):
    assert outcome(with_rows(workbook(tmp_path), rows)) in codes


@pytest.mark.parametrize(
    ("rows", "string"),
    [
        ('<row r="3">' + "<v " * 250_000, ""),
        ('<row r="3"><c t="s">' + "<v>0</v><t " * 80_000, ""),
        ("", "<si " * 250_000),
        ("", "<t " * 250_000),
    ],
    ids=["values", "tags", "strings", "texts"],
)
def test_tags_that_do_not_end_are_damage_and_do_not_stall_the_reader(tmp_path, rows, string):
    assert outcome(with_rows(workbook(tmp_path), rows, string)) == "corrupt"


def test_a_member_that_many_sheets_stand_for_is_read_by_none(tmp_path):
    def change(parts: dict[str, bytes]) -> None:
        sheets = "".join(f'<sheet name="s{i}" sheetId="{i}" r:id="rId1"/>' for i in range(2, 900)).encode()
        parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(b"</sheets>", sheets + b"</sheets>")

    assert outcome(repacked(workbook(tmp_path), change)) == "unsafe"


def test_brackets_of_a_number_format_that_do_not_close_do_not_stall_the_reader(tmp_path):
    def change(parts: dict[str, bytes]) -> None:
        styles = parts["xl/styles.xml"].replace(b'numFmtId="0"', b'numFmtId="200"')
        added = b'<numFmts count="1"><numFmt numFmtId="200" formatCode="' + b"[" * 900_000 + b'"/></numFmts><fonts '
        parts["xl/styles.xml"] = styles.replace(b"<fonts ", added, 1)

    assert outcome(repacked(workbook(tmp_path), change)) == "rows"


def test_a_container_with_a_false_size_is_refused(tmp_path):
    path = with_rows(workbook(tmp_path), "", " " * (20 << 20))
    with zipfile.ZipFile(path) as container:
        size = container.getinfo(STRINGS).file_size
    path.write_bytes(path.read_bytes().replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    assert outcome(path) in {"corrupt", "unsafe"}


def test_a_parquet_file_of_more_records_than_bytes_can_hold_is_refused(tmp_path):
    path = tmp_path / "v.parquet"
    count = 2_000_000
    column = pa.repeat(pa.scalar("a"), count).dictionary_encode()
    pq.write_table(pa.table({"visit_id": column, "room": column, "begun_at": column}), path)
    assert outcome(path) == "unsafe"


def test_long_texts_of_a_parquet_file_do_not_fill_the_memory(tmp_path):
    path = tmp_path / "v.parquet"
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 5_000, pa.int32()), pa.array(["y" * (1 << 20)]))
    pq.write_table(pa.table({"visit_id": column, "room": column, "begun_at": column}), path, compression="zstd")
    assert_too_large_within_limits(path)


@pytest.mark.parametrize("make", [workbook, parquet])
def test_a_file_cut_anywhere_is_refused(tmp_path, make):
    path = make(tmp_path, 1000)
    data = path.read_bytes()
    for i in range(50):
        path.write_bytes(data[: i * len(data) // 50])
        assert outcome(path) in DAMAGE


@pytest.mark.parametrize("make", [workbook, parquet])
def test_random_damage_gives_rows_or_a_refusal(tmp_path, make):
    rng = random.Random(20_221_030)
    path = make(tmp_path, 1000)
    data = path.read_bytes()
    seen: Counter[str] = Counter()
    for _ in range(200):
        damaged = bytearray(data)
        for _ in range(rng.choice([1, 1, 2, 8, 40])):
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        seen[outcome(path)] += 1
    assert seen["corrupt"] > 100
    assert not seen.keys() & {"reader_stalled", "count_differs"}


def test_damage_in_the_xml_of_a_workbook_gives_rows_or_a_refusal(tmp_path):
    rng = random.Random(1)
    original = workbook(tmp_path, 60).read_bytes()
    path = tmp_path / "v.xlsx"
    seen: Counter[str] = Counter()

    def damage(parts: dict[str, bytes]) -> None:
        name = rng.choice([SHEET, SHEET, STRINGS, "xl/styles.xml", "xl/workbook.xml"])
        data = bytearray(parts[name])
        place = rng.randrange(len(data))
        if rng.random() < 0.5:
            data[place] = ord(rng.choice('0123456789ABstre<>"/ '))
        else:
            data[place : place + rng.randrange(30)] = data[place : place + rng.randrange(60)]
        parts[name] = bytes(data)

    for _ in range(200):
        path.write_bytes(original)
        seen[outcome(repacked(path, damage))] += 1
    assert seen["rows"] > 20
    assert seen["corrupt"] > 50


def test_a_reader_that_loses_a_row_is_noticed(tmp_path, monkeypatch):
    class Losing(XlsxReader):
        def _numbered_rows(self):
            return (row for row in super()._numbered_rows() if row[0] != 7)

    monkeypatch.setitem(reading.READERS, "xlsx", Losing)
    error = refusal(workbook(tmp_path, 20))
    assert error.code == "count_differs"
    assert "19 rows" in str(error)
    assert "there are 20" in str(error)
