"""The paper in other programs' formats, opened by an office program: the paper's texts and its charts are there."""

from __future__ import annotations

import csv
import re
import subprocess
import zipfile

import pytest
from pypdf import PdfReader

from tests.deploy.programs import program


@pytest.fixture(scope="module")
def printed(published, tmp_path_factory) -> dict[str, str]:
    """The text of each form of the paper as LibreOffice prints it, by the end of its name."""
    texts = {}
    out = tmp_path_factory.mktemp("office")
    profile = f"-env:UserInstallation={(out / 'profile').as_uri()}"
    for form in ("xlsx", "docx", "ods", "pptx"):
        paper = published / f"board_paper.{form}"
        command = [program("soffice"), profile, "--headless", "--convert-to", "pdf", "--outdir", out / form, paper]
        subprocess.run(command, check=True, capture_output=True)
        pages = PdfReader(out / form / "board_paper.pdf").pages
        texts[form] = re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))
    return texts


def test_workbook_and_document_have_the_text_of_every_figure(printed, published):
    front = (published / "board_paper.xlsx").read_bytes()
    [paper] = [book.parent for book in published.glob("papers/*/*/board_paper.xlsx") if book.read_bytes() == front]
    figures = []
    for section in ("calls_999", "calls_101", "digital", "ocr", "live_chat", "crime"):
        with (paper / f"{section}.csv").open(encoding="utf-8", newline="") as file:
            figures += [(section, row["measure"], row["text"]) for row in csv.DictReader(file)]
    assert len(figures) > 100
    for form in ("xlsx", "docx", "ods"):
        assert [figure for figure in figures if figure[2] not in printed[form]] == []


def test_slides_show_main_points_and_headline_figures(printed, published):
    page = (published / "board_paper.html").read_text(encoding="utf-8")
    points = re.findall(r"<li>(.*?)</li>", page[page.index('id="main-points"') : page.index("</ol>")])
    headline = re.findall(r'<td class="[^"]*figure[^"]*">([^<]+)', page)
    assert points
    assert headline
    assert [text for text in points + headline if text.strip() not in printed["pptx"]] == []


def test_every_measure_of_the_workbook_has_a_described_chart(printed, published):
    with zipfile.ZipFile(published / "board_paper.xlsx") as book:
        parts = {
            name: book.read(name).decode() for name in book.namelist() if re.search(r"/(chart|drawing)\d+\.xml$", name)
        }
    assert sum("/charts/" in name for name in parts) == 18
    assert len(re.findall(r'descr="[^"]+ by month', "".join(parts.values()))) == 18
    assert printed["xlsx"].count("Lower limit") >= 18
