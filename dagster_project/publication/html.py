"""The board paper as one page that asks nothing of any server. What it says is the report model's."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from dagster_project.publication.paths import url_of
from dagster_project.publication.report.model import Block, Report, long_month, short_month, span


@cache
def environment() -> Environment:
    """Templates of the publication; everything that is put into a page is escaped.

    Every address that is made of data goes through the filter `url`, which refuses what no published file is named, and
    the only scripts and styles of a page are those whose hash (filter `csp_hash`) or place its policy names.
    """
    made = Environment(loader=PackageLoader(__package__), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    made.filters["long_month"] = long_month
    made.filters["short_month"] = short_month
    made.filters["span"] = span
    made.filters["groupby_runs"] = _stretches
    made.filters["url"] = lambda address: url_of(*str(address).split("/"))
    made.filters["breakable"] = _breakable
    made.filters["csp_hash"] = csp_hash
    made.tests["published"] = _is_published
    return made


def _breakable(text: str) -> Markup:
    """A figure that is broken behind a comma where a card is too narrow for it, which nine digits fit into."""
    return escape(text).replace(",", Markup(",<wbr>")) if len(text) > 11 else escape(text)


@pass_context
def _is_published(context: Context, address: str) -> bool:
    """Test of templates: whether the rendering of an address has not failed, so that it may be linked."""
    return address not in context.get("failed", ())


def csp_hash(text: str) -> Markup:
    """Hash of a script or a style within a page, as a Content-Security-Policy names it."""
    return Markup(f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'")  # noqa: S704


def render_template(template: str, content: Mapping[str, Any]) -> str:
    """A page from its template.

    Args:
        template: its name below `templates/`.
        content: what it shows.
    """
    return environment().get_template(template).render(content)


def render_html(report: Report, drawings: Mapping[str, str], beside: Iterable[str] = ()) -> str:
    """The paper as an HTML document with its charts in it.

    Args:
        report: what the paper says.
        drawings: key of a chart to its SVG.
        beside: names of files beside the page; those that are forms of the paper are linked.
    """
    return render_template(
        "board_paper.html.j2",
        {
            "report": report,
            # Drawn by the project from numbers, so nothing in them needs escaping.
            "drawings": {measure: Markup(drawing) for measure, drawing in drawings.items()},  # noqa: S704
            "beside": frozenset(beside),
        },
    )


def _stretches(blocks: Sequence[Block]) -> Iterator[tuple[str, list[Block]]]:
    """Blocks of one kind that follow each other, which make one list."""
    for kind, group in groupby(blocks, key=lambda block: block.kind):
        yield kind, list(group)
