"""The workbook, opened by an office program: its cells show the paper's texts, and its charts are there."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from pypdf import PdfReader
from test_published_pages import published as published

_SECTIONS = ("calls_999", "calls_101", "digital", "ocr", "live_chat", "crime")


@pytest.fixture(scope="module")
def opened(published, tmp_path_factory) -> str:
    """The text of all sheets as LibreOffice prints them."""
    program = shutil.which("soffice") or shutil.which("libreoffice")
    assert program, "LibreOffice is not installed. On Debian: apt-get install libreoffice-calc-nogui"
    out = tmp_path_factory.mktemp("office")
    subprocess.run(
        [
            program,
            f"-env:UserInstallation={(out / 'profile').as_uri()}",
            *("--headless", "--convert-to", "pdf", "--outdir", str(out), str(published / "board_paper.xlsx")),
        ],
        check=True,
        capture_output=True,
        timeout=180,
    )
    return " ".join(page.extract_text() for page in PdfReader(out / "board_paper.pdf").pages)


def test_workbook_shows_texts_of_the_paper(published, opened):
    front = (published / "board_paper.xlsx").read_bytes()
    (paper,) = [book.parent for book in published.glob("papers/*/*/board_paper.xlsx") if book.read_bytes() == front]
    shown = re.sub(r"\s+", " ", opened)
    for section in _SECTIONS:
        with (paper / f"{section}.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                assert row["text"] in shown, (section, row["measure"], row["column"])


def test_every_measure_has_a_described_chart(published, opened):
    with zipfile.ZipFile(Path(published) / "board_paper.xlsx") as book:
        charts = [name for name in book.namelist() if name.startswith("xl/charts/chart")]
        drawings = "".join(
            book.read(name).decode() for name in book.namelist() if re.fullmatch(r"xl/drawings/drawing\d+\.xml", name)
        )
    assert len(charts) == 18
    assert len(re.findall(r'descr="[^"]+ by month', drawings)) == 18
    assert opened.count("Lower limit") >= 18
