"""A night with a missing, two rejected and a partly faulty delivery, as operators see it, and what they do about it."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest

from tests.roots import CALLS, DataRoot, Done, call, land_three_days


class Night(NamedTuple):
    """The data root, what its night printed, and its status after it."""

    root: DataRoot
    run: Done
    status: Done
    lines: list[dict[str, object]]
    """What the night printed, as JSON."""


@pytest.fixture(scope="module")
def night(tmp_path_factory, compiled) -> Night:
    root = DataRoot.knowing(compiled, tmp_path_factory.mktemp("night") / "home", {"FCIR_LOG_FORMAT": "json"})
    land_three_days(root)
    (root.home / "landing" / "crimes" / "crimes_2022-10-30.csv").unlink()
    root.land("call_segments_2022-10-30_late.csv", "call_id,line", "c,999")
    root.land("call_segments_2022-10-31_late.csv", CALLS, call(50, "2022-10-31"), call(51, "yesterday"))
    contacts = [f"c{n},email,{'2022-10-31 10:00' if n < 9 else 'yesterday'}" for n in range(30)]
    root.land("digital_contacts_2022-10-31.csv", "contact_id,contact_type,received_at", *contacts)
    root.land("bodycam_2022-10-30.csv", "a,b")
    run = root.fcir("run")
    return Night(root, run, root.fcir("status"), [json.loads(line) for line in run.out.splitlines()])


def test_the_run_ends_with_1_after_it_has_published_the_rest(night):
    assert (night.run.code, night.run.err) == (1, "")
    assert night.root.warehouse(
        "select source, cast(extract_date as varchar), status, count(*) from audit.load "
        "where status <> 'loaded' group by all order by all"
    ) == [
        ("call_segments", "2022-10-30", "rejected", 2),
        ("crimes", "2022-10-30", "missing_delivery", 1),
        ("digital_contacts", "2022-10-31", "rejected", 1),
    ]
    assert night.root.published("select sum(received) from marts.kpi_calls_monthly") == [(17,)]
    assert night.root.published("select reason_code from marts.quarantine where source = 'call_segments'") == [
        ("not_a_timestamp",)
    ]
    assert night.root.damage() == []


def test_every_row_that_was_read_is_loaded_or_quarantined(night):
    assert night.root.warehouse(
        "select count(*) from audit.load where status = 'loaded' and rows_read <> rows_loaded + rows_quarantined"
    ) == [(0,)]
    assert night.root.warehouse(
        "select sum(rows_loaded) = (select count(*) from raw.call_segments), sum(rows_quarantined), sum(rows_read) "
        "from audit.load where source = 'call_segments' and status = 'loaded'"
    ) == [(True, 1, 18)]


def test_a_json_log_names_each_problem_with_its_place(night):
    assert all(list(line)[:3] == ["time", "level", "message"] for line in night.lines)
    assert (night.lines[-1]["level"], night.lines[-1]["success"]) == ("error", False)
    rejected = [line for line in night.lines if line.get("status") == "rejected" and line["source"] == "call_segments"]
    assert any(
        line["extract_date"] == "2022-10-30"
        and "call_segments_2022-10-30_late.csv" in line["files"]
        and "missing_column" in line["reason"]
        for line in rejected
        if "files" in line
    )
    [faulty] = [line for line in night.lines if line.get("file") == "call_segments_2022-10-31_late.csv"]
    assert (faulty["row"], faulty["column"], faulty["rows"]) == (3, "arrived_at", 1)
    assert faulty["reason"].endswith('found "yesterday 11:00"')
    [calls] = [line for line in night.lines if line.get("name") == "call_segments" and line.get("stage") == "sources"]
    assert (calls["rows_loaded"], calls["rows_quarantined"], calls["rejected"]) == (17, 1, 1)
    messages = " ".join(line["message"] for line in night.lines)
    assert "crimes 2022-10-30 missing delivery" in messages
    assert "bodycam" in messages


def test_the_last_lines_name_what_was_published(night):
    expected = {
        "site": "index.html",
        "board_paper": "board_paper.html",
        "pdf": "board_paper.pdf",
        "workbook": "board_paper.xlsx",
        "database": "fcir.duckdb",
        "parquet": "parquet",
    }
    files = {name: value for line in night.lines for name, value in line.items() if name in expected}
    assert files == {name: str(night.root.current / file) for name, file in expected.items()}
    assert all((night.root.current / file).exists() for file in expected.values())


def test_status_lists_the_problems_and_what_can_be_done(night):
    assert night.status.code == 1
    lines = [json.loads(line) for line in night.status.out.splitlines()]
    [calls] = [line for line in lines if line.get("source") == "call_segments" and "days_loaded" in line]
    assert (calls["days_loaded"], calls["days_rejected"], calls["newest"]) == (2, 1, "2022-10-31")
    text = DataRoot(night.root.home).fcir("status")
    assert text.code == 1
    assert "call_segments 2022-10-30 rejected" in text.out
    assert "2 deliveries in the landing folder are new, changed or rejected" in text.out
    # Only a delivery whose files can all be read can be accepted.
    assert "fcir run --accept digital_contacts/2022-10-31 --reason" in text.out
    assert "--accept call_segments/2022-10-30" not in text.out


def test_status_fits_a_screen_of_24_lines_and_shows_the_rest_on_demand(night):
    root = DataRoot(night.root.home)
    lines = root.fcir("status").out.splitlines()
    # Two more sources deliver in the sample.
    assert len(lines) + 3 <= 24
    assert [line for line in lines if len(line) > 80 and str(root.home) not in line] == []
    assert str(root.current / "index.html") in "\n".join(lines)
    [cut] = [line for line in lines if line.endswith("\u2026") and "digital_contacts" in line]
    assert cut[:-1] in root.fcir("status", "--all").out


def test_nothing_that_the_command_prints_or_logs_is_personal(night):
    logs = [path.read_text() for path in (night.root.home / "dagster").rglob("*.log")]
    for value in ("07700 900", "46/1/22", "op1"):
        assert not [text for text in (night.run.out, night.status.out, *logs) if value in text]


def test_an_operator_can_accept_only_a_delivery_that_was_rejected_and_can_be_read(night, tmp_path):
    root = night.root.copy(tmp_path / "home")
    root.settings.clear()
    reason = ("--reason", "a test of the web form")
    unreadable = root.fcir("run", "--accept", "call_segments/2022-10-30", *reason)
    assert (unreadable.code, unreadable.err.count("\n")) == (2, 1)
    assert "call_segments_2022-10-30_late.csv [missing_column] cannot be read" in unreadable.err
    absent = root.fcir("run", "--accept", "crimes/2022-10-30", *reason)
    assert absent.code == 2
    assert "Rejected: call_segments/2022-10-30, digital_contacts/2022-10-31." in absent.err

    done = root.fcir("run", "--accept", "digital_contacts/2022-10-31", *reason)
    assert done.code == 1, "two other deliveries still need attention"
    assert "digital_contacts 2022-10-31 will be loaded as it is: a test of the web form" in done.out
    assert root.published(
        "select status, rows_loaded, rows_quarantined, reason from marts.load_audit "
        "where source = 'digital_contacts' and extract_date = date '2022-10-31'"
    ) == [
        (
            *("loaded", 9, 21),
            "accepted by an operator: a test of the web form (despite faulty_rows_are_within_limits)",
        )
    ]
    shown = root.fcir("record").out
    assert "accept" in shown
    assert "a test of the web form" in shown


def test_a_missing_delivery_that_arrives_is_loaded_and_no_longer_named(night, tmp_path):
    root = night.root.copy(tmp_path / "home")
    root.settings.clear()
    crime = "46/99/22,2022-10-30 12:00,2022-10-30 11:00,8N,recorded,,"
    root.land(
        "crimes_2022-10-30.csv", "crime_ref,updated_at,recorded_at,offence_code,status,cancelled_at,cancel_code", crime
    )
    done = root.fcir("run", "--source", "crimes")
    assert "crimes                   1 delivery, 1 row loaded" in done.out
    assert "crimes 2022-10-30" not in root.fcir("status", "--all").out
    assert root.published("select count(*) from marts.fct_crime where recorded_date = date '2022-10-30'") == [(1,)]
