"""The operator's command: exit codes, one line per error, output of `check`, `status` and queries."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shlex
import subprocess
import sys
from importlib.metadata import version
from typing import Any

import duckdb
import pytest
from typer.main import get_command

from dagster_project.cli.app import app
from dagster_project.cli.open import open_in_browser
from dagster_project.cli.summary import print_lines
from dagster_project.record import store
from dagster_project.settings import Settings
from dagster_project.warehouse.lock import note_step, writer_lock
from tests.end_to_end.command import CALLS, Command, call, land_three_days


@pytest.fixture
def command(tmp_path):
    return Command(tmp_path / "home")


COUNT_SCANS_AND_PLANS = """
import atexit, os
from pathlib import Path
from dagster_project.loading import landing, plan
looks = []
def count(module, name):
    original = getattr(module, name)
    setattr(module, name, lambda *arguments, **options: looks.append(name) or original(*arguments, **options))
count(landing, "scan")
count(plan, "plan_deliveries")
atexit.register(lambda: Path(os.environ["FCIR_HOME"], "looks").write_text(" ".join(sorted(looks))))
from dagster_project.__main__ import main
main()
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory, parsed_project):
    """A run with JSON log over three days, with one broken and one missing file."""
    command = Command(tmp_path_factory.mktemp("cli") / "home", settings={"FCIR_LOG_FORMAT": "json"})
    command.know_the_project(parsed_project)
    land_three_days(command)
    (command.home / "landing" / "crimes" / "crimes_2022-10-30.csv").unlink()
    command.land("call_segments_2022-10-30_late.csv", "call_id,line", "c,999")
    command.land("call_segments_2022-10-31_late.csv", CALLS, call(50, "2022-10-31"), call(51, "yesterday"))
    contacts = [f"c{n},email,{'2022-10-31 10:00' if n < 9 else 'yesterday'}" for n in range(30)]
    command.land("digital_contacts_2022-10-31.csv", "contact_id,contact_type,received_at", *contacts)
    command.land("bodycam_2022-10-30.csv", "a,b")
    return command, command.run("run", code=COUNT_SCANS_AND_PLANS)


def test_run_with_missing_and_rejected_deliveries_loads_the_rest(loaded):
    command, done = loaded
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


PUBLISHED_FILES = {
    "site": "index.html",
    "board_paper": "board_paper.html",
    "pdf": "board_paper.pdf",
    "workbook": "board_paper.xlsx",
    "database": "fcir.duckdb",
    "parquet": "parquet",
}


def test_run_scans_and_plans_once(loaded):
    command, _ = loaded
    assert (command.home / "looks").read_text() == "plan_deliveries scan"


def test_json_log_has_only_json_lines_and_reports_problems(loaded):
    command, done = loaded
    assert done.stderr == ""
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(list(line)[:3] == ["time", "level", "message"] for line in lines)
    assert (lines[-1]["level"], lines[-1]["success"]) == ("error", False)
    files = {name: value for line in lines for name, value in line.items() if name in PUBLISHED_FILES}
    assert files == {name: str(command.current / file) for name, file in PUBLISHED_FILES.items()}
    assert all((command.current / file).exists() for file in PUBLISHED_FILES.values())
    messages = " ".join(line["message"] for line in lines)
    assert "crimes 2022-10-30 missing delivery" in messages
    assert "call_segments 2022-10-30 rejected: call_segments_2022-10-30_late.csv" in messages
    call_lines = [line for line in lines if line.get("status") == "rejected" and line["source"] == "call_segments"]
    warned, rejected = call_lines
    assert (warned["level"], warned["rows_read"]) == ("warning", 8)
    assert rejected["extract_date"] == "2022-10-30"
    assert "call_segments_2022-10-30_late.csv" in rejected["files"]
    assert "missing_column" in rejected["reason"]
    assert "bodycam" in messages
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


def test_status_lists_problems_and_deliveries_to_retry(loaded):
    command, _ = loaded
    done = command.run("status")
    assert done.returncode == 1
    assert "call_segments 2022-10-30 rejected" in done.stdout
    assert "2 deliveries in the landing folder are new, changed or rejected" in done.stdout
    # Only a delivery whose files could all be read can be accepted.
    assert "fcir run --accept digital_contacts/2022-10-31 --reason" in done.stdout
    assert "--accept call_segments/2022-10-30" not in done.stdout


def test_status_prints_json_lines_with_json_log(loaded):
    command, _ = loaded
    lines = [json.loads(line) for line in command.run("status").stdout.splitlines()]
    assert all(list(line)[:3] == ["time", "level", "message"] for line in lines)
    (calls,) = [line for line in lines if line.get("source") == "call_segments" and "days_loaded" in line]
    assert (calls["days_loaded"], calls["days_rejected"], calls["newest"]) == (2, 1, "2022-10-31")


def test_status_fits_a_screen(loaded):
    command, _ = loaded
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


# Looking something up needs none of them; together they take two seconds.
RUN_LIBRARIES = {"pyarrow", "numpy", "sqlalchemy", "dagster", "great_expectations", "jinja2"}
CONTRACT_LIBRARIES = {"open_data_contract_standard", "yaml"}


@pytest.mark.parametrize(
    ("arguments", "unneeded"),
    [(["query", "select 1"], RUN_LIBRARIES | CONTRACT_LIBRARIES), (["status"], RUN_LIBRARIES)],
)
def test_query_and_status_import_no_unneeded_library(loaded, arguments, unneeded):
    command, _ = loaded
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
def other_run(loaded):
    """Another process that locks the warehouse, as a run does while it publishes."""
    command, _ = loaded
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


def test_status_during_a_run_shows_run_and_last_publication(loaded, other_run):
    command, _ = loaded
    as_text = Command(command.home)
    done = as_text.run("status")
    first, second, *rest = [line for line in done.stdout.splitlines() if not line.startswith("warning: ")]
    assert (done.returncode, done.stderr) == (1, ""), "deliveries need attention by the last publication"
    assert first.startswith(f"fcir run is running (process {other_run.pid}, started ")
    assert ": publishing since " in first
    assert command.current.resolve().name in second
    other_run.kill()
    other_run.wait()
    after = as_text.run("status")
    assert f"fcir run (process {other_run.pid}" in after.stdout
    assert "was killed while publishing" in after.stdout
    table = [line for line in after.stdout.splitlines() if line.startswith(("call_segments  ", "crimes  "))]
    assert [line for line in rest if line.startswith(("call_segments  ", "crimes  "))] == table


def test_status_during_a_run_prints_json_lines_with_json_log(loaded, other_run):
    command, _ = loaded
    lines = [json.loads(line) for line in command.run("status").stdout.splitlines()]
    (running,) = [line for line in lines if "step" in line]
    assert (running["pid"], running["command"], running["step"]) == (other_run.pid, "fcir run", "publishing")
    assert {"since", "step_since"} <= running.keys()


def test_status_during_first_run_says_nothing_is_published(command):
    lock = command.home / "warehouse.lock"
    with writer_lock(lock, command="fcir ui"):
        note_step(lock, "preparing the lineage UI")
        done = command.run("status")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"fcir ui is running (process {os.getpid()}, ")
    assert "preparing the lineage UI since" in done.stdout
    assert "Nothing is published yet" in done.stdout


def test_status_counts_lines_it_leaves_out(capsys):
    print_lines([f"delivery {n}" for n in range(9)], 3, 20, "delivery", "fcir status --all")
    assert capsys.readouterr().out.splitlines() == [
        "  delivery 0",
        "  delivery 1",
        "  delivery 2",
        "  and 6 more deliveries: fcir status --all",
    ]


def test_run_prints_no_personal_value(loaded):
    command, done = loaded
    for value in ("07700 900", "46/1/22", "op1"):
        assert value not in done.stdout
        assert not [path for path in (command.home / "dagster").rglob("*.log") if value in path.read_text()]


WRONG_USES = {
    "a word that is no date": (["run", "--from", "yesterday"], "--from yesterday: not a date; expected YYYY-MM-DD"),
    "a date of another calendar": (["run", "--to", "2022-02-30"], "--to 2022-02-30: not a date"),
    "a range from end to start": (["run", "--from", "2022-11-02", "--to", "2022-11-01"], "--from 2022-11-02 is after"),
    "an accepted load without a reason": (["run", "--accept", "crimes/2022-10-30"], "--reason is required"),
    "an accepted load whose reason names a person": (
        ["run", "--accept", "crimes/2022-10-30", "--reason", "asked on 07700 900123"],
        "--reason contains a personal value",
    ),
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
    "an option that does not exist": (
        ["run", "--fast"],
        "No such option: --fast (Possible options: --to). See: fcir run --help",
    ),
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


def test_errors_are_json_lines_with_json_log(command):
    command.settings["FCIR_LOG_FORMAT"] = "json"
    for arguments in (["run", "--fast"], ["run", "--from", "x"], ["query", "select 1"]):
        done = command.run(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        (line,) = [json.loads(line) for line in done.stderr.splitlines()]
        assert (line["level"], line["exit_code"]) == ("error", 2)


def test_version_is_that_of_the_package(command):
    done = command.run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"fcir {version('fcir')}\n", "")


def test_no_command_prints_help(command):
    done = command.run()
    assert (done.returncode, done.stderr) == (2, "")
    assert "trace" in done.stdout


def test_a_group_without_a_command_prints_its_help(command):
    done = command.run("keys")
    assert (done.returncode, done.stderr) == (2, "fcir: A command is missing. See: fcir keys --help\n")
    assert "rotate" in done.stdout


def test_invalid_warehouse_file_is_reported_with_remedy(command):
    command.land("call_segments_2022-10-30.csv", CALLS, call(1, "2022-10-30"))
    (command.home / "warehouse.duckdb").write_text("rubbish")
    for verb in ("run", "status"):
        done = command.run(verb)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert "not a valid DuckDB database file" in done.stderr
        assert "Nothing was done, and what was published stays. Build it again" in done.stderr
        assert "fcir rebuild; or put it back from its backup" in done.stderr


def test_warehouse_open_elsewhere_is_reported_with_process(command):
    command.land("call_segments_2022-10-30.csv", CALLS, call(1, "2022-10-30"))
    with duckdb.connect(str(command.home / "warehouse.duckdb")):
        done = command.run("run")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (75, "", 1)
    assert "is open in another program" in done.stderr
    assert f"PID {os.getpid()}" in done.stderr


def test_missing_published_database_is_reported_with_remedy(command):
    (command.home / "published" / "one").mkdir(parents=True)
    command.current.symlink_to("one")
    done = command.run("query", "select 1")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "Publish again: fcir publish" in done.stderr


FAILING_STATUS = (
    "import sys; from dagster_project.cli import app, status\n"
    "def read_state(_): raise AttributeError('of 07700 900123')\n"
    "status.read_state = read_state; sys.argv = ['fcir', *sys.argv[1:]]; app.main()"
)


def test_unexpected_error_is_one_line_and_traceback_needs_debug(command):
    done = command.run("status", code=FAILING_STATUS)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("fcir: unexpected AttributeError at <string>:2.")
    assert "fcir --debug" in done.stderr
    assert "900123" not in done.stderr
    assert "Traceback" in command.run("--debug", "status", code=FAILING_STATUS).stderr


def test_data_root_that_is_a_file_is_reported(command):
    command.home.write_text("a file")
    for verb in ("run", "status"):
        done = command.run(verb)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert f"{command.home} is a file; nothing was done" in done.stderr


def test_named_pipe_in_place_of_a_file_is_reported_and_hangs_no_command(command):
    (command.home / "record").mkdir(parents=True)
    os.mkfifo(command.home / "record" / "record.jsonl")
    for arguments in (["run"], ["status"], ["record"], ["verify"], ["rebuild"], ["query", "select 1"]):
        done = command.run(*arguments)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert "record.jsonl is a named pipe; expected a file. Nothing was done. Move it away: mv " in done.stderr


def test_system_errors_name_file_and_unchanged_state(command):
    command.home.write_text("a file")
    done = command.run("sample", "--out", str(command.home / "extracts"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert str(command.home) in done.stderr
    assert "[Errno" not in done.stderr
    assert "What was published before stays" in done.stderr


def test_all_invalid_settings_are_reported_at_once(command):
    command.settings |= {"FCIR_FORCE": "West Midlands", "FCIR_LOG_FORMAT": "xml", "FCIR_TARGET": "oracle"}
    done = command.run("run")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    for name in ("FCIR_FORCE", "FCIR_LOG_FORMAT", "FCIR_TARGET"):
        assert name in done.stderr


def test_debug_option_works_in_any_position(command):
    for arguments in (["--debug", "run", "--from", "x"], ["run", "--from", "x", "--debug"]):
        done = command.run(*arguments)
        assert done.returncode != 0
        assert "Traceback (most recent call last)" in done.stderr
        assert "UsageError" in done.stderr


def test_second_run_ends_with_75_and_names_the_first(command):
    command.land("call_segments_2022-10-30.csv", CALLS, call(1, "2022-10-30"))
    file = command.home / "warehouse.lock"
    with file.open("w+") as other_run:
        fcntl.flock(other_run, fcntl.LOCK_EX)
        other_run.write(json.dumps({"pid": os.getpid(), "since": 0}))
        other_run.flush()
        done = command.run("run")
        assert (done.returncode, done.stdout) == (75, "")
        assert f"process {os.getpid()} " in done.stderr
        assert done.stderr.count("\n") == 1
        assert not (command.home / "warehouse.duckdb").exists()


def test_status_without_data_says_what_to_do_and_writes_nothing(command):
    done = command.run("status")
    assert done.returncode == 0
    assert "Nothing is loaded yet, and there is no landing folder" in done.stdout
    assert not command.home.exists()


def test_check_lists_faulty_rows_and_writes_nothing(command, tmp_path):
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
        "row 4: the same row occurs earlier in this delivery [duplicate_row]",
        "row 5: more cells than the header",
        "row 6, column arrived_at:",
    ):
        assert line in done.stdout
    assert "07700" not in done.stdout
    assert 'found "lost" [not_in_list]' in done.stdout
    assert sorted(tmp_path.rglob("*")) == before
    assert not command.home.exists()


def test_check_ends_with_1_on_rejection_and_checks_all_files(command, tmp_path):
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
    assert "REJECTED: More than 5% and more than 20 faulty rows" in done.stdout
    assert done.stdout.count("[faulty_rows_are_within_limits]") == 1
    assert done.stdout.count("[missing_column]") == 1
    assert done.stdout.count("[not_a_timestamp]") == 2
    assert "would be loaded: 1 row read" in done.stdout


def test_check_accepts_any_file_name_with_source_option(command, tmp_path):
    path = tmp_path / "Export (3).csv"
    path.write_text("\n".join([CALLS, call(1, "2022-10-30"), ""]))
    assert "1 good" in command.run("check", str(path), "--source", "call_segments").stdout


def test_readable_key_stops_a_run_before_loading(command, tmp_path):
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


def test_accept_loads_rejected_delivery_unless_unreadable(loaded):
    command, _ = loaded
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
            "accepted by an operator: a test of the web form (despite faulty_rows_are_within_limits)",
        )
    ]
    # The record has the acceptance with its reason, then the publication and the run; the manifest names the first.
    entries = list(store.read(Settings(home=command.home, _env_file=None)))
    *_, accept, manifest, run = entries
    assert [entry["action"] for entry in (accept, manifest, run)] == ["accept", "manifest", "run"]
    assert accept["reason"] == "a test of the web form"
    assert (accept["detail"]["source"], accept["detail"]["extract_date"]) == ("digital_contacts", "2022-10-31")
    written = json.loads((command.current / "manifest.json").read_text(encoding="utf-8"))
    assert written["record"] == {"seq": accept["seq"], "hash": accept["hash"]}
    shown = command.run("record")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "accept" in shown.stdout
    assert "a test of the web form" in shown.stdout
    exported = command.run("record", "--json").stdout.splitlines()
    assert [json.loads(line) for line in exported] == entries


def commands() -> dict[str, Any]:
    """Every command by its name; a command of a group by both names."""
    found = {}
    for name, verb in get_command(app).commands.items():
        parts = getattr(verb, "commands", {})
        found |= {f"{name} {part}": command for part, command in parts.items()} or {name: verb}
    return found


def examples() -> list[tuple[str, list[str]]]:
    """Every example of every help: its command and its arguments, as a shell passes them on."""
    found = []
    for name, verb in commands().items():
        lines = [line.strip() for line in (verb.help or "").splitlines()]
        found += [(name, shlex.split(re.split(" [<>] ", line)[0])[1:]) for line in lines if line.startswith("fcir ")]
    return found


def test_every_command_has_an_example():
    assert {name for name, _ in examples()} == set(commands())


@pytest.mark.parametrize(("name", "arguments"), examples(), ids=lambda value: " ".join(value)[:60])
def test_help_examples_are_valid_commands(name, arguments):
    words = name.split()
    assert arguments[: len(words)] == words
    context = commands()[name].make_context(name, arguments[len(words) :])
    assert context.args == []


def test_help_examples_fit_a_screen():
    for name, verb in commands().items():
        assert [
            line for line in (verb.help or "").splitlines() if line.startswith("  fcir") and len(line) > 76
        ] == [], name


@pytest.fixture(scope="module")
def plain_text(loaded):
    command, _ = loaded
    return Command(command.home)


def test_measures_command_filters_by_text_and_section(plain_text):
    found = json.loads(plain_text.run("measures", "QUEUE", "--section", "calls_999", "--json").stdout)
    assert {"calls_999.avg_queue_time", "calls_999.median_queue_time"} <= {row["measure"] for row in found}
    assert all(row["section"] == "calls_999" and row["definition"] for row in found)
    one = plain_text.run("measures", "calls_999.received").stdout
    assert one.startswith("calls_999.received\n")
    assert re.search(r"^  definition +\S", one, re.MULTILINE)
    every = plain_text.run("measures", "--csv").stdout.splitlines()
    assert every[0].startswith("measure,label,unit,section,definition")
    assert len(every) > 50


def test_tables_command_lists_rows_grain_and_columns(plain_text):
    found = {row["table_name"]: row for row in json.loads(plain_text.run("tables", "--json").stdout)}
    assert found["fct_call"]["grain"] == "force_code, call_id"
    assert [(found["fct_call"]["rows"],)] == plain_text.published("select count(*) from marts.fct_call")
    shown = plain_text.run("tables", "kpi_calls_monthly").stdout
    assert re.search(r"^kpi_calls_monthly: \d+ rows?\n", shown)
    assert re.search(r"^pct_not_answered +decimal\S* +\S", shown, re.MULTILINE)


def test_open_prints_path_without_a_display(plain_text):
    plain_text.settings |= {"DISPLAY": "", "WAYLAND_DISPLAY": ""}
    for arguments, page in ((["open"], "board_paper.html"), (["open", "site"], "index.html")):
        done = plain_text.run(*arguments)
        assert (done.returncode, done.stdout) == (0, f"{plain_text.current / page}\n")


def test_open_starts_browser_with_a_display(monkeypatch, tmp_path):
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
def test_unknown_names_end_with_2_and_list_known_ones(plain_text, case):
    arguments, message = UNKNOWN[case]
    done = plain_text.run(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert message in done.stderr
