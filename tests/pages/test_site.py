"""The site in a browser, opened from the disk: ways that a reader goes, by links and controls with their names."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest
from playwright.sync_api import expect

from dagster_project.publication.report.model import PaperMonth
from tests.pages.conftest import WIDE, Looked
from tests.unit.publication.test_public_edition import page_with


def test_a_page_of_each_kind_asks_nothing_of_others_and_has_no_barrier(looked, published):
    kinds: dict[str, str] = {}
    for path in sorted(published.resolve().rglob("*.html")):
        address = path.relative_to(published.resolve()).as_posix()
        is_alone = address.endswith("index.html") or "/" not in address
        kinds.setdefault(address if is_alone else address.partition("/")[0], address)
    assert len(kinds) >= 12
    found = {}
    for address in kinds.values():
        looked.open(address)
        if faults := looked.faults + looked.barriers():
            found[address] = faults
    assert found == {}


def test_the_first_page_of_a_public_edition_has_no_barrier(browser, tmp_path):
    month = PaperMonth(date(2023, 1, 1), 31, 31, is_default=True, is_running=False)
    tables = [("kpi_calls_monthly", "Calls by month. " * 9, 12_345, [("csv", "csv/a.csv"), ("parquet", "parquet/a")])]
    html = page_with(month, tables=tables, contacts=[("Licence", "not stated")], is_synthetic=True)
    (tmp_path / "index.html").write_text(html, encoding="utf-8")
    looked = Looked(browser.new_page(viewport=WIDE), tmp_path)
    looked.open("index.html")
    assert looked.barriers() + looked.faults == []
    looked.page.close()


def test_the_search_is_used_by_keyboard(looked):
    looked.open("measures/index.html")
    page = looked.page
    results = page.locator("#search-results li a")
    page.fill("#search", "zebra")
    assert page.inner_text("#search-status").startswith("Nothing found.")
    page.fill("#search", "kent")
    assert (results.count(), page.inner_text("#search-status").split()[1]) == (12, "found")
    page.keyboard.press("Escape")
    assert (results.count(), page.inner_text("#search-status")) == (0, "")
    # A word that people use for it; the headline measure is before the number of these calls.
    page.fill("#search", "attrition")
    assert results.first.inner_text().startswith("999 calls: % Not Answered, Kent Police")
    page.fill("#search", "101 average queuing")
    for key, focused in (("ArrowDown", 0), ("ArrowDown", 1), ("ArrowUp", 0), ("ArrowUp", None), ("ArrowDown", 0)):
        page.keyboard.press(key)
        expect(page.locator("#search") if focused is None else results.nth(focused)).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/measures/kent/calls_101.avg_queue_time*.html")
    assert "Average Queuing Time" in page.inner_text("h1")


def test_tables_follow_the_choice_by_keyboard_and_the_address(looked):
    page = looked.page
    looked.open("demand.html")
    table = page.locator('[data-view="unanswered"] table')
    page.focus("select[name=line]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(table).to_contain_text("Kent Police, 101 calls, Jan 2023")
    assert "line=101" in page.url
    assert page.inner_text(".chooser .said").startswith("Shown: ")
    page.goto(f"{page.url.partition('#')[0]}#month=2022-10&line=101&force=kent")
    expect(table).to_contain_text("Kent Police, 101 calls, Oct 2022")
    assert looked.faults == []


@pytest.mark.parametrize("address", ["trust.html", "demand.html", "crime.html"])
def test_tables_of_the_first_choice_need_no_script(browser, published, address):
    texts = []
    for has_script in (True, False):
        page = browser.new_page(java_script_enabled=has_script)
        page.goto((published.resolve() / address).as_uri())
        expect(page.locator(".chooser").first).to_be_visible(visible=has_script)
        texts.append([item.inner_text() for item in page.locator(".view table").all()])
        page.close()
    assert texts[0] == texts[1]
    assert len(texts[0]) >= 2


def test_a_chart_is_saved_as_svg_and_png_and_the_query_copied(looked, published):
    looked.open("measures/kent/calls_101.pct_not_answered.html")
    page = looked.page
    for chart in ("month", "week"):
        for form, begins in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
            with page.expect_download() as download:
                page.get_by_role("button", name=f"Save the chart by {chart} as {form}").click()
            assert download.value.suggested_filename == f"kent.calls_101.pct_not_answered.{chart}.{form.lower()}"
            assert Path(download.value.path()).read_bytes().startswith(begins)
    page.get_by_role("button", name="Copy SQL").click()
    assert "Copied" in page.inner_text("#query + p")
    assert looked.faults == []
    with duckdb.connect(str(published / "fcir.duckdb"), read_only=True) as connection:
        connection.execute("use fcir.marts")
        assert len(connection.execute(page.inner_text("#query")).fetchall()) >= 6
