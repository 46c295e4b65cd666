"""The CSV file that the explorer's script writes in a browser follows the rule of all other published CSV files."""

import csv
import io
import shutil
from importlib.resources import files
from pathlib import Path

from playwright.sync_api import Browser

from dagster_project.publication.explorer import FIGURES, explorer_page, write_vega
from dagster_project.publication.spreadsheet import FIGURE, FORMULA, neutralised
from tests.publication.payloads import FORMULAS, TEXTS
from tests.publication.reports import a_frame

MONTH = "2023-01-01"
# Figures with an exponent or units stay as they are, and so does a number of a telephone without blanks.
PRINTED = [*TEXTS, *FORMULAS, "-1e5", "+1E+3%", "+44 1632 960001", "+441632960001", "1h", "-12m 30s"]


def data_of(texts: list[str]) -> dict[str, object]:
    """What the page embeds: a force for each text, with the text as its name and as the figure of its only month."""
    columns = {"first": MONTH, "value": "1", "loaded": 31, "days": 31, "provisional": False, "since": None}
    series = {name: [value] for name, value in columns.items()}
    named = {f"force-{number}": text for number, text in enumerate(texts)}
    measure = dict.fromkeys(("name", "better", "owner", "definition", "numerator", "denominator", "breakdown"), "")
    return {
        "months": [MONTH],
        "forces": [{"code": code, "name": text} for code, text in named.items()],
        "figures": [{"code": code, "title": title, "meaning": text} for code, (title, text) in FIGURES.items()],
        "sections": [{"code": "calls", "title": "Calls"}],
        "units": {"count": "Number"},
        "signals": {},
        "spreadsheet": {"formula": FORMULA, "figure": FIGURE},
        "measures": [
            measure
            | {"code": "calls.received", "section": "calls", "label": "Received", "unit": "count"}
            | {"decimals": 0, "is_headline": True, "decisions": []}
        ],
        "breakdowns": [],
        "lines": [],
        "first_force": 0,
        "opening_month": 0,
        "spans": {figure: {MONTH: [MONTH, MONTH]} for figure in FIGURES},
        "cells": {"month": {code: {"calls.received": series | {"text": [text]}} for code, text in named.items()}},
        "limits": {},
        "formula_changes": {},
        "year_before": {},
        "details": [],
        "detail_months": 36,
        "events": {},
        "bank_holidays": [],
    }


def write_page(folder: Path, data: dict[str, object]) -> str:
    """Write the page with these data and the files that it loads; return its address."""
    write_vega(folder)
    assets = Path(str(files("dagster_project.publication") / "assets"))
    for name in ("site.css", "explorer.css", "search.js"):
        shutil.copy(assets / name, folder / "assets")
    (folder / "assets" / "search-index.js").write_text("window.FCIR_PAGES=[];")
    file = folder / "explorer.html"
    file.write_text(explorer_page(data, a_frame()), encoding="utf-8")
    return file.as_uri()


def test_the_browser_neutralises_the_same_texts_as_the_publication(browser: Browser, tmp_path: Path):
    page = browser.new_page()
    page.goto(write_page(tmp_path, data_of(PRINTED)))
    page.click("#all-forces")
    with page.expect_download() as download:
        page.click("#download")
    text = download.value.path().read_bytes().decode()
    page.close()
    lines = io.StringIO(text.replace("\0", "\ufffd"), newline="")
    rows = {row["force_code"]: row for row in csv.DictReader(lines)}
    written = [rows[f"force-{number}"] for number in range(len(PRINTED))]
    expected = [neutralised(text).replace("\0", "\ufffd") for text in PRINTED]
    assert [row["force_name"] for row in written] == expected
    assert [row["display_value"] for row in written] == expected
