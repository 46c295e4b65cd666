"""The paper in other programs' formats, opened by an office program: the paper's texts and its charts are there."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from pypdf import PdfReader

_SECTIONS = ("calls_999", "calls_101", "digital", "ocr", "live_chat", "crime")


@pytest.fixture(scope="module")
def opened(published, tmp_path_factory) -> dict[str, str]:
    """The text of each form of the paper as LibreOffice prints it, by the end of its name."""
    program = shutil.which("soffice") or shutil.which("libreoffice")
    assert program, (
        "LibreOffice is not installed. On Debian: apt-get install libreoffice-calc-nogui libreoffice-writer-nogui "
        "libreoffice-impress-nogui"
    )
    texts = {}
    for form in ("xlsx", "docx", "ods", "pptx"):
        out = tmp_path_factory.mktemp(form)
        subprocess.run(
            [
                program,
                f"-env:UserInstallation={(out / 'profile').as_uri()}",
                *("--headless", "--convert-to", "pdf", "--outdir", str(out), str(published / f"board_paper.{form}")),
            ],
            check=True,
            capture_output=True,
            timeout=180,
        )
        pages = PdfReader(out / "board_paper.pdf").pages
        texts[form] = re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))
    return texts


@pytest.fixture(scope="module")
def figures(published) -> list[tuple[str, str, str]]:
    """Section, measure and text of each figure, from the CSV files of the paper."""
    front = (published / "board_paper.xlsx").read_bytes()
    (paper,) = [book.parent for book in published.glob("papers/*/*/board_paper.xlsx") if book.read_bytes() == front]
    rows = []
    for section in _SECTIONS:
        with (paper / f"{section}.csv").open(encoding="utf-8", newline="") as file:
            rows += [(section, row["measure"], row["text"]) for row in csv.DictReader(file)]
    assert len(rows) > 100
    return rows


@pytest.mark.parametrize("form", ["xlsx", "docx", "ods"])
def test_every_figure_has_the_text_of_the_paper(opened, figures, form):
    assert [figure for figure in figures if figure[2] not in opened[form]] == []


def test_slides_show_main_points_and_headline_figures(opened, published):
    page = (published / "board_paper.html").read_text(encoding="utf-8")
    points = re.findall(r"<li>(.*?)</li>", page[page.index('id="main-points"') : page.index("</ol>")])
    headline = re.findall(r'<td class="[^"]*figure[^"]*">([^<]+)', page)
    assert points
    assert headline
    for text in points + headline:
        assert text.strip() in opened["pptx"]


def test_every_measure_has_a_described_chart(published, opened):
    with zipfile.ZipFile(Path(published) / "board_paper.xlsx") as book:
        charts = [name for name in book.namelist() if name.startswith("xl/charts/chart")]
        drawings = "".join(
            book.read(name).decode() for name in book.namelist() if re.fullmatch(r"xl/drawings/drawing\d+\.xml", name)
        )
    assert len(charts) == 18
    assert len(re.findall(r'descr="[^"]+ by month', drawings)) == 18
    assert opened["xlsx"].count("Lower limit") >= 18
