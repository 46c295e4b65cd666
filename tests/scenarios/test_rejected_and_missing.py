"""A night with rejected, missing and partly faulty deliveries, as operators see it, and what they do about it."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

import pytest

from dagster_project.cli.run import accept_rejected
from dagster_project.settings import Settings
from tests.roots import CALLS, CRIMES, DataRoot, Done, call
from tests.troubled import DAYS, MISSING, REJECTED

DAY = "2022-10-27"
"""A day before those of `troubled`."""


class Night(NamedTuple):
    """A data root, what its night printed as JSON, and its status after it."""

    root: DataRoot
    run: Done
    lines: list[dict[str, object]]
    status: Done


@pytest.fixture(scope="module")
def night(troubled, tmp_path_factory) -> Night:
    """The night after those of `troubled`: a day before them, with a source of too many faulty rows and one of one."""
    root = troubled.root.copy(tmp_path_factory.mktemp("night") / "home")
    contacts = [f"c{n},email,{DAY if n < 9 else 'yesterday'} 10:00" for n in range(30)]
    root.land(f"digital_contacts_{DAY}.csv", "contact_id,contact_type,received_at", *contacts)
    root.land(f"call_segments_{DAY}.csv", CALLS, call(50, DAY), call(51, "yesterday"))
    root.land(f"crimes_{DAY}.csv", CRIMES)
    root.land(f"live_chats_{DAY}.csv", "chat_id,requested_at,accepted_at,ended_at")
    root.land(f"online_crime_reports_{DAY}.csv", "submission_id,service,started_at,submitted_at")
    root.settings["FCIR_LOG_FORMAT"] = "json"
    run = root.fcir("run")
    return Night(root, run, [json.loads(line) for line in run.out.splitlines()], root.fcir("status"))


def test_the_run_ends_with_1_after_it_has_published_the_rest(night):
    assert (night.run.code, night.run.err) == (1, "")
    assert night.root.published(
        "select source, cast(extract_date as varchar), status from marts.load_audit "
        "where status not in ('loaded', 'empty', 'replaced') and withdrawn_at is null order by all"
    ) == [
        ("call_segments", f"{REJECTED}", "rejected"),
        ("crimes", f"{MISSING}", "missing_delivery"),
        ("digital_contacts", DAY, "rejected"),
    ]
    received = f"select sum(received) from marts.kpi_calls_daily where date_day = '{DAY}'"
    assert night.root.published(received) == [(1,)]
    assert night.root.damage() == []


def test_a_json_log_names_each_problem_with_its_place_and_what_was_published(night):
    assert all(list(line)[:3] == ["time", "level", "message"] for line in night.lines)
    assert (night.lines[-1]["level"], night.lines[-1]["success"]) == ("error", False)
    rejected = {
        line["source"]: line for line in night.lines if line.get("status") == "rejected" and "rows_read" in line
    }
    calls, contacts = rejected["call_segments"], rejected["digital_contacts"]
    assert (calls["extract_date"], "missing_column" in calls["reason"], len(calls["files"])) == (f"{REJECTED}", True, 1)
    assert (contacts["extract_date"], contacts["rows_read"], contacts["rows_quarantined"]) == (DAY, 30, 21)
    [faulty] = [line for line in night.lines if line.get("file") == f"call_segments_{DAY}.csv"]
    assert (faulty["row"], faulty["column"], faulty["rows"]) == (3, "arrived_at", 1)
    assert faulty["reason"].endswith("found text of 15 characters, 4 of them digits")
    [step] = [line for line in night.lines if line.get("name") == "call_segments" and line.get("stage") == "sources"]
    assert (step["rows_loaded"], step["rows_quarantined"], step["rejected"]) == (1, 1, 1)
    messages = " ".join(str(line["message"]) for line in night.lines)
    assert f"crimes {MISSING} missing delivery" in messages
    assert "not a folder of a known source" in messages
    published = {"site": "index.html", "board_paper": "board_paper.html", "pdf": "board_paper.pdf"}
    published |= {"workbook": "board_paper.xlsx", "database": "fcir.duckdb", "parquet": "parquet"}
    files = {name: value for line in night.lines for name, value in line.items() if name in published}
    assert files == {name: str(night.root.current / file) for name, file in published.items()}
    assert all((night.root.current / file).exists() for file in published.values())


def test_status_lists_the_problems_and_what_can_be_done_on_a_screen_of_24_lines(night):
    states = [json.loads(line) for line in night.status.out.splitlines()]
    [calls] = [line for line in states if line.get("source") == "call_segments" and "days_loaded" in line]
    assert (calls["days_loaded"], calls["days_rejected"], calls["newest"]) == (4, 1, f"{DAYS[-1]}")
    root = DataRoot(night.root.home)
    done = root.fcir("status")
    lines = [line for line in done.out.splitlines() if not line.startswith("warning: ")]
    assert (night.status.code, done.code) == (1, 1)
    assert len(lines) <= 24
    assert [line for line in lines if len(line) > 80 and str(root.home) not in line] == []
    assert f"call_segments {REJECTED} rejected" in done.out
    assert "deliveries in the landing folder" not in done.out, "rejected ones wait for a decision"
    assert str(root.current / "index.html") in done.out
    # Only a delivery whose files can all be read can be accepted.
    assert f"fcir run --accept digital_contacts/{DAY} --reason" in done.out
    assert f"--accept call_segments/{REJECTED}" not in done.out
    # A cut line keeps the code by which its reason is looked up.
    [cut] = [line.split("\u2026") for line in lines if "\u2026" in line and "digital_contacts" in line]
    assert re.search(re.escape(cut[0]) + ".*" + re.escape(cut[1]) + "$", root.fcir("status", "--all").out, re.M)
    assert re.fullmatch(r" \[\w+\]", cut[1])


def test_an_operator_accepts_a_delivery_that_can_be_read_and_a_missing_one_arrives(night, tmp_path):
    root = night.root.copy(tmp_path / "home")
    root.settings.clear()
    reason = ("--reason", "a test of the web form")
    unreadable = root.fcir("run", "--accept", f"call_segments/{REJECTED}", *reason)
    assert (unreadable.code, unreadable.err.count("\n")) == (2, 1)
    assert "[missing_column] cannot be read" in unreadable.err
    absent = root.fcir("run", "--accept", f"crimes/{MISSING}", *reason)
    assert absent.code == 2
    assert f"Can be accepted: digital_contacts/{DAY}." in absent.err

    root.land(f"crimes_{MISSING}.csv", CRIMES, f"46/99/22,{MISSING} 12:00,{MISSING} 11:00,8N,recorded,,")
    accept_rejected(Settings(home=root.home, _env_file=None), [f"digital_contacts/{DAY}"], reason[1])
    root.load()
    accepted = f"source = 'digital_contacts' and extract_date = '{DAY}' and status <> 'replaced'"
    columns = "status, rows_loaded, rows_quarantined, accepted_because, accepted_despite"
    assert root.warehouse(f"select {columns} from audit.load where {accepted}") == [
        ("loaded", 9, 21, "a test of the web form", "faulty_rows_are_within_limits")
    ]
    assert f"crimes {MISSING}" not in root.fcir("status", "--all").out
    shown = root.fcir("record").out
    assert "accept" in shown
    assert "a test of the web form" in shown
