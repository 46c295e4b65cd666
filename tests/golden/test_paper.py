"""The board paper says the same in every form, and what the published tables say."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from docx import Document
from lxml import html as pages
from pypdf import PdfReader
from python_calamine import CalamineWorkbook

from dagster_project.publication.report.queries import read_force
from dagster_project.publication.report.read import report_of
from dagster_project.warehouse.connection import reading_connection


def of_page(path: Path) -> Iterator[str]:
    tree = pages.fromstring(path.read_text(encoding="utf-8"))
    for note in tree.findall(".//sup"):
        note.drop_tree()
    yield from (part.text_content() for part in tree.iter("th", "td", "li", "p"))


def of_pdf(path: Path) -> Iterator[str]:
    yield from (page.extract_text() for page in PdfReader(path).pages)


def of_word(path: Path) -> Iterator[str]:
    document = Document(str(path))
    yield from (cell.text for table in document.tables for row in table.rows for cell in row.cells)
    yield from (paragraph.text for paragraph in document.paragraphs)


FORMS = {"board_paper.html": of_page, "board_paper.pdf": of_pdf, "board_paper.docx": of_word}


def printed(paper: Path) -> list[dict[str, str]]:
    """The rows of the tables of a paper, from its CSV files."""
    files = sorted(paper.glob("*.csv"))
    return [row for file in files for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines())]


@pytest.fixture(scope="module")
def papers(sample) -> list[Path]:
    """The folders of all papers: six months of two forces."""
    folders = sorted(sample.current.resolve().glob("papers/*/*"))
    assert [folder.name for folder in folders] == 2 * ["2022-08", "2022-09", "2022-10", "2022-11", "2022-12", "2023-01"]
    return folders


def test_the_tables_of_every_paper_have_the_published_figures(sample, papers, figures):
    for paper in papers:
        for row in (row for row in printed(paper) if not row["measure"].startswith("how_we_compare")):
            month, period = (row["column"], "month") if row["column"][0].isdigit() else (paper.name, row["column"])
            figure = figures[row["force_code"], row["measure"], month, period]
            assert (Decimal(row["value"]) if row["value"] else None, row["text"]) == figure, (paper, row)
    newest = {(row["measure"].removeprefix("how_we_compare."), row["column"]): row for row in printed(papers[-1])}
    mart = sample.published(
        "select concat(section, '.', measure), strftime(month_start, '%Y-%m'), display_value from marts.board_paper "
        "where force_code = 'kent'"
    )
    assert [row for *key, text in mart if newest[tuple(key)]["text"] != text] == []
    national = "select pct_under_10s from marts.national_call_answering where force_code = 'kent'"
    ((share,),) = sample.published(f"{national} and month_start = '2023-01-01'")
    assert Decimal(newest["pct_under_10s", "2023-01"]["value"]) == share


@pytest.mark.parametrize("form", FORMS)
def test_every_form_has_all_figures_and_main_points(sample, papers, form):
    # The one to edit and to copy from is made of the paper shown first only.
    made = [paper for paper in papers if (paper / form).exists()]
    assert len(made) == (1 if form == "board_paper.docx" else 12)
    for paper in made:
        said = " ".join(" ".join(FORMS[form](paper / form)).split())
        rows: dict[str, list[str]] = {}
        for row in printed(paper):
            # Some forms set the number of a note behind the figure.
            note = r"\d?" if row["note"] else ""
            rows.setdefault(row["measure"], [re.escape(" ".join(row["label"].split()))]).append(
                re.escape(row["text"]) + note
            )
        assert [row for row in rows.values() if not re.search(" ".join(row), said)] == [], paper
        month = date.fromisoformat(f"{paper.name}-01")
        with reading_connection(sample.current / "fcir.duckdb") as marts:
            report = report_of(read_force(marts, paper.parent.name), month=month, length=6, commentary=None)
        # Six months have no main points, and say so.
        points = [*(point.text for point in report.main_points), report.points_note]
        assert any(points)
        assert [point for point in points if point not in said] == [], paper


def test_the_paper_shown_first_is_the_newest_of_the_own_force(sample, papers):
    shown = sorted(sample.current.glob("board_paper.*"))
    assert {*FORMS, "board_paper.xlsx"} <= {form.name for form in shown}
    for form in shown:
        # Links to the site begin at the folder of the page.
        expected = (papers[-1] / form.name).read_bytes().replace(b'href="../../../', b'href="')
        assert form.read_bytes() == expected
    assert len(PdfReader(sample.current / "board_paper.pdf").pages) <= 6


def test_the_command_renders_chosen_months(sample, tmp_path):
    done = sample.fcir("paper", "--month", "2022-10", "--months", "3", "--out", str(tmp_path / "paper"))
    assert done.code == 0, done.err
    assert {Path(line).name for line in done.out.splitlines()} == {path.name for path in (tmp_path / "paper").iterdir()}
    page = (tmp_path / "paper" / "board_paper.html").read_text(encoding="utf-8")
    assert "August 2022 to October 2022" in page
    assert "Jan 2023" not in page
    refused = sample.fcir("paper", "--month", "2021-10", "--out", str(tmp_path / "none"))
    assert refused.code == 2
    assert "kent has August 2022 to January 2023" in refused.err
    assert not (tmp_path / "none").exists()


def words(page: Path) -> str:
    return re.sub(r"(<[^>]+>|\s)+", " ", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("name", "month"), [("sample", "January 2023"), ("three_days", "October 2022")])
def test_every_form_shows_the_newest_complete_month_or_the_one_before_that_which_runs(request, tmp_path, name, month):
    root = request.getfixturevalue(name)
    front = words(root.current / "index.html")
    assert f"Kent Police, {month}" in front
    assert f"Measure {month[:3]} {month[-4:]}" in words(root.current / "measures" / "index.html")
    cover = CalamineWorkbook.from_path(str(root.current / "board_paper.xlsx")).get_sheet_by_name("Cover").to_python()
    assert cover[0][0].endswith(month)
    assert root.fcir("paper", "--out", str(tmp_path)).code == 0
    for paper in (root.current, tmp_path):
        assert f"{month}. From deliveries" in words(paper / "board_paper.html")
    running = [
        "October 2022 is not complete: 3 of 31 days are delivered by every source.",
        "November 2022 so far, 1 of 30 days",
    ]
    assert [text for text in running if text in front] == (running if name == "three_days" else [])
    status = "(newest complete)" if name == "sample" else "(3 of 31 days); so far November 2022: 1 of 30 days"
    assert f"Month shown  {month} {status}" in root.fcir("status").out
