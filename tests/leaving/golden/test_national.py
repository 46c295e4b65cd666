"""The page that ranks forces and gives totals of regions, and its PDF."""

import html
import re
from pathlib import Path

import pytest
from pypdf import PdfReader

from tests.golden.links import pages_of


@pytest.fixture(scope="module")
def pages(sample) -> dict[str, str]:
    return pages_of(sample.current.resolve())


def of_pdf(path: Path):
    yield from (page.extract_text() for page in PdfReader(path).pages)


def test_pages_of_comparison_have_all_forces_and_the_published_ranks(sample, pages):
    peers = pages["peers.html"]
    assert re.search(r"\d+\.\d% of 999 calls were answered in under 10 seconds, (above|below|as in) ", peers)
    assert "starts when the operator of BT connects" in peers
    # 46 forces with a header and the United Kingdom, and six months of the own one with theirs.
    assert peers.count("<tr") == 1 + 46 + 1 + 1 + 6
    page = pages["national.html"]
    assert "The totals cover 2 of the 43 forces" in page
    assert "No rank: forces use different formulas." in page
    measure = "calls_999.pct_not_answered"
    ((rank,),) = sample.published(
        "select force_rank from marts.national_figures where force_code = 'kent' and period = 'month' "
        f"and measure = '{measure}' and month_start = '2023-01-01'"
    )
    row = f'<td class="number">{rank}</td><th scope="row">Kent Police</th><td class="number">0.82%</td>'
    assert f'<tr class="own">{row}' in page[page.index(f'<h2 id="{measure}">') :].partition("</section>")[0]


def test_the_national_page_is_a_pdf_with_the_same_tables(sample):
    page = (sample.current / "national.html").read_text(encoding="utf-8")
    assert 'href="national.pdf"' in page
    said = " ".join(" ".join(of_pdf(sample.current / "national.pdf")).split())
    rows = [html.unescape(re.sub(r"<[^>]*>", " ", row)).split() for row in re.findall(r"<tr.*?</tr>", page, re.S)]
    assert len(rows) > 30
    assert [row for row in rows if " ".join(row) not in said] == []
