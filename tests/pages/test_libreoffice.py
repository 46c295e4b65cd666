"""The workbook and the document, opened by an office program: the paper's texts and its charts are there."""

from __future__ import annotations

import csv
import re
import subprocess
from dataclasses import replace

import pytest
from pypdf import PdfReader

from dagster_project.publication.document import render_document
from tests.deploy.programs import program
from tests.unit.publication.reports import a_report, drawings, of_section


def printed(paper, folder) -> str:
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = [program("soffice"), profile, "--headless", "--convert-to", "pdf", "--outdir", folder, paper]
    subprocess.run(command, check=True, capture_output=True)
    pages = PdfReader(folder / f"{paper.stem}.pdf").pages
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))


@pytest.mark.parametrize("form", ["xlsx", "docx"])
def test_an_office_program_prints_every_figure(published, tmp_path, form):
    said = printed(published / f"board_paper.{form}", tmp_path)
    newest = sorted(published.glob("papers/kent/*"))[-1]
    tables = [csv.DictReader(file.read_text(encoding="utf-8").splitlines()) for file in newest.glob("*.csv")]
    texts = {row["text"] for table in tables for row in table}
    assert len(texts) > 100
    assert [text for text in texts if text not in said] == []


def test_a_document_of_twelve_months_breaks_no_figure_over_two_lines(tmp_path):
    report = a_report()
    table = report.sections[0].table
    rows = [
        replace(row, figures=tuple(replace(row.figures[0], text="1,234,567") for _ in range(16))) for row in table.rows
    ]
    wide = of_section(report, table=replace(table, columns=table.columns[:1] * 16, rows=tuple(rows)))
    (tmp_path / "wide.docx").write_bytes(render_document(wide, drawings(wide)))
    assert printed(tmp_path / "wide.docx", tmp_path).count("1,234,567") == 16 * len(rows)
