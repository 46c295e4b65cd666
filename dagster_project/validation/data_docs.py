"""Data Docs: results and suites as Great Expectations shows them, without the page around them.

Great Expectations writes pages that fetch styles and scripts from fifteen addresses of content networks. Its own
renderers and templates make what is inside such a page here; the page around it is the site's. Imported on demand, as
Great Expectations costs two to three CPU seconds.
"""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

os.environ["GX_ANALYTICS_ENABLED"] = "false"

from great_expectations.core import ExpectationSuite
from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema
from great_expectations.expectations.registry import get_expectation_impl
from great_expectations.render.renderer.content_block.validation_results_table_content_block import (
    ValidationResultsTableContentBlockRenderer,
)
from great_expectations.render.renderer.page_renderer import ExpectationSuitePageRenderer, ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView
from jinja2 import ChoiceLoader, DictLoader

# What a result says of an expectation beside its status, its condition and what was observed; see `results.py`.
_COLUMNS = {
    "Claim": "claim",
    "Days that fail": "days",
    "If it fails": "consequence",
    "Dimension": "dimension",
    "Why": "reason",
}

# What a failure means for the delivery, by the severity that a result keeps.
_CONSEQUENCES = {"critical": "the delivery is rejected", "warning": "a warning; the delivery is loaded"}

_TEMPLATES = {
    # The sections of a page without head, scripts, navigation and advertisement.
    "page.j2": "{% for section in sections %}{% set section_loop = loop %}{% include 'section.j2' %}{% endfor %}",
    # Opens without a script.
    "collapse.j2": (
        "<details><summary>{{ content_block['collapse_toggle_link'] | render_content_block }}</summary>"
        "{% for block in content_block['collapse'] %}"
        "{{ block | render_content_block(content_block_id=content_block_id ~ '-' ~ loop.index) }}"
        "{% endfor %}</details>"
    ),
}

# Icons of a typeface that is not there, in words. One that is hidden from readers stands beside its word already.
_ICON = re.compile(r'<i class="[^"]*\bfa-([a-z-]+)[^"]*"([^>]*)></i>')
_WORDS = {
    "check-circle": '<span class="passed">passed</span>',
    "times": '<strong class="failed">failed</strong>',
    "exclamation-triangle": '<strong class="failed">not computed</strong>',
    "comment": "Why",
}

# Below the one heading of the first level that the page around has.
_HEADINGS = (("h5", "h2"), ("h6", "h3"))


class ResultTable(ValidationResultsTableContentBlockRenderer):
    """A table of results with what the contract says of each expectation.

    Great Expectations has columns of its own for that (`meta_properties`), which its 1.24.1 cannot show: it refuses the
    argument that it passes them in.
    """

    @classmethod
    def _process_content_block(cls, content_block: Any, has_failed_evr: bool, render_object: Any = None) -> None:
        super()._process_content_block(content_block, has_failed_evr, render_object)
        content_block.header_row += list(_COLUMNS)

    @classmethod
    def _get_content_block_fn(cls, expectation_type: str, expectation_config: Any = None) -> Callable[..., Any]:
        row_of = super()._get_content_block_fn(expectation_type, expectation_config)

        def row(*, result: Any, **stated: Any) -> list[Any]:
            (cells,) = row_of(result=result, **stated)
            said = _described(result.expectation_config.meta)
            # Cells are put into the page as they stand.
            return [[*cells, *([html.escape(said[name], quote=False)] for name in _COLUMNS.values())]]

        return row


class _View(DefaultJinjaPageView):
    """The sections of a page, with the project's templates in place of those that need a script."""

    def __init__(self) -> None:
        super().__init__()
        self.env.loader = ChoiceLoader([DictLoader(_TEMPLATES), self.env.loader])


def result_body(document: str) -> str:
    """What a page of a result shows.

    Args:
        document: JSON of a result (`WrittenResult.document`).

    Returns:
        HTML to stand below a heading of the first level. Its link to the suite, `../../../../expectations/SUITE.html`,
        needs the page to lie four folders deep, as Great Expectations lays them out.
    """
    result = expectationSuiteValidationResultSchema.load(_stated(document))
    renderer, _, view = _renderers()
    return _offline(view.render(renderer.render(result)))


def suite_body(document: str) -> str:
    """What the page of a suite shows: its expectations as they were when this result was made.

    Args:
        document: JSON of a result (`WrittenResult.document`).

    Returns:
        HTML to stand below a heading of the first level.
    """
    stated = _stated(document)
    configurations = [result["expectation_config"] for result in stated["results"]]
    for configuration in configurations:
        said = _described(configuration.pop("meta"))
        configuration["notes"] = [
            _plain(f"{title}: {said[name]}") for title, name in _COLUMNS.items() if name != "days"
        ]
    suite = ExpectationSuite(name=stated["suite_name"], expectations=configurations)
    _, renderer, view = _renderers()
    return _offline(view.render(renderer.render(suite)))


def _described(meta: Mapping[str, Any]) -> dict[str, str]:
    """What is said of an expectation beside its condition, by the names of `_COLUMNS`."""
    said: dict[str, str] = meta["attributes"]
    return said | {"consequence": _CONSEQUENCES[said["severity"]]}


def _stated(document: str) -> dict[str, Any]:
    """A result with arguments that Great Expectations takes: the project judges any expectation by a share of rows."""
    stated: dict[str, Any] = json.loads(document)
    for result in stated["results"]:
        configuration = result["expectation_config"]
        if "mostly" not in get_expectation_impl(configuration["type"]).__fields__:
            configuration["kwargs"].pop("mostly", None)
    return stated


@cache
def _renderers() -> tuple[Any, Any, _View]:
    """Of results, of suites, and what makes HTML of either."""
    of_results = ValidationResultsPageRenderer(
        column_section_renderer={
            "class_name": "ValidationResultsColumnSectionRenderer",
            "table_renderer": {"module_name": __name__, "class_name": ResultTable.__name__},
        }
    )
    return of_results, ExpectationSuitePageRenderer(), _View()


def _plain(text: str) -> str:
    """Text of which Markdown makes nothing else."""
    return re.sub(r"([\\`*_\[\]<>#])", r"\\\1", text)


def _offline(shown: str) -> str:
    """The markup without the need for icons, scripts and the sizes of another style sheet."""
    shown = _ICON.sub(lambda icon: "" if "aria-hidden" in icon[2] else _WORDS[icon[1]], shown)
    for stated, level in _HEADINGS:
        shown = re.sub(rf"<(/?){stated}\b", rf"<\1{level}", shown)
    # The policy of the pages allows no style within them; site.css has what these say.
    shown = re.sub(r'(<[a-z][a-z0-9]*\b[^<>]*?)\sstyle="[^"]*"', r"\1", shown)
    # Anchors of its own navigation, some of them twice.
    shown = re.sub(r'\sid="section-[^"]*"', "", shown)
    # Wide tables are scrolled, with the keyboard too.
    shown = re.sub(r'(<div [^>]*class="[^"]*\btable-responsive\b[^"]*")', r'\1 tabindex="0"', shown)
    lines = (line.strip() for line in shown.replace("</hr>", "").splitlines())
    return "\n".join(line for line in lines if line) + "\n"
