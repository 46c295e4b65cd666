"""What people see of the Dagster UI: the pages that they use are complete, and come from this machine."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.pages.conftest import PATIENCE, running_ui
from tests.roots import DataRoot
from tests.troubled import COLUMNS, LINK, PICTURE, SETTINGS

SITE = SETTINGS["FCIR_SITE_URL"]
CHANGE = 'mutation { setConcurrencyLimit(concurrencyKey: "a", limit: 1) }'


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
    change, query = (json.dumps({"query": text}) for text in (CHANGE, "{ version }"))
    own = {"Content-Type": "application/json", "Origin": server}

    def status(method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> int:
        connection = HTTPConnection("127.0.0.1", port)
        connection.request(method, path, body, headers or {})
        return connection.getresponse().status

    assert status("POST", "/graphql", query, own) == 200
    assert status("GET", "/graphql?query=%7Bversion%7D") == 200
    assert status("GET", f"/graphql?query={quote(CHANGE)}") == 405
    assert status("POST", "/graphql", change, own | {"Origin": "http://evil.example"}) == 403
    assert status("POST", "/graphql", change, own | {"Host": "evil.example"}) == 421
    assert status("POST", "/graphql", change, own | {"Content-Type": "text/plain"}) == 415
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


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        ("/asset-groups", ["sources", "changes", "facts", "measures_calls", "kpis_crime", "papers", "publication"]),
        ("/overview/activity/timeline", ["dagster_project", "nightly"]),
        ("/locations/dagster_project/schedules/nightly_0415", ["04:15 London time while the scheduler is running"]),
        ("/locations/dagster_project/sensors/new_deliveries", ["Off by default."]),
        ("/assets/raw/call_segments?view=partitions", ["Materialized (3)", "Missing ("]),
        (
            "/assets/raw/call_segments?view=checks&checkDetail=few_rows_are_quarantined",
            ["files_can_be_read", "A failure is a warning: the delivery is loaded.", "evaluated", "unexpected"],
        ),
    ],
    ids=["groups", "timeline", "schedule", "sensor", "partitions", "check"],
)
def test_a_page_shows_what_its_readers_look_for(visit, path, texts):
    page = visit(path, *texts)
    expect(page.locator("body")).not_to_contain_text("No runs")


def test_a_source_a_mart_and_the_site_lead_to_code_and_pages(visit):
    texts = ["Segments of telephone calls", "Row count", "control-room-systems", "stored only as a keyed pseudonym"]
    page = visit("/assets/raw/call_segments", *texts, "warehouse.raw.call_segments")
    expect(page.locator(f'a[href="{SITE}/quality/index.html#call_segments"]').first).to_be_visible()
    open_dialog(page, page.get_by_text("[Show Markdown]").first, "kind: DataContract")
    page = visit("/assets/marts/kpi_measure_monthly", "One row per force, measure and month.", "columns_come_from")
    expect(page.locator(f'a[href="{SITE}/dictionary/kpi_measure_monthly.html"]').first).to_be_visible()
    page = visit("/assets/published/site", "opens from a file share", "pages")
    expect(page.locator(f'a[href="{SITE}/index.html"]').first).to_be_visible()


def assert_nothing_leads_away(page: Page) -> None:
    """No link and no picture leads to the sender of a file, who would see who fetches it; nor in the dialogs."""
    leading = page.locator('a[href*="//e.example"], img[src*="//e.example"]')
    assert leading.count() == 0
    for button in page.get_by_text("[Show Markdown]").all():
        open_dialog(page, button)
        assert leading.count() == 0
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Close")).to_be_hidden()


def test_names_of_files_and_columns_are_text_on_the_page_of_a_source_and_of_a_check(visit):
    page = visit("/assets/raw/call_segments", "disposition", PICTURE, LINK)
    assert_nothing_leads_away(page)
    page = visit("/assets/raw/call_segments?view=checks&checkDetail=files_can_be_read", "disposition", PICTURE)
    assert_nothing_leads_away(page)


def test_a_failed_run_shows_its_cause_and_names_of_files_and_columns_as_text(visit):
    page = visit("/runs", "nightly", "Failure", "fcir/started_by: command line")
    # The first night.
    page.locator('a[href^="/runs/"]').last.click()
    columns = [name.replace("://", r"\u003a//") for name in COLUMNS]
    for step, texts in (("published__run_verdict", [PICTURE, "2 deliveries need"]), ("load_call_segments", columns)):
        # The page has only the events that its window shows.
        page.get_by_placeholder("Filter").first.fill(f"step:{step}")
        for text in texts:
            expect(page.locator("body")).to_contain_text(text)
        assert_nothing_leads_away(page)
