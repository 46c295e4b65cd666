"""The forms of a paper, as functions for the rendering process, which alone imports what draws and typesets.

For the layout of a form, see its renderer.
"""

from collections.abc import Callable, Iterable, Mapping

from dagster_project.publication.html import render_html
from dagster_project.publication.rendering import Rendered
from dagster_project.publication.report.model import Report
from dagster_project.publication.tables import render_csv

PAGE = "board_paper.html"
EDITED = "board_paper.docx"

FORMS = {
    PAGE: "page",
    "board_paper.pdf": "PDF",
    "board_paper.xlsx": "workbook",
    EDITED: "Word",
}
"""Files that people open, with what links call them; the page is rendered last, because it links to the others."""


def page(report: Report, siblings: Iterable[str], measure_pages: Mapping[str, str]) -> str:
    """Render the paper as a page with links to the forms next to it, and from measures to their pages."""
    links = {form: name for form, name in FORMS.items() if form in siblings and form != PAGE}
    return render_html(report, _drawings(report), links, measure_pages)


def pdf(report: Report) -> Rendered:
    """Render the paper as PDF; count the characters that the typeface lacks."""
    from dagster_project.publication.pdf import render_pdf

    return Rendered(*render_pdf(report, _drawings(report)))


def workbook(report: Report) -> bytes:
    """Render the paper as a workbook."""
    from dagster_project.publication.workbook import render_workbook

    return render_workbook(report)


def document(report: Report) -> bytes:
    """Render the paper as a Word document."""
    from dagster_project.publication.document import render_document

    return render_document(report, _drawings(report))


def tasks(
    report: Report, forms: Iterable[str] = FORMS
) -> dict[str, tuple[Callable[..., str | bytes | Rendered], tuple[object, ...]]]:
    """Return the files of a paper in some of its forms, except its page: name to rendering function and arguments."""
    functions: dict[str, Callable[..., str | bytes | Rendered]] = {
        "board_paper.pdf": pdf,
        "board_paper.xlsx": workbook,
        EDITED: document,
    }
    # Of the CSV not the whole report: to hand it to the other process costs more than to write the file.
    return {form: (function, (report,)) for form, function in functions.items() if form in forms} | {
        f"{section.code}.csv": (render_csv, (report.force_code, section.table, report.notes))
        for section in report.sections
    }


def _drawings(report: Report) -> dict[str, str]:
    from dagster_project.publication.charts import draw

    return {chart.key: draw(chart) for section in report.sections for chart in section.all_charts}
