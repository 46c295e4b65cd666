"""The site: every link leads somewhere, nothing is asked of others, and pages show what the published tables say."""

from __future__ import annotations

import base64
import csv
import gzip
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from dagster_project.settings import PROJECT_ROOT

# Written by dbt; its links are routes of its own script.
LINEAGE = "dictionary/lineage.html"
FORCES = ("city-of-london", "kent")


@pytest.fixture(scope="module")
def site(sample) -> Path:
    return sample.current.resolve()


@pytest.fixture(scope="module")
def pages(site) -> dict[str, str]:
    """Every page that the project writes, by its address."""
    found = {path.relative_to(site).as_posix(): path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    del found[LINEAGE]
    return found


@pytest.fixture(scope="module")
def found(site) -> list[list[str]]:
    """What the search finds: address, title, kind, further words, month."""
    index = (site / "assets" / "search-index.js").read_text(encoding="utf-8")
    return json.loads(index.removeprefix("window.FCIR_PAGES=").rstrip(";\n"))


def links(page: str, text: str) -> Iterator[tuple[str, str]]:
    """The addresses below the publication that a page leads to, each with its fragment."""
    for link in re.findall(r'\b(?:href|src)="([^"]*)"', text):
        parts = urlsplit(unescape(link))
        if parts.scheme not in ("http", "https", "mailto", "data"):
            folders: list[str] = page.split("/")[:-1]
            for name in unquote(parts.path).split("/") if parts.path else ():
                folders = folders[:-1] if name == ".." else [*folders, name]
            yield "/".join(folders) if parts.path else page, unquote(parts.fragment)


def leads_somewhere(site: Path, pages: dict[str, str], address: str, fragment: str) -> bool:
    text = pages.get(address)
    if text is None or not fragment:
        return (site / address).is_file()
    if "=" not in fragment:
        return f'id="{fragment}"' in text
    # A choice of a page with choosers. The explorer has its options in its data.
    return address == "explorer.html" or all(
        f'<select name="{name}">' in text and f'<option value="{value}"' in text for name, value in parse_qsl(fragment)
    )


def test_every_link_and_every_find_of_the_search_leads_to_a_file_and_a_place_in_it(site, pages, found):
    assert len(pages) == 269
    dead = [
        (page, address, fragment)
        for page, text in pages.items()
        for address, fragment in set(links(page, text))
        if not leads_somewhere(site, pages, address, fragment)
    ]
    assert dead == []
    finds = [(unquote(address), fragment) for entry in found for address, _, fragment in [entry[0].partition("#")]]
    assert len(finds) > 300
    assert [find for find in finds if not leads_somewhere(site, pages, *find)] == []


def test_every_page_and_every_form_of_a_paper_is_linked_from_the_first_page(site, pages):
    reached, waiting = set(), ["index.html"]
    while waiting:
        if (page := waiting.pop()) not in reached:
            reached.add(page)
            waiting += [address for address, _ in links(page, pages.get(page, ""))]
    assert set(pages) - reached == set()
    papers = {path.relative_to(site).as_posix() for path in site.glob("papers/*/*/board_paper.*")}
    assert papers - reached == set()
    assert {LINEAGE, "national.pdf", "queries/tables.pq"} - reached == set()


def test_no_page_asks_anything_of_another_server(site, pages):
    asking = re.compile(
        r"""(?:src|action|data)\s*=\s*["']?\s*(?:https?:)?//|<link[^>]*(?:https?:)?//|url\((?!['"]?data:)"""
    )
    for page, text in pages.items():
        assert "default-src 'none'" in text, page
        assert not asking.search(text), page
    # The library of charts names schemas and licences, and the policy of the pages forbids it every request.
    own = [path for path in (site / "assets").iterdir() if path.name != "vega.js"]
    assert [
        path for path in own if re.search(r"https?://(?!www\.w3\.org/)|@import|fetch\(|XMLHttp", path.read_text())
    ] == []


def test_every_page_has_one_heading_and_says_how_fresh_and_how_true_it_is(pages, sample):
    run = sample.current.resolve().name
    for page, text in pages.items():
        assert text.count("<h1") == 1, page
        assert text.startswith('<!doctype html>\n<html lang="en-GB"'), page
        words = " ".join(text.split())
        assert "eliveries up to 31 January 2023" in words, page
        assert "Synthetic sample" in words, page
        assert page.startswith("papers/") or page == "board_paper.html" or run in words, page
    titles = [
        re.search(r"<title>(.*?)</title>", text)[1] for page, text in pages.items() if not page.startswith("papers/")
    ]
    assert len(set(titles)) == len(titles)


def test_every_measure_table_and_paper_has_its_page_and_is_found(sample, pages, found):
    measures = sample.published(
        "select force_code, measure, in_board_paper or is_headline from marts.measures "
        "cross join (select distinct force_code from marts.report_months)"
    )
    printed = {measure for force, measure, is_printed in measures if force == "kent" and is_printed}
    expected = {f"measures/{force}/{measure}.html" for force, measure, _ in measures}
    assert len(expected) == 2 * 72
    traces = {f"measures/{force}/{measure}.trace.html" for force in FORCES for measure in printed}
    assert {page for page in pages if page.count("/") == 2 and page.startswith("measures/")} == expected | traces
    tables = {
        f"dictionary/{name}.html"
        for (name,) in sample.published("select distinct table_name from marts.data_dictionary")
    }
    assert {page for page in pages if page.startswith("dictionary/")} == {*tables, "dictionary/index.html"}
    papers = {
        f"papers/{force}/{month:%Y-%m}/board_paper.html"
        for force, month in sample.published("select force_code, month_start from marts.report_months")
    }
    addresses = {address.partition("#")[0] for address, *_ in found}
    assert (expected | tables | papers) - addresses == set()
    assert {page for page in pages if "/" not in page} - addresses <= {"board_paper.html"}


def test_the_files_of_measures_have_the_published_figures(sample, site):
    figures = {
        (force, measure, f"{month:%Y-%m}", period): (value, text or "\N{EN DASH}")
        for force, measure, month, period, value, text in sample.published(
            "select force_code, measure, month_start, period, value, display_value from marts.kpi_measure_period"
        )
    }
    periods = {"Month": "month", "Last 6 months": "last_6_months", "Year to date": "fytd"}
    rows = 0
    for file in site.glob("measures/*/*.csv"):
        for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines()):
            value, text = figures[row["force_code"], row["measure"], row["month"], periods[row["figure"]]]
            assert (Decimal(row["value"]) if row["value"] else None, row["text"]) == (value, text), row
            assert (site / "measures" / row["force_code"] / row["measure"]).name in file.name
            rows += 1
    assert rows == 2 * 72 * 6 * 3


def unpacked(pattern: str, text: str) -> Any:
    """Data that a page or a script carries as compressed text."""
    return json.loads(gzip.decompress(base64.b64decode(re.search(pattern, text)[1])))


def test_the_explorer_has_every_figure_by_period_and_by_week(sample, pages, site):
    data = unpacked(r'<script type="text/plain" id="data">([^<]*)<', pages["explorer.html"])
    shown = {
        (period, force, measure, first, value and Decimal(value), text)
        for period, forces in data["cells"].items()
        for force, measures in forces.items()
        for measure, cells in measures.items()
        for first, value, text in zip(cells["first"], cells["value"], cells["text"], strict=True)
    }
    published = sample.published(
        "select period, force_code, measure, cast(month_start as varchar), value, display_value "
        "from marts.kpi_measure_period"
    )
    assert {row for row in shown if row[0] != "month_per_day"} == set(published)
    for force in FORCES:
        script = (site / "explorer" / f"{force}.week.js").read_text(encoding="utf-8")
        weeks = {
            (measure, first, value and Decimal(value))
            for measure, of_force in unpacked(r'\]="([^"]*)"', script).items()
            for first, value in zip(of_force[""]["first"], of_force[""]["value"], strict=True)
        }
        by_week = "select measure, cast(week_start as varchar), value from marts.kpi_measure_weekly where force_code = "
        assert weeks == set(sample.published(f"{by_week} '{force}'"))


def test_the_first_page_has_the_main_points_of_both_forces(pages):
    index = " ".join(pages["index.html"].split())
    for force in FORCES:
        points = re.search(
            r'id="main-points">.*?<ol>(.*?)</ol>', pages[f"papers/{force}/2023-01/board_paper.html"], re.S
        )[1]
        assert points.count("<li>") > 1
        assert " ".join(points.split()) in index


def test_the_page_about_trust_has_every_printed_figure_and_claim_with_its_evidence(sample, pages):
    page = unescape(pages["trust.html"])
    assert "108 of 108 printed figures" in page
    assert "Supported by the months loaded so far (August 2022 to January 2023)" in page
    for statement, evidence in sample.published("select statement, evidence from marts.claims"):
        assert statement in page
        assert evidence in page


def test_the_cookbook_shows_each_query_with_its_result(sample, pages):
    page, answered = unescape(pages["cookbook.html"]), 0
    for file in sorted((PROJECT_ROOT / "dagster_project" / "publication" / "cookbook").glob("*.sql")):
        sql = "\n".join(file.read_text(encoding="utf-8").splitlines()[2:])
        part = page[page.index(f'id="{file.stem}"') :].partition("<h2")[0]
        assert sql in part
        rows = sample.published(sql)
        shown = re.findall(r"<tr><td.*?</tr>", part)
        assert len(shown) == len(rows), file.stem
        texts = [(cell, line) for row, line in zip(rows, shown, strict=True) for cell in row if isinstance(cell, str)]
        assert [cell for cell, line in texts if f">{cell}<" not in line] == []
        answered += bool(rows)
    # No day is missing, and nothing has changed since the only publication.
    assert answered == 9


def test_pages_of_comparison_have_all_forces_and_the_published_ranks(sample, pages):
    peers = pages["peers.html"]
    assert re.search(r"\d+\.\d% of 999 calls were answered in under 10 seconds, (above|below|as in) ", peers)
    assert "starts when the operator of BT connects" in peers
    # 46 forces with a header and the United Kingdom, and six months of the own one with theirs.
    assert peers.count("<tr") == 1 + 46 + 1 + 1 + 6
    page = pages["national.html"]
    assert "The totals cover 2 of the 43 forces" in page
    assert "No rank: forces use different formulas." in page
    ((rank, share),) = sample.published(
        "select force_rank, display_value from marts.national_figures inner join marts.kpi_measure_period "
        "using (force_code, measure, month_start, period) where force_code = 'kent' and period = 'month' "
        "and measure = 'calls_999.pct_not_answered' and month_start = '2023-01-01'"
    )
    section = page[page.index('<h2 id="calls_999.pct_not_answered">') :].partition("</section>")[0]
    assert (
        f'<tr class="own"><td class="number">{rank}</td><th scope="row">Kent Police</th><td class="number">{share}</td>'
        in section
    )


def test_without_the_source_no_page_compares(three_days):
    folder = three_days.current.resolve()
    texts = [path.read_text(encoding="utf-8") for path in folder.rglob("*.html") if path.name != "lineage.html"]
    texts.append((folder / "assets" / "search-index.js").read_text(encoding="utf-8"))
    assert len(texts) > 100
    for words in ("peers.html", "national.html", "How we compare"):
        assert [text for text in texts if words in text] == [], words
