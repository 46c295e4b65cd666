"""`fcir query`: limits of time and memory, terminals, pipes and interrupts."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys

import duckdb
import pytest

from tests.end_to_end.command import START, Command


@pytest.fixture
def published(tmp_path):
    """A publication with one table of 500 rows, without a run."""
    command = Command(tmp_path / "home")
    folder = command.home / "published" / "one"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "fcir.duckdb")) as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.numbers as select range as n, chr(27) || '[31m=red' as t from range(500)"
        )
    command.current.symlink_to("one")
    return command


ENDLESS = "with recursive t(n) as (select 1 union all select n + 1 from t) select n from t"

BEYOND_LIMITS = {
    "a table that never comes": ([f"{ENDLESS} order by n"], "took more than 1 second (--timeout)"),
    "a table without end": ([ENDLESS, "--all"], "took more than 1 second (--timeout)"),
    "CSV without end": ([ENDLESS, "--csv"], "took more than 1 second (--timeout)"),
    "JSON without end": ([ENDLESS, "--json"], "took more than 1 second (--timeout)"),
    "Markdown without end": ([ENDLESS, "--markdown"], "took more than 1 second (--timeout)"),
    # DuckDB cannot be interrupted in the middle of it.
    "one function": (
        ["select regexp_replace(repeat('a', 90000000), 'a', 'bbbbbbbbbb', 'g')"],
        "took more than 1 second (--timeout)",
    ),
    "a list that DuckDB counts": (["select list(range) from range(1000000000)"], "more than 1 GB of memory"),
    "a list that DuckDB does not count": (["select list_sort(range(1000000000))"], "more than 1 GB of memory"),
}


@pytest.mark.parametrize("case", BEYOND_LIMITS)
def test_query_limits_are_named_in_the_error(published, case):
    if case == "a list that DuckDB does not count" and sys.platform != "linux":
        pytest.skip("other systems do not enforce the limit of a process")
    arguments, message = BEYOND_LIMITS[case]
    time = ["--timeout", "1"] if "--timeout" in message else []
    done = published.run("query", *arguments, *time)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("fcir: the query ")
    assert message in done.stderr


def test_a_limit_ends_a_query_whose_output_and_messages_are_not_read(published):
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", START, "query", ENDLESS, "--all", "--timeout", "1"],
        env=published.environment,
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=writing,
    )
    os.close(writing)
    try:
        assert process.wait(20) == 2
    finally:
        # A process that still writes ends too.
        os.close(reading)
        process.wait()


@pytest.mark.parametrize("sql", ["", " \n", ";", "/* nothing */"])
def test_empty_query_ends_with_2(published, sql):
    done = published.run("query", sql)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "the query is empty" in done.stderr


def test_piped_query_prints_200_rows_and_counts_on_stderr(published):
    done = published.run("query", "from numbers")
    lines = done.stdout.splitlines()
    assert (done.returncode, len(lines)) == (0, 201)
    assert lines[200].split() == ["199", "\\x1b[31m=red"]
    assert done.stderr == "500 rows; use --all or --csv for all of them\n"
    assert len(published.run("query", "from numbers", "--all").stdout.splitlines()) == 501
    assert len(published.run("query", "from numbers", "--csv").stdout.splitlines()) == 501


def test_query_on_terminal_prints_fitting_printable_rows(published):
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        process = subprocess.Popen(
            [sys.executable, "-c", START, "query", "select *, repeat('long ', 99) as \"x\x1b[2J\" from numbers"],
            env={**os.environ, "FCIR_HOME": str(published.home), "COLUMNS": "40"},
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        )
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


@pytest.mark.parametrize("option", ["--all", "--csv", "--json", "--markdown"])
def test_closed_pipe_ends_query_quietly(published, option):
    with published.start("query", ENDLESS, option) as process:
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait() == -signal.SIGPIPE
        assert process.stderr.read() == ""


@pytest.mark.parametrize("option", ["--all", "--csv"])
def test_a_query_that_crashes_duckdb_ends_with_one_sentence(published, option):
    sql = "select json_contains(repeat('[', 300000) || repeat(']', 300000), '[[1]]')"
    done = published.run("query", sql, option)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("fcir: the query crashed DuckDB (SIGSEGV); nothing was changed")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_query_ends_with_the_command(published, number):
    """Its output is a pipe, which is open as long as any process has it."""
    never = f"select count(*) as rows from ({ENDLESS})"  # noqa: S608 - SQL of this test
    with published.start("query", never, "--csv", "--timeout", "3600") as process:
        assert process.stdout.readline() == "rows\n"
        process.send_signal(number)
        assert process.stdout.read() == ""
        assert process.wait() == (-number if number == signal.SIGKILL else 128 + number)


def test_interrupt_ends_a_busy_query(published):
    never = f"select count(*) as rows from ({ENDLESS})"  # noqa: S608 - SQL of this test
    with published.start("query", never, "--csv", "--timeout", "3600") as process:
        # The header comes before DuckDB begins.
        assert process.stdout.readline() == "rows\n"
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait() == 130
        assert process.stderr.read() == "fcir: stopped; nothing was changed\n"
