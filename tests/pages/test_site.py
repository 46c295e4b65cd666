"""The site in a browser, opened from the disk: ways that a reader goes, by links and controls with their names."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import pytest
from playwright.sync_api import expect

# Written by dbt, which the project cannot make accessible.
FOREIGN = "dictionary/lineage.html"


def test_a_page_of_each_kind_asks_nothing_of_others_and_has_no_barrier(looked, published):
    kinds: dict[str, str] = {}
    for path in sorted(published.resolve().rglob("*.html")):
        address = path.relative_to(published.resolve())
        is_alone = address.name == "index.html" or len(address.parts) == 1 or address.as_posix() == FOREIGN
        kinds.setdefault(address.as_posix() if is_alone else address.parts[0], address.as_posix())
    assert len(kinds) >= 15
    found = {}
    for address in kinds.values():
        looked.open(address)
        barriers = [] if address == FOREIGN else looked.barriers()
        if faults := looked.faults + barriers:
            found[address] = faults
    assert found == {}


def test_each_question_of_the_first_page_leads_to_its_answer(looked):
    looked.open("index.html")
    questions = looked.page.get_by_role("link", name=re.compile(r"\?$")).all()
    addresses = [question.get_attribute("href") for question in questions]
    assert len(addresses) >= 15
    for address in addresses:
        looked.open("index.html")
        looked.page.locator(f'a[href="{address}"]', has_text="?").click()
        anchor = urlsplit(address).fragment
        expect(looked.page.locator(f'[id="{anchor}"]' if anchor else "h1")).to_be_in_viewport()
        assert looked.faults == []


def test_the_search_is_used_by_keyboard(looked):
    looked.open("measures/index.html")
    page = looked.page
    results = page.locator("#search-results li a")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.focus("#search")
    page.keyboard.type("zebra")
    assert page.inner_text("#search-status").startswith("Nothing found.")
    page.fill("#search", "kent")
    assert (results.count(), page.inner_text("#search-status").split()[1]) == (12, "found")
    page.keyboard.press("Escape")
    assert (results.count(), page.inner_text("#search-status")) == (0, "")
    page.fill("#search", "101 average queuing")
    for key, focused in (("ArrowDown", 0), ("ArrowDown", 1), ("ArrowUp", 0), ("ArrowUp", None), ("ArrowDown", 0)):
        page.keyboard.press(key)
        expect(page.locator("#search") if focused is None else results.nth(focused)).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/measures/kent/calls_101.avg_queue_time*.html")
    assert "Average Queuing Time" in page.inner_text("h1")


def test_the_search_knows_the_words_that_people_use(looked):
    looked.open("index.html")
    titles = {
        "999 calls: % Not Answered": ["abandoned", "attrition", "lost", "unanswered"],
        "101 calls: Average Queuing Time": ["wait", "queue", "ASA", "non-emergency wait"],
        "Live chat: % of Live Chats Not Accepted": ["webchat missed"],
        "Recorded and cancelled crime: Cancelled Crime": ["no-crime", "no-criming", "nocrime"],
        "101 calls: Calls Not Answered": ["hung up"],
        "Recorded and cancelled crime: Cancelled Crime C3: Duplicate": ["duplicates"],
        "Demand over all ways of contact: Non-Emergency Demand": ["non-emergency"],
    }
    for title, words in titles.items():
        for typed in words:
            looked.page.fill("#search", typed)
            found = looked.page.eval_on_selector_all("#search-results a", "links => links.map(a => a.firstChild.data)")
            assert f"{title}, Kent Police" in found, typed


def test_peers_are_sorted_and_another_month_is_chosen_by_keyboard(looked):
    looked.open("peers.html")
    page = looked.page
    head = page.locator("#peers thead th")

    def figures() -> list[float]:
        return page.evaluate(
            "[...document.querySelectorAll('#peers tbody tr')].map(r => parseFloat(r.cells[3].textContent))"
        )

    for order, is_reverse in (("ascending", False), ("descending", True)):
        head.nth(3).get_by_role("button").press("Enter")
        shown = figures()
        assert shown == sorted(shown, reverse=is_reverse)
        assert [one.get_attribute("aria-sort") for one in head.all()].count(order) == 1
        assert head.nth(3).get_attribute("aria-sort") == order
    page.focus("#month")
    page.keyboard.press("ArrowDown")
    assert page.inner_text("#title") == page.evaluate("document.querySelector('#month').selectedOptions[0].textContent")
    another = figures()
    assert (another, another != shown) == (sorted(another, reverse=True), True)
    own = page.locator("#peers tbody tr.own")
    assert "Kent Police" in own.inner_text()
    assert own.locator("svg.shares rect").count() == 3
    head.nth(1).get_by_role("button").press("Enter")
    names = page.locator("#peers tbody th").all_inner_texts()
    assert names == sorted(names, key=str.casefold)
    assert looked.faults == []


def test_tables_follow_the_choice_by_keyboard_and_the_address(looked):
    page = looked.page
    looked.open("trust.html")
    table = page.locator('[data-view="short-abandons"] table')
    expect(table).to_contain_text("Kent Police, 999 calls, Jan 2023")
    page.focus("select[name=line]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(table).to_contain_text("Kent Police, 101 calls, Jan 2023")
    assert "line=101" in page.url
    assert page.inner_text(".chooser .said").startswith("Shown: ")
    page.goto(f"{page.url.partition('#')[0]}#month=2022-10&line=101&force=kent")
    expect(table).to_contain_text("Kent Police, 101 calls, Oct 2022")
    expect(table).to_contain_text("53.27%")
    assert looked.faults == []


def test_operators_of_friday_evening_are_read_off_the_demand_page(looked, published):
    with duckdb.connect(str(published / "fcir.duckdb"), read_only=True) as connection:
        [(operators,)] = connection.execute(
            "select operators_required from fcir.marts.kpi_staffing_hourly where force_code = 'kent' "
            "and month_start = '2022-08-01' and line = '101' and day_of_week = 5 and hour_of_day = 20"
        ).fetchall()
    looked.open("demand.html")
    page = looked.page
    page.select_option("select[name=line]", "101")
    page.select_option("select[name=month]", "2022-08")
    table = page.locator('[data-view="operators"] table')
    expect(table).to_contain_text("Kent Police, 101 calls, Aug 2022, to answer 90% in 90 s")
    friday = table.locator("thead th").all_inner_texts().index("Fri")
    evening = table.locator("tbody tr", has_text="20:00").locator("th, td")
    assert evening.nth(friday).inner_text() == str(operators)
    assert re.fullmatch(r"number shade\d", str(evening.nth(friday).get_attribute("class")))
    page.select_option("select[name=force]", "city-of-london")
    expect(page.locator('[data-view="ledger"] table')).to_contain_text("City of London Police, Aug 2022")


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
    assert len(texts[0]) >= 3


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


def test_charts_cards_and_rows_are_printed_whole(looked):
    inside = {"demand.html": ("figure", ".view .heat"), "index.html": (".cards li",), "crime.html": ("tbody tr",)}
    looked.page.emulate_media(media="print")
    try:
        for address, parts in inside.items():
            looked.open(address)
            for part in parts:
                styles = looked.page.eval_on_selector_all(
                    f"main {part}", "parts => parts.map(part => getComputedStyle(part).breakInside)"
                )
                assert set(styles) == {"avoid"}, (address, part)
    finally:
        looked.page.emulate_media(media="screen")
