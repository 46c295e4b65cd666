"""Write board papers into a folder, in every form. Content: see `report/`; layout: the renderer of each form."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from datetime import date
from functools import cache, partial
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

import duckdb

from dagster_project.console import warn
from dagster_project.publication.draft import Draft
from dagster_project.publication.files import CONTENT, take_over, write
from dagster_project.publication.forms import FORMS, PAGE, page, tasks
from dagster_project.publication.paths import UnsafeName, address_of
from dagster_project.publication.rendering import Renderer
from dagster_project.publication.report.analyst_files import CommentaryError
from dagster_project.publication.report.commentary import (
    Commentary,
    commentary_file,
    read_commentary,
    read_defaults,
)
from dagster_project.publication.report.events import events_file, read_events
from dagster_project.publication.report.model import PAPER_MONTHS, Event, MainPoint, PaperMonth, Report
from dagster_project.publication.report.page_one import main_points_by_month
from dagster_project.publication.report.queries import ForceRows, catalogue_sections, paper_months, read_force
from dagster_project.publication.report.read import ReportError, paper_names, report_of
from dagster_project.publication.site.traces import trace_addresses

# Papers of a force in a publication: the one shown first and those before it, a year of board meetings. Running months
# after it get papers too.
PAPERS = 12

# From the folder of a paper to that of the publication, as the template of the page writes it.
_UP = "../../../"
_TRACE_LINK = re.compile(r'<a class="trace" href="([^"]+)">(.*?)</a>')

_LIBRARIES = (
    "font-source-sans-pro",
    "fonttools",
    "jinja2",
    "python-docx",
    "typst",
    "vl-convert-python",
    "xlsxwriter",
)


@dataclass(frozen=True)
class Paper:
    """A paper that was written."""

    force_code: str
    force_name: str
    month: PaperMonth
    folder: Path
    """Its folder, relative to the folder of the publication."""
    is_rendered: bool
    """False if it was taken over unchanged from the previous publication."""
    forms: tuple[str, ...]
    """The names in `FORMS` that were rendered; the others failed."""
    main_points: tuple[MainPoint, ...] = ()
    commentary: Commentary = field(default_factory=Commentary)
    """What the analyst wrote on the month."""


def write_papers(
    connection: duckdb.DuckDBPyConnection,
    draft: Draft,
    *,
    commentary: Path | None,
    force_code: str,
    events: Mapping[str, Sequence[Event]] = MappingProxyType({}),
) -> list[Paper]:
    """Write the papers of every force to `papers/FORCE/YYYY-MM/`, and a copy of one paper to the folder itself.

    The copy is the paper of a force's newest complete month, by `report_months`.

    An unchanged paper is taken over from the previous publication. A paper of an earlier month names the deliveries
    that it was made from; later deliveries that change nothing in it do not change that. A form that cannot be rendered
    is left out, and the next publication tries it again.

    Args:
        connection: a database with the marts.
        draft: the publication.
        commentary: folder with the analysts' commentaries; None for papers without front matter, words and exceptions.
        force_code: the force whose paper is copied to the folder itself; the first force with papers if it has none.
        events: what the charts of each force mark (`events_of_forces`).

    Returns:
        The papers, by force, newest month first.
    """
    write_one = partial(_write, connection, draft, commentary)
    papers: list[Paper] = []
    for force, months in paper_months(connection).items():
        try:
            address_of("papers", force)
        except UnsafeName as error:
            draft.renderer.refuse(error, "papers", force)
            continue
        complete, running = ([item for item in months if item.is_running is state] for state in (False, True))
        front = _defaults(commentary, force) if commentary else {}
        rows = read_force(connection, force)
        points = main_points_by_month(rows)
        write_month = partial(write_one, rows, front=front, events=events.get(force, ()), main_points=points)
        papers += [
            paper
            for month in reversed(complete[-PAPERS:] + running)
            if (paper := write_month(month, is_latest=month == months[-1], is_newest=month in complete[-1:]))
        ]
    if shown := first_shown(papers, force_code):
        for form in shown.forms:
            if form == PAGE:
                text = (draft.folder / shown.folder / PAGE).read_bytes()
                # Its other links lead to files next to it.
                write(draft.folder, PAGE, text.replace(f'href="{_UP}'.encode(), b'href="'))
            else:
                take_over(draft.folder, draft.folder, form, source=f"{shown.folder.as_posix()}/{form}")
    return papers


def remove_broken_links(draft: Draft, papers: Sequence[Paper]) -> None:
    """Remove links of papers to traces that the site does not have; the next publication renders these papers again.

    Args:
        draft: the publication, with its site.
        papers: its papers.
    """
    for address in (PAGE, *(f"{paper.folder.as_posix()}/{PAGE}" for paper in papers)):
        file = draft.folder / address
        if not file.is_file():
            continue
        text = file.read_text(encoding="utf-8")
        broken = [link for link in _TRACE_LINK.finditer(text) if not (file.parent / unquote(link[1])).is_file()]
        if broken:
            kept = text
            for link in broken:
                kept = kept.replace(link[0], link[2])
            write(draft.folder, address, kept.encode())
            file.with_name(CONTENT).unlink(missing_ok=True)


def first_shown(papers: Sequence[Paper], force_code: str) -> Paper | None:
    """Return the paper to open first: a force's newest complete month, or that of the first force that has one."""
    # If that paper could not be made, the one before it. Running months are never opened first.
    shown = [paper for paper in papers if not paper.month.is_running]
    return next((paper for paper in shown if paper.force_code == force_code), shown[0] if shown else None)


def write_paper(report: Report, folder: Path) -> list[Path]:
    """Write a paper in every form.

    Args:
        report: content of the paper.
        folder: an existing folder; files with the same names are overwritten.

    Returns:
        The files.

    Raises:
        ReportError: a form cannot be rendered; the other forms are written.
    """
    with Renderer() as renderer:
        written = _render(report, folder, "", renderer, is_newest=True)
        if renderer.failed:
            left_out = "; ".join(f"{item['path']}: {item['reason']}" for item in renderer.failed)
            raise ReportError(f"{left_out}. The other files are in {folder}. A traceback: fcir --debug publish")
    return [folder / name for name in written]


def _render(
    report: Report,
    folder: Path,
    address: str,
    renderer: Renderer,
    commentary: object = "the commentary",
    *,
    is_newest: bool,
    traces: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """Render the files of a paper; return the names of those that succeeded, the page first."""
    written = []
    for name, (function, arguments) in tasks(report, is_newest=is_newest).items():
        file = renderer.render(f"{address}{name}", function, *arguments)
        if file is None:
            continue
        write(folder, f"{address}{name}", file.content)
        written.append(name)
        if file.replaced:
            counts = [
                f"{count:,} {f'in {commentary}' if where == 'commentary' else where}"
                for where, count in file.replaced.items()
            ]
            warn(
                f"{address}{name}: characters that the typeface does not have are shown as ?: {' and '.join(counts)}. "
                "The page and the workbook show them."
            )
    # Last, because the page links to the forms that were rendered.
    if file := renderer.render(f"{address}{PAGE}", page, report, tuple(written), dict(traces)):
        write(folder, f"{address}{PAGE}", file.content)
        written.insert(0, PAGE)
    return written


def _write(
    connection: duckdb.DuckDBPyConnection,
    draft: Draft,
    commentary: Path | None,
    rows: ForceRows,
    month: PaperMonth,
    *,
    front: Mapping[str, str],
    events: Sequence[Event],
    main_points: Mapping[date, tuple[MainPoint, ...]],
    is_latest: bool,
    is_newest: bool,
) -> Paper | None:
    """Write a paper or take it over; return None if its report cannot be read."""
    name, force = f"{month.month:%Y-%m}", rows.force_code
    address = address_of("papers", force, name)
    file = commentary_file(commentary, force, name) if commentary else None
    words = _commentary(connection, file, month.month, front) if file else None
    report = draft.renderer.attempt(
        address,
        lambda: report_of(
            rows,
            month=month.month,
            length=PAPER_MONTHS,
            commentary=words,
            events=events,
            publication=draft.name,
            main_points=main_points,
        ),
    )
    if report is None:
        return None
    # The traces of the site are of the months of the newest paper. A public edition, which has no commentary, has none.
    traces = trace_addresses(connection, force, month.month) if is_newest and commentary else {}
    content = json.dumps(
        {"rendered_by": _renderers(), "is_newest": is_newest, "traces": traces, "report": report}, default=_plain
    )
    before = draft.before
    told: dict[str, Any] = {"main_points": report.main_points, "commentary": words or Commentary()}
    if before and _is_of(before / address / CONTENT, content, is_latest=is_latest):
        names = sorted(path.name for path in (before / address).iterdir())
        for item in names:
            take_over(before, draft.folder, f"{address}/{item}")
        return Paper(force, report.force_name, month, Path(address), is_rendered=False, forms=_forms(names), **told)
    written = _render(report, draft.folder, f"{address}/", draft.renderer, file, is_newest=is_newest, traces=traces)
    # Without this file a paper is not taken over, so the next publication tries the failed forms again.
    if len(written) == len(tasks(report, is_newest=is_newest)) + 1:
        write(draft.folder, f"{address}/{CONTENT}", content.encode())
    return Paper(force, report.force_name, month, Path(address), is_rendered=True, forms=_forms(written), **told)


def _plain(value: object) -> object:
    """Return what JSON writes for a value of a report. `asdict` would copy all of its 7,000 values first."""
    return vars(value) if is_dataclass(value) else str(value)


def _forms(names: list[str]) -> tuple[str, ...]:
    return tuple(form for form in FORMS if form in names)


def events_of_forces(connection: duckdb.DuckDBPyConnection, commentary: Path) -> dict[str, Sequence[Event]]:
    """Return the events that the charts of each force mark; warn of those that cannot be shown.

    Args:
        connection: a database with the marts.
        commentary: folder with what the analysts write.
    """
    sections = catalogue_sections(connection)
    found: dict[str, Sequence[Event]] = {}
    for force in paper_months(connection):
        try:
            found[force], faults = read_events(events_file(commentary, force), sections)
        except UnsafeName:
            # Its papers are refused for the same reason.
            continue
        except CommentaryError as error:
            warn(f"{error}. The charts of {force} mark no events.")
            continue
        for fault in faults:
            warn(f"{fault}. The event is left out.")
    return found


def _defaults(commentary: Path, force: str) -> Mapping[str, str]:
    try:
        return read_defaults(commentary, force)
    except CommentaryError as error:
        warn(f"{error}. The papers of {force} are published without it.")
        return {}


def _commentary(connection: duckdb.DuckDBPyConnection, file: Path, month: date, front: Mapping[str, str]) -> Commentary:
    try:
        return read_commentary(file, paper_names(connection), front)
    except CommentaryError as error:
        # A mistake in a commentary must not hold back the figures.
        warn(f"{error}. The paper of {month:%B %Y} is published without it.")
        return Commentary(front)


def _is_of(file: Path, content: str, *, is_latest: bool) -> bool:
    """Return whether a paper was rendered from this content; for an earlier month, the newest delivery is ignored."""
    if not file.is_file():
        return False
    was, would_be = json.loads(file.read_text(encoding="utf-8")), json.loads(content)
    for each in (was, would_be):
        # A paper that is taken over continues to name the publication that it was made for.
        each["report"].pop("publication", None)
        if not is_latest:
            each["report"].pop("data_until", None)
    return bool(was == would_be)


@cache
def _renderers() -> str:
    """Return a fingerprint of the code that renders reports: this package and its drawing libraries."""
    digest = hashlib.sha256()
    for library in _LIBRARIES:
        digest.update(f"{library} {version(library)}\n".encode())
    for path in sorted(Path(str(files(__package__))).rglob("*")):
        if path.suffix in (".csv", ".py", ".sql", ".j2", ".typ"):
            digest.update(path.read_bytes())
    return digest.hexdigest()
