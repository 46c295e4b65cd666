"""The files of the explorer have the weeks, days, districts and offence groups of the marts as they are."""

import base64
import gzip
import hashlib
import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dagster_project.publication.draft import Draft
from dagster_project.publication.rendering import Renderer
from dagster_project.publication.site.explorer_details import (
    COLUMNS,
    DETAILS,
    MONTHS,
    details_of,
    read_details,
    write_details,
)

HOSTILE = '"];alert(1)//</script>'
MEASURES = {
    "calls_999.received": ("count", 0),
    "calls_999.pct_not_answered": ("percent", 2),
    "calls_999.avg_queue_time": ("duration", 0),
    "crime.recorded_crime": ("count", 0),
    "crime.cancelled_crime": ("count", 0),
}


@pytest.fixture
def tables(marts):
    """Marts of two months: 999 calls by day, a measure by week, crimes by district and by offence."""
    marts.execute(
        """
        create table marts.measures (measure varchar, unit varchar, decimals bigint);
        create table marts.report_months (month_start date);
        create table marts.kpi_measure_weekly (
            force_code varchar, measure varchar, week_start date, value decimal(38, 6), is_provisional boolean,
            share_of_days_loaded decimal(38, 6)
        );
        create table marts.kpi_measure_spc_weekly (
            force_code varchar, measure varchar, week_start date, mean decimal(38, 6), lower_limit decimal(38, 6),
            upper_limit decimal(38, 6), target decimal(38, 6), is_trial boolean, signal varchar
        );
        create table marts.kpi_calls_daily (
            force_code varchar, line varchar, date_day date, received bigint, pct_not_answered decimal(38, 6),
            avg_queue_seconds decimal(38, 6), is_provisional boolean
        );
        create table marts.kpi_crime_by_district_monthly (
            force_code varchar, month_start date, district varchar, recorded_crime bigint, cancelled_crime bigint
        );
        create table marts.kpi_cancellations_monthly (
            force_code varchar, month_start date, cancel_code varchar, offence_code varchar, cancelled bigint
        );
        create table marts.dim_offence (offence_code varchar, offence_group varchar);
        create table marts.kpi_measure_period (
            force_code varchar, measure varchar, month_start date, period varchar, value decimal(38, 6),
            is_provisional boolean, days bigint, days_loaded bigint
        );
        insert into marts.report_months values ('2022-12-01'), ('2023-01-01');
        insert into marts.kpi_measure_weekly values
            ('kent', 'calls_999.pct_not_answered', '2022-12-26', 2.345, false, 100),
            ('kent', 'calls_999.pct_not_answered', '2023-01-02', null, true, 0),
            ('kent', 'calls_999.pct_not_answered', '2023-01-09', 1, true, 57.142857);
        insert into marts.kpi_measure_spc_weekly values
            ('kent', 'calls_999.pct_not_answered', '2022-12-26', 1.5, 0.5, 2.25, 2, false, 'outside_limits'),
            ('kent', 'calls_999.pct_not_answered', '2023-01-09', null, null, null, 2, null, null),
            ('kent', 'calls_999.received', '2023-01-09', 10, 5, 15, null, true, null);
        insert into marts.kpi_calls_daily values
            ('kent', '999', '2023-01-01', 1234, 2.5, 61.4, false), ('kent', '999', '2023-01-02', 0, null, null, true);
        insert into marts.kpi_crime_by_district_monthly values
            ('kent', '2022-12-01', 'Dover', 1500, 3), ('kent', '2023-01-01', 'Dover', 20, 0),
            ('kent', '2023-01-01', null, 7, 1);
        insert into marts.dim_offence values ('1', 'Violence'), ('2', 'Violence'), ('3', 'Theft');
        insert into marts.kpi_cancellations_monthly values
            ('kent', '2022-12-01', 'C1', '1', 2), ('kent', '2022-12-01', 'C2', '2', 1),
            ('kent', '2023-01-01', 'C1', 'unlisted', 1);
        insert into marts.kpi_measure_period values
            ('kent', 'crime.recorded_crime', '2022-12-01', 'month', 1500, false, 31, 31),
            ('kent', 'crime.recorded_crime', '2023-01-01', 'month', 27, true, 31, 30),
            ('kent', 'crime.recorded_crime', '2023-01-01', 'fytd', 1527, true, 62, 61),
            ('kent', 'crime.cancelled_crime', '2022-12-01', 'month', 3, false, 31, 31),
            ('kent', 'crime.cancelled_crime', '2023-01-01', 'month', 1, true, 31, 30);
        """
    )
    marts.executemany("insert into marts.measures values (?, ?, ?)", [[code, *unit] for code, unit in MEASURES.items()])
    return marts


def rows_of(connection, code):
    """Each figure of a detail: force, measure, member and first day to text, value, days loaded, days and mark."""
    return {
        (force, measure, member, first): tuple(row)
        for force, measures in read_details(connection, code)
        for measure, members in measures.items()
        for member, columns in members.items()
        for first, *row in zip(*(columns[name] for name in COLUMNS), strict=True)
    }


def test_weeks_have_text_value_and_delivered_days(tables):
    measure = "calls_999.pct_not_answered"
    assert rows_of(tables, "week") == {
        ("kent", measure, "", "2022-12-26"): ("2.35%", "2.345", 7, 7, False),
        ("kent", measure, "", "2023-01-02"): (None, None, 0, 7, True),
        ("kent", measure, "", "2023-01-09"): ("1.00%", "1", 4, 7, True),
    }


def test_weeks_have_the_limits_and_target_of_their_control_chart(tables):
    ((_, series),) = read_details(tables, "week")
    measure = series["calls_999.pct_not_answered"][""]
    judged, without = measure["limits"]
    assert (judged["first"], judged["signal"], judged["trial"]) == ("2022-12-26", "outside_limits", False)
    assert judged["values"] == {"mean": "1.5", "lower": "0.5", "upper": "2.25", "target": "2"}
    assert judged["texts"] == {"mean": "1.50%", "lower": "0.50%", "upper": "2.25%", "target": "2%"}
    assert without["values"] == {"mean": None, "lower": None, "upper": None, "target": "2"}
    for code in ("day", "district"):
        for _, others in read_details(tables, code):
            assert all("limits" not in columns for of in others.values() for columns in of.values())


def test_days_of_calls_are_under_the_measures_of_the_catalogue(tables):
    assert rows_of(tables, "day") == {
        ("kent", "calls_999.avg_queue_time", "", "2023-01-01"): ("1m 1s", "61.4", 1, 1, False),
        ("kent", "calls_999.avg_queue_time", "", "2023-01-02"): (None, None, 0, 1, True),
        ("kent", "calls_999.pct_not_answered", "", "2023-01-01"): ("2.50%", "2.5", 1, 1, False),
        ("kent", "calls_999.pct_not_answered", "", "2023-01-02"): (None, None, 0, 1, True),
        ("kent", "calls_999.received", "", "2023-01-01"): ("1,234", "1234", 1, 1, False),
        ("kent", "calls_999.received", "", "2023-01-02"): ("0", "0", 0, 1, True),
    }


def test_weeks_and_days_begin_with_the_week_of_the_oldest_month_on_the_page(tables):
    # Three years before the end of January 2023.
    assert MONTHS == 36
    oldest = date(2020, 2, 1)
    for day in (oldest - timedelta(days=7), oldest - timedelta(days=5), oldest - timedelta(days=1), oldest):
        tables.execute(
            "insert into marts.kpi_measure_weekly values ('kent', 'calls_999.received', ?, 1, false, 100)", [day]
        )
        tables.execute("insert into marts.kpi_calls_daily values ('kent', '999', ?, 1, 1, 1, false)", [day])
    assert [key[3] for key in rows_of(tables, "week") if key[1] == "calls_999.received"] == [
        "2020-01-27",
        "2020-01-31",
        "2020-02-01",
    ]
    assert min(key[3] for key in rows_of(tables, "day")) == "2020-02-01"


def test_a_district_without_a_crime_in_a_month_with_figures_had_none(tables):
    found = {key[1:]: (text, loaded) for key, (text, _, loaded, *_) in rows_of(tables, "district").items()}
    assert found == {
        ("crime.cancelled_crime", "Dover", "2022-12-01"): ("3", 31),
        ("crime.cancelled_crime", "Dover", "2023-01-01"): ("0", 30),
        ("crime.cancelled_crime", "Not stated", "2022-12-01"): ("0", 31),
        ("crime.cancelled_crime", "Not stated", "2023-01-01"): ("1", 30),
        ("crime.recorded_crime", "Dover", "2022-12-01"): ("1,500", 31),
        ("crime.recorded_crime", "Dover", "2023-01-01"): ("20", 30),
        ("crime.recorded_crime", "Not stated", "2022-12-01"): ("0", 31),
        ("crime.recorded_crime", "Not stated", "2023-01-01"): ("7", 30),
    }


def test_offence_groups_add_up_to_the_cancelled_crimes_of_the_force(tables):
    rows = rows_of(tables, "offence_group")
    assert {key[2] for key in rows} == {"Violence", "Offence not in the list"}
    for month, total in (("2022-12-01", 3), ("2023-01-01", 1)):
        assert sum(Decimal(row[1]) for key, row in rows.items() if key[3] == month) == total


def write(tables, folder: Path):
    with Renderer() as renderer:
        return write_details(tables, Draft(folder, None, renderer)), renderer.failed


def test_a_file_is_one_statement_that_holds_no_text_of_the_data(tables, tmp_path):
    tables.execute("update marts.kpi_crime_by_district_monthly set district = ? where district is null", [HOSTILE])
    written, failed = write(tables, tmp_path)
    assert failed == []
    text = (tmp_path / "explorer" / "kent.district.js").read_text(encoding="ascii")
    statement, packed = text.removesuffix('";\n').split('="')
    digest = hashlib.sha256(packed.encode()).hexdigest()[:12]
    assert statement == f'window.fcirDetails["kent district {digest}"]'
    assert written["district"].digests == {"kent": digest}
    content = json.loads(gzip.decompress(base64.b64decode(packed, validate=True)))
    assert HOSTILE in content["crime.recorded_crime"]
    assert written["district"].files == {"kent": "explorer/kent.district.js"}


def test_a_force_is_percent_encoded_in_an_address_and_refused_as_a_path(tables, tmp_path):
    tables.execute("update marts.kpi_crime_by_district_monthly set force_code = 'a &\"b'")
    tables.execute("update marts.kpi_measure_period set force_code = 'a &\"b'")
    tables.execute("update marts.kpi_measure_weekly set force_code = '../up'")
    tables.execute("update marts.kpi_calls_daily set force_code = 'an é'")
    written, failed = write(tables, tmp_path)
    assert {path.name for path in (tmp_path / "explorer").iterdir()} == {"an é.day.js"}
    assert (written["day"].files, written["week"].files) == ({"an é": "explorer/an%20%C3%A9.day.js"}, {})
    assert len(failed) == 2


def test_marts_that_cannot_be_read_leave_out_their_detail(tables, tmp_path):
    tables.execute("drop table marts.kpi_calls_daily")
    written, failed = write(tables, tmp_path)
    assert [item["path"] for item in failed] == ["explorer/day"]
    assert written["day"].files == {}
    assert written["week"].files


def test_the_page_names_the_measures_and_files_of_each_detail(tables, tmp_path):
    written, _ = write(tables, tmp_path)
    details = {item["code"]: item for item in details_of(written, list(MEASURES))}
    assert list(details) == list(DETAILS)
    assert {code: item["measures"] for code, item in details.items()} == {
        "week": [1],
        "day": [0, 1, 2],
        "district": [3, 4],
        "offence_group": [4],
    }
    assert details["offence_group"]["files"] == {"kent": "explorer/kent.offence_group.js"}
    assert details["offence_group"]["digests"] == written["offence_group"].digests
