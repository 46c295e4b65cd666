"""The explorer in a browser: its figures are those of the marts, and it says what it does not have."""

import base64
import csv
import gzip
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from playwright.sync_api import Browser, Page, expect

from dagster_project.publication.explorer import explorer_page
from dagster_project.publication.html import packed
from dagster_project.publication.spreadsheet import neutralised
from tests.pages.conftest import WIDE, Looked
from tests.unit.publication.payloads import FORMULAS, TEXTS
from tests.unit.publication.reports import a_frame

SPAN = "from=2022-08&to=2023-01"
# Force, measure, member and first day of every figure that a choice selects, from the marts.
CALLS = """
    select force_code, measure, '' as member, month_start as first_day, value from kpi_measure_period
    where period = 'month' and measure in ('calls_999.received', 'calls_101.pct_not_answered')
"""
DISTRICTS = """
    select force_code, 'crime.' || name, coalesce(district, 'Not stated'), month_start, value
    from kpi_crime_by_district_monthly unpivot (value for name in (recorded_crime, cancelled_crime))
    where force_code = 'kent'
"""


class Explorer(Looked):
    """The page, with a way to choose by its address."""

    def choose(self, choice: str) -> Page:
        self.open(f"explorer.html#{choice}")
        # The policy of the page forbids functions that the test would wait for.
        expect(self.page.locator("#summary")).to_have_text(re.compile(r"^(?!Reading)\S"))
        return self.page

    def rows(self) -> list[dict[str, str]]:
        """The downloaded figures."""
        with self.page.expect_download() as download:
            self.page.click("#download")
        text = Path(download.value.path()).read_bytes().decode().replace("\0", "\ufffd")
        return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[[Path], Explorer]]:
    """Return a function that opens a window on the explorer of a folder; in the end, nothing of it failed."""
    opened = []

    def opening(folder: Path) -> Explorer:
        opened.append(Explorer(browser.new_page(viewport=WIDE), folder))
        return opened[-1]

    yield opening
    for explorer in opened:
        assert explorer.faults == []
        explorer.page.close()


@pytest.fixture
def explorer(open_page, published: Path) -> Explorer:
    """The explorer of the sample."""
    return open_page(published)


@pytest.mark.parametrize(
    ("choice", "of_marts"),
    [
        ("measures=calls_999.received,calls_101.pct_not_answered&forces=kent,city-of-london", CALLS),
        ("measures=crime.recorded_crime,crime.cancelled_crime&forces=kent&split=district", DISTRICTS),
    ],
    ids=["month", "district"],
)
def test_every_figure_is_that_of_the_marts_and_shown_without_a_barrier(explorer, published, choice, of_marts):
    page = explorer.choose(f"{choice}&{SPAN}")
    rows = explorer.rows()
    with duckdb.connect(str(published / "fcir.duckdb"), read_only=True) as connection:
        connection.execute("use fcir.marts")
        figures = {tuple(map(str, key)): value for *key, value in connection.execute(of_marts).fetchall()}
    downloaded = {tuple(row[name] for name in ("force_code", "measure", "member", "first_day")): row for row in rows}
    assert len(downloaded) == len(rows)
    # A district or group without a row in a month had no crime in it.
    assert {row["value"] for key, row in downloaded.items() if key not in figures} <= {"0"}
    numbers = {key: float(downloaded[key]["value"] or "nan") for key in figures}
    expected = {key: float("nan") if value is None else float(value) for key, value in figures.items()}
    assert numbers == pytest.approx(expected, nan_ok=True)
    cells = page.locator("#table td").all_inner_texts()
    shown = sorted(text.removesuffix(" [p]") for text in cells if text != "\N{EN DASH}")
    texts = sorted(row["display_value"] for row in rows if row["display_value"])
    assert shown == texts != []
    assert explorer.barriers() == []


def test_what_cannot_be_chosen_says_why(explorer):
    def refused(select: str) -> list[str]:
        return explorer.page.locator(f"#{select} option:disabled").all_inner_texts()

    page = explorer.choose(f"measures=calls_999.received&forces=kent&{SPAN}")
    assert "District (No district is recorded for 999 calls)" in refused("split")
    assert refused("grain") == []
    assert page.is_disabled("#compare")
    assert page.inner_text("#compare-hint") == "There are no figures for the year before these."
    explorer.choose(f"measures=crime.recorded_crime&forces=kent&{SPAN}&split=district")
    assert "(No offence group is counted for Recorded Crime)" in "".join(refused("split"))
    assert "Week (not by district)" in refused("grain")
    assert "Year to date (not by district)" in refused("figure")
    assert page.locator("label.tick", has_text="Calls Received").first.locator("input").is_disabled()
    for choice, summary in {
        "measures=digital.email&forces=kent&grain=day": "No figures by day for Digital contact.",
        "measures=&forces=": "Tick at least one measure and one force.",
        "measures=a.b,crime.recorded_crime&forces=kent": "Not in this publication: a.b. 1 measure, 1 force: Month",
    }.items():
        assert explorer.choose(f"{choice}&{SPAN}").inner_text("#summary").startswith(summary)


def test_grain_members_and_breakdown_are_chosen_by_keyboard_and_kept_in_the_address(explorer):
    page = explorer.choose(f"measures=crime.recorded_crime&forces=kent&{SPAN}")
    page.focus("#split")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("#members input")
    members = page.locator("#members input").count()
    assert page.locator("#table tbody tr").count() == members
    page.locator("#members input").first.focus()
    page.keyboard.press("Space")
    assert page.locator("#table tbody tr").count() == members - 1
    assert page.evaluate("document.activeElement.name") == "member"
    explorer.choose(page.url.partition("#")[2])
    expect(page.locator("#members input:checked")).to_have_count(members - 1)
    page.select_option("#split", "")
    assert page.locator("#table tbody tr").count() == 6
    page.focus("#grain")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#summary")).to_contain_text("Week value")
    page.select_option("#grain", "month")
    page.select_option("#from", label="Jan 2023")
    page.select_option("#to", label="Aug 2022")
    assert "from=2022-08&to=2022-08" in page.url
    page.select_option("#breakdown", "line")
    assert page.locator("#measures input:checked").count() >= 2
    page.select_option("#breakdown", "")
    assert "measures=crime.recorded_crime&" in page.url
    page.fill("#measure-search", "attrition")
    visible = page.locator("#measures label:visible")
    assert "% Not Answered" in [text.split("\n")[0] for text in visible.all_inner_texts()]
    assert visible.count() < page.locator("#measures label").count()


MONTHS = [f"2022-{number:02}-01" for number in range(1, 7)]


def series(days: list[str], texts: list[str], loaded: int = 31) -> dict[str, list[Any]]:
    """Figures of a measure: the first day and the text of each."""
    of_each = {"value": "1", "loaded": loaded, "days": loaded, "provisional": False, "since": None}
    return {"first": days, "text": texts} | {name: [value] * len(days) for name, value in of_each.items()}


@pytest.fixture
def open_with(open_page, published: Path, tmp_path: Path) -> Callable[..., Explorer]:
    """Return a function that opens the explorer with figures of one measure in place of those of the sample."""

    def opening(forces: list[str], months: list[str], cells: dict[str, Any], **changes: Any) -> Explorer:
        shutil.copytree(published.resolve() / "assets", tmp_path / "assets")
        page = (published / "explorer.html").read_text(encoding="utf-8")
        data = json.loads(gzip.decompress(base64.b64decode(re.search(r'id="data">([^<]*)<', page)[1])))
        measure = data["measures"][0] | {"code": "received", "breakdown": "", "decisions": [], "is_headline": True}
        data |= {name: [] for name in ("breakdowns", "lines", "details", "bank_holidays")}
        data |= {name: {} for name in ("limits", "formula_changes", "year_before", "events")}
        data |= {
            "months": months,
            "opening_month": len(months) - 1,
            "forces": [{"code": f"force-{number}", "name": name} for number, name in enumerate(forces)],
            "first_force": 0,
            "measures": [measure],
            "spans": {figure: {month: [month, month] for month in months} for figure in data["spans"]},
            "cells": {name: {force: {"received": one} for force, one in of.items()} for name, of in cells.items()},
        }
        (tmp_path / "explorer.html").write_text(explorer_page(data | changes, a_frame()), encoding="utf-8")
        return open_page(tmp_path)

    return opening


def test_the_browser_neutralises_the_same_texts_as_the_publication(open_with):
    # Figures with an exponent or units stay as they are, and so does a number of a telephone without blanks.
    texts = [*TEXTS, *FORMULAS, "-1e5", "+1E+3%", "+44 1632 960001", "+441632960001", "1h", "-12m 30s"]
    cells = {f"force-{number}": series(["2023-01-01"], [text]) for number, text in enumerate(texts)}
    explorer = open_with(texts, ["2023-01-01"], {"month": cells})
    page = explorer.choose("")
    page.click("#all-forces")
    rows = {row["force_code"]: row for row in explorer.rows()}
    written = [rows[f"force-{number}"] for number in range(len(texts))]
    expected = [neutralised(text).replace("\0", "\ufffd") for text in texts]
    assert [row["force_name"] for row in written] == expected
    assert [row["display_value"] for row in written] == expected


def test_the_search_of_the_site_ranks_titles_first_and_its_links_within_the_page_keep_the_choice(open_with, tmp_path):
    explorer = open_with(["Kent"], MONTHS, {"month": {"force-0": series(MONTHS, list("123456"))}})
    pages = [["text", "A", "lost calls", ""], ["closest", "Closest", "", ""], ["word", "B", "", "lost"]]
    pages += [["calls", "Calls lost", "", ""], ["lost", "Lost calls", "", ""]]
    index = [[f"{address}.html", title, "page", text, words] for address, title, text, words in pages]
    (tmp_path / "assets" / "search-index.js").write_text(f"window.FCIR_PAGES={index};")
    page = explorer.choose("measures=received&forces=force-0&from=2022-01&to=2022-01")
    page.focus(".skip")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#measures=received&forces=force-0"))
    for typed, found in (("lost", "lost calls word text"), ("calls LOST", "calls lost text"), ("non-lost", "")):
        page.fill("#search", typed)
        links = page.locator("#search-results a").all()
        assert [link.get_attribute("href") for link in links] == [f"{address}.html" for address in found.split()]
    assert page.locator("#measures input:checked").count() == 1


def test_the_year_before_follows_the_figure(open_with):
    """Month value and year to date have the marts' figure of the year before; others have that of twelve months ago."""
    months = ["2022-01-01", "2023-01-01"]
    texts = {"month": ["1", "2"], "fytd": ["3", "4"], "prev_fytd": ["5", "6"]}
    cells = {figure: {"force-0": series(months, of)} for figure, of in texts.items()}
    explorer = open_with(["Kent"], months, cells, year_before={"fytd": "prev_fytd"})
    page = explorer.choose("from=2023-01&to=2023-01")
    page.check("#compare")
    assert "compare=year_before" in page.url
    names = ("display_value", "first_day", "period_start", "compared_with")
    rows = [" ".join(row[name] for name in names) for row in explorer.rows()]
    assert rows == ["2 2023-01-01 2023-01-01 ", "1 2022-01-01 2023-01-01 year_before"]
    page.select_option("#figure", "fytd")
    assert page.locator("#table td").all_inner_texts() == ["4", "6"]


def test_the_line_breaks_where_the_formula_changes(open_with):
    forces = ["Kent", "Essex", "Surrey"]
    cells = {f"force-{number}": series(MONTHS, list("123456")) for number in range(3)}
    since = {"force-0": ["2022-05-01"], "force-1": ["2022-03-01", "2022-05-01"], "force-2": ["2022-05-01"]}
    changes = {force: {"received": days} for force, days in since.items()}
    explorer = open_with(forces, MONTHS, {"month": cells}, formula_changes=changes)
    page = explorer.choose("forces=force-0,force-1,force-2&from=2022-01&to=2022-06")
    remark = page.locator("figure p", has_text="Different formula")
    # The change of all is named without its lines.
    named = "since March 2022 (Essex) and May 2022"
    expect(remark).to_have_text(f"Different formula {named}: figures before and after are not joined.")
    explorer.choose("forces=force-0&from=2022-01&to=2022-06")
    expect(remark).to_contain_text("Different formula since May 2022:")
    lines = page.locator(".drawing .mark-line path")
    expect(lines).to_have_count(2)
    assert sorted(line.get_attribute("d").count("L") for line in lines.all()) == [1, 3]
    explorer.choose("forces=force-0&from=2022-05&to=2022-06")
    expect(lines).to_have_count(1)
    expect(remark).to_have_count(0)


def test_events_are_named_below_the_chart_and_in_the_download_and_a_replaced_or_missing_file_is_named(
    open_with, tmp_path
):
    days = [f"2022-12-{day:02}" for day in range(1, 32)]
    packed_days = packed({"received": {"": series(days, ["1"] * 31, loaded=1)}})
    by_day = tmp_path / "kent.day.js"
    by_day.write_text(f'window.fcirDetails["force-0 day 0a1b"]="{packed_days}";')
    month = ["2022-12-01"]
    detail = {"code": "day", "kind": "grain", "title": "Day", "absent": "No figures by day", "measures": [0]}
    events = [("2022-12-14", "=Strike <b>", []), ("2022-12-20", "Elsewhere", ["crime"]), ("2023-01-01", "Later", [])]
    explorer = open_with(
        ["Kent"],
        month,
        {"month": {"force-0": series(month, ["31"])}},
        details=[detail | {"files": {"force-0": by_day.name}, "digests": {"force-0": "0a1b"}}],
        events={"force-0": [dict(zip(("day", "label", "sections"), event, strict=True)) for event in events]},
        bank_holidays=[{"day": "2022-12-26", "label": "Boxing Day"}, {"day": "2022-11-30", "label": "Earlier"}],
    )
    page = explorer.choose("")
    note = "Marked in the chart: =Strike <b> (14 December 2022)."
    assert page.locator("figure p", has_text="Marked").inner_text() == note
    expect(page.locator(".drawing svg text", has_text="=Strike <b>").first).to_be_visible()
    assert note in page.get_attribute(".drawing", "aria-label")
    assert [row["events"] for row in explorer.rows()] == ["'=Strike <b>"]
    assert "Boxing Day" not in page.inner_text("#result")
    page.select_option("#grain", "day")
    expect(page.locator("figure")).to_contain_text("Bank holidays of England: Boxing Day (26 December 2022).")
    named = {row["first_day"]: row["events"] for row in explorer.rows() if row["events"]}
    assert named == {"2022-12-14": "'=Strike <b>", "2022-12-26": "Boxing Day"}
    # A newer publication replaces the file while the page is open.
    page.select_option("#grain", "month")
    page.reload()
    by_day.write_text(f'window.fcirDetails["force-0 day 9f9f"]="{packed_days}";')
    page.select_option("#grain", "day")
    expect(page.locator("#summary")).to_contain_text("A newer publication has replaced this page; reload it.")
    by_day.unlink()
    page.reload()
    expect(page.locator("#summary")).to_contain_text("The folder explorer next to this page is needed for the figures")
    page.select_option("#grain", "month")
    expect(page.locator("#table tbody tr")).to_have_count(1)
    # The missing file itself.
    assert explorer.faults.pop().endswith("ERR_FILE_NOT_FOUND")
