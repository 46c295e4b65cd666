"""The forms of a paper, as functions for the rendering process. For the layout of a form, see its renderer."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dagster_project.publication.charts import draw
from dagster_project.publication.html import render_html
from dagster_project.publication.pdf import missing_characters, render_pdf
from dagster_project.publication.rendering import Rendered
from dagster_project.publication.report.model import Report
from dagster_project.publication.tables import render_csv
from dagster_project.publication.workbook import render_workbook

PAGE = "board_paper.html"

FORMS = (PAGE, "board_paper.pdf", "board_paper.xlsx")
"""Files that people open; the page is rendered last, because it links to the other forms."""


def page(report: Report, beside: Iterable[str]) -> str:
    """Render the paper as a page with links to the forms beside it."""
    return render_html(report, _drawings(report), beside)


def pdf(report: Report) -> Rendered:
    """Render the paper as PDF; count the characters that the typeface lacks."""
    return Rendered(render_pdf(report, _drawings(report)), missing_characters(report))


def workbook(report: Report) -> bytes:
    """Render the paper as XLSX."""
    return render_workbook(report)


def table(report: Report, section: int) -> str:
    """Render the table of a section as CSV; the section is given by its position."""
    return render_csv(report, report.sections[section].table)


def tasks(report: Report) -> dict[str, tuple[Callable[..., str | bytes | Rendered], tuple[object, ...]]]:
    """Return the files of a paper except its page: name to rendering function and arguments."""
    return {
        "board_paper.pdf": (pdf, (report,)),
        "board_paper.xlsx": (workbook, (report,)),
        **{f"{section.code}.csv": (table, (report, place)) for place, section in enumerate(report.sections)},
    }


def _drawings(report: Report) -> dict[str, str]:
    return {chart.key: draw(chart) for section in report.sections for chart in section.all_charts}
