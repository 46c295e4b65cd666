"""The operator's command: exit codes, one line for each wrong use, what `check` says and that it touches nothing."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys

import duckdb
import pytest
from command import CALLS, CHATS, START, Command, call, land_three_days
from typer.main import get_command

from dagster_project.cli.app import app
from dagster_project.cli.open import open_in_browser
from dagster_project.cli.summary import print_lines
from dagster_project.warehouse.lock import note_step, writer_lock


@pytest.fixture
def command(tmp_path):
    return Command(tmp_path / "home")


@pytest.fixture
def published(command):
    """A publication of one table of 500 rows, made by no run."""
    folder = command.home / "published" / "one"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "fcir.duckdb")) as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.numbers as select range as n, chr(27) || '[31m=red' as t from range(500)"
        )
    command.current.symlink_to("one")
    return command


@pytest.fixture(scope="module")
def reported(tmp_path_factory, parsed_project):
    """A run whose log is JSON, over three days of which one file is broken and one is missing."""
    command = Command(tmp_path_factory.mktemp("cli") / "home", settings={"FCIR_LOG_FORMAT": "json"})
    command.know_the_project(parsed_project)
    land_three_days(command)
    (command.home / "landing" / "crimes" / "crimes_2022-10-30.csv").unlink()
    command.land("call_segments_2022-10-30_late.csv", "call_id,line", "c,999")
    command.land("call_segments_2022-10-31_late.csv", CALLS, call(50, "2022-10-31"), call(51, "yesterday"))
    contacts = [f"c{n},email,{'2022-10-31 10:00' if n < 9 else 'yesterday'}" for n in range(30)]
    command.land("digital_contacts_2022-10-31.csv", "contact_id,contact_type,received_at", *contacts)
    command.land("bodycam_2022-10-30.csv", "a,b")
    return command, command.run("run")


def test_a_run_with_missing_and_rejected_deliveries_does_the_rest_and_ends_with_1(reported):
    command, done = reported
    assert done.returncode == 1, done.stderr
    found = command.warehouse(
        "select source, cast(extract_date as varchar), status, count(*) from audit.load "
        "where status <> 'loaded' group by all order by all"
    )
    assert found == [
        ("call_segments", "2022-10-30", "rejected", 2),
        ("crimes", "2022-10-30", "missing_delivery", 1),
        ("digital_contacts", "2022-10-31", "rejected", 1),
    ]
    assert command.published("select sum(received) from marts.kpi_calls_monthly") == [(17,)]
    assert command.published("select reason_code from marts.quarantine where source = 'call_segments'") == [
        ("not_a_timestamp",)
    ]
    assert command.damage() == []


PLACES = {
    "site": "index.html",
    "board_paper": "board_paper.html",
    "pdf": "board_paper.pdf",
    "workbook": "board_paper.xlsx",
    "database": "fcir.duckdb",
    "parquet": "parquet",
}


def test_a_json_log_is_json_in_every_line_and_says_what_needs_a_person(reported):
    command, done = reported
    assert done.stderr == ""
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(list(line)[:3] == ["time", "level", "message"] for line in lines)
    assert (lines[-1]["level"], lines[-1]["success"]) == ("error", False)
    places = {name: value for line in lines for name, value in line.items() if name in PLACES}
    assert places == {name: str(command.current / file) for name, file in PLACES.items()}
    assert all((command.current / file).exists() for file in PLACES.values())
    said = " ".join(line["message"] for line in lines)
    assert "crimes 2022-10-30 missing delivery" in said
    assert "call_segments 2022-10-30 rejected: call_segments_2022-10-30_late.csv" in said
    of_calls = [line for line in lines if line.get("status") == "rejected" and line["source"] == "call_segments"]
    warned, rejected = of_calls
    assert (warned["level"], warned["rows_read"]) == ("warning", 8)
    assert rejected["extract_date"] == "2022-10-30"
    assert "call_segments_2022-10-30_late.csv" in rejected["files"]
    assert "missing_column" in rejected["reason"]
    assert "bodycam" in said
    (quarantined,) = [
        line for line in lines if line.get("reason_code") == "not_a_timestamp" and line["source"][0] == "c"
    ]
    assert {name: quarantined[name] for name in ("source", "file", "row", "column", "rows")} == {
        "source": "call_segments",
        "file": "call_segments_2022-10-31_late.csv",
        "row": 3,
        "column": "arrived_at",
        "rows": 1,
    }
    assert quarantined["reason"].endswith('found "yesterday 11:00"')
    (calls,) = [line for line in lines if line.get("name") == "call_segments" and line.get("stage") == "sources"]
    assert (calls["rows_loaded"], calls["rows_quarantined"], calls["rejected"]) == (17, 1, 1)


def test_status_names_what_needs_a_person_and_what_a_run_would_try_again(reported):
    command, _ = reported
    done = command.run("status")
    assert done.returncode == 1
    assert "call_segments 2022-10-30 rejected" in done.stdout
    assert "2 deliveries in the landing folder are new, changed or rejected" in done.stdout
    # Only a delivery whose files could all be read can be accepted.
    assert "fcir run --accept digital_contacts/2022-10-31 --reason" in done.stdout
    assert "--accept call_segments/2022-10-30" not in done.stdout


def test_status_is_json_in_every_line_where_the_log_is(reported):
    command, _ = reported
    lines = [json.loads(line) for line in command.run("status").stdout.splitlines()]
    assert all(list(line)[:3] == ["time", "level", "message"] for line in lines)
    (calls,) = [line for line in lines if line.get("source") == "call_segments" and "days_loaded" in line]
    assert (calls["days_loaded"], calls["days_rejected"], calls["newest"]) == (2, 1, "2022-10-31")


def test_status_fits_a_screen_however_much_there_is_to_say(reported):
    command, _ = reported
    as_text = Command(command.home)
    done = as_text.run("status")
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    # Two more sources have delivered in the sample.
    assert len(lines) + 3 <= 24
    assert [line for line in lines if len(line) > 80 and str(command.home) not in line] == []
    assert str(command.current / "index.html") in done.stdout
    whole = as_text.run("status", "--all").stdout
    (cut,) = [line for line in lines if line.endswith("\u2026") and "digital_contacts" in line]
    assert cut[:-1] in whole
    assert "21 faulty rows" not in cut


# None of them is needed to look something up, and together they take two seconds.
OF_A_RUN = {"pyarrow", "numpy", "sqlalchemy", "dagster", "great_expectations", "jinja2"}
OF_A_CONTRACT = {"open_data_contract_standard", "yaml"}


@pytest.mark.parametrize(
    ("arguments", "unneeded"), [(["query", "select 1"], OF_A_RUN | OF_A_CONTRACT), (["status"], OF_A_RUN)]
)
def test_looking_something_up_imports_no_library_that_it_does_not_need(reported, arguments, unneeded):
    command, _ = reported
    done = Command(command.home, settings={"PYTHONPROFILEIMPORTTIME": "1"}).run(*arguments)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert done.stdout, done.stderr
    assert {"dagster_project.publication.query", "duckdb"} <= imported
    assert imported & unneeded == set()


STATUS_OF_RUN = """
import sys
from pathlib import Path
from dagster_project.warehouse.lock import note_step, writer_lock
with writer_lock(Path(sys.argv[1]), command="fcir run"):
    note_step(Path(sys.argv[1]), "publishing")
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def held(reported):
    """Another process that holds the warehouse of `reported`, as a run does while it publishes."""
    command, _ = reported
    with subprocess.Popen(
        [sys.executable, "-c", STATUS_OF_RUN, str(command.home / "warehouse.lock")],
        env=os.environ | {"PYTHONPATH": str(command.project)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_status_during_a_run_says_what_runs_and_shows_the_last_publication(reported, held):
    command, _ = reported
    as_text = Command(command.home)
    done = as_text.run("status")
    first, second, *rest = [line for line in done.stdout.splitlines() if not line.startswith("warning: ")]
    assert (done.returncode, done.stderr) == (1, ""), "deliveries need attention by the last publication"
    assert first.startswith(f"fcir run is running (process {held.pid}, started ")
    assert ": publishing since " in first
    assert command.current.resolve().name in second
    held.kill()
    held.wait()
    after = as_text.run("status")
    assert f"fcir run (process {held.pid}" in after.stdout
    assert "was killed while publishing" in after.stdout
    table = [line for line in after.stdout.splitlines() if line.startswith(("call_segments  ", "crimes  "))]
    assert [line for line in rest if line.startswith(("call_segments  ", "crimes  "))] == table


def test_status_during_a_run_is_json_where_the_log_is(reported, held):
    command, _ = reported
    lines = [json.loads(line) for line in command.run("status").stdout.splitlines()]
    (running,) = [line for line in lines if "step" in line]
    assert (running["pid"], running["command"], running["step"]) == (held.pid, "fcir run", "publishing")
    assert {"since", "step_since"} <= running.keys()


def test_status_while_the_first_run_is_under_way_says_that_nothing_is_published(command):
    lock = command.home / "warehouse.lock"
    with writer_lock(lock, command="fcir ui"):
        note_step(lock, "preparing the lineage UI")
        done = command.run("status")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"fcir ui is running (process {os.getpid()}, ")
    assert "preparing the lineage UI since" in done.stdout
    assert "Nothing is published yet" in done.stdout


def test_status_counts_what_it_does_not_list(capsys):
    print_lines([f"delivery {n}" for n in range(9)], 3, 20, "delivery", "fcir status --all")
    assert capsys.readouterr().out.splitlines() == [
        "  delivery 0",
        "  delivery 1",
        "  delivery 2",
        "  and 6 more deliveries: fcir status --all",
    ]


def test_a_run_says_no_personal_value(reported):
    command, done = reported
    for value in ("07700 900", "46/1/22", "op1"):
        assert value not in done.stdout
        assert not [path for path in (command.home / "dagster").rglob("*.log") if value in path.read_text()]


WRONG_USES = {
    "a word that is no date": (["run", "--from", "yesterday"], "--from yesterday: not a date; expected YYYY-MM-DD"),
    "a date of another calendar": (["run", "--to", "2022-02-30"], "--to 2022-02-30: not a date"),
    "a range from end to start": (["run", "--from", "2022-11-02", "--to", "2022-11-01"], "--from 2022-11-02 is after"),
    "an accepted load without a reason": (["run", "--accept", "crimes/2022-10-30"], "--accept needs a reason"),
    "a reason for nothing": (["run", "--reason", "why not"], "--reason belongs to an accepted delivery"),
    "an accepted load within a range": (
        ["run", "--accept", "crimes/2022-10-30", "--reason", "why not", "--source", "crimes"],
        "leave out --from, --to and --source",
    ),
    "an accepted delivery of nothing": (
        ["run", "--accept", "crimes/2022-10-30", "--reason", "why not"],
        "nothing is rejected",
    ),
    "an accepted delivery that is a number": (
        ["run", "--accept", "1", "--reason", "why not"],
        "--accept 1: expected SOURCE/DAY, for example call_segments/2022-10-30",
    ),
    "an accepted delivery of a day that is none": (
        ["run", "--accept", "crimes/2022-02-30", "--reason", "why not"],
        "--accept crimes/2022-02-30: expected SOURCE/DAY",
    ),
    "an accepted delivery of an unknown source": (
        ["run", "--accept", "crime/2022-10-30", "--reason", "why not"],
        "Did you mean crimes?",
    ),
    "an unknown source": (
        ["run", "--source", "bodycam"],
        "no contract for source bodycam; known: call_segments, crimes",
    ),
    "a file that is not there": (["check", "crimes_2022-10-30.csv"], "crimes_2022-10-30.csv: no such file"),
    "a file of no source": (["check", __file__], "name the source with --source"),
    "an unknown source of a file": (
        ["check", __file__, "--source", "bodycam"],
        "no contract for source bodycam",
    ),
    "two forms of an answer": (["query", "select 1", "--csv", "--json"], "choose one of --csv, --json and --markdown"),
    "a time that is none": (
        ["query", "select 1", "--timeout", "0"],
        "--timeout 0: expected a number of seconds above 0",
    ),
    "a time without end": (["query", "select 1", "--timeout", "nan"], "--timeout nan: expected a number of seconds"),
    "more than an hour": (["query", "select 1", "--timeout", "3601"], "at most 3600"),
    "a source that is nearly one": (["run", "--source", "crime"], "Did you mean crimes?"),
    "a folder for a file": (["check", "."], ".: is a folder; name files: fcir check ./*"),
    "a port that no machine has": (["ui", "--port", "70000"], "is not in the range 1<=x<=65535. See: fcir ui --help"),
    "an option that does not exist": (["run", "--fast"], "No such option: --fast"),
    "a command that does not exist": (["walk"], "No such command 'walk'. See: fcir --help"),
    "a file that is left out": (["check"], "Missing argument 'FILE...'. See: fcir check --help"),
    "a data root without a landing folder": (["run"], "landing: no such folder; nothing was done"),
    "a query before anything is published": (["query", "select 1"], "nothing is published yet. Run: fcir run"),
}


@pytest.mark.parametrize("case", WRONG_USES)
def test_wrong_use_ends_with_2_and_one_line(command, case):
    arguments, message = WRONG_USES[case]
    done = command.run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("fcir: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert not command.home.exists()


def test_an_error_is_one_json_object_where_the_log_is_json(command):
    command.settings["FCIR_LOG_FORMAT"] = "json"
    for arguments in (["run", "--fast"], ["run", "--from", "x"], ["query", "select 1"]):
        done = command.run(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        (line,) = [json.loads(line) for line in done.stderr.splitlines()]
        assert (line["level"], line["exit_code"]) == ("error", 2)


def test_no_command_at_all_shows_the_commands(command):
    done = command.run()
    assert (done.returncode, done.stderr) == (2, "")
    assert "trace" in done.stdout


def test_a_warehouse_that_is_no_database_is_told_with_what_to_do(command):
    command.land("call_segments_2022-10-30.csv", CALLS, call(1, "2022-10-30"))
    (command.home / "warehouse.duckdb").write_text("rubbish")
    for verb in ("run", "status"):
        done = command.run(verb)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert "not a valid DuckDB database file" in done.stderr
        assert "Nothing was done, and what was published stays. Put the file back from its backup" in done.stderr


def test_a_warehouse_that_another_program_has_open_is_told_with_its_process(command):
    command.land("call_segments_2022-10-30.csv", CALLS, call(1, "2022-10-30"))
    with duckdb.connect(str(command.home / "warehouse.duckdb")):
        done = command.run("run")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (75, "", 1)
    assert "is open in another program" in done.stderr
    assert f"PID {os.getpid()}" in done.stderr


def test_a_publication_whose_database_is_gone_is_told_with_what_to_do(command):
    (command.home / "published" / "one").mkdir(parents=True)
    command.current.symlink_to("one")
    done = command.run("query", "select 1")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "Make it again: fcir publish" in done.stderr


def test_an_error_that_nobody_foresaw_is_one_line_without_its_text_and_a_traceback_on_demand(command):
    broken = (
        "import sys; from dagster_project.cli import app, status\n"
        "def read_state(_): raise AttributeError('of 07700 900123')\n"
        "status.read_state = read_state; sys.argv = ['fcir', *sys.argv[1:]]; app.main()"
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"FCIR_HOME": str(command.home), "PYTHONPATH": str(command.project)}
        broken_command = [sys.executable, "-c", broken, *arguments]
        return subprocess.run(broken_command, cwd=command.home.parent, env=environment, capture_output=True, text=True)

    done = run("status")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("fcir: unexpected AttributeError at <string>:2.")
    assert "fcir --debug" in done.stderr
    assert "900123" not in done.stderr
    assert "Traceback" in run("--debug", "status").stderr


def test_a_data_root_that_is_a_file_is_told(command):
    command.home.write_text("a file")
    for verb in ("run", "status"):
        done = command.run(verb)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert f"{command.home} is a file; nothing was done" in done.stderr


def test_what_the_system_refuses_is_told_with_its_file_and_what_stands(command):
    command.home.write_text("a file")
    done = command.run("sample", "--out", str(command.home / "extracts"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert str(command.home) in done.stderr
    assert "[Errno" not in done.stderr
    assert "What was published before stays" in done.stderr


def test_all_bad_settings_are_named_at_once(command):
    command.settings |= {"FCIR_FORCE": "West Midlands", "FCIR_LOG_FORMAT": "xml", "FCIR_TARGET": "oracle"}
    done = command.run("run")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    for name in ("FCIR_FORCE", "FCIR_LOG_FORMAT", "FCIR_TARGET"):
        assert name in done.stderr


def test_debug_shows_the_traceback_wherever_the_option_stands(command):
    for arguments in (["--debug", "run", "--from", "x"], ["run", "--from", "x", "--debug"]):
        done = command.run(*arguments)
        assert done.returncode != 0
        assert "Traceback (most recent call last)" in done.stderr
        assert "UsageError" in done.stderr


def test_a_run_beside_another_ends_with_75_and_names_its_process(command):
    command.land("call_segments_2022-10-30.csv", CALLS, call(1, "2022-10-30"))
    file = command.home / "warehouse.lock"
    with file.open("w+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        held.write(json.dumps({"pid": os.getpid(), "since": 0}))
        held.flush()
        done = command.run("run")
        assert (done.returncode, done.stdout) == (75, "")
        assert f"process {os.getpid()} " in done.stderr
        assert done.stderr.count("\n") == 1
        assert not (command.home / "warehouse.duckdb").exists()


def test_status_of_an_empty_installation_says_what_to_do_and_touches_nothing(command):
    done = command.run("status")
    assert done.returncode == 0
    assert "Nothing is loaded yet, and there is no landing folder" in done.stdout
    assert not command.home.exists()


def test_check_lists_rows_and_reasons_and_touches_nothing(command, tmp_path):
    path = tmp_path / "call_segments_2022-10-30.csv"
    rows = [
        call(1, "2022-10-30"),
        call(2, "2022-10-30", disposition="lost"),
        call(1, "2022-10-30"),
        f"{call(3, '2022-10-30')},extra",
        call(4, "tomorrow"),
    ]
    path.write_text("\n".join([f"{CALLS}", *rows, ""]))
    before = sorted(tmp_path.rglob("*"))
    done = command.run("check", str(path))
    assert done.returncode == 0, done.stderr
    assert "would be loaded: 5 rows read, 1 good, 4 quarantined" in done.stdout
    for line in (
        "row 3, column disposition:",
        "row 4: the same row stands earlier in this delivery [duplicate_row]",
        "row 5: more cells than the header",
        "row 6, column arrived_at:",
    ):
        assert line in done.stdout
    assert "07700" not in done.stdout
    assert 'found "lost" [not_in_list]' in done.stdout
    assert sorted(tmp_path.rglob("*")) == before
    assert not command.home.exists()


def test_check_ends_with_1_when_a_file_would_be_rejected_and_looks_at_the_others(command, tmp_path):
    broken, faulty, good = (tmp_path / f"call_segments_2022-10-{day}.csv" for day in (28, 29, 30))
    broken.write_text("call_id,line\nc,999\n")
    faulty.write_text("\n".join([CALLS, *(call(n, "never") for n in range(21)), ""]))
    good.write_text("\n".join([CALLS, call(1, "2022-10-30"), ""]))
    done = command.run("check", "--rows", "2", str(broken), str(faulty), str(good))
    assert done.returncode == 1
    assert done.stdout.count("would be REJECTED") == 2
    assert "not compared: volume" in done.stdout
    assert "faulty: 21 of 21 rows" in done.stdout
    assert done.stdout.count("verdict on call_segments of") == 3
    assert "REJECTED [faulty_rows_are_within_limits]: faulty_rows_are_within_limits: " in done.stdout
    assert done.stdout.count("[not_a_timestamp]") == 2
    assert "would be loaded: 1 row read" in done.stdout


def test_check_takes_a_file_of_any_name_when_told_its_source(command, tmp_path):
    path = tmp_path / "Export (3).csv"
    path.write_text("\n".join([CALLS, call(1, "2022-10-30"), ""]))
    assert "1 good" in command.run("check", str(path), "--source", "call_segments").stdout


def test_a_key_that_others_may_read_stops_a_run_before_anything_is_loaded(command, tmp_path):
    key = tmp_path / "key"
    key.write_text("ab" * 32)
    key.chmod(0o644)
    command.settings["FCIR_PSEUDONYM_KEY_FILE"] = str(key)
    command.land("call_segments_2022-10-30.csv", CALLS, call(1, "2022-10-30"))
    done = command.run("run")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"chmod 600 {key}" in done.stderr
    # The job has not begun.
    assert not (command.home / "dagster").exists()


def test_an_operator_accepts_a_rejected_delivery_but_none_that_cannot_be_read(reported):
    command, _ = reported
    refused = command.run("run", "--accept", "call_segments/2022-10-30", "--reason", "never mind")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "call_segments_2022-10-30_late.csv [missing_column] cannot be read" in refused.stderr
    absent = command.run("run", "--accept", "crimes/2022-10-30", "--reason", "never mind")
    assert (absent.returncode, absent.stderr.count("\n")) == (2, 1)
    assert "Rejected: call_segments/2022-10-30, digital_contacts/2022-10-31." in absent.stderr
    done = command.run("run", "--accept", "digital_contacts/2022-10-31", "--reason", "a test of the web form")
    assert done.returncode == 1, "two other deliveries still need attention"
    assert "digital_contacts 2022-10-31 will be loaded as it is: a test of the web form" in done.stdout
    assert command.published(
        "select status, rows_loaded, rows_quarantined, reason from marts.load_audit "
        "where source = 'digital_contacts' and extract_date = date '2022-10-31'"
    ) == [
        (
            "loaded",
            9,
            21,
            "accepted by an operator: a test of the web form (in spite of faulty_rows_are_within_limits)",
        )
    ]


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
def test_a_limit_that_ends_a_query_is_named(published, case):
    if case == "a list that DuckDB does not count" and sys.platform != "linux":
        pytest.skip("other systems do not enforce the limit of a process")
    arguments, message = BEYOND_LIMITS[case]
    time = ["--timeout", "1"] if "--timeout" in message else []
    done = published.run("query", *arguments, *time)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("fcir: the query ")
    assert message in done.stderr


@pytest.mark.parametrize("sql", ["", " \n", ";", "/* nothing */"])
def test_an_empty_query_is_wrong_use(published, sql):
    done = published.run("query", sql)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "the query is empty" in done.stderr


def test_a_pipe_gets_the_first_rows_and_standard_error_how_many_there_are(published):
    done = published.run("query", "from numbers")
    lines = done.stdout.splitlines()
    assert (done.returncode, len(lines)) == (0, 201)
    assert lines[200].split() == ["199", "\\x1b[31m=red"]
    assert done.stderr == "500 rows; use --all or --csv for all of them\n"
    assert len(published.run("query", "from numbers", "--all").stdout.splitlines()) == 501
    assert len(published.run("query", "from numbers", "--csv").stdout.splitlines()) == 501


def test_a_terminal_gets_rows_that_fit_and_nothing_that_steers_it(published):
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
        # Linux ends a terminal that nobody has open with an error.
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
def test_a_reader_that_goes_away_ends_the_command_quietly(published, option):
    with published.start("query", ENDLESS, option) as process:
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait() == -signal.SIGPIPE
        assert process.stderr.read() == ""


def test_an_interrupt_ends_a_query_that_duckdb_is_busy_with(published):
    never = f"select count(*) as rows from ({ENDLESS})"  # noqa: S608 - SQL of this test
    with published.start("query", never, "--csv", "--timeout", "3600") as process:
        # The header comes before DuckDB begins.
        assert process.stdout.readline() == "rows\n"
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait() == 130
        assert process.stderr.read() == "fcir: stopped; nothing was changed\n"


def examples() -> list[tuple[str, list[str]]]:
    """Every example of every help: its verb and its arguments, as a shell passes them on."""
    found = []
    for name, verb in get_command(app).commands.items():
        lines = [line.strip() for line in (verb.help or "").splitlines()]
        found += [(name, shlex.split(line.partition(" > ")[0])[1:]) for line in lines if line.startswith("fcir ")]
    return found


def test_every_verb_has_an_example():
    assert {name for name, _ in examples()} == set(get_command(app).commands)


@pytest.mark.parametrize(("name", "arguments"), examples(), ids=lambda value: " ".join(value)[:60])
def test_an_example_of_a_help_is_a_command_of_its_verb(name, arguments):
    assert arguments[0] == name
    verb = get_command(app).commands[name]
    context = verb.make_context(name, arguments[1:])
    assert context.args == []


def test_no_line_of_a_help_is_wider_than_a_screen():
    for name, verb in get_command(app).commands.items():
        assert [
            line for line in (verb.help or "").splitlines() if line.startswith("  fcir") and len(line) > 76
        ] == [], name


@pytest.fixture(scope="module")
def text_of_published(reported):
    command, _ = reported
    return Command(command.home)


def test_measures_are_found_by_text_and_section(text_of_published):
    found = json.loads(text_of_published.run("measures", "QUEUE", "--section", "calls_999", "--json").stdout)
    assert {"calls_999.avg_queue_time", "calls_999.median_queue_time"} <= {row["measure"] for row in found}
    assert all(row["section"] == "calls_999" and row["definition"] for row in found)
    one = text_of_published.run("measures", "calls_999.received").stdout
    assert one.startswith("calls_999.received\n")
    assert re.search(r"^  definition +\S", one, re.MULTILINE)
    every = text_of_published.run("measures", "--csv").stdout.splitlines()
    assert every[0].startswith("measure,label,unit,section,definition")
    assert len(every) > 50


def test_tables_are_listed_with_rows_and_grain_and_one_with_its_columns(text_of_published):
    found = {row["table_name"]: row for row in json.loads(text_of_published.run("tables", "--json").stdout)}
    assert found["fct_call"]["grain"] == "force_code, call_id"
    assert [(found["fct_call"]["rows"],)] == text_of_published.published("select count(*) from marts.fct_call")
    shown = text_of_published.run("tables", "kpi_calls_monthly").stdout
    assert re.search(r"^kpi_calls_monthly: \d+ rows?\n", shown)
    assert re.search(r"^pct_not_answered +decimal\S* +\S", shown, re.MULTILINE)


def test_open_prints_the_page_and_starts_nothing_without_a_display(text_of_published):
    text_of_published.settings |= {"DISPLAY": "", "WAYLAND_DISPLAY": ""}
    for arguments, page in ((["open"], "board_paper.html"), (["open", "site"], "index.html")):
        done = text_of_published.run(*arguments)
        assert (done.returncode, done.stdout) == (0, f"{text_of_published.current / page}\n")


def test_a_browser_is_started_where_there_is_a_display(monkeypatch, tmp_path):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    monkeypatch.setenv("DISPLAY", ":0")
    assert open_in_browser(tmp_path / "board paper.html")
    assert opened == [(tmp_path / "board paper.html").as_uri()]


UNKNOWN = {
    "a section": (["measures", "--section", "calls"], "known: calls_101, calls_999"),
    "a measure": (["measures", "nothing like it"], "All: fcir measures"),
    "a table": (["tables", "kpi_call_monthly"], "Did you mean kpi_calls_monthly? All: fcir tables"),
    "two forms": (["tables", "--csv", "--json"], "choose one of --csv and --json"),
    "a page": (["open", "workbook"], "'workbook' is not one of 'paper', 'site'"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_is_not_known_ends_with_2_and_what_there_is(text_of_published, case):
    arguments, message = UNKNOWN[case]
    done = text_of_published.run(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert message in done.stderr


_COUNT_LOOKS = """
import atexit, sys
from dagster_project.loading import landing, plan
looks = []
def count(module, name):
    original = getattr(module, name)
    setattr(module, name, lambda *arguments, **options: looks.append(name) or original(*arguments, **options))
count(landing, "scan")
count(plan, "plan_deliveries")
atexit.register(lambda: print(sorted(looks), file=sys.stderr))
from dagster_project.__main__ import main
main()
"""


def test_a_run_lists_and_plans_once_from_the_command_to_the_last_source(undisturbed, tmp_path):
    shutil.copytree(undisturbed.home, tmp_path / "home", symlinks=True)
    command = Command(tmp_path / "home")
    command.land("live_chats_2022-11-01.csv", CHATS, "chat90,2022-11-01 09:00,2022-11-01 09:01,2022-11-01 09:30,op1")
    environment = os.environ | {
        "FCIR_HOME": str(command.home),
        "FCIR_QUIET_SECONDS": "0",
        "PYTHONPATH": str(command.project),
    }
    counting = [sys.executable, "-c", _COUNT_LOOKS, "run"]
    done = subprocess.run(counting, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "['plan_deliveries', 'scan']"
    assert "1 delivery, 1 row loaded" in done.stdout
