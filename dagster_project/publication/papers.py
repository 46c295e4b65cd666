"""Write board papers into a folder, in every form. What a paper says: `report/`; how a form looks: its renderer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import duckdb

from dagster_project.publication.charts import draw
from dagster_project.publication.files import link
from dagster_project.publication.html import render_html
from dagster_project.publication.pdf import render_pdf
from dagster_project.publication.report.commentary import commentary_file, read_commentary
from dagster_project.publication.report.errors import CommentaryError
from dagster_project.publication.report.model import PAPER_MONTHS, Report
from dagster_project.publication.report.read import SECTION_TITLES, paper_months, read_report
from dagster_project.publication.tables import render_csv
from dagster_project.publication.workbook import render_workbook
from dagster_project.reporting import warn

# Papers of a force that a publication holds, the latest and those before it: a year of board meetings.
PAPERS = 12

FORMS = ("board_paper.html", "board_paper.pdf", "board_paper.xlsx")

# What a paper was rendered from; a paper whose text here is the same is the same paper.
_CONTENT = "report.json"

_LIBRARIES = ("font-source-sans-pro", "jinja2", "typst", "vl-convert-python", "xlsxwriter")


@dataclass(frozen=True)
class Paper:
    """A paper that was written."""

    force_code: str
    force_name: str
    month: date
    place: Path
    """Its folder, relative to that of the publication."""
    is_rendered: bool
    """False where it was taken over from the publication before, since nothing in it has changed."""


def write_papers(
    connection: duckdb.DuckDBPyConnection, folder: Path, *, before: Path | None, commentary: Path, force_code: str
) -> list[Paper]:
    """Write the papers of every force into `papers/FORCE/YYYY-MM/`, and one force's latest into the folder itself.

    A paper of which nothing has changed is taken over from the publication before. That of an earlier month names the
    deliveries that it was made from, also where later ones came that changed nothing in it.

    Args:
        connection: a database with the marts in its schema `marts`.
        folder: folder of the publication that is being written.
        before: folder of the publication before, of which papers that did not change are taken over.
        commentary: folder with the analysts' commentaries.
        force_code: the force whose latest paper stands in the folder itself; where it has none, the first that has.

    Returns:
        The papers, by force, the latest month first.
    """
    papers = [
        _write(connection, folder, before, commentary, force, month, is_latest=month == months[-1])
        for force, months in paper_months(connection).items()
        for month in reversed(months[-PAPERS:])
    ]
    latest: dict[str, Paper] = {}
    for paper in papers:
        latest.setdefault(paper.force_code, paper)
    if shown := latest.get(force_code) or next(iter(latest.values()), None):
        for form in FORMS:
            link(folder / shown.place / form, folder / form)
    return papers


def write_paper(report: Report, folder: Path) -> list[Path]:
    """Write a paper in every form.

    Args:
        report: what it says.
        folder: an existing folder; files of the same names are overwritten.

    Returns:
        The files.
    """
    drawings = {chart.measure: draw(chart) for section in report.sections for chart in section.charts}
    contents: dict[str, bytes] = {
        "board_paper.html": render_html(report, drawings).encode(),
        "board_paper.pdf": render_pdf(report, drawings),
        "board_paper.xlsx": render_workbook(report),
    }
    contents |= {f"{section.code}.csv": render_csv(report, section.table).encode() for section in report.sections}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


def _write(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    before: Path | None,
    commentary: Path,
    force: str,
    month: date,
    *,
    is_latest: bool,
) -> Paper:
    place = Path("papers") / force / f"{month:%Y-%m}"
    target = folder / place
    target.mkdir(parents=True)
    file = commentary_file(commentary, force, f"{month:%Y-%m}")
    try:
        words = read_commentary(file, SECTION_TITLES)
    except CommentaryError as error:
        # A slip in an analyst's words holds no figure back.
        warn(f"{error} The paper of {month:%B %Y} is published without it.")
        words = {}
    report = read_report(connection, force_code=force, month=month, length=PAPER_MONTHS, commentary=words)
    content = json.dumps({"rendered_by": _renderers(), "report": asdict(report)}, default=str)
    known = before / place if before else None
    if known and _is_of(known / _CONTENT, content, is_latest=is_latest):
        for path in sorted(known.iterdir()):
            link(path, target / path.name)
        return Paper(force, report.force_name, month, place, is_rendered=False)
    (target / _CONTENT).write_text(content, encoding="utf-8")
    write_paper(report, target)
    return Paper(force, report.force_name, month, place, is_rendered=True)


def _is_of(file: Path, content: str, *, is_latest: bool) -> bool:
    """Whether a paper was rendered from this content; of an earlier month, whichever deliveries have come since."""
    if not file.is_file():
        return False
    was, would_be = json.loads(file.read_text(encoding="utf-8")), json.loads(content)
    if not is_latest:
        for each in (was, would_be):
            each["report"].pop("data_until", None)
    return bool(was == would_be)


@cache
def _renderers() -> str:
    """Fingerprint of what turns a report into files: this package and the libraries that it draws with."""
    digest = hashlib.sha256()
    for library in _LIBRARIES:
        digest.update(f"{library} {version(library)}\n".encode())
    for path in sorted(_sources(Path(str(files(__package__))))):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix in (".py", ".j2", ".typ"))
