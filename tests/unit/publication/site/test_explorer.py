"""The explorer has every figure of the marts as it is, runs one script only, and asks nothing of any server."""

import base64
import gzip
import hashlib
import json
import re
from datetime import date

import pytest

from dagster_project.publication import explorer
from dagster_project.publication.explorer import VEGA, explorer_page, read_explorer, vega_bundle, write_vega
from dagster_project.publication.files import Draft
from dagster_project.publication.report.model import Event
from dagster_project.publication.report.read import ReportError
from dagster_project.publication.site.explorer_details import DETAILS, details_of, write_details
from tests.unit.publication.reports import a_frame

HOSTILE = "</script><script>alert(1)</script><!-- & 'x' \N{LINE SEPARATOR}"
RECEIVED, LOST, QUEUE = "calls_999.received", "calls_999.pct_not_answered", "calls_999.avg_queue_time"
RECORDED, CANCELLED = "crime.recorded_crime", "crime.cancelled_crime"
CODES = [RECEIVED, LOST, QUEUE, "calls_101.received", RECORDED, CANCELLED]


@pytest.fixture
def marts(marts):
    """December, which is complete, and January, which runs, of a force; another one has no name."""
    marts.execute(
        """
        create table marts.measures as
        select *, split_part(measure, '.', 1) as section, split_part(measure, '.', 2) as name, '=Label' as label,
            null as owner, 'neither' as better, null as numerator, null as denominator, false as is_headline,
            'lost' as synonyms, 'calls' as sources
        from (values
            ('calls_101.received', 'count', 0, null, 2, '101 & more', 1, 'Calls to 101.'),
            ('calls_999.received', 'count', 0, null, 1, '999 calls', 0, ?),
            ('calls_999.pct_not_answered', 'percent', 2, null, 3, '999 calls', 0, 'Share.'),
            ('calls_999.avg_queue_time', 'duration', 0, null, null, '999 calls', 0, 'Mean.'),
            ('crime.cancelled_crime', 'count', 0, 'crime_type', null, 'Crime', 2, 'Cancelled.'),
            ('crime.recorded_crime', 'count', 0, 'crime_type', 4, 'Crime', 2, 'Recorded.')
        ) as t (
            measure, unit, decimals, breakdown, board_paper_order, section_title, section_order, definition
        )
        """,
        [HOSTILE],
    )
    marts.execute(
        """
        create table marts.definitions as from (values
            ('benchmark', 'calls_999.pct_not_answered', '*', date '2000-01-01', null, '2.000000', 'Quoted by forces.'),
            ('formula', 'crime.recorded_crime', '*', '2000-01-01', null, 'crime.a', 'All.'),
            ('formula', 'crime.recorded_crime', 'kent', '2022-12-01', date '2022-12-31', 'crime.b', 'Kent.')
        ) as t (definition, applies_to, force_code, valid_from, valid_to, value, source);
        create table marts.dim_force as
        from (values ('kent', 'Kent Police'), ('never', 'Never')) as t (force_code, force_name);
        create table marts.dim_date as from (values
            (date '2022-12-26', true, 'Boxing Day'), ('2022-12-27', false, null), ('2001-12-26', true, 'Old')
        ) as t (date_day, is_bank_holiday, bank_holiday_name);
        create table marts.report_months as from (values
            ('kent', date '2022-12-01', 31, 31, true, false), ('kent', '2023-01-01', 31, 30, false, true)
        ) as t (force_code, month_start, days, days_loaded, is_default, is_running);
        create table marts.kpi_measure_period as
        select * exclude (day), 'kent' as force_code, day as month_start,
            if(period = 'fytd', date '2022-04-01', day) as first_month, day as last_month
        from (values
            ('calls_999.received', date '2022-12-01', 'month', 1234.500000::decimal(38, 6), '1,235', 39.822581, 31, 31,
                false, null),
            ('calls_999.received', date '2022-12-01', 'fytd', 30000, '30,000', null, 275, 111, true, date '2022-08-13'),
            ('calls_999.pct_not_answered', date '2022-12-01', 'month', null, null, null, 31, null, true, null),
            ('crime.recorded_crime', date '2022-12-01', 'month', 1500, '1,500', null, 31, 31, false, null),
            ('crime.recorded_crime', date '2023-01-01', 'month', 27, '27', null, 31, 30, true, null),
            ('crime.cancelled_crime', date '2022-12-01', 'month', 3, '3', null, 31, 31, false, null),
            ('crime.cancelled_crime', date '2023-01-01', 'month', 1, '1', null, 31, 30, true, null),
            ('crime.cancelled_crime', date '2022-11-01', 'month', null, null, null, 31, 0, true, null)
        ) as t (
            measure, day, period, value, display_value, mean_per_day, days, days_loaded, is_provisional, complete_since
        );
        insert into marts.kpi_measure_period by name
        select * replace ('nameless' as force_code) from marts.kpi_measure_period where value = 1500;
        create table marts.kpi_measure_verdict as select 'kent' as force_code, 'calls_999.pct_not_answered' as measure,
            date '2022-12-01' as month_start, 1.5 as usual, null as lower_limit, 2.25 as upper_limit, 2.0 as target,
            'worse' as verdict;
        create table marts.kpi_measure_weekly as
        select 'kent' as force_code, 'calls_999.pct_not_answered' as measure, * from (values
            (date '2022-12-26', 2.345, false, 100.0), (date '2023-01-02', null, true, 0),
            (date '2023-01-09', 1, true, 57.142857),
            -- In and before the week of the oldest month on the page, which is three years before the newest.
            (date '2020-01-27', 1, true, 0), (date '2020-01-25', 1, true, 0)
        ) as t (week_start, value, is_provisional, share_of_days_loaded);
        create table marts.kpi_calls_daily as select 'kent' as force_code, '999' as line, * from (values
            (date '2023-01-01', 1234, 2.5, 61.4, false), (date '2023-01-02', 0, null, null, true),
            (date '2020-02-01', 1, 1, 1, false), (date '2020-01-31', 1, 1, 1, false)
        ) as t (date_day, received, pct_not_answered, avg_queue_seconds, is_provisional);
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


def test_a_period_that_the_page_does_not_know_is_named(marts):
    marts.execute("update marts.kpi_measure_period set period = 'decade' where period = 'fytd'")
    with pytest.raises(ReportError, match="'decade'"):
        read_explorer(marts)


def test_the_page_opens_with_the_given_force_and_its_default_month(marts):
    data = read_explorer(marts, force_code="nameless")
    assert data["forces"] == [{"code": "kent", "name": "Kent Police"}, {"code": "nameless", "name": "nameless"}]
    assert (data["first_force"], data["months"][data["opening_month"]]) == (1, "2023-01-01")
    kent = read_explorer(marts, force_code="elsewhere", events={"kent": (Event(date(2022, 12, 14), "A", ("crime",)),)})
    assert (kent["first_force"], kent["months"][kent["opening_month"]]) == (0, "2022-12-01")
    assert kent["events"] == {"kent": [{"day": "2022-12-14", "label": "A", "sections": ("crime",)}]}
    assert kent["bank_holidays"] == [{"day": "2022-12-26", "label": "Boxing Day"}]


def test_the_page_runs_one_script_and_texts_of_the_marts_are_no_part_of_it(marts):
    page = explorer_page(read_explorer(marts), a_frame())
    assert "alert(1)</script>" not in page
    assert page.count("<script") == 6
    (packed,) = re.findall(r'<script[^>]* id="data"[^>]*>([A-Za-z0-9+/=]+)</script>', page)
    assert json.loads(gzip.decompress(base64.b64decode(packed)))["measures"][0]["definition"] == HOSTILE
    (script,) = re.findall(r'<script type="module">(.*?)</script>', page, re.DOTALL)
    # Within a page, a comment in a script would change where it ends.
    assert "<!--" not in script
    assert script.rstrip().endswith("follow();")
    assert not re.search(r"(inner|outer)HTML|insertAdjacentHTML|document\.write|\beval\b|new Function", script)
    assert not re.search(r"\bfetch\(|XMLHttpRequest|WebSocket|sendBeacon|localStorage|\bimport\b", script)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'self' file: 'sha256-{digest}'; style-src 'self' file:;" in page
    assert not re.search(r"\son\w+=|unsafe-eval|@import|url\(|https?://(?!www\.w3\.org/2000/svg)", page)
    assert 'aria-current="page">Explorer</a>' in page


def test_the_library_is_one_script_with_its_licence_and_is_made_again_for_a_new_version(tmp_path, monkeypatch):
    bundle = vega_bundle()
    # 900 kB; one that came without its parts would be a tenth, as with other snippets.
    assert (bundle[:8], "ISC License" in bundle, len(bundle) > 700_000) == ("/*! Vega", True, True)
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    monkeypatch.setattr(explorer, "vega_bundle", lambda: "a library")
    write_vega(first, before=tmp_path / "none")
    assert (first / VEGA).read_text(encoding="utf-8").endswith("a library")
    write_vega(second, before=first)
    assert (second / VEGA).samefile(first / VEGA)
    monkeypatch.setattr(explorer, "version", lambda name: f"newer than any {name}")
    write_vega(third, before=second)
    assert not (third / VEGA).samefile(first / VEGA)


def test_a_file_of_details_is_one_statement_that_holds_no_text_of_the_data(marts, tmp_path, renderer):
    marts.execute("update marts.kpi_crime_by_district_monthly set district = ? where district is null", [HOSTILE])
    marts.execute("update marts.kpi_measure_weekly set force_code = if(week_start < '2023-01-01', '../up', 'an é')")
    marts.execute("drop table marts.kpi_calls_daily")
    written = write_details(marts, Draft(tmp_path, None, renderer))
    text = (tmp_path / "explorer" / "kent.district.js").read_text(encoding="ascii")
    statement, packed = text.removesuffix('";\n').split('="')
    digest = hashlib.sha256(packed.encode()).hexdigest()[:12]
    assert statement == f'window.fcirDetails["kent district {digest}"]'
    assert HOSTILE in json.loads(gzip.decompress(base64.b64decode(packed, validate=True)))[RECORDED]
    details = {item["code"]: item for item in details_of(written, CODES)}
    assert list(details) == list(DETAILS)
    assert [item["measures"] for item in details.values()] == [[1], [], [4, 5], [5]]
    assert details["district"]["digests"] == {"kent": digest}
    assert details["district"]["files"] == {"kent": "explorer/kent.district.js"}
    # What cannot be read or named is left out.
    assert details["week"]["files"] == {"an é": "explorer/an%20%C3%A9.week.js"}
    assert [item["path"] for item in renderer.failed] == ["explorer/..%2Fup.week.js", "explorer/day"]
