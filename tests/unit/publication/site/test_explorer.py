"""The explorer has every figure of the marts as it is, and asks nothing of any server."""

import base64
import gzip
import hashlib
import json
import re
from datetime import date
from importlib.resources import files

import pytest

from dagster_project.publication.files import Draft
from dagster_project.publication.html import render_template
from dagster_project.publication.report.model import Event
from dagster_project.publication.site.explorer import VIEWS, read_explorer, read_series, write_figures
from tests.cases import sql_of
from tests.unit.publication.reports import a_frame

HOSTILE = "</script><script>alert(1)</script><!-- & 'x' \N{LINE SEPARATOR}"
RECEIVED, LOST, QUEUE = "calls_999.received", "calls_999.pct_not_answered", "calls_999.avg_queue_time"
RECORDED, CANCELLED = "crime.recorded_crime", "crime.cancelled_crime"


@pytest.fixture
def marts(marts):
    """December, which is complete, and January, which runs, of a force; another one has no name."""
    marts.execute(sql_of(__file__).replace("{hostile}", HOSTILE.replace("'", "''")))
    return marts


def series_of(marts, name):
    """The series of Kent: measure, member and period to their columns."""
    found = dict(read_series(marts, name))["kent"]
    return {(one.pop("measure"), one.pop("member", ""), one.pop("period")): one for one in found}


def test_months_have_text_value_coverage_and_verdict(marts):
    months = series_of(marts, "month")
    texts = {"value_text": ["1,235"], "usual_text": ["2"], "upper_limit_text": ["2"], "target_text": ["2"]}
    texts |= {"year_like_month_text": ["1"]}
    amounts = {"value": ["1234.5"], "usual": ["1.5"], "upper_limit": ["2.25"], "target": ["2"]}
    amounts |= {"year_like_month": ["1.25"]}
    of_month = {"first_day": ["2022-12-01"], "share_of_days_loaded": ["100"], "verdict": ["worse"]}
    assert months[RECEIVED, "", "month"] == of_month | amounts | texts
    assert series_of(marts, "month_per_day")[RECEIVED, "", "month_per_day"]["value_text"] == ["39.8"]
    # It lacks only the days before the first delivery.
    assert "is_provisional" not in months[RECEIVED, "", "fytd"]
    assert months[LOST, "", "month"] == {"first_day": ["2022-12-01"], "is_provisional": [True]}
    assert months[CANCELLED, "", "month"]["value_text"] == ["", "3", "1"]


def test_weeks_days_and_members_have_text_and_coverage(marts):
    week = series_of(marts, "week")[LOST, "", "week"]
    assert week["first_day"] == ["2020-01-27", "2022-12-26", "2023-01-02"]
    assert (week["value_text"], week["target_text"]) == (["0.00%", "2.35%", ""], ["", "2%", ""])
    assert (week["is_provisional"], week["share_of_days_loaded"]) == ([True, False, True], ["0", "100", "0"])
    days = series_of(marts, "day")
    assert days[QUEUE, "", "day"]["value_text"] == ["1m 1s", ""]
    assert days[RECEIVED, "", "day"]["first_day"] == ["2023-01-01", "2023-01-02"]
    districts = {key[:2]: one["value"] for key, one in series_of(marts, "district").items()}
    # A member without a row in a delivered month had none.
    members = {(RECORDED, "Dover"): ["1500", "20"], (RECORDED, "Not stated"): ["0", "7"]}
    assert districts == members | {(CANCELLED, "Dover"): ["3", "0"], (CANCELLED, "Not stated"): ["0", "1"]}
    groups = {key[1]: one["value"] for key, one in series_of(marts, "offence_group").items()}
    assert groups == {"Violence": ["3", "0"], "Offence not in the list": ["0", "1"]}


def explorer(marts, force_code="kent", **changes):
    written = {view.file: {"kent": {}} for view in VIEWS.values()}
    options = {"written": written, "events": {}, "addresses": {}}
    return read_explorer(marts, force_code=force_code, **options | changes)


def test_the_page_opens_with_the_given_force_and_its_default_month(marts):
    nameless = explorer(marts, "nameless")
    assert nameless["forces"] == {"kent": "Kent Police", "nameless": "nameless"}
    assert (nameless["opening"], nameless["span"]) == ({"nameless"}, ("2022-11", "2023-01"))
    addresses = {"kent": {RECEIVED: "measures/kent/a.b.html"}}
    linked = explorer(marts, addresses=addresses)["data"]["addresses"]
    assert linked == {"kent": {RECEIVED: "measures/kent/a.b.html"}}
    kent = explorer(marts, "elsewhere", events={"kent": (Event(date(2022, 12, 14), "A", ("crime",)),)})
    assert (kent["opening"], kent["span"]) == ({"kent"}, ("2022-11", "2022-12"))
    assert kent["data"]["events"] == {"kent": [{"day": "2022-12-14", "label": "A", "sections": ("crime",)}]}
    assert kent["data"]["bank_holidays"] == [{"day": "2022-12-26", "label": "Boxing Day"}]
    assert kent["data"]["formula_changes"]["kent"] == {RECORDED: ["2022-12-01", "2023-01-01"]}
    assert [title for title, _ in kent["groups"]] == ["999 calls", "101 & more", "Crime", "Crime by crime type"]
    assert all(len(columns) <= 13 for _, columns in kent["data"]["queries"].values())


def test_texts_of_the_marts_are_no_part_of_the_page_and_its_scripts_ask_for_nothing(marts):
    page = render_template("site/explorer.html.j2", a_frame() | explorer(marts))
    assert "alert(1)</script>" not in page
    (packed,) = re.findall(r'<script[^>]* id="data"[^>]*>([A-Za-z0-9+/=]+)</script>', page)
    assert json.loads(gzip.decompress(base64.b64decode(packed)))["measures"][RECEIVED]["definition"] == HOSTILE
    assert not re.search(r"\son\w+=|unsafe-eval|@import|url\(|https?://", page)
    assert 'aria-current="page">Explorer</a>' in page
    for name in ("explorer.js", "explorer_chart.js"):
        script = (files("dagster_project.publication") / "assets" / name).read_text(encoding="utf-8")
        assert not re.search(r"(inner|outer)HTML|insertAdjacentHTML|document\.write|\beval\b|new Function", script)
        assert not re.search(r"\bfetch\(|XMLHttpRequest|WebSocket|sendBeacon|localStorage|\bimport\b", script)


def test_a_file_of_figures_is_one_statement_that_holds_no_text_of_the_data(marts, tmp_path, renderer):
    marts.execute("update marts.kpi_crime_by_district_monthly set district = ? where district is null", [HOSTILE])
    marts.execute("update marts.kpi_measure_weekly set force_code = if(week_start < '2023-01-01', 'up', 'an-e')")
    marts.execute("drop table marts.kpi_calls_daily")
    written = write_figures(marts, Draft(tmp_path, None, renderer))
    text = (tmp_path / "explorer" / "kent.district.js").read_text(encoding="ascii")
    statement, packed = text.removesuffix('";\n').split('="')
    key = hashlib.sha256(packed.encode()).hexdigest()[:12]
    assert statement == f'window.fcirFigures["{key}"]'
    assert HOSTILE in [one["member"] for one in json.loads(gzip.decompress(base64.b64decode(packed, validate=True)))]
    assert list(written) == list(dict.fromkeys(view.file for view in VIEWS.values()))
    assert written["district"] == {"kent": {"address": "explorer/kent.district.js", "key": key}}
    # What cannot be read is left out.
    assert written["week"]["an-e"]["address"] == "explorer/an-e.week.js"
    assert [item["path"] for item in renderer.failed] == ["explorer/day"]
