"""The workbook and the document, opened by an office program: the paper's texts and its charts are there."""

from __future__ import annotations

import csv
import re
import subprocess

import pytest
from pypdf import PdfReader

from tests.deploy.programs import program


@pytest.mark.parametrize("form", ["xlsx", "docx"])
def test_an_office_program_prints_every_figure_and_the_limits_of_every_chart(published, tmp_path, form):
    paper = published / f"board_paper.{form}"
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = [program("soffice"), profile, "--headless", "--convert-to", "pdf", "--outdir", tmp_path, paper]
    subprocess.run(command, check=True, capture_output=True)
    pages = PdfReader(tmp_path / "board_paper.pdf").pages
    printed = re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))
    newest = sorted(published.glob("papers/kent/*"))[-1]
    tables = [csv.DictReader(file.read_text(encoding="utf-8").splitlines()) for file in newest.glob("*.csv")]
    texts = {row["text"] for table in tables for row in table}
    assert len(texts) > 100
    assert [text for text in texts if text not in printed] == []
    assert form == "docx" or printed.count("Lower limit") >= 18
