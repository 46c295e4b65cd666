"""Every page of a publication, opened from the disk: no request, no error, no broken link, no barrier.

Pages are those of the fixture `published`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import duckdb
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.pages.looked import NARROW, PRINTED, WIDE, Looked

# Rules of WCAG 2.0 to 2.2, levels A and AA.
AXE = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    # What passes is not listed part by part, which takes longer than the looking.
    "resultTypes": ["violations"],
    # No rule of these needs the text of stylesheets; axe would ask for them again, which a page from a disk may not.
    "preload": {"assets": ["media"]},
}

# Elements with the names of their attributes, and the values that rules of axe depend on; equal siblings count once.
# The pages of a template have one skeleton: axe, which takes longer than all else, looks at one of them. Rules about
# texts, which differ from page to page, are the two below.
SKELETON = """
(() => {
    const shown = ["class", "lang", "role", "scope", "style", "tabindex", "type"];
    const of = element => {
        const names = element.getAttributeNames().map(name => shown.includes(name) ? element.getAttribute(name) : name);
        const text = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
        return `<${element.tagName} ${names.sort()} ${text}>${[...new Set([...element.children].map(of))].join("")}</>`;
    };
    return of(document.documentElement);
})()
"""
DUPLICATES = """
(() => {
    const ids = [...document.querySelectorAll("[id]")].map(element => element.id);
    return ids.filter((id, number) => ids.indexOf(id) !== number);
})()
"""
UNNAMED = """
[...document.querySelectorAll("a[href], button, select, input, h1, h2, h3")].filter(element =>
    element.checkVisibility() && !element.textContent.trim() && !element.hasAttribute("aria-label")
    && !element.hasAttribute("aria-labelledby") && !element.labels?.length
).map(element => element.outerHTML.slice(0, 200))
"""

# Written by other tools, which the project cannot make accessible.
FOREIGN = ("dictionary/lineage.html",)

PICTURES = Path(__file__).parents[2] / ".pages"


@pytest.fixture(scope="session")
def addresses(published) -> list[str]:
    """Every page, by its address below the publication."""
    found = sorted(path.relative_to(published.resolve()).as_posix() for path in published.resolve().rglob("*.html"))
    assert "index.html" in found
    return found


@pytest.fixture(scope="session")
def own(addresses) -> list[str]:
    """Pages that the project writes."""
    return [address for address in addresses if not address.startswith(FOREIGN)]


@dataclass(frozen=True)
class Seen:
    """What was seen of a page that was opened once and looked at in every way."""

    faults: list[str]
    """Requests to the outside, and errors of its scripts."""
    title: str
    language: str
    headings: int
    barriers: list[str]
    """What axe found, and elements without a name or with the id of another."""
    narrow: int
    """Its width in a window of 320 pixels."""
    unreachable: int
    """Parts that scroll sideways there, and that the keyboard does not reach."""
    printed: int
    """Its width on paper of 794 pixels."""


@pytest.fixture(scope="session")
def seen(looked, addresses) -> dict[str, Seen]:
    """Every page as it was seen, by its address."""
    skeletons: set[str] = set()
    return {address: see(looked, address, skeletons) for address in addresses}


def see(looked: Looked, address: str, skeletons: set[str]) -> Seen:
    """Open a page and look at it in every way, with axe if no page with its skeleton was opened before."""
    page = looked.page
    looked.open(address)
    title, language, headings = page.evaluate(
        "[document.title, document.documentElement.lang, document.querySelectorAll('h1').length]"
    )
    try:
        narrow = looked.width_at(NARROW)
        unreachable: int = page.evaluate(
            "[...document.querySelectorAll('.scroll, pre')].filter(part => part.scrollWidth > part.clientWidth"
            " && part.tabIndex < 0).length"
        )
        page.emulate_media(media="print")
        printed = looked.width_at(PRINTED)
    finally:
        page.emulate_media(media="screen")
        page.set_viewport_size(WIDE)
    barriers = []
    if not address.startswith(FOREIGN):
        barriers = [f"id twice: {name}" for name in page.evaluate(DUPLICATES)]
        barriers += [f"no name: {html}" for html in page.evaluate(UNNAMED)]
        skeleton = page.evaluate(SKELETON)
        if skeleton not in skeletons:
            skeletons.add(skeleton)
            violations = Axe().run(page, options=AXE).response["violations"]
            barriers += [f"{item['id']}: {item['nodes'][0]['html'][:200]}" for item in violations]
    faults = looked.outside() + looked.complaints
    return Seen(faults, title, language, headings, barriers, narrow, unreachable, printed)


def test_pages_request_nothing_external_and_log_no_error(seen):
    assert {address: page.faults for address, page in seen.items() if page.faults} == {}


def test_no_link_is_broken(addresses, published):
    root = published.resolve()
    names: dict[Path, set[str]] = {}
    broken = []
    for address in addresses:
        if address == "dictionary/lineage.html":
            # Its links are routes of its own script.
            continue
        text = (root / address).read_text(encoding="utf-8")
        for link in re.findall(r'\b(?:href|src)="([^"]*)"', text):
            parts = urlsplit(unescape(link))
            if parts.scheme in ("http", "https", "mailto", "data"):
                continue
            target = (root / address).parent / unquote(parts.path) if parts.path else root / address
            if not target.exists():
                broken.append(f"{address}: {link}")
            elif "=" in parts.fragment:
                # A choice of a page with choosers, as its script reads it. The explorer has its options in its data.
                text_of_target = target.read_text(encoding="utf-8")
                for name, value in parse_qsl(parts.fragment):
                    if f'<select name="{name}">' not in text_of_target:
                        broken += [] if target.name == "explorer.html" else [f"{address}: {link}"]
                    elif f'<option value="{value}"' not in text_of_target:
                        broken.append(f"{address}: {link}")
            elif parts.fragment and target.suffix == ".html":
                if target not in names:
                    names[target] = set(re.findall(r'\bid="([^"]*)"', target.read_text(encoding="utf-8")))
                if unquote(parts.fragment) not in names[target]:
                    broken.append(f"{address}: {link}")
    assert broken == []


def test_axe_finds_no_violation(seen, own):
    assert {address: seen[address].barriers for address in own if seen[address].barriers} == {}


def test_pages_fit_320_pixels(seen, own):
    assert {address: seen[address].narrow for address in own if seen[address].narrow > NARROW["width"]} == {}


def test_pages_have_title_language_and_one_h1(seen, own):
    faults = [
        address
        for address in own
        if not seen[address].title or (seen[address].language, seen[address].headings) != ("en-GB", 1)
    ]
    assert faults == []


def test_search_finds_a_measure_by_keyboard(looked):
    looked.open("measures/index.html")
    page = looked.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.focus("#search")
    page.keyboard.type("101 average queuing")
    assert "found" in page.inner_text("#search-status")
    page.keyboard.press("ArrowDown")
    assert "101 calls: Average Queuing Time" in page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    page.wait_for_url("**/measures/kent/calls_101.avg_queue_time*.html")
    assert "Average Queuing Time" in page.inner_text("h1")


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        *((word, "999 calls: % Not Answered") for word in ("abandoned", "attrition", "lost", "unanswered")),
        *((word, "101 calls: Average Queuing Time") for word in ("wait", "queue", "ASA", "non-emergency wait")),
        ("webchat missed", "Live chat: % of Live Chats Not Accepted"),
        *((word, "Recorded and cancelled crime: Cancelled Crime") for word in ("no-crime", "no-criming", "nocrime")),
        ("hung up", "101 calls: Calls Not Answered"),
        ("duplicates", "Recorded and cancelled crime: Cancelled Crime C3: Duplicate"),
        ("non-emergency", "Demand over all ways of contact: Non-Emergency Demand"),
    ],
)
def test_search_knows_the_words_that_people_use(looked, typed, title):
    looked.open("index.html")
    looked.page.fill("#search", typed)
    titles = looked.page.eval_on_selector_all("#search-results a", "links => links.map(link => link.firstChild.data)")
    assert f"{title}, Kent Police" in titles


def test_every_page_says_how_fresh_it_is(own, published):
    text = {address: re.sub(r"\s+", " ", (published / address).read_text(encoding="utf-8")) for address in own}
    assert [address for address in own if "deliveries up to 31 January 2023" not in text[address]] == []


def test_peers_are_sorted_and_another_month_is_chosen_by_keyboard(looked):
    looked.open("peers.html")
    page = looked.page
    figures = "[...document.querySelectorAll('#peers tbody tr')].map(row => parseFloat(row.cells[3].textContent))"
    page.focus("#peers thead th:nth-child(4) button")
    page.keyboard.press("Enter")
    shown = page.evaluate(figures)
    assert shown == sorted(shown)
    page.keyboard.press("Enter")
    assert page.evaluate(figures) == sorted(shown, reverse=True)
    assert page.get_attribute("#peers thead th:nth-child(4)", "aria-sort") == "descending"
    page.focus("#month")
    page.keyboard.press("ArrowDown")
    assert page.inner_text("#title") == page.evaluate("document.querySelector('#month').selectedOptions[0].textContent")
    another = page.evaluate(figures)
    assert (another, another != shown) == (sorted(another, reverse=True), True)
    assert page.locator("#peers tbody tr.own").count() == 1
    assert "Kent Police" in page.inner_text("#peers tbody tr.own")
    assert looked.complaints == []


def test_empty_search_says_so_and_escape_closes_it(looked):
    looked.open("index.html")
    page = looked.page
    page.focus("#search")
    page.keyboard.type("zebra")
    assert page.inner_text("#search-status").startswith("Nothing found.")
    page.keyboard.press("Escape")
    assert page.inner_text("#search-status") == ""


def chosen_table(page: Page, view: str) -> str:
    return page.inner_text(f'[data-view="{view}"] table')


def test_trust_summary_is_on_the_index_and_leads_to_evidence(looked):
    looked.open("index.html")
    page = looked.page
    assert "108 of 108 printed figures reproduced exactly" in page.inner_text(".trust")
    page.click(".trust a")
    page.click(".summary a >> nth=0")
    page.wait_for_url("**/trust.html#printed")
    rows = page.locator(".compared tbody tr", has_text="printed").count()
    assert rows * page.locator(".compared thead th.number").count() == 108


def test_definitions_follow_the_choice_by_keyboard_and_its_address(looked):
    looked.open("trust.html")
    page = looked.page
    assert "Kent Police, 999 calls, Jan 2023" in chosen_table(page, "short-abandons")
    page.focus("select[name=line]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert "Kent Police, 101 calls, Jan 2023" in chosen_table(page, "short-abandons")
    assert "line=101" in page.url
    page.goto(f"{page.url.partition('#')[0]}#month=2022-10&line=101&force=kent")
    shown = chosen_table(page, "short-abandons")
    assert "Kent Police, 101 calls, Oct 2022" in shown
    assert "53.27%" in shown


def test_operators_of_friday_evening_are_read_off_the_demand_page(looked):
    looked.open("demand.html")
    page = looked.page
    page.select_option("select[name=line]", "101")
    page.select_option("select[name=month]", "2022-08")
    table = page.locator('[data-view="operators"] table')
    assert "Kent Police, 101 calls, Aug 2022, to answer 90% in 90 s" in table.inner_text()
    friday = table.locator("thead th").all_inner_texts().index("Fri")
    evening = table.locator("tbody tr", has_text="20:00").locator("th, td").all_inner_texts()
    assert int(evening[friday]) > 0
    page.select_option("select[name=force]", "city-of-london")
    assert "City of London Police, Aug 2022" in chosen_table(page, "ledger")


def test_dictionary_leads_to_the_page_that_shows_a_table(looked):
    looked.open("dictionary/kpi_staffing_hourly.html")
    page = looked.page
    page.click("text=Shown on the page Demand")
    page.wait_for_url("**/demand.html#operators")


def test_crime_page_follows_month_and_way_of_counting(looked):
    looked.open("crime.html")
    page = looked.page
    page.select_option("select[name=month]", "2022-08")
    assert "Kent Police, cancelled in Aug 2022" in chosen_table(page, "codes")
    assert "Kent Police, Aug 2022" in chosen_table(page, "districts")
    page.select_option("select[name=counted]", "cohort")
    assert "recorded in this month and cancelled since, Aug 2022" in chosen_table(page, "groups")
    assert "15,652" in chosen_table(page, "maturity")


@pytest.mark.parametrize("address", ["trust.html", "demand.html", "crime.html"])
def test_tables_of_the_first_choice_need_no_script(browser, published, address):
    texts = []
    for has_script in (True, False):
        page = browser.new_page(java_script_enabled=has_script, viewport=WIDE)
        page.goto((published.resolve() / address).as_uri())
        texts.append([item.inner_text() for item in page.locator(".view table").all()])
        assert page.locator(".chooser").first.is_visible() == has_script
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
    assert looked.complaints == []
    with duckdb.connect(str(published / "fcir.duckdb"), read_only=True) as connection:
        connection.execute("use fcir.marts")
        assert len(connection.execute(page.inner_text("#query")).fetchall()) >= 6


def test_scrolling_parts_are_reachable_by_keyboard(seen, own):
    assert {address: seen[address].unreachable for address in own if seen[address].unreachable} == {}


def test_pages_fit_printed_width(seen, own):
    assert {address: seen[address].printed for address in own if seen[address].printed > PRINTED["width"]} == {}


def test_charts_cards_and_heat_maps_are_printed_whole(looked):
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


def test_screenshots_are_saved(looked, own):
    """One of each kind, wide and narrow, in `.pages/`: for a person to look at."""
    kinds = {}
    for address in own:
        parts = Path(address)
        kind = parts.parts[0] if len(parts.parts) > 1 and parts.name != "index.html" else address
        kinds.setdefault(kind, address)
    assert len(kinds) >= 9
    PICTURES.mkdir(exist_ok=True)
    try:
        for kind, address in kinds.items():
            for name, size in (("wide", WIDE), ("narrow", NARROW)):
                looked.page.set_viewport_size(size)
                looked.open(address)
                file = PICTURES / f"{kind.replace('/', '_').removesuffix('.html')}_{name}.png"
                looked.page.screenshot(path=file, full_page=True)
                assert file.stat().st_size > 5_000
    finally:
        looked.page.set_viewport_size(WIDE)
