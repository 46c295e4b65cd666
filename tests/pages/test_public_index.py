"""The first page of a public edition, for readers who have no other page of the site."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import Browser

from dagster_project.clock import utc_now
from dagster_project.publication.forms import FORMS
from dagster_project.publication.public_index import public_index
from dagster_project.publication.report.months import PaperMonth
from tests.pages.looked import NARROW, PRINTED, WIDE, Looked
from tests.pages.test_published_pages import Seen, see

TEXT = "<script>alert(1)</script> & more"
_LINES = """cell => {
    const text = document.createRange();
    text.selectNodeContents(cell);
    return new Set([...text.getClientRects()].map(box => Math.round(box.top))).size;
}"""
NOTES = f"# Title\n\nBefore.\n\n## Counts below force level\n\n- **Small counts** are not shown {TEXT}\n"


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> tuple[Seen, str, int]:
    folder = tmp_path_factory.mktemp("public")
    month = PaperMonth(date(2023, 1, 1), 31, 31, is_default=True, is_running=False)
    papers = [
        SimpleNamespace(force_name=f"{force} {TEXT}", month=month, folder=Path("papers") / force, forms=tuple(FORMS))
        for force in ("kent", "city-of-london")
    ]
    content = {
        "papers": papers,
        "latest": papers[0],
        "forms": FORMS,
        "tables": [("kpi_calls_monthly", TEXT * 9, 12_345, [("csv", "csv/a.csv"), ("parquet", "parquet/a.parquet")])],
        "contacts": (("Contact", TEXT), ("Licence", "not stated")),
        "published_at": utc_now(),
        "is_synthetic": True,
    }
    html = public_index(content, NOTES)
    (folder / "index.html").write_text(html, encoding="utf-8")
    looked = Looked(browser.new_page(viewport=WIDE), folder)
    seen = see(looked, "index.html", set())
    looked.page.set_viewport_size(WIDE)
    lines = looked.page.locator("th", has_text="kpi_calls_monthly").evaluate(_LINES)
    looked.page.close()
    return seen, html, lines


def test_it_is_accessible_and_fits_a_phone_and_paper(page):
    seen, *_ = page
    assert (seen.faults, seen.barriers, seen.unreachable) == ([], [], 0)
    assert (seen.language, seen.headings) == ("en-GB", 1)
    assert seen.narrow <= NARROW["width"]
    assert seen.printed <= PRINTED["width"]


def test_texts_of_names_descriptions_and_notes_are_escaped(page):
    _, html, _ = page
    assert "<script" not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt; &amp; more") >= 2 + 9 + 1 + 1


def test_the_name_of_a_table_breaks_at_most_once(page):
    *_, lines = page
    assert 1 <= lines <= 2
