"""`fcir query` as a process: formats, limits that nothing within Python can set, terminals, pipes and interrupts."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import signal
import subprocess

import duckdb
import pytest

from tests.roots import DataRoot

ENDLESS = "with recursive t(n) as (select 1 union all select n + 1 from t) select n from t"
NEVER = f"select count(*) as rows from ({ENDLESS})"
CALLS = (
    "select month_start, received, null as nothing, 'a|b' as bar "
    "from kpi_calls_monthly where force_code = 'kent' and line = '999' order by month_start limit 2"
)


@pytest.fixture
def numbers(tmp_path) -> DataRoot:
    """A publication with one table of 500 rows, without a run."""
    folder = tmp_path / "home" / "published" / "one"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "fcir.duckdb")) as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.numbers as select range as n, chr(27) || '[31m=red' as t from range(500)"
        )
    folder.with_name("current").symlink_to("one")
    return DataRoot(tmp_path / "home")


def test_a_query_of_published_tables_is_answered_in_four_formats(sample):
    expected = sample.published(CALLS.replace("from kpi", "from marts.kpi"))
    rows = [["" if cell is None else str(cell) for cell in row] for row in expected]
    names = ["month_start", "received", "nothing", "bar"]

    assert list(csv.reader(io.StringIO(sample.process("query", CALLS, "--csv").out))) == [names, *rows]
    objects = json.loads(sample.process("query", CALLS, "--json").out)
    assert objects == [dict(zip(names, [str(row[0]), *row[1:]], strict=True)) for row in expected]
    lines = sample.process("query", CALLS, "--markdown").out.splitlines()
    assert lines[0] == f"| {' | '.join(names)} |"
    assert [line.split()[1] for line in lines[2:]] == [row[0] for row in rows]
    lines = sample.process("query", CALLS).out.splitlines()
    assert lines[0].split() == names
    assert [line.split()[:2] for line in lines[-2:]] == [row[:2] for row in rows]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([f"{ENDLESS} order by n", "--timeout", "1"], "took more than 1 second (--timeout)"),
        ([ENDLESS, "--csv", "--timeout", "1"], "took more than 1 second (--timeout)"),
        # DuckDB cannot be interrupted in the middle of it.
        (
            ["select regexp_replace(repeat('a', 90000000), 'a', 'bbbbbbbbbb', 'g')", "--timeout", "1"],
            "took more than 1 second (--timeout)",
        ),
        # Nothing that DuckDB counts.
        (["select list_sort(range(1000000000))"], "more than 1 GB of memory"),
        (["select json_contains(repeat('[', 300000) || repeat(']', 300000), '[[1]]')"], "crashed DuckDB (SIGSEGV)"),
    ],
    ids=["a table that never comes", "CSV without end", "one long function", "too much memory", "a crash"],
)
def test_a_query_beyond_a_limit_ends_with_2_and_one_line(numbers, arguments, message):
    done = numbers.process("query", *arguments)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert done.err.startswith("fcir: the query ")
    assert message in done.err


def test_a_limit_ends_a_query_whose_output_and_messages_are_not_read(numbers):
    reading, writing = os.pipe()
    process = numbers.start("query", ENDLESS, "--all", "--timeout", "1", stdout=writing, stderr=writing)
    os.close(writing)
    try:
        assert process.wait(60) == 2
    finally:
        # A process that still writes ends too.
        os.close(reading)
        process.wait()


def test_a_pipe_gets_200_rows_and_their_number_on_standard_error_or_all_on_request(numbers):
    done = numbers.process("query", "from numbers")
    lines = done.out.splitlines()
    assert (done.code, len(lines)) == (0, 201)
    assert lines[200].split() == ["199", "\\x1b[31m=red"]
    assert done.err == "500 rows; use --all or --csv for all of them\n"
    done = numbers.process("query", "from numbers", "--all")
    assert (len(done.out.splitlines()), done.err) == (501, "")


def test_a_terminal_gets_printable_lines_that_fit_it(numbers):
    numbers.settings["COLUMNS"] = "40"
    ours, theirs = pty.openpty()
    sql = "select *, repeat('long ', 99) as \"x\x1b[2J\" from numbers"
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        process = numbers.start("query", sql, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
        os.close(theirs)
        text = b""
        # Linux reports the end of a closed terminal as an error.
        try:
            while part := terminal.read(65536):
                text += part
        except OSError:
            pass
        assert process.wait() == 0
    lines = text.decode().split("\r\n")
    assert all(line.isprintable() and len(line) <= 40 for line in lines[:201])
    assert "\\x1b[2J" in lines[0]
    assert lines[201:] == ["500 rows; use --all or --csv for all of them", ""]


@pytest.mark.parametrize("option", ["--all", "--csv"])
def test_a_closed_pipe_ends_the_query_quietly(numbers, option):
    with numbers.start("query", ENDLESS, option) as process:
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait() == -signal.SIGPIPE
        assert process.stderr.read() == ""


@pytest.mark.parametrize(
    ("number", "code", "message"),
    [
        (signal.SIGINT, 130, "fcir: stopped; nothing was changed\n"),
        (signal.SIGTERM, 143, "fcir: stopped; nothing was changed\n"),
        (signal.SIGKILL, -signal.SIGKILL, ""),
    ],
)
def test_a_query_ends_with_its_command(numbers, number, code, message):
    with numbers.start("query", NEVER, "--csv", "--timeout", "3600") as process:
        # The header comes before DuckDB begins.
        assert process.stdout.readline() == "rows\n"
        process.send_signal(number)
        # Its output is a pipe, which is open as long as any process has it.
        assert process.stdout.read() == ""
        assert (process.wait(), process.stderr.read()) == (code, message)
