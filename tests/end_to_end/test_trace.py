"""`fcir trace` from a figure to lines of delivered files; `tests/reference` traces every measure."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import shutil
from hashlib import sha256

import pytest

from dagster_project.warehouse.connection import loading_connection
from tests.end_to_end.command import CALLS, Command, call, land_three_days

NOT_ANSWERED = ("trace", "calls_999.not_answered", "2022-10")
PERCENT = ("trace", "calls_999.pct_not_answered", "2022-10")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory, parsed_project):
    """Three days with a call of two segments in two files, a quarantined row and a missing day of crimes."""
    command = Command(tmp_path_factory.mktemp("trace") / "home")
    command.know_the_project(parsed_project)
    land_three_days(command)
    (command.home / "landing" / "crimes" / "crimes_2022-10-30.csv").unlink()
    second = call(12, "2022-10-30", disposition="abandoned").replace("call12,1,", "call12,2,")
    command.land("call_segments_2022-10-30_late.csv", CALLS, call(60, "soon"), second)
    done = command.run("run")
    assert done.returncode == 1, "a delivery of crimes is missing"
    return command


def line_of(command: Command, row: dict) -> str:
    """The line of a landed file that a row of a trace names."""
    path = command.home / "landing" / row["source"] / row["file_name"]
    return path.read_text(encoding="utf-8").splitlines()[int(row["source_row"]) - 1]


def rows_of(command: Command, *arguments: str) -> list[dict]:
    done = command.run(*arguments, "--rows", "--csv")
    assert (done.returncode, done.stderr) == (0, "")
    return list(csv.DictReader(io.StringIO(done.stdout)))


def test_trace_shows_figure_sums_and_files(loaded):
    done = loaded.run(*PERCENT)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "calls_999.pct_not_answered, kent, October 2022: % Not Answered"
    publication = loaded.current.readlink().name
    for line in (
        "Figure       50.00%   (percent; target under 2)",
        f"Published    {publication} has the same figure",
        "Provisional  yes, it may change; 3 of 31 days are loaded (9.68%)",
        "             call_segments: 2022-10-01 to 2022-10-28 not delivered",
        "Owner        control-room",
        "Quotient     100 * 6 / 12",
        "  numerator   6   calls not answered",
        "    + 6 calls_999.not_answered",
        "  denominator 12   calls received",
        "    + 12 calls_999.received",
        "calls_999.not_answered: 6 events, in 7 rows of 4 files of call_segments",
        "calls_999.received: 12 events, in 13 rows of 4 files of call_segments",
    ):
        assert line in lines, line
    assert any(line.startswith("Definition   Share of the calls to 999") for line in lines)
    path = loaded.home / "landing" / "call_segments" / "call_segments_2022-10-30.csv"
    digest = sha256(path.read_bytes()).hexdigest()
    # Calls 12 and 16 are the third and the seventh of the day, below the header.
    (shown,) = {tuple(line.split()) for line in lines if path.name in line and line.endswith("4, 8")}
    assert (shown[0], shown[1], shown[2], shown[4]) == ("2022-10-30", path.name, digest[:12], "2")


def test_traced_rows_are_lines_of_counted_calls(loaded):
    rows = rows_of(loaded, *NOT_ANSWERED)
    calls = sorted(line_of(loaded, row).split(",")[0] for row in rows)
    assert calls == ["call0", "call12", "call12", "call16", "call20", "call24", "call4"]
    assert all(line_of(loaded, row).split(",")[2] == "999" for row in rows)
    # A call counts once, on the row of its first segment.
    assert sum(float(row["amount"] or 0) for row in rows) == 6
    (further,) = [row for row in rows if not row["amount"]]
    assert line_of(loaded, further).startswith("call12,2,")


def test_json_trace_is_complete(loaded):
    done = loaded.run(*PERCENT, "--rows", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    trace = json.loads(done.stdout)
    assert (trace["display_value"], trace["value"], trace["numerator"]) == ("50.00%", "50.000000", "6.000000")
    assert (trace["adds_up"], trace["faults"], trace["is_current"]) == (True, [], True)
    assert trace["published"]["has_moved_on"] is False
    assert {day["state"] for day in trace["missing_days"]} == {"not delivered"}
    assert [(part["part"], part["uses"]) for part in trace["parts"]] == [
        ("calls_999.not_answered", [{"role": "numerator", "weight": 1}]),
        ("calls_999.received", [{"role": "denominator", "weight": 1}]),
    ]
    for part in trace["parts"]:
        listed = [row for row in trace["rows"] if row["part"] == part["part"]]
        for file in part["files"]:
            path = loaded.home / "landing" / file["source"] / file["file_name"]
            assert file["file_sha256"] == sha256(path.read_bytes()).hexdigest()
            numbers = [row["source_row"] for row in listed if row["load_id"] == file["load_id"]]
            assert numbers == numbers_in(file["source_rows"])
            assert file["events"] == len([n for n in numbers if amount_of(listed, file["load_id"], n) is not None])
    assert [(item["file_name"], item["reason_code"], item["rows"]) for item in trace["quarantined"]] == [
        ("call_segments_2022-10-30_late.csv", "not_a_timestamp", 1)
    ]


def numbers_in(text: str) -> list[int]:
    found = []
    for run in text.split(", "):
        first, _, last = run.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def amount_of(rows: list[dict], load_id: int, source_row: int) -> str | None:
    (amount,) = [row["amount"] for row in rows if (row["load_id"], row["source_row"]) == (load_id, source_row)]
    return amount


def test_csv_trace_has_a_line_per_part_and_file(loaded):
    done = loaded.run(*PERCENT, "--csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(rows) == 8
    assert {row["part"] for row in rows} == {"calls_999.not_answered", "calls_999.received"}
    late = [row for row in rows if row["file_name"] == "call_segments_2022-10-30_late.csv"]
    assert [(row["events"], row["amount"], row["source_rows"]) for row in late] == [("0", "0", "3"), ("0", "0", "3")]


def test_trace_counts_quarantined_rows_and_shows_query(loaded):
    text = loaded.run(*NOT_ANSWERED).stdout
    assert "Quarantined  1 row in the deliveries" in text
    assert "1 not_a_timestamp" in text
    sql = next(line for line in text.splitlines() if "fcir query" in line).split('"')[1]
    rows = loaded.published(sql.replace("from quarantine", "select source_row from marts.quarantine"))
    assert rows == [(2,)]


def test_trace_names_missing_days(loaded):
    done = loaded.run("trace", "crime.recorded_crime", "2022-10")
    assert done.returncode == 0
    assert "2 of 31 days are loaded (6.45%)" in done.stdout
    assert "             crimes: 2022-10-01 to 2022-10-28 not delivered; 2022-10-30 missing" in done.stdout


def test_trace_shows_no_personal_value_or_pseudonym(loaded):
    hidden = ["07700 900", "46/1/22", "op1"]
    hidden += [value for (value,) in loaded.warehouse("select crime_ref from marts.fct_crime")]
    hidden += [value for (value,) in loaded.warehouse("select distinct operator_id from marts.fct_live_chat")]
    hidden += [value for (value,) in loaded.warehouse("select distinct caller_number from marts.fct_call")]
    assert all(hidden)
    for measure in ("crime.recorded_crime", "calls_999.received", "live_chat.chats_per_operator_hour"):
        for forms in (["--rows", "--json"], ["--rows"])[: 2 if measure.startswith("crime") else 1]:
            done = loaded.run("trace", measure, "2022-10", *forms)
            assert done.returncode == 0
            assert len(done.stdout) > 500
            assert not [value for value in hidden if value in done.stdout + done.stderr]


WRONG_USES = {
    "a measure that does not exist": (
        ["calls_999.pct_unanswered", "2022-10"],
        "no measure calls_999.pct_unanswered; similar: calls_999.pct_not_answered",
    ),
    "a measure without its section": (
        ["pct_not_answered", "2022-10"],
        "no measure pct_not_answered; similar: calls_101.pct_not_answered, calls_999.pct_not_answered. All of them: "
        'fcir query "from measures"',
    ),
    "a word that is near nothing": (["\x1b[2Jxyz", "2022-10"], "no measure \\x1b[2Jxyz; nothing is similar"),
    "a day for a month": (["calls_999.received", "2022-10-01"], "2022-10-01: not a month; expected YYYY-MM"),
    "a thirteenth month": (["calls_999.received", "2022-13"], "2022-13: not a month; expected YYYY-MM"),
    "the year nought": (["calls_999.received", "0000-01"], "0000-01: not a month; expected YYYY-MM"),
    "a month outside the data": (
        ["calls_999.received", "2022-11"],
        "calls_999.received of kent has no month 2022-11; there are 2022-10 to 2022-10",
    ),
    "the last month of all": (["calls_999.received", "9999-12"], "calls_999.received of kent has no month 9999-12"),
    "a force that is not there": (
        ["calls_999.received", "2022-10", "--force", "essex"],
        "no figures of force essex; name one with --force: kent",
    ),
    "two forms of an answer": (["calls_999.received", "2022-10", "--csv", "--json"], "choose one of --csv and --json"),
}


@pytest.mark.parametrize("case", WRONG_USES)
def test_wrong_use_ends_with_2_and_one_line(loaded, case):
    arguments, message = WRONG_USES[case]
    done = loaded.run("trace", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("fcir: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_trace_without_data_says_what_to_do_and_writes_nothing(tmp_path):
    command = Command(tmp_path / "home")
    done = command.run(*PERCENT)
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing is loaded yet" in done.stderr
    assert not command.home.exists()


def test_trace_during_a_run_ends_with_75(loaded):
    with (loaded.home / "warehouse.lock").open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        held.write(json.dumps({"pid": os.getpid(), "since": 0}))
        held.flush()
        done = loaded.run(*PERCENT)
        held.truncate(0)
    assert (done.returncode, done.stdout) == (75, "")
    assert f"process {os.getpid()} " in done.stderr


@pytest.fixture
def changed(loaded, tmp_path):
    """A copy with a writable warehouse."""
    copy = Command(tmp_path / "home")
    shutil.copytree(loaded.home, copy.home, symlinks=True)
    return copy


def test_trace_that_does_not_add_up_ends_with_1(changed):
    with loading_connection(changed.home / "warehouse.duckdb") as connection:
        connection.execute(
            "update measures.int_measure_monthly set numerator = 5, value_numerator = 500, value = 41.666667 "
            "where measure = 'calls_999.pct_not_answered'"
        )
        connection.execute(
            "update marts.kpi_measure_period set display_value = '41.67%' "
            "where measure = 'calls_999.pct_not_answered' and period = 'month'"
        )
    fault = "numerator: the rows give 6, the figure has 5"
    done = changed.run(*PERCENT)
    assert done.returncode == 1
    assert f"Adds up      NO: {fault}" in done.stdout
    assert "Figure       41.67%" in done.stdout
    publication = changed.current.readlink().name
    assert f"Published    {publication} has 50.00% (50); the warehouse has changed since" in done.stdout
    assert done.stderr == f"fcir: calls_999.pct_not_answered 2022-10 does not add up: {fault}\n"
    # A table for a machine holds nothing but the table.
    assert changed.run(*PERCENT, "--csv").stdout.count("\n") == 9


def test_trace_reports_outdated_figure(changed):
    with loading_connection(changed.home / "warehouse.duckdb") as connection:
        connection.execute("update audit.build set is_published = false")
    assert "Not current  what is loaded, or the project, has changed" in changed.run(*PERCENT).stdout


def test_warehouse_of_earlier_version_is_not_traced(changed):
    with loading_connection(changed.home / "warehouse.duckdb") as connection:
        connection.execute("drop view measures.int_part_event")
    done = changed.run(*PERCENT)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "was by an earlier version, so no figure can be traced. Run: fcir run" in done.stderr
