"""The first page of a public edition, for readers who have no other page of the site."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace

from playwright.sync_api import Browser

from dagster_project.clock import utc_now
from dagster_project.publication.forms import FORMS
from dagster_project.publication.public_index import public_index
from dagster_project.publication.report.months import PaperMonth
from tests.pages.looked import WIDE, Looked

TEXT = "<script>alert(1)</script> & more"
LINES = """cell => {
    const text = document.createRange();
    text.selectNodeContents(cell);
    return new Set([...text.getClientRects()].map(box => Math.round(box.top))).size;
}"""


def test_it_has_no_barrier_and_texts_of_names_descriptions_and_notes_are_escaped(browser: Browser, tmp_path: Path):
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
    notes = f"# Title\n\nBefore.\n\n## Counts below force level\n\n- **Small counts** are not shown {TEXT}\n"
    html = public_index(content, notes)
    assert "<script" not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt; &amp; more") >= 2 + 9 + 1 + 1
    (tmp_path / "index.html").write_text(html, encoding="utf-8")
    looked = Looked(browser.new_page(viewport=WIDE), tmp_path)
    looked.open("index.html")
    assert looked.page.locator("th", has_text="kpi_calls_monthly").evaluate(LINES) <= 2
    assert looked.page.evaluate("[document.documentElement.lang, document.querySelectorAll('h1').length]") == [
        "en-GB",
        1,
    ]
    assert looked.barriers() + looked.faults == []
    looked.page.close()
