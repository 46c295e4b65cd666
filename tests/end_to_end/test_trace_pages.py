"""Pages with the days and deliveries behind the figures of a paper add up to them, and agree with `fcir trace`."""

import csv
import io
import re
from collections import defaultdict
from datetime import date
from decimal import Decimal

import pytest

from dagster_project.publication.site.traces import read_traces
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import open_read_only


@pytest.fixture(scope="module")
def warehouse(sample):
    with open_read_only(Settings(home=sample.home, _env_file=None).warehouse) as connection:
        yield connection


@pytest.fixture(scope="module")
def traces(warehouse):
    return read_traces(warehouse, "kent", date(2023, 1, 1))


@pytest.fixture(scope="module")
def weights(warehouse) -> dict[tuple[str, str], dict[str, int]]:
    """Of each measure and role, the weight of each part."""
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for measure, role, part, weight in warehouse.execute("from reference.measure_parts").fetchall():
        found[measure, role][part] = weight
    return found


def test_every_printed_figure_and_headline_has_its_days_and_deliveries(traces):
    # Of the headline measures, only the share of 999 calls answered in time is not printed.
    assert sum(len(months) for months in traces.values()) == 108 + 6
    assert "calls_999.pct_answered_within_target" in traces
    for months in traces.values():
        assert [f"{month.month:%Y-%m}" for month in months] == [
            "2023-01", "2022-12", "2022-11", "2022-10", "2022-09", "2022-08",
        ]  # fmt: skip
        assert all(month.days and month.deliveries for month in months)


def test_every_measure_of_the_newest_paper_leads_to_its_trace(sample, traces):
    for page in (
        sample.current / "board_paper.html",
        sample.current / "papers" / "kent" / "2023-01" / "board_paper.html",
    ):
        links = re.findall(r'<a class="trace" href="([^"]*)"', page.read_text(encoding="utf-8"))
        assert {(page.parent / link).resolve() for link in links} == {
            sample.current.resolve() / "measures" / "kent" / f"{measure}.trace.html" for measure in traces
        }
        assert all((page.parent / link).is_file() for link in links)


def test_days_add_up_to_the_figure(traces):
    for measure, months in traces.items():
        for month in months:
            assert sum(Decimal(day[1] or 0) for day in month.days) == Decimal(month.numerator), (measure, month.month)
            if month.denominator:
                assert sum(Decimal(day[2] or 0) for day in month.days) == Decimal(month.denominator), measure


def test_deliveries_add_up_to_the_figure(traces, weights):
    for measure, months in traces.items():
        for month in months:
            of_part = {
                part: sum(Decimal(file.parts[number][0] or 0) for file in month.deliveries)
                for number, part in enumerate(month.parts)
            }
            for role, expected in (("numerator", month.numerator), ("denominator", month.denominator)):
                if expected:
                    used = weights[month.formula or measure, role]
                    total = sum(weight * of_part[part] for part, weight in used.items())
                    assert total == Decimal(expected), (measure, month.month, role)


def test_files_and_rows_are_those_of_the_command(sample, traces):
    [month] = [month for month in traces["calls_999.pct_not_answered"] if month.month == date(2022, 10, 1)]
    done = sample.run("trace", "calls_999.pct_not_answered", "2022-10", "--csv")
    listed: dict[str, int] = defaultdict(int)
    for row in csv.DictReader(io.StringIO(done.stdout)):
        if row["part"] == "calls_999.not_answered":
            listed[row["file_name"]] += int(Decimal(row["amount"]))
    number = month.parts.index("calls_999.not_answered")
    assert {file.file_name: int(file.parts[number][0]) for file in month.deliveries if file.parts[number][0]} == {
        name: count for name, count in listed.items() if count
    }


def test_a_month_of_a_measure_leads_to_its_days_and_deliveries(sample):
    folder = sample.current / "measures" / "kent"
    measure = (folder / "crime.pct_cancelled.html").read_text(encoding="utf-8")
    assert 'href="crime.pct_cancelled.trace.html#2022-10"' in measure
    page = (folder / "crime.pct_cancelled.trace.html").read_text(encoding="utf-8")
    assert 'id="2022-10"' in page
    assert "By the formula in force: <code>crime.pct_cancelled_of_initially_recorded</code>" in page
    assert "crimes_2022-10-01" in page
    assert not (folder / "calls_999.max_queue_time.trace.html").exists()
