"""What is published nationally is shown where it was delivered, and nothing hints at it elsewhere."""

from __future__ import annotations

import csv
import html
import json
import re
import shutil
import zipfile
from decimal import Decimal

import duckdb
import pytest
from pypdf import PdfReader

from dagster_project.publication.report.commentary import read_commentary
from dagster_project.publication.report.measures import paper_names
from dagster_project.publication.report.model import Block, Run
from dagster_project.publication.report.months import paper_months
from dagster_project.publication.report.read import read_report
from dagster_project.warehouse.connection import reading_connection
from tests.end_to_end.command import Command


def test_the_page_is_absent_without_the_source(undisturbed):
    assert not (undisturbed.current / "peers.html").exists()
    for page in ("index.html", "explorer.html", "demand.html", "assets/search-index.js"):
        assert "peers.html" not in (undisturbed.current / page).read_text(encoding="utf-8"), page
    # Nor does a paper of one force compare.
    papers = list((undisturbed.current / "papers").rglob("board_paper.html"))
    assert papers
    assert [path for path in papers if "How we compare" in path.read_text(encoding="utf-8")] == []
    assert not (undisturbed.current / "national.html").exists()
    assert "national.html" not in (undisturbed.current / "index.html").read_text(encoding="utf-8")
    assert undisturbed.published("select count(*) from marts.national_call_answering") == [(0,)]


def test_the_sample_has_the_page_in_its_navigation_and_search(sample):
    page = (sample.current / "peers.html").read_text(encoding="utf-8")
    assert re.search(r"\d+\.\d% of 999 calls were answered in under 10 seconds, (above|below|as in) ", page)
    assert "starts when the operator of BT connects" in page
    assert page.count("<tr") == 1 + 46 + 1 + 1 + 6
    for other in ("index.html", "explorer.html", "assets/search-index.js"):
        assert "peers.html" in (sample.current / other).read_text(encoding="utf-8"), other


def test_every_form_of_the_paper_has_the_section_with_the_same_texts(sample):
    folder = sample.current / "papers" / "kent" / "2023-01"
    page = (folder / "board_paper.html").read_text(encoding="utf-8")
    ((calls, share, rank),) = sample.published(
        "select calls, pct_under_10s, force_rank from marts.national_call_answering "
        "where force_code = 'kent' and month_start = '2023-01-01'"
    )
    with (folder / "how_we_compare.csv").open(encoding="utf-8", newline="") as lines:
        rows = {row["measure"]: row for row in csv.DictReader(lines) if row["column"] == "2023-01"}
    assert rows["how_we_compare.calls"]["text"] == f"{calls:,}"
    assert Decimal(rows["how_we_compare.pct_under_10s"]["value"]) == share
    assert rows["how_we_compare.force_rank"]["text"] == str(rank)
    section = page[page.index('id="how_we_compare"') : page.index("How to read icons")]
    assert all(f"<td>{row['text']}</td>" in section for row in rows.values())
    assert "operator of BT" in section
    with zipfile.ZipFile(folder / "board_paper.xlsx") as book:
        assert "How we compare" in book.read("xl/workbook.xml").decode()


def test_words_on_the_comparison_are_in_its_section_or_without_it_above_all(sample, undisturbed, tmp_path):
    file = tmp_path / "2023-01.md"
    file.write_text("## How we compare\n\nWe lead.\n", encoding="utf-8")

    def read(folder):
        with reading_connection(folder / "fcir.duckdb") as connection:
            words = read_commentary(file, paper_names(connection))
            month = paper_months(connection)["kent"][-1].month
            return read_report(connection, force_code="kent", month=month, length=1, commentary=words)

    words = (Block("paragraph", (Run("We lead."),)),)
    compared = read(sample.current)
    assert (compared.sections[-1].title, compared.sections[-1].commentary) == ("How we compare", words)
    assert compared.commentary == ()
    assert read(undisturbed.current).commentary == words


def test_the_national_page_ranks_both_forces_and_says_how_many_the_totals_are_of(sample):
    page = (sample.current / "national.html").read_text(encoding="utf-8")
    assert "The totals cover 2 of the 43 forces" in page
    ((rank, share),) = sample.published(
        "select force_rank, display_value from marts.national_figures as figures "
        "inner join marts.kpi_measure_period as shown using (force_code, measure, month_start, period) "
        "where force_code = 'kent' and measure = 'calls_999.pct_not_answered' "
        "and month_start = '2023-01-01' and period = 'month'"
    )
    table = page[page.index('<h2 id="calls_999.pct_not_answered">') :]
    table = table[: table.index("</section>")]
    own = (
        f'<tr class="own"><td class="number">{rank}</td><th scope="row">Kent Police</th><td class="number">{share}</td>'
    )
    assert own in table
    assert "No rank: forces use different formulas." in page


def test_the_national_page_leads_to_the_same_tables_as_pdf(sample):
    page = (sample.current / "national.html").read_text(encoding="utf-8")
    assert 'href="national.pdf"' in page
    reader = PdfReader(sample.current / "national.pdf")
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"] == True  # noqa: E712 - an object of pypdf
    printed = re.sub(r"\s+", " ", " ".join(sheet.extract_text() for sheet in reader.pages))
    rows = re.findall(r"<tr.*?</tr>", page, re.S)
    texts = [html.unescape(re.sub(r"<[^>]*>", " ", row)).split() for row in rows]
    assert len(texts) > 30
    assert [words for words in texts if " ".join(words) not in printed] == []


def test_figures_of_the_united_kingdom_are_computed_from_the_calls(sample):
    months = sample.published(
        """
        select
            uk_calls, uk_mean_answer_seconds, uk_pct_under_10s,
            sum(calls), sum(calls * mean_answer_seconds) / sum(calls), sum(calls * pct_under_10s) / sum(calls)
        from marts.national_call_answering
        group by month_start, uk_calls, uk_mean_answer_seconds, uk_pct_under_10s
        """
    )
    assert len(months) == 15
    for calls, mean, share, all_calls, weighted_mean, weighted_share in months:
        assert calls == all_calls
        assert abs(mean - Decimal(weighted_mean)) < Decimal("0.00001")
        # A share with two decimals is of whole calls.
        assert abs(share - Decimal(weighted_share)) < Decimal("0.01")


def test_calls_of_the_forces_of_the_sample_are_those_that_they_received(sample):
    different = sample.published(
        """
        select count(*), count(*) filter (where published.calls <> own.received)
        from marts.national_call_answering as published
        inner join marts.kpi_calls_monthly as own
            on published.force_code = own.force_code and published.month_start = own.month_start
        where own.line = '999' and not own.is_provisional
        """
    )
    assert different == [(12, 0)]


@pytest.fixture(scope="module")
def editions(sample, tmp_path_factory) -> Command:
    copy = Command(tmp_path_factory.mktemp("editions") / "home")
    shutil.copytree(sample.home, copy.home, symlinks=True)
    for edition in (("public",), ("force", "--force", "city-of-london")):
        done = copy.run("publish", "--edition", *edition)
        assert done.returncode == 0, done.stdout + done.stderr
    return copy


def test_the_public_edition_has_the_figures_and_not_their_rows(editions):
    folder = (editions.home / "published_public" / "current").resolve()
    tables = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["tables"]
    assert tables["national_call_answering"] == 15 * 46
    assert "fct_national_call_answering" not in tables


def test_the_edition_of_a_force_has_all_figures_and_its_own_rows(editions):
    folder = (editions.home / "published_force" / "city-of-london" / "current").resolve()
    with duckdb.connect(str(folder / "fcir.duckdb"), read_only=True) as connection:
        forces = "select count(*), count(distinct force_code) from marts.{}"
        assert connection.execute(forces.format("national_call_answering")).fetchall() == [(15 * 46, 46)]
        assert connection.execute(forces.format("fct_national_call_answering")).fetchall() == [(15, 1)]
