"""Write the site into the folder of a publication. Content of the pages: `data.py`; layout: the templates."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.publication.files import Draft, copy, write
from dagster_project.publication.forms import FORMS
from dagster_project.publication.html import PAGES
from dagster_project.publication.papers import Paper, first_shown
from dagster_project.publication.parquet_files import parquet_addresses
from dagster_project.publication.paths import address_of
from dagster_project.publication.rendering import Renderer
from dagster_project.publication.report.commentary import Commentary, contact_lines
from dagster_project.publication.report.histories import MeasureHistory, histories_of
from dagster_project.publication.report.model import PAPER_MONTHS, Event, long_month
from dagster_project.publication.report.queries import (
    ForceRows,
    default_month,
    newest_delivery,
    paper_months,
)
from dagster_project.publication.report.read import report_of
from dagster_project.publication.site import data, explorer
from dagster_project.publication.site.cookbook import write_cookbook
from dagster_project.publication.site.engine import (
    Views,
    is_absent,
    page_names,
    page_of_mart,
    page_sql,
    read_views,
    write_page,
)
from dagster_project.publication.site.frame import Site
from dagster_project.publication.site.front_page import CONTACT_FIELDS, QUESTIONS, not_compared
from dagster_project.publication.site.measure_pages import Force, measure_addresses, write_measures

# The first page shows main points of so many forces.
_FEW_FORCES = 4

_ASSETS = (
    "site.css",
    "site.js",
    "search.js",
    "views.js",
    "measure.js",
    "filter.js",
    "explorer.css",
    "explorer.js",
    "explorer_chart.js",
)


def write_site(
    connection: duckdb.DuckDBPyConnection,
    draft: Draft,
    papers: Sequence[Paper],
    read: Callable[[str], ForceRows],
    *,
    force_code: str,
    events: Mapping[str, Sequence[Event]],
) -> None:
    """Write every page of the site; `index.html` is the first, and opens from a disk as well as from a server.

    Pages that fail are left out; `unlink_failed` removes the links to them.

    Args:
        connection: the warehouse.
        draft: the publication; it has the papers.
        papers: the papers, by force, newest month first.
        read: returns what the marts have of a force (`read_force`).
        force_code: the force on the first page; the first force with papers if it has none.
        events: what the charts of each force mark.
    """
    data_until, is_synthetic = newest_delivery(connection)
    attempt = draft.renderer.attempt
    figures = explorer.write_figures(connection, draft)
    # The force on the first page comes first everywhere, then the others by code.
    papers = sorted(papers, key=lambda paper: paper.force_code != force_code)
    forces = sorted(
        _forces(draft.renderer, connection, read, papers, events), key=lambda force: force.code != force_code
    )
    views = _read_pages(draft.renderer, connection, forces, force_code)
    absent = {f"{name}.html" for name, of_page in views.items() if is_absent(page_sql(name), of_page)}
    pages = [page for page in PAGES if page[0] not in absent]
    site = Site(draft, {"data_until": data_until, "is_synthetic": is_synthetic, "pages": pages})
    shown = forces[0].code if forces else ""
    for name, of_page in views.items():
        if f"{name}.html" not in absent:
            charts = partial(_peer_charts, connection, shown) if name == "peers" else dict
            attempt(f"{name}.html", partial(_write_page, site, name, of_page, charts))
    attempt("index.html", lambda: _index(site, read, papers, forces, views.get("trust")))
    attempt("measures/index.html", lambda: write_measures(site, connection, forces, papers))
    attempt(explorer.PAGE, lambda: _explorer(site, connection, forces, shown, figures, events))
    attempt("dictionary.html", lambda: _dictionary(site, connection))
    attempt("cookbook.html", lambda: write_cookbook(site, connection))
    assets = Path(str(files("dagster_project.publication") / "assets"))
    for name in _ASSETS:
        copy(assets / name, draft.folder, f"assets/{name}")
    copy(assets / "tables.pq", draft.folder, "queries/tables.pq")
    write(draft.folder, "assets/search-index.js", site.search_index())


def _write_page(site: Site, name: str, views: Views | None, read: Callable[[], dict[str, Any]]) -> None:
    write_page(site, name, views, **read())


def _peer_charts(connection: duckdb.DuckDBPyConnection, force_code: str) -> dict[str, Any]:
    # Imported here: a publication without national figures has no such page.
    from dagster_project.publication.site.peers import peer_charts

    return peer_charts(connection, force_code)


def _read_pages(
    renderer: Renderer, connection: duckdb.DuckDBPyConnection, forces: Sequence[Force], force_code: str
) -> dict[str, Views | None]:
    """Return the tables of each page of the engine; a page whose marts cannot be read counts as failed."""
    names = {force.code: force.name for force in forces}
    months = {force.code: force.month for force in forces}
    addresses = {address for force in forces for address in force.addresses.values()}
    pages = {}
    for name in page_names():
        read = partial(read_views, connection, page_sql(name), names, months, force_code, addresses)
        views = renderer.attempt(f"{name}.html", read)
        if not renderer.has_failed(f"{name}.html"):
            pages[name] = views
    return pages


def _forces(
    renderer: Renderer,
    connection: duckdb.DuckDBPyConnection,
    read: Callable[[str], ForceRows],
    papers: Sequence[Paper],
    events: Mapping[str, Sequence[Event]],
) -> Iterator[Force]:
    """Yield the forces with figures, each with its measures; leave out those that cannot be read."""
    names = {paper.force_code: paper.force_name for paper in papers}
    for code, months in paper_months(connection).items():
        month = default_month(months) or months[-1].month
        of_force = partial(_of_force, read, code, month=month, until=months[-1].month, events=events.get(code, ()))
        if found := renderer.attempt(address_of("measures", code), of_force):
            yield Force(code, names.get(code, code), month, *found, measure_addresses(code, found[1]))


def _of_force(
    read: Callable[[str], ForceRows], code: str, *, month: date, until: date, events: Sequence[Event]
) -> tuple[ForceRows, list[MeasureHistory]]:
    rows = read(code)
    return rows, histories_of(rows, month=month, until=until, events=events)


def _index(
    site: Site,
    read: Callable[[str], ForceRows],
    papers: Sequence[Paper],
    forces: Sequence[Force],
    trust: Views | None,
) -> None:
    latest = first_shown(papers, forces[0].code if forces else "")
    shown = next((force for force in forces if latest and force.code == latest.force_code), None)
    report = latest and report_of(
        shown.rows if shown else read(latest.force_code),
        month=latest.month.month,
        length=PAPER_MONTHS,
        commentary=Commentary(),
        main_points={latest.month.month: latest.main_points},
    )
    linked = [(text, *address.partition("#")[::2]) for text, address in QUESTIONS]
    questions = [question for question in linked if question[1] in dict(site.shared["pages"])]
    site.write(
        "index.html",
        "index.html.j2",
        trust=trust,
        report=report,
        has_notes=False,
        measure_pages=shown.addresses if shown else {},
        not_compared=not_compared(report) if report else "",
        questions=questions,
        latest=latest,
        contacts=contact_lines(latest.commentary.front, CONTACT_FIELDS) if latest else (),
        papers=papers,
        others=_newest_of_others(papers, latest),
        forms=FORMS,
    )
    words = "whom to ask questions feedback publication date calendar owner status"
    site.find("index.html", "Next release and contact", "page", words, anchor="contact")
    for text, page, anchor in questions:
        site.find(page, text, "question", "", anchor=anchor)
    for paper in papers:
        month = paper.month.month
        title = f"Board paper, {paper.force_name}, {long_month(month)}"
        for form in paper.forms[:1]:
            site.find(f"{paper.folder.as_posix()}/{form}", title, "board paper", f"{month:%Y-%m}")


def _newest_of_others(papers: Sequence[Paper], shown: Paper | None) -> list[Paper]:
    """Return the newest complete paper of each force other than the one shown; none if there are too many to read."""
    by_force: dict[str, Paper] = {}
    for paper in papers:
        if shown and paper.force_code != shown.force_code and not paper.month.is_running:
            by_force.setdefault(paper.force_code, paper)
    return list(by_force.values()) if len(by_force) < _FEW_FORCES else []


def _explorer(
    site: Site,
    connection: duckdb.DuckDBPyConnection,
    forces: Sequence[Force],
    force_code: str,
    figures: explorer.Files,
    events: Mapping[str, Sequence[Event]],
) -> None:
    if not paper_months(connection):
        site.write(explorer.PAGE, "empty.html.j2", title="Explorer")
        return
    addresses = {force.code: force.addresses for force in forces}
    content = explorer.read_explorer(
        connection, force_code=force_code, written=figures, events=events, addresses=addresses
    )
    site.write(explorer.PAGE, "explorer.html.j2", **content)
    words = (
        "compare measures forces months weeks days district offence group last year breakdown download csv chart sql"
    )
    site.find(explorer.PAGE, "Explorer", "page", words)


def _dictionary(site: Site, connection: duckdb.DuckDBPyConnection) -> None:
    page = "dictionary.html"
    tables = [
        table
        | {
            "parquet": parquet_addresses(site.folder, table["table_name"]),
            "page": _page_in_navigation(site, table["table_name"]),
        }
        for table in data.tables(connection)
    ]
    site.write(page, "dictionary.html.j2", tables=tables)
    words = "excel power bi power query pq connection refresh download csv parquet export"
    site.find(page, "Power BI and Excel", "page", words, anchor="queries")
    for table in tables:
        columns = " ".join(column["column_name"] for column in table["columns"])
        words = f"{table['description']} {columns}"
        site.find(page, table["table_name"], "table", words, anchor=table["table_name"])


def _page_in_navigation(site: Site, mart: str) -> tuple[str, str, str] | None:
    """Return the page that shows a mart: its address, the anchor of a part of it or nothing, and its name."""
    address, _, anchor = (page_of_mart(mart) or "").partition("#")
    name = dict(site.shared["pages"]).get(address)
    return (address, anchor, name) if name else None
