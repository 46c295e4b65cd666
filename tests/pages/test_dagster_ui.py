"""What people see of the Dagster UI: the pages that they use are complete, and come from this machine.

What an asset, a run and a check show is in `tests/dagster`.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from http.client import HTTPConnection

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.pages.conftest import PATIENCE, running_ui
from tests.roots import DataRoot


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


def test_a_page_shows_what_its_readers_look_for(visit):
    check = "/assets/raw/call_segments?view=checks&checkDetail=few_rows_are_quarantined"
    for path, *texts in (
        ("/asset-groups", "sources", "changes", "calls", "contact", "crime", "measures", "papers", "publication"),
        ("/locations/dagster_project/schedules/nightly_0415", "04:15 London time while the scheduler is running"),
        ("/locations/dagster_project/sensors/new_deliveries", "Off by default."),
        ("/assets/raw/call_segments?view=partitions", "Materialized (3)", "Missing ("),
        ("/assets/published/site", "opens from a file share", "pages"),
        ("/runs", "nightly", "Failure", "fcir/started_by: command line"),
        (check, "files_can_be_read", "A failure is a warning: the delivery is loaded.", "evaluated", "unexpected"),
    ):
        visit(path, *texts)
