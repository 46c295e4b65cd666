"""The site: every link leads somewhere, nothing is asked of others, and pages show what the published tables say."""

from __future__ import annotations

import base64
import csv
import gzip
import json
import re
from decimal import Decimal
from itertools import product, repeat
from pathlib import Path
from typing import Any

import pytest

from tests.golden.links import dead_links, finds, links, pages_of

FORCES = ("city-of-london", "kent")


@pytest.fixture(scope="module")
def site(sample) -> Path:
    return sample.current.resolve()


@pytest.fixture(scope="module")
def pages(site) -> dict[str, str]:
    return pages_of(site)


def test_every_link_and_every_find_of_the_search_leads_to_a_file_and_a_place_in_it(site):
    assert dead_links(site) == []


def test_every_page_and_every_form_of_a_paper_is_linked_from_the_first_page(site, pages):
    reached, waiting = set(), ["index.html"]
    while waiting:
        if (page := waiting.pop()) not in reached:
            reached.add(page)
            waiting += [address for address, _ in links(page, pages.get(page, ""))]
    papers = {path.relative_to(site).as_posix() for path in site.glob("papers/*/*/board_paper.*")}
    assert len(papers) == 12 * 3 + 1
    assert {*pages, *papers} - reached == set()


def test_no_page_asks_anything_of_another_server(site, pages):
    asking = re.compile(
        r"""(?:src|action|data)\s*=\s*["']?\s*(?:https?:)?//|<link[^>]*(?:https?:)?//|url\((?!['"]?data:)"""
    )
    for page, text in pages.items():
        assert "default-src 'none'" in text, page
        assert not asking.search(text), page
    own = re.compile(r"https?://(?!www\.w3\.org/)|@import|fetch\(|XMLHttp")
    assert [path.name for path in (site / "assets").iterdir() if own.search(path.read_text())] == []


def test_every_page_has_one_heading_and_says_how_fresh_and_how_true_it_is(pages, sample):
    # The pages of the site have it from one script, so that an unchanged page is the file of the publication before.
    run = sample.current.resolve().name
    assert run in (sample.current / "assets" / "publication.js").read_text(encoding="utf-8")
    for page, text in pages.items():
        assert text.startswith('<!doctype html>\n<html lang="en-GB"'), page
        assert text.count("<h1") == 1, page
        words = " ".join(text.split())
        assert "eliveries up to 31 January 2023" in words, page
        assert "Synthetic sample" in words, page
    own = [text for page, text in pages.items() if not page.endswith("board_paper.html")]
    assert [text for text in own if 'assets/publication.js"></script>' not in text or run in text] == []
    assert len({re.search(r"<title>(.*?)</title>", text)[1] for text in own}) == len(own)


def test_every_measure_table_and_paper_has_its_page_and_is_found(sample, site, pages):
    # The values of a breakdown share a page.
    measures = sample.published(
        "select coalesce(section || '.' || breakdown, measure), bool_or(in_board_paper or is_headline) "
        "from marts.measures group by 1"
    )
    of_measures = {f"measures/{force}/{measure}.html" for force in FORCES for measure, _ in measures}
    traces = {
        f"measures/{force}/{measure}.trace.html" for force in FORCES for measure, is_traced in measures if is_traced
    }
    assert {page for page in pages if page.startswith("measures/")} == {*of_measures, *traces, "measures/index.html"}
    tables = {name for (name,) in sample.published("select table_name from duckdb_tables()")}
    assert set(re.findall(r'<p class="small" id="(\w+)">One row per', pages["dictionary.html"])) == tables
    assert {("dictionary.html", name) for name in tables} <= set(finds(site))
    months = sample.published("select force_code, strftime(month_start, '%Y-%m') from marts.report_months")
    papers = {f"papers/{force}/{month}/board_paper.html" for force, month in months}
    others = {page for page in pages if "/" not in page} - {"board_paper.html"}
    assert of_measures | papers | others <= dict(finds(site)).keys()


def test_the_files_of_measures_have_the_published_figures(site, figures):
    periods = {"Month": "month", "Last 6 months": "last_6_months", "Year to date": "fytd"}
    rows = [
        (file, row)
        for file in site.glob("measures/*/*.csv")
        for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    ]
    assert len(rows) == 2 * 72 * 6 * 3
    for file, row in rows:
        figure = figures[file.parent.name, row["measure"], row["month"], periods[row["figure"]]]
        assert (Decimal(row["value"]) if row["value"] else None, row["text"]) == figure, (file, row)


def unpacked(pattern: str, text: str) -> Any:
    """Data that a page or a script carries as compressed text."""
    return json.loads(gzip.decompress(base64.b64decode(re.search(pattern, text)[1])))


def test_the_explorer_has_every_figure_by_period_and_by_week(sample, site, figures):
    shown: dict[str, dict[tuple[str, ...], tuple[Decimal | None, str]]] = {"month": {}, "week": {}}
    for (name, of), force in product(shown.items(), FORCES):
        script = (site / "explorer" / f"{force}.{name}.js").read_text(encoding="utf-8")
        for one in unpacked(r'\]="([^"]*)"', script):
            columns = (one.get(column) or repeat("") for column in ("value", "value_text"))
            for first, value, text in zip(one["first_day"], *columns, strict=False):
                key = force, one["measure"], first, one["period"]
                of[key] = Decimal(value) if value else None, text or "\N{EN DASH}"
    months = {(force, measure, first[:7], period): of for (force, measure, first, period), of in shown["month"].items()}
    assert months == figures
    by_week = "select force_code, measure, cast(week_start as varchar), value from marts.kpi_measure_weekly"
    assert {(*key[:3], value) for key, (value, _) in shown["week"].items()} == set(sample.published(by_week))
