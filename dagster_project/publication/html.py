"""The board paper as one page that asks nothing of any server. What it says is the report model's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dagster_project.publication.report.model import Block, Report, long_month, short_month, span


def environment() -> Environment:
    """Templates of the publication; everything that is put into a page is escaped."""
    made = Environment(loader=PackageLoader(__package__), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    made.filters["long_month"] = long_month
    made.filters["short_month"] = short_month
    made.filters["span"] = span
    made.filters["groupby_runs"] = _stretches
    return made


def render_html(report: Report, drawings: Mapping[str, str]) -> str:
    """The paper as an HTML document with its charts in it.

    Args:
        report: what the paper says.
        drawings: measure to the SVG of its chart.
    """
    return (
        environment()
        .get_template("board_paper.html.j2")
        .render(
            report=report,
            # Drawn by the project from numbers, so nothing in them needs escaping.
            drawings={measure: Markup(drawing) for measure, drawing in drawings.items()},  # noqa: S704
        )
    )


def _stretches(blocks: Sequence[Block]) -> Iterator[tuple[str, list[Block]]]:
    """Blocks of one kind that follow each other, which make one list."""
    for kind, group in groupby(blocks, key=lambda block: block.kind):
        yield kind, list(group)
