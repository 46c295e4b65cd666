"""The public edition: neutralised cells, months with a public figure, its first page."""

import csv
import re
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest
import yaml

from dagster_project.publication.editions import _copy_out
from dagster_project.publication.forms import FORMS
from dagster_project.publication.papers import Paper
from dagster_project.publication.public_index import public_index
from dagster_project.publication.report.model import PaperMonth
from dagster_project.publication.spreadsheet import neutralised, neutralised_sql
from dagster_project.settings import DBT_PROJECT
from tests.cases import sql_of
from tests.unit.publication.payloads import FORMULAS, TEXTS


@pytest.fixture(scope="module")
def in_sql():
    """The rule as SQL, for one text."""
    with duckdb.connect() as connection:
        query = f"select {neutralised_sql('x')} from (select ? as x)"
        yield lambda text: connection.execute(query, [text]).fetchone()[0]


@pytest.mark.parametrize("text", [*FORMULAS, *TEXTS])
def test_what_a_spreadsheet_would_evaluate_is_text_and_figures_stay_as_they_are(in_sql, text):
    assert neutralised(text) == in_sql(text) == (f"'{text}" if text in FORMULAS else text)


def test_the_tables_have_no_formula_as_csv_and_every_text_as_parquet(marts, tmp_path):
    marts.execute(f"attach '{tmp_path / 'public.duckdb'}' as published; create schema published.marts")
    marts.execute("create table published.marts.counts (district varchar, month date, counted bigint)")
    values = [(text, "2023-01-01", -5) for text in [*FORMULAS, *TEXTS]]
    marts.executemany("insert into published.marts.counts values (?, ?, ?)", values)
    assert _copy_out(marts, tmp_path, ("parquet", "csv")) == {"counts": len(values)}
    kept = marts.execute("select district from read_parquet(?)", [str(tmp_path / "parquet/counts.parquet")])
    assert sorted(row[0] for row in kept.fetchall()) == sorted(text for text, *_ in values)
    with (tmp_path / "csv/counts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(line.replace("\0", "") for line in file))
    assert len(rows) == len(values)
    assert all(neutralised(cell) == cell for row in rows for cell in row.values())
    assert {row["counted"] for row in rows} == {"-5"}


def test_a_month_without_a_public_figure_is_left_out(marts):
    models = yaml.safe_load((DBT_PROJECT / "models/papers/_papers__models.yml").read_text())
    (model,) = [model for model in models["models"] if model["name"] == "report_months"]
    (release,) = model["config"]["meta"]["public"]
    marts.execute(sql_of(__file__))
    shown = marts.execute(f"select month_start from marts.report_months where {release['where']} order by 1").fetchall()
    assert shown == [(date(2022, 10, 1),), (date(2022, 12, 1),)]


def page_with(*months: PaperMonth, **content: object) -> str:
    """The page with the papers of these months; the first one is shown."""
    forms = ("board_paper.pdf",)
    papers = [Paper("kent", "Kent", month, Path("papers"), is_rendered=True, forms=forms) for month in months]
    shown = {"papers": papers, "latest": papers[0] if papers else None, "forms": FORMS, "tables": [], "contacts": ()}
    shown |= {"published_at": datetime(2023, 3, 1, 4, tzinfo=UTC), "is_synthetic": False, "report": None, "charts": []}
    shown |= content
    return public_index(shown, "# Title\n\n## Notes\n\n<b>x</b>\n")


def words_of(page: str) -> str:
    return " ".join(re.sub(r"<style.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL).split())


def test_a_month_is_called_complete_only_if_every_day_is_delivered():
    for days, first, listed in (
        (28, "Newest complete month: February 2023,", "Kent February 2023 PDF"),
        (1, "Month shown: February 2023,", "Kent February 2023 1 of 28 days PDF"),
    ):
        words = words_of(page_with(PaperMonth(date(2023, 2, 1), 28, days, is_default=True, is_running=False)))
        assert (first in words, listed in words) == (True, True)
        assert ("February 2023 is not complete: 1 of 28 days is delivered by every source." in words) == (days < 28)


def test_the_first_page_lists_papers_tables_and_contacts():
    january = PaperMonth(date(2023, 1, 1), 31, 31, is_default=True, is_running=False)
    february = PaperMonth(date(2023, 2, 1), 28, 1, is_default=False, is_running=True)
    tables = [("kpi_counts", "About <it>", 1234, [("csv", "csv/x.csv"), ("parquet", "parquet/x.parquet")])]
    page = page_with(january, february, tables=tables, contacts=[("Owner", "not stated")], is_synthetic=True)
    words = words_of(page)
    for text in ("Published on 1 March 2023.", "Kent February 2023 so far, 1 of 28 days PDF", "Owner not stated"):
        assert text in words
    assert "Synthetic sample." in words
    assert '<a href="csv/x.csv" aria-label="kpi_counts as CSV">CSV</a>, <a href="parquet/x.parquet"' in page
    assert '<td>About &lt;it&gt;</td><td class="number">1,234</td>' in page
    # The notes begin with their first section, and HTML in them is text.
    assert "Title" not in words
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "Papers" not in words_of(page_with())
