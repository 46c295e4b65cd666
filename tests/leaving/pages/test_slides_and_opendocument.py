"""Slides and the OpenDocument workbook, opened by an office program."""

from __future__ import annotations

import csv
import re
import subprocess

import pytest
from pypdf import PdfReader

from tests.deploy.programs import program


@pytest.fixture(scope="module")
def printed(published, tmp_path_factory) -> dict[str, str]:
    """The text of each form of the paper as LibreOffice prints it, by the end of its name."""
    texts = {}
    out = tmp_path_factory.mktemp("office")
    profile = f"-env:UserInstallation={(out / 'profile').as_uri()}"
    for form in ("ods", "pptx"):
        paper = published / f"board_paper.{form}"
        command = [program("soffice"), profile, "--headless", "--convert-to", "pdf", "--outdir", out / form, paper]
        subprocess.run(command, check=True, capture_output=True)
        pages = PdfReader(out / form / "board_paper.pdf").pages
        texts[form] = re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))
    return texts


def test_the_workbook_has_the_text_of_every_figure(printed, published):
    front = (published / "board_paper.ods").read_bytes()
    [paper] = [book.parent for book in published.glob("papers/*/*/board_paper.ods") if book.read_bytes() == front]
    figures = []
    for section in ("calls_999", "calls_101", "digital", "ocr", "live_chat", "crime"):
        with (paper / f"{section}.csv").open(encoding="utf-8", newline="") as file:
            figures += [(section, row["measure"], row["text"]) for row in csv.DictReader(file)]
    assert len(figures) > 100
    assert [figure for figure in figures if figure[2] not in printed["ods"]] == []


def test_slides_show_main_points_and_headline_figures(printed, published):
    page = (published / "board_paper.html").read_text(encoding="utf-8")
    points = re.findall(r"<li>(.*?)</li>", page[page.index('id="main-points"') : page.index("</ol>")])
    headline = re.findall(r'<td class="[^"]*figure[^"]*">([^<]+)', page)
    assert points
    assert headline
    assert [text for text in points + headline if text.strip() not in printed["pptx"]] == []
