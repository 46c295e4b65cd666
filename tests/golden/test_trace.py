"""Every printed figure leads to its days, deliveries, files and rows, on pages and by `fcir trace`.

That they add up is shown in `tests/reference/test_marts.py`.
"""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import date
from decimal import Decimal

import pytest

from dagster_project.publication.site.traces import read_traces
from dagster_project.warehouse.connection import loading_connection, open_read_only
from tests.cases import cases_of
from tests.roots import SURROGATES, DataRoot
from tests.troubled import PLANTED

OCTOBER = date(2022, 10, 1)
AVERAGE = ("trace", "calls_999.avg_queue_time", "2022-10")


@pytest.fixture(scope="module")
def traces(sample):
    """What the pages show: the months of each printed measure, with days and deliveries."""
    with open_read_only(sample.home / "warehouse.duckdb") as connection:
        return read_traces(connection, {"kent": date(2023, 1, 1)})["kent"]


def traced(root: DataRoot, *arguments: str) -> list[dict[str, str]]:
    """Rows of `fcir trace MEASURE MONTH ... --csv`."""
    done = root.fcir("trace", *arguments, "--csv")
    assert (done.code, done.err) == (0, "")
    return list(csv.DictReader(io.StringIO(done.out)))


def test_a_measure_of_the_newest_paper_leads_to_a_page_with_these_days_and_deliveries(sample, traces):
    # Six of the headline measures are not printed.
    assert sum(len(months) for months in traces.values()) == 108 + 6 * 6
    folder = sample.current.resolve()
    for paper in (folder / "board_paper.html", folder / "papers" / "kent" / "2023-01" / "board_paper.html"):
        links = re.findall(r'<a class="site" href="([^"]*)"', paper.read_text(encoding="utf-8"))
        linked = {(paper.parent / link).resolve() for link in links}
        assert {folder / "measures" / "kent" / f"{measure}.html" for measure in traces} <= linked
    for measure in traces:
        page = folder / "measures" / "kent" / f"{measure}.trace.html"
        assert f'"{page.name}#2023-01"' in page.with_name(f"{measure}.html").read_text(encoding="utf-8")
        text = page.read_text(encoding="utf-8")
        for month in traces[measure]:
            assert f'id="{month.figure["month_start"]:%Y-%m}"' in text
            assert not [file["file_name"] for file, _ in month.files if file["file_name"] not in text]
            days = [row["day"] for row in month.days]
            assert not [day for day in days if f">{day:%a} {day.day} {day:%b}</th>" not in text]


def test_the_command_lists_as_many_rows_of_each_file_as_the_pages_count(sample, traces):
    for measure in ("calls_999.pct_not_answered", "crime.pct_cancelled"):
        [month] = [month for month in traces[measure] if month.figure["month_start"] == OCTOBER]
        of_pages = {
            (part.part, file["file_sha256"]): (file["amount"], file["row_count"])
            for part in month.parts
            for file in part.files
        }
        of_command = {}
        for row in traced(sample, measure, "2022-10"):
            runs = [[int(number) for number in run.split("-")] for run in row["source_rows"].split(", ")]
            row_count = sum(run[-1] - run[0] + 1 for run in runs)
            of_command[row["part"], row["file_sha256"]] = (Decimal(row["amount"]), row_count)
        assert of_command == of_pages, measure


def test_a_trace_shows_sums_files_rows_and_what_is_missing(troubled):
    root = troubled.root
    done = root.fcir(*AVERAGE)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    expected = (
        "calls_999.avg_queue_time, kent, October 2022: Average Queuing Time",
        "Figure       16m 49s   (duration)",
        f"Published    {root.current.resolve().name} has the same figure",
        "Provisional  yes, it may change; 3 of 31 days are loaded (9.68%)",
        "             call_segments: 2022-10-01 to 2022-10-27 not delivered; 2022-10-30 rejected",
        # Five seconds for each of six calls, 9,000 for another, and the two of the day that was delivered again.
        "Quotient     9,080 / 9",
        "calls_999.answered: 9 events, in 3 files of call_segments",
    )
    assert [line for line in expected if line not in lines] == []
    # The fourth line has no time and is quarantined.
    assert sum("call_segments_2022-10-28.csv" in line and line.endswith(" 3          3  2-3, 5") for line in lines) == 2
    sql = next(line for line in lines if "fcir query" in line).split('"')[1]
    assert root.published(sql.replace("from quarantine", "select source_row from marts.quarantine")) == [(4,)]

    rows = [row for row in traced(root, *AVERAGE[1:], "--rows") if row["extract_date"] == "2022-10-31"]
    assert [f"{row['source_row']}: {row['amount']}" for row in rows] == ["3: 50.000000", "2: 1.000000", "3: 1.000000"]
    assert root.fcir("trace", "ASA 999", "2022-10").out == done.out
    # Another day of crimes is missing, not rejected.
    crimes = root.fcir("trace", "crime.recorded_crime", "2022-10").out
    assert "crimes: 2022-10-01 to 2022-10-27 not delivered; 2022-10-29 missing" in crimes


def test_a_trace_shows_no_personal_value_or_surrogate(troubled):
    hidden = [*PLANTED, *SURROGATES]
    for measure in ("crime.recorded_crime", "calls_999.received"):
        done = troubled.root.fcir("trace", measure, "2022-10", "--rows", "--json")
        assert json.loads(done.out)["rows"]
        assert not [value for value in hidden if value in done.out + done.err]


@pytest.mark.parametrize(("arguments", "message"), cases_of(__file__)["wrong"])
def test_wrong_use_ends_with_2_and_one_line(troubled, arguments, message):
    done = troubled.root.fcir("trace", *arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert message in done.err


def test_a_figure_that_does_not_add_up_ends_with_1_and_one_that_cannot_be_traced_with_2(three_days, tmp_path):
    empty = DataRoot(tmp_path / "empty")
    done = empty.fcir(*AVERAGE)
    assert (done.code, "nothing is loaded yet" in done.err, empty.home.exists()) == (2, True, False)
    root = three_days.copy(tmp_path / "home")
    with loading_connection(root.home / "warehouse.duckdb") as connection:
        wrong = "update measures.int_measure_monthly set denominator = 5, value = 7 where measure = ?"
        connection.execute(wrong, ["calls_999.avg_queue_time"])
        connection.execute("update audit.build set is_published = false")
    done = root.fcir(*AVERAGE)
    assert done.code == 1
    fault = "denominator: the rows give 6, the figure has 5"
    for text in (f"Adds up      NO: {fault}", "the warehouse has changed since", "Not current  what is loaded, or"):
        assert text in done.out
    assert done.err == f"fcir: calls_999.avg_queue_time 2022-10 does not add up: {fault}\n"
    with loading_connection(root.home / "warehouse.duckdb") as connection:
        connection.execute("drop view measures.int_part_event")
    done = root.fcir(*AVERAGE)
    assert (done.code, done.out) == (2, "")
    assert "was by an earlier version, so no figure can be traced. Run: fcir run" in done.err
