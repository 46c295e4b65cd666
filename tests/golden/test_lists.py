"""`fcir measures`, `fcir tables` and `fcir open`: what is published, for people and programs."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from dagster_project.cli.open import open_in_browser
from tests.roots import DataRoot


def test_measures_are_found_by_text_and_section(three_days):
    found = json.loads(three_days.fcir("measures", "QUEUE", "--section", "calls_999", "--json").out)
    assert {"calls_999.avg_queue_time", "calls_999.median_queue_time"} <= {row["measure"] for row in found}
    assert all(row["section"] == "calls_999" and row["definition"] for row in found)
    named = json.loads(three_days.fcir("measures", "abandoned 101 calls", "--json").out)
    assert [row["measure"] for row in named[:2]] == ["calls_101.pct_not_answered", "calls_101.not_answered"]
    one = three_days.fcir("measures", "calls_999.received").out
    assert one.startswith("calls_999.received\n")
    assert re.search(r"^  definition +\S", one, re.MULTILINE)
    header, *rows = three_days.fcir("measures", "--csv").out.splitlines()
    assert header.startswith("measure,label,unit,section,definition")
    assert len(rows) == three_days.published("select count(*) from marts.measures")[0][0]


def test_tables_are_listed_with_rows_grain_and_columns(three_days):
    found = {row["table_name"]: row for row in json.loads(three_days.fcir("tables", "--json").out)}
    assert found["fct_call"]["grain"] == "force_code, call_id, call_epoch"
    assert [(found["fct_call"]["rows"],)] == three_days.published("select count(*) from marts.fct_call")
    shown = three_days.fcir("tables", "kpi_calls_monthly").out
    assert re.search(r"^kpi_calls_monthly: \d+ rows?\n", shown)
    assert re.search(r"^pct_not_answered +decimal\S* +\S", shown, re.MULTILINE)


def test_open_prints_the_path_without_a_display_and_starts_a_browser_with_one(three_days, monkeypatch):
    root = DataRoot(three_days.home, {"DISPLAY": "", "WAYLAND_DISPLAY": ""})
    for arguments, page in ((["open"], "board_paper.html"), (["open", "site"], "index.html")):
        done = root.fcir(*arguments)
        assert (done.code, done.out) == (0, f"{root.current / page}\n")
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    monkeypatch.setenv("DISPLAY", ":0")
    assert open_in_browser(root.current / "board paper.html")
    assert opened == [(root.current / "board paper.html").as_uri()]


UNKNOWN = {
    "a section": ("measures --section calls", "known: calls_101, calls_999"),
    "a measure": ("measures 'nothing like it'", "All: fcir measures"),
    "a table": ("tables kpi_call_monthly", "Did you mean kpi_calls_monthly? All: fcir tables"),
    "two forms": ("tables --csv --json", "choose one of --csv and --json"),
    "a page": ("open workbook", "'workbook' is not one of 'paper', 'site'"),
}


@pytest.mark.parametrize(("line", "message"), UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_name_of_something_published_is_answered_with_those_that_exist(three_days, line, message):
    done = three_days.fcir(*shlex.split(line))
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert message in done.err
