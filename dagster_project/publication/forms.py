"""The forms of a paper, as functions for the rendering process. For the layout of a form, see its renderer."""

from collections.abc import Callable, Iterable

from dagster_project.publication.charts import draw
from dagster_project.publication.html import render_html
from dagster_project.publication.pdf import missing_characters, render_pdf
from dagster_project.publication.rendering import Rendered
from dagster_project.publication.report.model import Report
from dagster_project.publication.tables import render_csv
from dagster_project.publication.workbook import render_workbook

PAGE = "board_paper.html"

FORMS = {PAGE: "page", "board_paper.pdf": "PDF", "board_paper.xlsx": "workbook"}
"""Files that people open, with what links call them; the page is rendered last, because it links to the others."""


def page(report: Report, siblings: Iterable[str]) -> str:
    """Render the paper as a page with links to the forms next to it."""
    return render_html(report, _drawings(report), siblings)


def pdf(report: Report) -> Rendered:
    """Render the paper as PDF; count the characters that the typeface lacks."""
    return Rendered(render_pdf(report, _drawings(report)), missing_characters(report))


def tasks(report: Report) -> dict[str, tuple[Callable[..., str | bytes | Rendered], tuple[object, ...]]]:
    """Return the files of a paper except its page: name to rendering function and arguments."""
    return {
        "board_paper.pdf": (pdf, (report,)),
        "board_paper.xlsx": (render_workbook, (report,)),
        **{f"{section.code}.csv": (render_csv, (report, section.table)) for section in report.sections},
    }


def _drawings(report: Report) -> dict[str, str]:
    return {chart.key: draw(chart) for section in report.sections for chart in section.all_charts}
