"""The board paper as one page that makes no requests to a server. The report model holds all its texts."""

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from itertools import groupby
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from dagster_project.publication.report.display import display
from dagster_project.publication.report.model import (
    EXCEPTION_COLUMNS,
    REVISION_COLUMNS,
    Block,
    Point,
    Report,
    long_month,
    marked_words,
    short_month,
    span,
)
from dagster_project.sql import literal
from dagster_project.tracing.model import amount_text

PAGES = (
    ("index.html", "Overview"),
    ("trust.html", "Trust"),
    ("measures/index.html", "Measures"),
    ("explorer.html", "Explorer"),
    ("demand.html", "Demand"),
    ("crime.html", "Crime"),
    ("peers.html", "999 in the UK"),
    ("dictionary.html", "Dictionary"),
    ("cookbook.html", "Cookbook"),
)
"""Pages of the navigation, with their names there, in order."""


@cache
def environment() -> Environment:
    """Return the template environment; all values inserted into a page are escaped.

    A page runs only those scripts and styles that its policy allows, by hash (filter `csp_hash`) or by address.
    """
    # A page of the site that has its SQL next to its template is in `site/pages/`.
    loader = ChoiceLoader([PackageLoader(__package__), PackageLoader(__package__, "")])
    templates = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    templates.filters["long_month"] = long_month
    templates.filters["short_month"] = short_month
    templates.filters["span"] = span
    templates.filters["marked_words"] = marked_words
    templates.filters["groupby_runs"] = _stretches
    templates.filters["breakable"] = _breakable
    templates.filters["amount"] = lambda amount: "" if amount is None else amount_text(amount)
    templates.filters["display"] = display
    templates.filters["literal"] = literal
    templates.filters["csp_hash"] = csp_hash
    templates.filters["packed"] = packed
    templates.filters["trend_line"] = _trend_line
    return templates


def _trend_line(points: Sequence[Point], scale: tuple[Decimal, Decimal] | None = None) -> Markup:
    # Imported here: only the rendering process draws.
    from dagster_project.publication.charts import trend_line

    # The project draws these from numbers and its own names, so nothing in them needs escaping.
    return Markup(trend_line(points, scale))  # noqa: S704


def _breakable(text: str) -> Markup:
    """Allow a figure to break after a comma if a card is too narrow for it; nine digits fit."""
    return escape(text).replace(",", Markup(",<wbr>")) if len(text) > 11 else escape(text)


def csp_hash(text: str) -> Markup:
    """Return the hash of an inline script or style, as a Content-Security-Policy states it."""
    return Markup(f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'")  # noqa: S704


def packed(data: object) -> str:
    """Return JSON as gzip in Base64, which browsers unpack: a tenth of the size, and its text cannot act as markup."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def render_template(template: str, content: Mapping[str, Any]) -> str:
    """Render a page from its template, named below `templates/`."""
    return environment().get_template(template).render(content)


def render_html(
    report: Report,
    drawings: Mapping[str, str],
    links: Mapping[str, str] | None = None,
    measure_pages: Mapping[str, str] | None = None,
) -> str:
    """Return the paper as an HTML document.

    Args:
        report: content of the paper.
        drawings: key of a chart to its SVG.
        links: other forms of the paper, next to the page: file name to the words of the link.
        measure_pages: measure to the address of its page in the publication, which the paper is three folders below;
            without them, it has no links to the site.
    """
    return render_template(
        "board_paper.html.j2",
        {
            "report": report,
            "titles": {section.code: section.title for section in report.sections},
            "how_to_read": report.how_to_read,
            "exception_columns": EXCEPTION_COLUMNS,
            "revision_columns": REVISION_COLUMNS,
            # The project draws the charts from numbers, so nothing in them needs escaping.
            "drawings": {measure: Markup(drawing) for measure, drawing in drawings.items()},  # noqa: S704
            "links": links or {},
            "measure_pages": measure_pages or {},
            # Not an optional page: a paper is not rendered again when that appears.
            "pages": [page for page in PAGES if page[0] != "peers.html"],
            "root": "../../../",
            "has_notes": True,
        },
    )


def _stretches(blocks: Sequence[Block]) -> Iterator[tuple[str, list[Block]]]:
    """Group consecutive blocks of the same kind, which form one list."""
    for kind, group in groupby(blocks, key=lambda block: block.kind):
        yield kind, list(group)
