"""The board paper says the same in every form, and what the published tables say."""

from __future__ import annotations

import csv
import html
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from lxml import etree
from lxml import html as pages
from pypdf import PdfReader
from python_calamine import CalamineWorkbook

from dagster_project.settings import PROJECT_ROOT

Cells = Iterator[Any]
ROW = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}table-row"


def of_page(path: Path) -> Cells:
    tree = pages.fromstring(path.read_text(encoding="utf-8"))
    for note in tree.findall(".//sup"):
        note.drop_tree()
    yield from (part.text_content() for part in tree.iter("th", "td", "li"))


def of_pdf(path: Path) -> Cells:
    yield from (page.extract_text() for page in PdfReader(path).pages)


def of_word(path: Path) -> Cells:
    document = Document(str(path))
    yield from (cell.text for table in document.tables for row in table.rows for cell in row.cells)
    yield from (paragraph.text for paragraph in document.paragraphs)


def of_opendocument(path: Path) -> Cells:
    with zipfile.ZipFile(path) as book:
        content = etree.fromstring(book.read("content.xml"))
    yield from ("".join(cell.itertext()) for row in content.iter(ROW) for cell in row)


def of_workbook(path: Path) -> Cells:
    book = CalamineWorkbook.from_path(path)
    for name in book.sheet_names:
        yield from (
            cell if isinstance(cell, str) else number(cell)
            for row in book.get_sheet_by_name(name).to_python()
            for cell in row
        )


FORMS: dict[str, Callable[[Path], Cells]] = {
    "board_paper.html": of_page,
    "board_paper.pdf": of_pdf,
    "board_paper.xlsx": of_workbook,
    "board_paper.docx": of_word,
    "board_paper.ods": of_opendocument,
}


def words(path: Path) -> str:
    """All that a form says, in order, with single spaces."""
    return " ".join(" ".join(FORMS[path.name](path)).split())


def number(cell: Any) -> str:
    """The number in a cell of the workbook, or of a printed text: percentages are shares, durations are seconds."""
    if isinstance(cell, time):
        cell = timedelta(hours=cell.hour, minutes=cell.minute, seconds=cell.second)
    if isinstance(cell, timedelta):
        cell = round(cell.total_seconds())
    if isinstance(cell, str) and re.fullmatch(r"(\d+h )?(\d+m )?\d+s", cell):
        cell = sum(int(part[:-1]) * {"h": 3600, "m": 60, "s": 1}[part[-1]] for part in cell.split())
    if isinstance(cell, str) and cell[-1:].isdigit():
        cell = float(cell.replace(",", ""))
    if isinstance(cell, str) and cell.endswith("%"):
        cell = float(cell[:-1]) / 100
    return f"{cell:.6g}" if isinstance(cell, (int, float)) else str(cell)


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
    kent = {(row["measure"], row["column"], row["text"]) for row in printed(papers[-1])}
    mart = sample.published(
        "select concat(section, '.', measure), strftime(month_start, '%Y-%m'), display_value from marts.board_paper "
        "where force_code = 'kent'"
    )
    assert len(mart) == 108
    assert set(mart) <= kent


def test_a_paper_compares_with_the_figures_that_are_published_nationally(sample, papers):
    rows = {
        row["measure"].partition(".")[2]: row
        for row in printed(papers[-1])
        if row["column"] == "2023-01" and row["measure"].startswith("how_we_compare")
    }
    ((calls, share, rank),) = sample.published(
        "select calls, pct_under_10s, force_rank from marts.national_call_answering "
        "where force_code = 'kent' and month_start = '2023-01-01'"
    )
    assert (rows["calls"]["text"], rows["force_rank"]["text"]) == (f"{calls:,}", str(rank))
    assert Decimal(rows["pct_under_10s"]["value"]) == share


@pytest.mark.parametrize("form", FORMS)
def test_every_form_has_all_figures_and_main_points(papers, form):
    # Those to edit and to copy from are made of the newest paper only.
    made = [paper for paper in papers if (paper / form).exists()]
    assert len(made) == (12 if form in list(FORMS)[:3] else 2)
    for paper in made:
        said = words(paper / form)
        rows: dict[str, list[str]] = {}
        for row in printed(paper):
            text = number(row["text"]) if form.endswith("xlsx") else row["text"]
            # Some forms set the number of a note behind the figure.
            note = r"\d?" if row["note"] else ""
            rows.setdefault(row["measure"], [re.escape(" ".join(row["label"].split()))]).append(re.escape(text) + note)
        assert [row for row in rows.values() if not re.search(" ".join(row), said)] == [], paper
        points = json.loads((paper / "report.json").read_text(encoding="utf-8"))["report"]["main_points"]
        assert points
        assert [point for point in points if point not in said] == [], paper


def test_the_paper_shown_first_is_the_newest_of_the_own_force(sample, papers):
    for form in FORMS:
        # Links to the traces begin at the folder of the page.
        expected = (papers[-1] / form).read_bytes().replace(b'href="../../../', b'href="')
        assert (sample.current / form).read_bytes() == expected
    kept = (PROJECT_ROOT / "docs" / "sample" / "board_paper.pdf").read_bytes()
    assert kept == (sample.current / "board_paper.pdf").read_bytes(), "run: make pictures"
    assert len(PdfReader(sample.current / "board_paper.pdf").pages) < 6


def test_notes_say_since_when_and_by_which_formula(sample):
    page = (sample.current / "board_paper.html").read_text(encoding="utf-8")
    # The section on all forces has months only.
    tables = [table for table in page.split("<table>")[1:] if "Year to date" in table.partition("</thead>")[0]]
    assert [table.count("since August 2022") for table in tables] == [1] * 6
    # The formula of one measure changes within the months shown; nothing else has a note.
    assert set(re.findall(r"<sup>.*?</sup>", page)) == {'<sup><a href="#note-1" aria-label="note 1">1</a></sup>'}
    assert "Change of formula: until October 2022 crimes cancelled divided by" in page
    assert "Provisional" not in page


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


def test_the_national_page_is_a_pdf_with_the_same_tables(sample):
    page = (sample.current / "national.html").read_text(encoding="utf-8")
    assert 'href="national.pdf"' in page
    said = " ".join(" ".join(of_pdf(sample.current / "national.pdf")).split())
    rows = [html.unescape(re.sub(r"<[^>]*>", " ", row)).split() for row in re.findall(r"<tr.*?</tr>", page, re.S)]
    assert len(rows) > 30
    assert [row for row in rows if " ".join(row) not in said] == []
