"""The paper as an OpenDocument workbook has every figure and main point."""

import csv
import json
import re
import zipfile
from pathlib import Path

from lxml import etree

ROW = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}table-row"


def printed(paper: Path) -> list[dict[str, str]]:
    """The rows of the tables of a paper, from its CSV files."""
    files = sorted(paper.glob("*.csv"))
    return [row for file in files for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines())]


def words(path: Path) -> str:
    with zipfile.ZipFile(path) as book:
        content = etree.fromstring(book.read("content.xml"))
    return " ".join(" ".join("".join(cell.itertext()) for row in content.iter(ROW) for cell in row).split())


def test_every_opendocument_workbook_has_all_figures_and_main_points(sample):
    made = [path.parent for path in sample.current.resolve().glob("papers/*/*/board_paper.ods")]
    # Of the newest paper only.
    assert len(made) == 2
    for paper in made:
        said = words(paper / "board_paper.ods")
        rows: dict[str, list[str]] = {}
        for row in printed(paper):
            note = r"\d?" if row["note"] else ""
            text = re.escape(row["text"]) + note
            rows.setdefault(row["measure"], [re.escape(" ".join(row["label"].split()))]).append(text)
        assert [row for row in rows.values() if not re.search(" ".join(row), said)] == [], paper
        points = json.loads((paper / "report.json").read_text(encoding="utf-8"))["report"]["main_points"]
        assert points
        assert [point for point in points if point not in said] == [], paper
