"""The UI behind the proxy of `deploy/`, in a browser: logins, roles, and what another site can make a browser send."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import BrowserContext, Error, Page, Playwright, expect

from tests.deploy.nginx import OPERATORS, PASSWORD, READERS, VIEWERS, free_port, nginx
from tests.pages.conftest import PATIENCE, running_ui_at, started_chromium
from tests.roots import DataRoot

# A mutation with an effect that can be read back.
CHANGE = 'mutation { setConcurrencyLimit(concurrencyKey: "%s", limit: 1) }'
LAUNCH = """
mutation { launchRun(executionParams: {runConfigData: {}, selector: {
    repositoryLocationName: "dagster_project", repositoryName: "__repository__", jobName: "publish"
}}) { ... on LaunchRunSuccess { run { runId tags { key value } } } ... on PythonError { message } } }
"""
LIMITS = "{ instance { concurrencyLimits { concurrencyKey } } }"


@pytest.fixture(scope="module")
def sockets(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("sockets")
    return [folder / "ui.sock", folder / "viewer.sock"]


@pytest.fixture(scope="module")
def port(root: DataRoot, sockets: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of the proxy; behind it are the UI of operators and that of viewers, started as by the units."""
    root = replace(root, settings={"FCIR_UI_HOSTS": f"{VIEWERS},{OPERATORS}"})
    folder, port = tmp_path_factory.mktemp("proxied"), free_port()
    (folder / "published").symlink_to(root.home / "published")
    users = {"fcir-viewers": "viewer", "fcir-operators": "operator"}
    with (
        running_ui_at(sockets[0], root) as operators,
        running_ui_at(sockets[1], root, "--read-only") as viewers,
        nginx(folder, port=port, operators=operators, viewers=viewers, users=users),
    ):
        yield port


@pytest.fixture
def login(playwright: Playwright) -> Iterator[Callable[[str], BrowserContext]]:
    """Return a function that opens a window with a login, in a Chromium that finds the example on this machine."""
    rules = "--host-resolver-rules=MAP *.example 127.0.0.1"
    # Otherwise Chromium itself stops requests of another site to this machine, before the proxy sees them.
    reach = "--disable-features=LocalNetworkAccessChecks,PrivateNetworkAccessSendPreflights"
    with started_chromium(playwright, rules, reach) as browser:

        def opened(user: str) -> BrowserContext:
            known = {"username": user, "password": PASSWORD} if user else None
            window = browser.new_context(ignore_https_errors=True, http_credentials=known)
            window.set_default_timeout(PATIENCE)
            return window

        yield opened


def asked(page: Page, query: str) -> dict:
    """The answer to a query that a page of the UI sends."""
    options = {"method": "POST", "headers": {"Content-Type": "application/json"}, "body": json.dumps({"query": query})}
    return page.evaluate("async (options) => (await fetch('/graphql', options)).json()", options)


def limits(page: Page) -> set[str]:
    return {limit["concurrencyKey"] for limit in asked(page, LIMITS)["data"]["instance"]["concurrencyLimits"]}


def test_each_login_opens_its_own_pages(login, port: int):
    for host, user, status in (
        (OPERATORS, "operator", 200),
        (VIEWERS, "viewer", 200),
        (OPERATORS, "viewer", 401),
        (VIEWERS, "operator", 401),
        (READERS, "operator", 401),
    ):
        assert login(user).new_page().goto(f"https://{host}:{port}/").status == status
    # A browser without a login shows a page of its own.
    with pytest.raises(Error, match="ERR_INVALID_AUTH_CREDENTIALS"):
        login("").new_page().goto(f"https://{OPERATORS}:{port}/")
    page = login("viewer").new_page()
    page.goto(f"https://{READERS}:{port}/published/index.html")
    expect(page.locator("h1")).to_be_visible()


def test_an_operator_can_change_what_a_viewer_only_reads(login, port: int):
    operator, viewer = login("operator").new_page(), login("viewer").new_page()
    operator.goto(f"https://{OPERATORS}:{port}/overview")
    viewer.goto(f"https://{VIEWERS}:{port}/locations/dagster_project/jobs/nightly")
    expect(viewer.get_by_role("button", name="Materialize all").first).to_be_disabled()
    assert "errors" not in asked(operator, CHANGE % "by_operator")
    assert "errors" in asked(viewer, CHANGE % "by_viewer")
    assert limits(viewer) == limits(operator) >= {"by_operator"}
    assert "by_viewer" not in limits(viewer)


def test_a_run_has_the_login_that_started_it_and_nobody_else_opens_the_sockets(login, port: int, sockets: list[Path]):
    assert [stat.filemode(path.stat().st_mode) for path in sockets] == ["srw-rw----"] * 2
    operator = login("operator").new_page()
    operator.goto(f"https://{OPERATORS}:{port}/overview")
    launched = asked(operator, LAUNCH)["data"]["launchRun"]["run"]
    # It waits in the queue for seconds.
    asked(operator, f'mutation {{ terminateRun(runId: "{launched["runId"]}") {{ __typename }} }}')
    assert {tag["key"]: tag["value"] for tag in launched["tags"]}.get("fcir/login") == "operator"


def test_another_site_changes_nothing_with_the_login_of_an_operator(login, port: int):
    window = login("operator")
    operator = window.new_page()
    operator.goto(f"https://{OPERATORS}:{port}/overview")
    before = limits(operator)
    target = f"https://{OPERATORS}:{port}/graphql"
    change = json.dumps({"query": CHANGE % "by_another_site"})
    by_address = f"{target}?query={quote(CHANGE % 'by_another_site')}"
    answers: list[tuple[str, int]] = []
    evil = window.new_page()
    evil.route("https://evil.example/", lambda route: route.fulfill(content_type="text/html", body="evil"))
    evil.goto("https://evil.example/")
    evil.on("response", lambda answer: answers.append((answer.request.method, answer.status)))
    evil.evaluate(
        """async ([target, change, byAddress]) => {
            const options = {credentials: "include", mode: "no-cors"};
            await fetch(target, {method: "POST", body: change, ...options}).catch(() => null);
            await fetch(byAddress, options).catch(() => null);
        }""",
        [target, change, by_address],
    )
    assert [answer for answer in answers if answer[1] != 200] == [("POST", 403), ("GET", 405)]
    # What it can make the window itself open.
    assert evil.goto(by_address).status == 405
    assert limits(operator) == before
