"""What people see of the Dagster UI, in a browser: the pages that they use are complete and come from this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.pages.conftest import COLUMNS, LINK, PICTURE

# Debian's Chromium on a busy machine of two cores takes up to 20 s for a page.
PATIENCE = 60_000

SITE = "https://intranet.example/fcir"


@pytest.fixture
def visit(browser: Browser, server: str) -> Iterator[Callable[[str], Page]]:
    """Open a page of the UI; in the end, nothing of it failed and nothing came from elsewhere."""
    page = browser.new_page(viewport={"width": 1500, "height": 1100})
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    page.on("request", lambda request: None if is_own(request.url, server) else faults.append(request.url))

    def opened(path: str) -> Page:
        page.goto(f"{server}{path}")
        return page

    yield opened
    assert faults == []
    page.close()


def is_own(url: str, server: str) -> bool:
    return url.startswith((server, server.replace("http", "ws", 1), "data:", "blob:"))


def shows(page: Page, *texts: str) -> None:
    for text in texts:
        expect(page.locator("body")).to_contain_text(text)


def open_dialog(page: Page, button: Locator, text: str) -> None:
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


def leads_to(page: Page, address: str) -> None:
    expect(page.locator(f'a[href="{address}"]').first).to_be_visible()


def test_lineage_shows_asset_groups(visit):
    shows(
        visit("/asset-groups"),
        "sources",
        "staging",
        "changes",
        "facts",
        "measures_calls",
        "kpis_crime",
        "papers",
        "publication",
    )


def test_publication_group_lists_its_assets(visit):
    page = visit("/locations/dagster_project/asset-groups/publication/list")
    shows(page, "board_paper", "database", "dictionary", "manifest", "measures", "parquet", "quality", "run_verdict")


def test_source_page_shows_rows_columns_and_contract(visit):
    page = visit("/assets/raw/call_segments")
    shows(page, "Segments of telephone calls", "One row per segment of a call", "Row count", "control-room-systems")
    shows(page, "caller_number", "stored only as a keyed pseudonym", "warehouse.raw.call_segments", "nightly")
    shows(page, "expectations/call_segments.odcs.yaml")
    leads_to(page, f"{SITE}/quality/index.html#call_segments")
    open_dialog(page, page.get_by_text("[Show Markdown]").first, "kind: DataContract")


def test_source_partitions_start_with_first_delivery(visit):
    page = visit("/assets/raw/call_segments?view=partitions")
    shows(page, "Materialized (3)", "Missing (")
    expect(page.locator("body")).not_to_contain_text("2022-10-27")


def test_timeline_shows_runs_of_the_command_line(visit):
    page = visit("/overview/activity/timeline")
    shows(page, "dagster_project", "nightly")
    expect(page.locator("body")).not_to_contain_text("No runs")


def test_check_page_shows_description_and_result(visit):
    page = visit("/assets/raw/call_segments?view=checks&checkDetail=queue_time_is_below_two_hours")
    shows(
        page,
        "files_can_be_read",
        "faulty_rows_are_within_limits",
        "a segment that the switch did not close",
        "A failure is a warning: the delivery is loaded.",
        "evaluated",
        "unexpected",
    )


def test_mart_page_shows_rows_columns_sql_and_links(visit):
    page = visit("/assets/marts/kpi_measure_monthly")
    shows(page, "One row per force, measure and month.", "Row count", "performance-analysis", "columns_come_from")
    shows(page, "dbt/models/marts/kpis/measures/kpi_measure_monthly.sql")
    leads_to(page, f"{SITE}/dictionary/kpi_measure_monthly.html")
    leads_to(page, f"{SITE}/measures/index.html")


def test_audit_table_shows_row_count(visit):
    shows(visit("/assets/audit/load"), "Row count", "file_sha256", "data-engineering")


def test_site_asset_shows_number_of_pages(visit):
    page = visit("/assets/published/site")
    shows(page, "opens from a file share", "pages", "published/current/index.html")
    leads_to(page, f"{SITE}/index.html")


def test_failed_run_shows_its_cause(visit):
    page = visit("/runs")
    shows(page, "nightly", "Failure", "fcir/started_by: command line")
    page.locator('a[href^="/runs/"]').first.click()
    shows(page, "published__run_verdict", "2 deliveries need attention")


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        ("/assets/raw/call_segments", [PICTURE, LINK, *COLUMNS]),
        ("/assets/raw/call_segments?view=checks&checkDetail=files_can_be_read", [PICTURE]),
    ],
)
def test_names_of_files_and_columns_are_text(visit, path: str, texts: list[str]):
    page = visit(path)
    shows(page, "disposition")
    shows(page, *(text.replace("://", r"\u003a//") for text in texts))
    assert_is_text(page)


@pytest.mark.parametrize("step", ["load_call_segments", "published__run_verdict"])
def test_names_of_files_and_columns_are_text_in_a_run(visit, step: str):
    page = visit("/runs")
    page.locator('a[href^="/runs/"]').first.click()
    # The page has only the events that its window shows.
    page.get_by_placeholder("Filter").first.fill(f"step:{step}")
    shows(page, PICTURE)
    assert_is_text(page)


def assert_is_text(page: Page) -> None:
    """Nothing on a page leads to the sender, who would also see who fetches a picture; nor in the dialogs it opens."""
    leading = page.locator('a[href*="//e.example"], img[src*="//e.example"]')
    assert leading.count() == 0
    for button in page.get_by_text("[Show Markdown]").all():
        open_dialog(page, button, "")
        assert leading.count() == 0
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Close")).to_be_hidden()


def test_schedule_and_sensors_are_described(visit):
    shows(visit("/automation"), "nightly_0415", "new_deliveries", "overdue_deliveries", "failed_runs")
    shows(
        visit("/locations/dagster_project/schedules/nightly_0415"),
        "at 04:15 London time while the scheduler is running",
    )
    shows(visit("/locations/dagster_project/sensors/new_deliveries"), "Off by default.")
