"""Write board papers into a folder, in every form. What a paper says: `report/`; how a form looks: its renderer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import duckdb

from dagster_project.publication.files import take_over, write
from dagster_project.publication.forms import FORMS, PAGE, page, tasks
from dagster_project.publication.paths import UnsafeName, address_of
from dagster_project.publication.rendering import Renderer
from dagster_project.publication.report.commentary import commentary_file, read_commentary
from dagster_project.publication.report.errors import CommentaryError, ReportError
from dagster_project.publication.report.model import PAPER_MONTHS, Block, Report
from dagster_project.publication.report.read import paper_months, paper_sections, read_report
from dagster_project.reporting import warn

# Papers of a force that a publication holds, the latest and those before it: a year of board meetings.
PAPERS = 12

# What a paper was rendered from; a paper whose text here is the same is the same paper.
_CONTENT = "report.json"

_LIBRARIES = ("font-source-sans-pro", "fonttools", "jinja2", "typst", "vl-convert-python", "xlsxwriter")


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
    forms: tuple[str, ...]
    """The names of `FORMS` that there are; the others failed."""


def write_papers(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    *,
    before: Path | None,
    commentary: Path,
    force_code: str,
    renderer: Renderer | None = None,
) -> list[Paper]:
    """Write the papers of every force into `papers/FORCE/YYYY-MM/`, and one force's latest into the folder itself.

    A paper of which nothing has changed is taken over from the publication before. That of an earlier month names the
    deliveries that it was made from, also where later ones came that changed nothing in it. A form that cannot be
    rendered is left out, and tried again by the next publication.

    Args:
        connection: a database with the marts in its schema `marts`.
        folder: folder of the publication that is being written.
        before: folder of the publication before, of which papers that did not change are taken over.
        commentary: folder with the analysts' commentaries.
        force_code: the force whose latest paper stands in the folder itself; where it has none, the first that has.
        renderer: renders the files, and keeps which of them failed; one of this call alone where it is not given.

    Returns:
        The papers, by force, the latest month first.
    """
    if renderer is None:
        with Renderer() as renderer:
            return write_papers(
                connection, folder, before=before, commentary=commentary, force_code=force_code, renderer=renderer
            )
    papers = []
    for force, months in paper_months(connection).items():
        try:
            address_of("papers", force)
        except UnsafeName as error:
            renderer.refuse(error, "papers", force)
            continue
        papers += [
            paper
            for month in reversed(months[-PAPERS:])
            if (
                paper := _write(
                    connection, folder, before, commentary, force, month, renderer, is_latest=month == months[-1]
                )
            )
        ]
    latest: dict[str, Paper] = {}
    for paper in papers:
        latest.setdefault(paper.force_code, paper)
    if shown := latest.get(force_code) or next(iter(latest.values()), None):
        for form in shown.forms:
            take_over(folder, folder, form, source=f"{shown.place.as_posix()}/{form}")
    return papers


def write_paper(report: Report, folder: Path) -> list[Path]:
    """Write a paper in every form.

    Args:
        report: what it says.
        folder: an existing folder; files of the same names are overwritten.

    Returns:
        The files.

    Raises:
        ReportError: a form cannot be rendered; the others are written.
    """
    with Renderer() as renderer:
        written = _render(report, folder, "", renderer)
        if renderer.failed:
            left_out = "; ".join(f"{item['path']}: {item['reason']}" for item in renderer.failed)
            raise ReportError(f"{left_out}. The other files are in {folder}. A traceback: fcir --debug publish")
    return [folder / name for name in written]


def _render(
    report: Report, folder: Path, place: str, renderer: Renderer, commentary: object = "the commentary"
) -> list[str]:
    """Render the files of a paper; their names, the page first, without those that failed."""
    written = []
    for name, (function, arguments) in tasks(report).items():
        made = renderer.render(f"{place}{name}", function, *arguments)
        if made is None:
            continue
        write(folder, f"{place}{name}", made.content)
        written.append(name)
        if made.replaced:
            counts = [
                f"{count:,} {f'in {commentary}' if where == 'commentary' else where}"
                for where, count in made.replaced.items()
            ]
            warn(
                f"{place}{name}: characters that the typeface does not have are shown as ?: {' and '.join(counts)}. "
                "The page and the workbook show them."
            )
    # Last, since it links to the others that there are.
    if made := renderer.render(f"{place}{PAGE}", page, report, tuple(written)):
        write(folder, f"{place}{PAGE}", made.content)
        written.insert(0, PAGE)
    return written


def _write(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    before: Path | None,
    commentary: Path,
    force: str,
    month: date,
    renderer: Renderer,
    *,
    is_latest: bool,
) -> Paper | None:
    """Write a paper or take it over; None where its report cannot be read."""
    name = f"{month:%Y-%m}"
    place = address_of("papers", force, name)
    file = commentary_file(commentary, force, name)
    words = _commentary(file, month, paper_sections(connection))
    report = renderer.attempt(
        place,
        lambda: read_report(connection, force_code=force, month=month, length=PAPER_MONTHS, commentary=words),
    )
    if report is None:
        return None
    content = json.dumps({"rendered_by": _renderers(), "report": asdict(report)}, default=str)
    known = before / place if before else None
    if before and known and _is_of(known / _CONTENT, content, is_latest=is_latest):
        names = sorted(path.name for path in known.iterdir())
        for item in names:
            take_over(before, folder, f"{place}/{item}")
        return Paper(force, report.force_name, month, Path(place), is_rendered=False, forms=_forms(names))
    written = _render(report, folder, f"{place}/", renderer, file)
    # Without this file a paper is not taken over, so that the next publication tries again what has failed.
    if len(written) == len(tasks(report)) + 1:
        write(folder, f"{place}/{_CONTENT}", content.encode())
    return Paper(force, report.force_name, month, Path(place), is_rendered=True, forms=_forms(written))


def _forms(names: list[str]) -> tuple[str, ...]:
    return tuple(form for form in FORMS if form in names)


def _commentary(file: Path, month: date, sections: Mapping[str, str]) -> dict[str, tuple[Block, ...]]:
    try:
        return read_commentary(file, sections)
    except CommentaryError as error:
        # A slip in an analyst's words holds no figure back.
        warn(f"{error} The paper of {month:%B %Y} is published without it.")
        return {}


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
