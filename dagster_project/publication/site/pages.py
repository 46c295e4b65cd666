"""Write the site into the folder of a publication. Content of the pages: `data.py`; layout: the templates."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.clock import LONDON
from dagster_project.publication.draft import Draft
from dagster_project.publication.files import copy, write
from dagster_project.publication.forms import FORMS
from dagster_project.publication.papers import Paper, first_shown
from dagster_project.publication.parquet_files import parquet_addresses
from dagster_project.publication.paths import UnsafeName, address_of
from dagster_project.publication.report.commentary import Commentary, contact_lines
from dagster_project.publication.report.histories import MeasureHistory, read_histories
from dagster_project.publication.report.model import PAPER_MONTHS, Chart, Event, long_month
from dagster_project.publication.report.months import default_month, newest_delivery, paper_months
from dagster_project.publication.report.read import read_report
from dagster_project.publication.site import data, explorer, peers, trust
from dagster_project.publication.site.cookbook import write_cookbook
from dagster_project.publication.site.definitions import answered, definitions
from dagster_project.publication.site.engine import page_names, write_page
from dagster_project.publication.site.faults import faults
from dagster_project.publication.site.frame import PAGES, Site
from dagster_project.publication.site.front_page import CONTACT_FIELDS, QUESTIONS, cards, not_compared
from dagster_project.publication.site.links import page_of_mart
from dagster_project.publication.site.measure_pages import Force, measure_addresses, write_measures
from dagster_project.publication.site.reconciliation import claims, printed, sentences
from dagster_project.publication.site.revisions import publications, revisions
from dagster_project.publication.site.worst_month import WorstMonth, worst_months

# The first page shows main points of so many forces.
_FEW_FORCES = 4

_ASSETS = (
    "site.css",
    "search.js",
    "views.js",
    "peers.js",
    "measure.js",
    "explorer.css",
    "explorer.js",
    "explorer_chart.js",
)


def write_site(
    connection: duckdb.DuckDBPyConnection,
    draft: Draft,
    papers: Sequence[Paper],
    *,
    force_code: str,
    run_id: str,
    published_at: datetime,
    events: Mapping[str, Sequence[Event]],
) -> int:
    """Write every page of the site; `index.html` is the first, and opens from a disk as well as from a server.

    Pages that fail are left out, and the others are rendered again without links to them.

    Args:
        connection: the warehouse.
        draft: the publication; it has the papers.
        papers: the papers, by force, newest month first.
        force_code: the force on the first page; the first force with papers if it has none.
        run_id: name of the publication.
        published_at: time of publication, with time zone.
        events: what the charts of each force mark.

    Returns:
        The number of pages written.
    """
    data_until, is_synthetic = newest_delivery(connection)
    shared = {
        "run_id": run_id,
        "published_at": published_at.astimezone(LONDON),
        "data_until": data_until,
        "is_synthetic": is_synthetic,
    }
    folder, renderer = draft.folder, draft.renderer
    figures = explorer.write_figures(connection, draft)
    # Without data, this page is absent, which is not a fault.
    comparison = renderer.attempt(peers.PAGE, lambda: peers.peers_content(connection, force_code))
    absent = [] if comparison else [peers.PAGE]
    # A failed page is not tried again, so this loop ends.
    while True:
        site = Site(folder, shared, renderer, absent)
        _collect(site, connection, papers, force_code, figures, events)
        if comparison:
            site.add(peers.PAGE, peers.peers_page, site.values(peers.PAGE) | comparison)
            words = "national compare forces rank 999 answer time BT most similar group league table united kingdom"
            site.find(peers.PAGE, f"{peers.NAME}: how we compare", "page", words)
        rendered = site.render()
        if not any(renderer.has_failed(address) for address in site.pages if address not in site.failed):
            break
    for address, content in rendered.items():
        write(folder, address, content)
    assets = Path(str(files("dagster_project.publication") / "assets"))
    for name in _ASSETS:
        copy(assets / name, folder, f"assets/{name}")
    copy(assets / "tables.pq", folder, "queries/tables.pq")
    write(folder, "assets/search-index.js", site.search_index())
    return sum(1 for path in folder.rglob("*.html"))


def _collect(
    site: Site,
    connection: duckdb.DuckDBPyConnection,
    papers: Sequence[Paper],
    force_code: str,
    figures: explorer.Files,
    events: Mapping[str, Sequence[Event]],
) -> None:
    # The force on the first page comes first everywhere, then the others by code.
    papers = sorted(papers, key=lambda paper: paper.force_code != force_code)
    forces = sorted(_forces(site, connection, papers, events), key=lambda force: force.code != force_code)
    addresses = {(force.code, measure): address for force in forces for measure, address in force.addresses.items()}
    # If the marts of a page cannot be read, the page counts as failed.
    attempt = site.renderer.attempt
    summary = attempt("trust.html", lambda: trust.summary(connection)) or []
    attempt("index.html", lambda: _index(site, connection, papers, forces, force_code, summary))
    attempt("trust.html", lambda: _trust(site, connection, forces, addresses, summary))
    attempt("measures/index.html", lambda: write_measures(site, connection, forces))
    attempt(explorer.PAGE, lambda: _explorer(site, connection, forces, force_code, figures, events))
    names, months = _names_and_months(forces)
    for name in page_names():
        content = _weekly_demand(forces) if name == "demand" else {}
        page = partial(write_page, site, connection, name, forces=names, months=months, **content)
        attempt(f"{name}.html", page)
    attempt("quality/index.html", lambda: _quality(site, connection))
    attempt("dictionary/index.html", lambda: _dictionary(site, connection))
    attempt("cookbook.html", lambda: write_cookbook(site, connection))


def _forces(
    site: Site,
    connection: duckdb.DuckDBPyConnection,
    papers: Sequence[Paper],
    events: Mapping[str, Sequence[Event]],
) -> Iterator[Force]:
    """Yield the forces with figures, each with its measures; leave out those that cannot be read or named."""
    names = {paper.force_code: paper.force_name for paper in papers}
    for code, months in paper_months(connection).items():
        month = default_month(months) or months[-1].month
        try:
            address = address_of("measures", code)
        except UnsafeName as error:
            site.renderer.refuse(error, "measures", code)
            continue
        read = partial(
            _read_force, connection, code, month, until=months[-1].month, papers=papers, events=events.get(code, ())
        )
        found = site.renderer.attempt(address, read)
        if found is not None:
            histories, worst = found
            yield Force(code, names.get(code, code), month, histories, measure_addresses(site, code, histories), worst)


def _read_force(
    connection: duckdb.DuckDBPyConnection,
    code: str,
    month: date,
    *,
    until: date,
    papers: Sequence[Paper],
    events: Sequence[Event],
) -> tuple[list[MeasureHistory], dict[str, WorstMonth]]:
    histories = read_histories(connection, force_code=code, month=month, until=until, events=events)
    return histories, worst_months(connection, code, histories, papers, events)


def _index(
    site: Site,
    connection: duckdb.DuckDBPyConnection,
    papers: Sequence[Paper],
    forces: Sequence[Force],
    force_code: str,
    summary: Sequence[trust.Sentence],
) -> None:
    latest = first_shown(papers, force_code)
    report = latest and read_report(
        connection,
        force_code=latest.force_code,
        month=latest.month.month,
        length=PAPER_MONTHS,
        commentary=Commentary(),
        main_points={latest.month.month: latest.main_points},
    )
    shown = next((force for force in forces if latest and force.code == latest.force_code), None)
    site.write(
        "index.html",
        "index.html.j2",
        trust=summary,
        report=report,
        cards=cards(report, shown.addresses if shown else {}, shown.worst if shown else {}) if report else [],
        addresses=shown.addresses if shown else {},
        not_compared=not_compared(report) if report else "",
        questions=[(text, *address.partition("#")[::2]) for text, address in QUESTIONS],
        latest=latest,
        contacts=contact_lines(latest.commentary.front, CONTACT_FIELDS) if latest else (),
        running=data.running_months(connection, latest.force_code) if latest else [],
        papers=papers,
        others=_newest_of_others(papers, latest),
        forms=FORMS,
        sources=data.sources(connection),
    )
    words = "whom to ask questions feedback publication date calendar owner status"
    site.find("index.html", "Next release and contact", "page", words, anchor="contact")
    for text, address in QUESTIONS:
        page, _, anchor = address.partition("#")
        if page not in site.failed:
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


def _names_and_months(forces: Sequence[Force]) -> tuple[dict[str, str], dict[str, date]]:
    """Return the name of each force and the month that is shown first, by code."""
    return {force.code: force.name for force in forces}, {force.code: force.month for force in forces}


def _weekly_demand(forces: Sequence[Force]) -> dict[str, Any]:
    """Return the weekly charts of each force for the template."""
    weekly = {force.name: charts for force in forces if (charts := list(_weekly_charts(force)))}
    return {"weekly": weekly, "charts": {key: chart for charts in weekly.values() for key, _, chart in charts}}


def _weekly_charts(force: Force) -> Iterator[tuple[str, str, Chart]]:
    """Yield the weekly charts of a force's headline contact measures: key, title and chart."""
    for history in force.histories:
        measure = history.measure
        if measure.is_headline and measure.section != "crime" and history.weekly_chart:
            title = f"{measure.section_title}: {measure.label}"
            yield f"{force.code} {measure.code}", title, history.weekly_chart


def _trust(
    site: Site,
    connection: duckdb.DuckDBPyConnection,
    forces: Sequence[Force],
    addresses: Mapping[tuple[str, str], str],
    summary: Sequence[trust.Sentence],
) -> None:
    page = "trust.html"
    papers = claims(connection)
    site.write(
        page,
        "trust.html.j2",
        summary=summary,
        printed=printed(connection),
        sentences=sentences(connection),
        papers=papers,
        revisions=revisions(connection),
        publications=publications(connection),
        definitions=definitions(connection, *_names_and_months(forces)),
        answered=answered(connection),
        addresses=addresses,
        sources=data.sources(connection),
        faults=faults(connection),
    )
    site.find(
        page,
        "Why these figures can be trusted",
        "page",
        "audit evidence reconciliation printed figures trust",
    )
    words = " ".join(claim["statement"] for paper in papers for claim in paper)
    for anchor, title, about in (
        ("printed", "Printed figures, compared", "reconciliation difference formula"),
        ("claims", "What papers claim", f"supported contradicted statements sentences {words}"),
        ("revisions", "Revisions, with their cause", "changed corrected publication versions"),
        ("definitions", "Figures under each definition", "short abandons threshold what if alternative formula"),
        ("faults", "What is missing, rejected or quarantined", "not in the figures deliveries reasons months"),
    ):
        site.find(page, title, "page", about, anchor=anchor)


def _quality(site: Site, connection: duckdb.DuckDBPyConnection) -> None:
    page = "quality/index.html"
    expectations = data.expectations(connection)
    calendars = data.calendars(connection)
    site.write(
        page,
        "quality.html.j2",
        sources=data.sources(connection),
        calendars=calendars,
        incomplete=data.incomplete_months(connection),
        quarantine=data.quarantined(connection),
        expectations=expectations,
        corrections=data.corrections(connection),
    )
    site.find(page, "Quarantined rows, by reason", "quality", "quarantine", anchor="quarantine")
    site.find(page, "Incomplete months, by force", "quality", "completeness force missing", anchor="incomplete")
    for source in calendars:
        site.find(page, f"Days of {source}", "quality", "calendar missing rejected loaded", anchor=source)
    for row in expectations:
        title = f"{row['source']}: {row['expectation'].replace('_', ' ')}"
        site.find(page, title, "expectation", row["reason"] or "", anchor="expectations")


def _dictionary(site: Site, connection: duckdb.DuckDBPyConnection) -> None:
    tables = [
        table
        | {
            "address": address_of("dictionary", f"{table['table_name']}.html"),
            "parquet": parquet_addresses(site.folder, table["table_name"]),
            "page": _page_in_navigation(table["table_name"]),
        }
        for table in data.tables(connection)
    ]
    site.write("dictionary/index.html", "dictionary.html.j2", tables=tables)
    words = "excel power bi power query pq connection refresh"
    site.find("dictionary/index.html", "Power BI and Excel", "page", words, anchor="queries")
    for table in tables:
        address = table["address"]
        site.write(address, "table.html.j2", here="dictionary/index.html", table=table)
        columns = " ".join(column["column_name"] for column in table["columns"])
        site.find(address, table["table_name"], "table", f"{table['description']} {columns}")


def _page_in_navigation(mart: str) -> tuple[str, str, str] | None:
    """Return the page that shows a mart: its address, the anchor of a part of it or nothing, and its name."""
    address, _, anchor = (page_of_mart(mart) or "").partition("#")
    name = dict(PAGES).get(address)
    return (address, anchor, name) if name else None
