"""Write board papers into a folder, in every form. Content: see `report/`; layout: the renderer of each form."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from types import MappingProxyType

import duckdb

from dagster_project.console import warn
from dagster_project.publication.files import Draft, take_over, write
from dagster_project.publication.forms import EDITED, FORMS, PAGE, page, tasks
from dagster_project.publication.paths import address_of
from dagster_project.publication.rendering import Renderer, fingerprint
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
from dagster_project.publication.report.queries import ForceRows, catalogue_sections, paper_months
from dagster_project.publication.report.read import ReportError, paper_names, report_of

# Papers of a force in a publication: the one shown first and those before it, a year of board meetings. Running months
# after it get papers too.
PAPERS = 12

# From the folder of a paper to that of the publication, as the template of the page writes it.
_UP = "../../../"


@dataclass(frozen=True)
class Paper:
    """A paper that was written."""

    force_code: str
    force_name: str
    month: PaperMonth
    folder: Path
    """Its folder, relative to the folder of the publication."""
    is_rendered: bool
    """False if it is unchanged since the previous publication."""
    forms: tuple[str, ...]
    """The names in `FORMS` that were rendered; the others failed."""
    main_points: tuple[MainPoint, ...] = ()
    commentary: Commentary = field(default_factory=Commentary)
    """What the analyst wrote on the month."""


def write_papers(
    connection: duckdb.DuckDBPyConnection,
    draft: Draft,
    read: Callable[[str], ForceRows],
    *,
    commentary: Path | None,
    force_code: str,
    events: Mapping[str, Sequence[Event]] = MappingProxyType({}),
) -> list[Paper]:
    """Write the papers of every force to `papers/FORCE/YYYY-MM/`, and a copy of one paper to the folder itself.

    The copy is the paper of a force's newest complete month, by `report_months`.

    An unchanged paper is that of the previous publication, which it continues to name. A paper of an earlier month
    names the deliveries that it was made from; later deliveries that change nothing in it do not change that. A form
    that cannot be rendered is left out, and the next publication tries it again.

    Args:
        connection: a database with the marts.
        draft: the publication.
        read: returns what the marts have of a force (`read_force`).
        commentary: folder with the analysts' commentaries; None for papers without front matter, words and exceptions.
        force_code: the force whose paper is copied to the folder itself; the first force with papers if it has none.
        events: what the charts of each force mark (`events_of_forces`).

    Returns:
        The papers, by force, newest month first.
    """
    papers: list[Paper] = []
    months_of = paper_months(connection)
    edited = _edited(months_of, force_code)
    for force, months in months_of.items():
        found = draft.renderer.attempt(address_of("papers", force), partial(_read, read, force))
        if found is None:
            continue
        rows, points = found
        complete, running = ([item for item in months if item.is_running is state] for state in (False, True))
        front = _defaults(draft.renderer, commentary, force) if commentary else {}
        marks = events.get(force, ())
        write_month = partial(_write, draft, commentary, rows, front=front, events=marks, main_points=points)
        papers += [
            paper
            for month in reversed(complete[-PAPERS:] + running)
            if (paper := write_month(month, _forms(month, edited, force), is_latest=month == months[-1]))
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


def _edited(months_of: Mapping[str, Sequence[PaperMonth]], force_code: str) -> tuple[str, date] | None:
    """Return force and month of the paper that is copied to the folder itself."""
    complete = {force: [item.month for item in months if not item.is_running] for force, months in months_of.items()}
    shown = next((force for force in (force_code, *complete) if complete.get(force)), None)
    return (shown, complete[shown][-1]) if shown else None


def _forms(month: PaperMonth, edited: tuple[str, date] | None, force: str) -> tuple[str, ...]:
    """Return the forms of a paper.

    A month in progress changes every night and is read as a page. The form to edit takes a quarter of a CPU second and
    is made of the paper shown first; `fcir paper` makes it of any.
    """
    if month.is_running:
        return (PAGE,)
    return tuple(form for form in FORMS if form != EDITED or (force, month.month) == edited)


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
        written = _render(report, folder, "", renderer)
        if renderer.failed:
            left_out = "; ".join(f"{item['path']}: {item['reason']}" for item in renderer.failed)
            raise ReportError(f"{left_out}. The other files are in {folder}. A traceback: fcir --debug publish")
    return [folder / name for name in written]


def _render(
    report: Report,
    folder: Path,
    address: str,
    renderer: Renderer,
    *,
    forms: Sequence[str] = tuple(FORMS),
    is_latest: bool = True,
    measure_pages: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, bool]:
    """Write the files of a paper; return whether each of those that succeeded is new or changed, the page first."""
    made_of = fingerprint(replace(report, publication="", data_until=report.data_until if is_latest else None))
    written: dict[str, bool] = {}
    for name, (function, arguments) in tasks(report, forms).items():
        form = made_of if arguments[0] is report else None
        file = renderer.render(f"{address}{name}", function, *arguments, made_of=form)
        if file is None:
            continue
        write(folder, f"{address}{name}", file.content)
        written[name] = not file.is_reused
        if file.replaced:
            warn(
                f"{address}{name}: characters that the typeface does not have are shown as ?: {file.replaced:,}. Look "
                "for ? in it; the page and the workbook show them."
            )
    # Last, because the page links to the forms that were rendered.
    content = (tuple(written), dict(measure_pages))
    if file := renderer.render(f"{address}{PAGE}", page, report, *content, made_of=(made_of, content)):
        write(folder, f"{address}{PAGE}", file.content)
        written = {PAGE: not file.is_reused} | written
    return written


def _read(read: Callable[[str], ForceRows], force: str) -> tuple[ForceRows, dict[date, tuple[MainPoint, ...]]]:
    rows = read(force)
    return rows, main_points_by_month(rows)


def _write(
    draft: Draft,
    commentary: Path | None,
    rows: ForceRows,
    month: PaperMonth,
    forms: Sequence[str],
    *,
    front: Mapping[str, str],
    events: Sequence[Event],
    main_points: Mapping[date, tuple[MainPoint, ...]],
    is_latest: bool,
) -> Paper | None:
    """Write a paper; return None if its report cannot be read."""
    name, force = f"{month.month:%Y-%m}", rows.force_code
    address = address_of("papers", force, name)
    file = commentary_file(commentary, force, name) if commentary else None
    words = _commentary(draft.renderer, rows, file, month.month, front) if file else None
    paper = Paper(
        force,
        rows.force_name,
        month,
        Path(address),
        False,
        (),
        main_points.get(month.month, ()),
        words or Commentary(),
    )
    if draft.renderer.is_unchanged(address, (month, words, events, forms, is_latest)):
        kept = draft.renderer.keep(draft.folder, lambda path: path.startswith(f"{address}/"))
        return replace(paper, forms=tuple(form for form in FORMS if f"{address}/{form}" in kept))
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
    # A public edition, which has no commentary, has no site.
    measures = rows.measures if commentary else ()
    measure_pages = {item.code: address_of("measures", force, f"{item.code}.html") for item in measures}
    written = _render(
        report,
        draft.folder,
        f"{address}/",
        draft.renderer,
        forms=forms,
        is_latest=is_latest,
        measure_pages=measure_pages,
    )
    if len(written) <= len(tasks(report, forms)):
        # So that the next publication tries the failed forms again.
        draft.renderer.made_of.pop(address, None)
    return replace(paper, is_rendered=any(written.values()), forms=tuple(form for form in FORMS if form in written))


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
        except CommentaryError as error:
            warn(f"{error}. The charts of {force} mark no events.")
            continue
        for fault in faults:
            warn(f"{fault}. The event is left out.")
    return found


def _defaults(renderer: Renderer, commentary: Path, force: str) -> Mapping[str, str]:
    try:
        return read_defaults(commentary, force)
    except CommentaryError as error:
        warn(f"{error}. The papers of {force} are published without it.")
        renderer.leave_out(commentary_file(commentary, force, "defaults"))
        return {}


def _commentary(renderer: Renderer, rows: ForceRows, file: Path, month: date, front: Mapping[str, str]) -> Commentary:
    try:
        return read_commentary(file, paper_names(rows), front)
    except CommentaryError as error:
        # A mistake in a commentary must not hold back the figures.
        warn(f"{error}. The paper of {month:%B %Y} is published without it.")
        renderer.leave_out(file)
        return Commentary(front)
