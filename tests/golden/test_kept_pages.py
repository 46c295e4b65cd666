"""What pages say, against kept texts: a change of words, figures or their order is seen as a difference of a file.

Tables that a page shows after a choice, data of the explorer, drawings and parts of workbooks are kept as hashes. If a
change is wanted: `make kept-pages`, and read the difference.
"""

from __future__ import annotations

import base64
import gzip
import re
import zipfile
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest
from lxml import html

from tests.roots import DataRoot

KEPT = Path(__file__).with_name("pages")
PAGES = "index", "board_paper", "trust", "demand", "crime", "peers", "explorer", "cookbook"
INDEXES = ("measures/index",)
OF_MEASURES = ("calls_999.pct_answered_within_target", "crime.pct_cancelled.trace")
_TIME = re.compile(
    r"\d{8}T\d{6}Z-[0-9a-f]{8}|\d{1,2} [A-Z][a-z]+ \d{4},? \d\d:\d\d|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?"
)


def _hash(text: str) -> str:
    return sha256(_TIME.sub("TIME", text).encode()).hexdigest()[:16]


def words_of(page: Path, published: date) -> str:
    """What a page says and what is read aloud, a line for each piece; without the time of its publication."""
    tree, lines = html.fromstring(page.read_text(encoding="utf-8")), []
    for hidden in [*tree.iter("script", "style")]:
        if hidden.get("type") == "text/plain":
            lines.append(f"data {_hash(gzip.decompress(base64.b64decode(hidden.text)).decode())}")
        hidden.drop_tree()
    lines += [f"drawing {_hash(html.tostring(drawing, encoding='unicode'))}" for drawing in tree.iter("svg")]
    if page.stem == "explorer":
        lines += [f"{file.name} {_hash(file.read_text('ascii'))}" for file in sorted(page.with_suffix("").glob("*.js"))]
    for element in tree.iter(html.etree.Element):
        spoken = [f"[{element.get(name)}]" for name in ("aria-label", "alt") if element.get(name)]
        lines += [*spoken, *(" ".join(part.split()) for part in (element.text, element.tail) if part and part.strip())]
    text = _TIME.sub("TIME", "\n".join([*lines, ""]))
    return re.sub(f"{published.day} {published:%b}[a-z]* {published.year}|{published}", "TODAY", text)


def parts_of(book: Path) -> str:
    """A hash for each part of a workbook or a document."""
    with zipfile.ZipFile(book) as archive:
        return "".join(f"{name} {_hash(archive.read(name).decode('latin-1'))}\n" for name in sorted(archive.namelist()))


@pytest.mark.parametrize("page", [*PAGES, *INDEXES, *OF_MEASURES, "board_paper.xlsx", "board_paper.docx"])
@pytest.mark.parametrize("name", ["sample", "troubled"])
def test_a_page_says_what_is_kept(request: pytest.FixtureRequest, name: str, page: str) -> None:
    fixture = request.getfixturevalue(name)
    folder = (fixture if isinstance(fixture, DataRoot) else fixture.root).current.resolve()
    if page.startswith("board_paper."):
        said = parts_of(folder / page)
    else:
        file = folder / "measures" / "kent" / page if page in OF_MEASURES else folder / page
        said = words_of(file.with_name(f"{file.name}.html"), date.fromisoformat(folder.name[:8]))
    kept = KEPT / name / f"{page.replace('/', '_')}.txt"
    if request.config.getoption("--keep-pages"):
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(said, encoding="utf-8")
    assert said == kept.read_text(encoding="utf-8"), "if the change is wanted, run: make kept-pages"
