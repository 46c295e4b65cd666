"""What people see of the Dagster UI: the pages that they use are complete, and come from this machine."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from http.client import HTTPConnection

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.pages.conftest import PATIENCE, running_ui
from tests.roots import DataRoot
from tests.troubled import SETTINGS

SITE = SETTINGS["FCIR_SITE_URL"]


@pytest.fixture(scope="module")
def server(root: DataRoot) -> Iterator[str]:
    """The address of `fcir ui --read-only` over the root `troubled`."""
    with running_ui(root, "--read-only") as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def visit(browser: Browser, server: str) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a page of the UI with texts; in the end, nothing failed or came from elsewhere."""
    page = browser.new_page(viewport={"width": 1500, "height": 1100})
    page.set_default_timeout(PATIENCE)
    faults: list[str] = []
    own = (server, server.replace("http", "ws", 1), "data:", "blob:")
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    page.on("request", lambda request: None if request.url.startswith(own) else faults.append(request.url))

    def opened(path: str, *texts: str) -> Page:
        page.goto(f"{server}{path}")
        for text in texts:
            expect(page.locator("body")).to_contain_text(text)
        return page

    yield opened
    assert faults == []
    page.close()


def test_the_server_listens_on_loopback_only_and_answers_no_page_of_another_site(server):
    port = int(server.rpartition(":")[2])

    def status(origin: str) -> int:
        connection = HTTPConnection("127.0.0.1", port)
        headers = {"Content-Type": "application/json", "Origin": origin}
        connection.request("POST", "/graphql", '{"query": "{ version }"}', headers)
        return connection.getresponse().status

    assert (status(server), status("http://evil.example")) == (200, 403)
    with socket.socket() as probe:
        # A server of all addresses answers here too.
        assert probe.connect_ex(("127.0.0.2", port)) != 0


def open_dialog(page: Page, button: Locator, text: str = "") -> None:
    """The page draws its rows again when events arrive, and a dialog that was just opened goes with its row."""
    for _ in range(5):
        button.click()
        try:
            expect(page.get_by_role("button", name="Close")).to_be_visible(timeout=PATIENCE / 6)
            expect(page.locator("body")).to_contain_text(text, timeout=PATIENCE / 6)
        except AssertionError:
            continue
        return
    pytest.fail(f"no dialog with {text!r} stayed open")


def test_a_page_shows_what_its_readers_look_for(visit):
    check = "/assets/raw/call_segments?view=checks&checkDetail=few_rows_are_quarantined"
    for path, *texts in (
        ("/asset-groups", "sources", "changes", "calls", "contact", "crime", "measures", "papers", "publication"),
        ("/locations/dagster_project/schedules/nightly_0415", "04:15 London time while the scheduler is running"),
        ("/locations/dagster_project/sensors/new_deliveries", "Off by default."),
        ("/assets/raw/call_segments?view=partitions", "Materialized (3)", "Missing ("),
        (check, "files_can_be_read", "A failure is a warning: the delivery is loaded.", "evaluated", "unexpected"),
    ):
        visit(path, *texts)


def test_a_source_a_mart_and_the_site_lead_to_code_and_pages(visit):
    for asset, address, *texts in (
        ("published/site", "index.html", "opens from a file share", "pages"),
        ("marts/kpi_measure_monthly", "dictionary/kpi_measure_monthly.html", "One row per force, measure and month."),
        ("raw/call_segments", "quality/index.html#call_segments", "Row count", "rows hold a surrogate"),
    ):
        page = visit(f"/assets/{asset}", *texts)
        expect(page.locator(f'a[href="{SITE}/{address}"]').first).to_be_visible()
    open_dialog(page, page.get_by_text("[Show Markdown]").first, "kind: DataContract")


def assert_nothing_leads_away(page: Page) -> None:
    """No link and no picture leads to the sender of a file, who would see who fetches it; nor in the dialogs."""
    leading = page.locator('a[href*="//e.example"], img[src*="//e.example"]')
    assert leading.count() == 0
    for button in page.get_by_text("[Show Markdown]").all():
        open_dialog(page, button)
        assert leading.count() == 0
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Close")).to_be_hidden()


def test_nothing_leads_to_the_sender_of_a_file(visit):
    for view in ("", "?view=checks&checkDetail=files_can_be_read"):
        assert_nothing_leads_away(visit(f"/assets/raw/call_segments{view}", "disposition"))


def test_a_failed_run_shows_its_cause(visit):
    page = visit("/runs", "nightly", "Failure", "fcir/started_by: command line")
    # The first night.
    page.locator('a[href^="/runs/"]').last.click()
    for step, text in (("published__run_verdict", "2 deliveries need"), ("load_call_segments", "not in the contract")):
        # The page has only the events that its window shows.
        page.get_by_placeholder("Filter").first.fill(f"step:{step}")
        expect(page.locator("body")).to_contain_text(text)
        assert_nothing_leads_away(page)
