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
from tests.unit.publication.reports import a_frame

HOSTILE = "</script><script>alert(1)</script><!-- & 'x' \N{LINE SEPARATOR}"
RECEIVED, LOST, QUEUE = "calls_999.received", "calls_999.pct_not_answered", "calls_999.avg_queue_time"
RECORDED, CANCELLED = "crime.recorded_crime", "crime.cancelled_crime"


@pytest.fixture
def marts(marts):
    """December, which is complete, and January, which runs, of a force; another one has no name."""
    marts.execute(
        """
        create table marts.measures as
        select *, split_part(measure, '.', 1) as section, '=Label' as label, null as numerator, null as denominator,
            false as is_headline, 'lost' as synonyms, 'calls' as sources
        from (values
            ('calls_101.received', 'count', 0, null, 2, '101 & more', 1, 'Calls to 101.'),
            ('calls_999.received', 'count', 0, null, 1, '999 calls', 0, ?),
            ('calls_999.pct_not_answered', 'percent', 2, null, 3, '999 calls', 0, 'Share.'),
            ('calls_999.avg_queue_time', 'duration', 0, null, null, '999 calls', 0, 'Mean.'),
            ('crime.cancelled_crime', 'count', 0, 'crime_type', null, 'Crime', 2, 'Cancelled.'),
            ('crime.recorded_crime', 'count', 0, null, 4, 'Crime', 2, 'Recorded.')
        ) as t (
            measure, unit, decimals, breakdown, board_paper_order, section_title, section_order, definition
        )
        """,
        [HOSTILE],
    )
    marts.execute(
        """
        create table marts.definitions as from (values
            ('formula', 'crime.recorded_crime', '*', date '2000-01-01', null, 'crime.a', 'All.'),
            ('formula', 'crime.recorded_crime', 'kent', '2022-12-01', date '2022-12-31', 'crime.b', 'Kent.')
        ) as t (definition, applies_to, force_code, valid_from, valid_to, value, source);
        create table marts.dim_force as
        from (values ('kent', 'Kent Police'), ('never', 'Never')) as t (force_code, force_name);
        create table marts.dim_date as from (values
            (date '2022-12-26', true, 'Boxing Day'), ('2022-12-27', false, null)
        ) as t (date_day, is_bank_holiday, bank_holiday_name);
        create table marts.report_months as from (values
            ('kent', date '2022-12-01', 31, 31, true, false), ('kent', '2023-01-01', 31, 30, false, true)
        ) as t (force_code, month_start, days, days_loaded, is_default, is_running);
        create table marts.kpi_measure_period as
        select * exclude (day), 'kent' as force_code, day as month_start
        from (values
            ('calls_999.received', date '2022-12-01', 'month', 1234.500000::decimal(38, 6), '1,235', 39.822581, 100.0,
                false, null),
            ('calls_999.received', '2022-12-01', 'fytd', 30000, '30,000', null, 40.363636, true, date '2022-08-13'),
            ('calls_999.pct_not_answered', '2022-12-01', 'month', null, null, null, null, true, null),
            ('crime.recorded_crime', '2022-12-01', 'month', 1500, '1,500', null, 100, false, null),
            ('crime.recorded_crime', '2023-01-01', 'month', 27, '27', null, 96.774194, true, null),
            ('crime.cancelled_crime', '2022-12-01', 'month', 3, '3', null, 100, false, null),
            ('crime.cancelled_crime', '2023-01-01', 'month', 1, '1', null, 96.774194, true, null),
            ('crime.cancelled_crime', '2022-11-01', 'month', null, null, null, 0, true, null)
        ) as t (
            measure, day, period, value, display_value, mean_per_day, share_of_days_loaded, is_provisional,
            complete_since
        );
        insert into marts.kpi_measure_period by name
        select * replace ('nameless' as force_code) from marts.kpi_measure_period where value = 1500;
        create table marts.kpi_measure_verdict as select 'kent' as force_code, 'calls_999.received' as measure,
            date '2022-12-01' as month_start, 1.5 as usual, null as lower_limit, 2.25 as upper_limit, 2.0 as target,
            'worse' as verdict;
        create table marts.kpi_measure_weekly as
        select 'kent' as force_code, 'calls_999.pct_not_answered' as measure, * from (values
            (date '2022-12-26', 2.345, false, 100.0, 2.0), (date '2023-01-02', null, true, 0, null),
            -- In and before the week of the oldest month on the page, which is three years before the newest.
            (date '2020-01-27', 0, true, 0, null), (date '2020-01-25', 1, true, 0, null)
        ) as t (week_start, value, is_provisional, share_of_days_loaded, target);
        create table marts.kpi_calls_daily as select 'kent' as force_code, '999' as line, * from (values
            (date '2023-01-01', 1234, 61.4, false), (date '2023-01-02', 0, null, true), (date '2020-01-31', 1, 1, false)
        ) as t (date_day, received, avg_queue_seconds, is_provisional);
        create table marts.kpi_crime_by_district_monthly as select 'kent' as force_code, * from (values
            (date '2022-12-01', 'Dover', 1500, 3), (date '2023-01-01', 'Dover', 20, 0), (date '2023-01-01', null, 7, 1)
        ) as t (month_start, district, recorded_crime, cancelled_crime);
        create table marts.dim_offence as
        from (values ('1', 'Violence'), ('2', 'Violence')) as t (offence_code, offence_group);
        create table marts.kpi_cancellations_monthly as select 'kent' as force_code, * from (values
            (date '2022-12-01', '1', 2), ('2022-12-01', '2', 1), ('2023-01-01', 'unlisted', 1)
        ) as t (month_start, offence_code, cancelled)
        """
    )
    return marts


def series_of(marts, name):
    """The series of Kent: measure, member and period to their columns."""
    found = dict(read_series(marts, name))["kent"]
    return {(one.pop("measure"), one.pop("member", ""), one.pop("period")): one for one in found}


def test_months_have_text_value_coverage_and_verdict(marts):
    months = series_of(marts, "month")
    texts = {"value_text": ["1,235"], "usual_text": ["2"], "upper_limit_text": ["2"], "target_text": ["2"]}
    amounts = {"value": ["1234.5"], "usual": ["1.5"], "upper_limit": ["2.25"], "target": ["2"]}
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
    addresses = {"kent": {RECEIVED: "measures/kent/a #b.html"}}
    linked = explorer(marts, addresses=addresses)["data"]["addresses"]
    assert linked == {"kent": {RECEIVED: "measures/kent/a%20%23b.html"}}
    kent = explorer(marts, "elsewhere", events={"kent": (Event(date(2022, 12, 14), "A", ("crime",)),)})
    assert (kent["opening"], kent["span"]) == ({"kent"}, ("2022-11", "2022-12"))
    assert kent["data"]["events"] == {"kent": [{"day": "2022-12-14", "label": "A", "sections": ("crime",)}]}
    assert kent["data"]["bank_holidays"] == [{"day": "2022-12-26", "label": "Boxing Day"}]
    assert kent["data"]["formula_changes"]["kent"] == {RECORDED: ["2022-12-01", "2023-01-01"]}
    assert [title for title, _ in kent["groups"]] == ["999 calls", "101 & more", "Crime", "Crime by crime type"]
    assert all(len(columns) <= 12 for _, columns in kent["data"]["queries"].values())


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
    marts.execute("update marts.kpi_measure_weekly set force_code = if(week_start < '2023-01-01', '../up', 'an é')")
    marts.execute("drop table marts.kpi_calls_daily")
    written = write_figures(marts, Draft(tmp_path, None, renderer))
    text = (tmp_path / "explorer" / "kent.district.js").read_text(encoding="ascii")
    statement, packed = text.removesuffix('";\n').split('="')
    key = hashlib.sha256(packed.encode()).hexdigest()[:12]
    assert statement == f'window.fcirFigures["{key}"]'
    assert HOSTILE in [one["member"] for one in json.loads(gzip.decompress(base64.b64decode(packed, validate=True)))]
    assert list(written) == list(dict.fromkeys(view.file for view in VIEWS.values()))
    assert written["district"] == {"kent": {"address": "explorer/kent.district.js", "key": key}}
    # What cannot be read or named is left out.
    assert written["week"]["an é"]["address"] == "explorer/an%20%C3%A9.week.js"
    assert [item["path"] for item in renderer.failed] == ["explorer/..%2Fup.week.js", "explorer/day"]
