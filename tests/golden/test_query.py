"""`fcir query` as a process: formats, limits that nothing within Python can set, pipes and signals."""

from __future__ import annotations

import os
import signal

import duckdb
import pytest

from tests.roots import DataRoot

ENDLESS = "with recursive t(n) as (select 1 union all select n + 1 from t) select n from t"


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


@pytest.mark.parametrize(
    ("option", "head"),
    [("--csv", "n,t\n"), ("--json", "[\n  {"), ("--markdown", "| n | t |\n|---|"), ("--all", "n  t\n")],
)
def test_a_query_is_answered_in_four_formats(numbers, option, head):
    done = numbers.process("query", "select n, 'a|b' as t from numbers where n = 7", option)
    assert (done.code, done.err, done.out.startswith(head)) == (0, "", True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([f"{ENDLESS} order by n", "--timeout", "1"], "took more than 1 second (--timeout)"),
        ([ENDLESS, "--csv", "--timeout", "1"], "took more than 1 second (--timeout)"),
        # DuckDB cannot be interrupted in the middle of it.
        (["select regexp_replace(repeat('a', 90000000), 'a', 'bbbbbbbbbb', 'g')", "--timeout", "1"], "took more than"),
        # DuckDB does not count it.
        (["select list_sort(range(1000000000))"], "more than 1 GB of memory"),
    ],
    ids=["a table that never comes", "CSV without end", "one long function", "too much memory"],
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


def test_a_pipe_gets_200_rows_and_their_number_on_standard_error(numbers):
    done = numbers.process("query", "from numbers")
    lines = done.out.splitlines()
    assert (done.code, len(lines), lines[200].split()) == (0, 201, ["199", "\\x1b[31m=red"])
    assert done.err == "500 rows; use --all or --csv for all of them\n"


@pytest.mark.parametrize("option", ["--all", "--csv"])
def test_a_closed_pipe_ends_the_query_quietly(numbers, option):
    with numbers.start("query", ENDLESS, option) as process:
        assert process.stdout.readline()
        process.stdout.close()
        assert (process.wait(), process.stderr.read()) == (-signal.SIGPIPE, "")


def test_a_query_ends_with_its_command_although_that_is_killed(numbers):
    never = f"select count(*) as rows from ({ENDLESS})"
    with numbers.start("query", never, "--csv", "--timeout", "3600") as process:
        # The header comes before DuckDB begins.
        assert process.stdout.readline() == "rows\n"
        process.kill()
        # Its output is a pipe, which is open as long as any process has it.
        assert (process.stdout.read(), process.wait(), process.stderr.read()) == ("", -signal.SIGKILL, "")
