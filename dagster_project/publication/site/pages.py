"""Write the site into the folder of a publication. Content of the pages: `data.py`; layout: the templates."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import duckdb
from markupsafe import Markup

from dagster_project.clock import LONDON
from dagster_project.publication.characters import cleaned
from dagster_project.publication.charts import LARGE, draw
from dagster_project.publication.draft import Draft
from dagster_project.publication.explorer import VEGA, explorer_content, explorer_page, write_vega
from dagster_project.publication.files import copy, write
from dagster_project.publication.forms import FORMS
from dagster_project.publication.html import render_template
from dagster_project.publication.papers import Paper, first_shown
from dagster_project.publication.parquet_files import parquet_addresses
from dagster_project.publication.paths import UnsafeName, address_of, url_of
from dagster_project.publication.pdf import render_national
from dagster_project.publication.queries import (
    CONNECTION,
    MEASURES,
    TABLES,
    connection_file,
    measures_query,
    tables_query,
)
from dagster_project.publication.rendering import Renderer
from dagster_project.publication.report.commentary import Commentary
from dagster_project.publication.report.display import in_full
from dagster_project.publication.report.model import PAPER_MONTHS, Chart, Event, long_month, since
from dagster_project.publication.report.read import (
    MeasureHistory,
    default_month,
    newest_delivery,
    paper_months,
    read_histories,
    read_report,
)
from dagster_project.publication.site import data, national, peers, trust
from dagster_project.publication.site.crime import crime
from dagster_project.publication.site.demand import demand
from dagster_project.publication.site.explorer_details import DetailFiles, write_details
from dagster_project.publication.site.links import page_of_mart
from dagster_project.publication.site.traces import TRACE_ENDING, read_traces
from dagster_project.publication.tables import HISTORY_COLUMNS, csv_of
from dagster_project.sql import column_names, literal

_PAGES = (
    ("index.html", "Papers"),
    ("trust.html", "Trust"),
    ("measures/index.html", "Measures"),
    ("explorer.html", "Explorer"),
    ("demand.html", "Demand"),
    ("crime.html", "Crime"),
    (peers.PAGE, "Peers"),
    (national.PAGE, "National"),
    ("quality/index.html", "Quality"),
    ("dictionary/index.html", "Dictionary"),
    ("cookbook.html", "Cookbook"),
)

# The first page shows main points of so many forces.
_FEW_FORCES = 4

_ASSETS = ("site.css", "search.js", "views.js", "peers.js", "measure.js")


@dataclass(frozen=True)
class _Force:
    code: str
    name: str
    month: date
    """The month that is shown first."""
    histories: Sequence[MeasureHistory]


@dataclass(frozen=True)
class Recipe:
    """A query of the cookbook with its result."""

    name: str
    question: str
    explanation: str
    sql: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class _Site:
    """Collects the pages of the site, and the entries of the search."""

    def __init__(self, folder: Path, shared: Mapping[str, Any], renderer: Renderer, absent: Iterable[str] = ()) -> None:
        """Start a site; no page links to those that are absent, as to those that failed."""
        self.folder = folder
        self.failed = frozenset((*absent, *(item["path"] for item in renderer.failed)))
        self.shared = dict(shared) | {"failed": self.failed}
        self.renderer = renderer
        self.pages: dict[str, tuple[Callable[..., str | bytes], tuple[Any, ...]]] = {}
        self.entries: list[tuple[str, str, str, str, str, str]] = []

    def write(
        self,
        address: str,
        template: str,
        *,
        here: str | None = None,
        charts: Mapping[str, Chart] | None = None,
        **content: Any,
    ) -> None:
        """Add a page with the values for its template.

        Args:
            address: its address within the publication.
            template: its template.
            here: the page of the navigation that it belongs to; by default itself.
            charts: the charts for its template's `drawings`, by the names used there.
            content: values for the template.
        """
        self.add(address, site_page, template, self.values(address, here) | content, charts or {})

    def values(self, address: str, here: str | None = None) -> dict[str, Any]:
        """Return the values that the frame of every page needs; arguments are those of `write`."""
        return {**self.shared, "root": "../" * address.count("/"), "here": here or address, "pages": _PAGES}

    def add(self, address: str, render: Callable[..., str | bytes], *arguments: Any) -> None:
        """Add a file that a function of a module renders."""
        self.pages[address] = (render, arguments)

    def find(
        self, address: str, title: str, kind: str, words: str, *, anchor: str = "", synonyms: str | None = None
    ) -> None:
        """Add a page, or a place on it, to the search, by its title, its text and other words for its title."""
        self.entries.append((address, title, kind, words, anchor, synonyms or ""))

    def render(self) -> dict[str, bytes]:
        """Render the collected pages; return address to content, without those that failed."""
        return {
            address: file.content
            for address, (render, arguments) in self.pages.items()
            if (file := self.renderer.render(address, render, *arguments))
        }

    def search_index(self) -> bytes:
        """Return the search index without failed pages. It is a script: pages opened from a disk may not fetch data."""
        entries = [
            (url_of(*address.split("/")) + (f"#{quote(anchor)}" if anchor else ""), title, kind, words, synonyms)
            for address, title, kind, words, anchor, synonyms in self.entries
            if not self.renderer.has_failed(address)
        ]
        index = json.dumps(cleaned(entries), ensure_ascii=False, separators=(",", ":"))
        return f"window.FCIR_PAGES={index};\n".encode()


def site_page(template: str, content: Mapping[str, Any], charts: Mapping[str, Chart]) -> str:
    """Render a page of the site from its template, with its charts."""
    # The project draws the charts from numbers, so nothing in them needs escaping.
    drawings = {name: Markup(draw(chart, LARGE)) for name, chart in charts.items()}  # noqa: S704
    return render_template(f"site/{template}", {**content, "drawings": drawings})


def site_explorer(content: Mapping[str, Any], failed: frozenset[str]) -> str:
    """Render the explorer below the navigation of the site."""
    # Its content security policy allows only its own script, so it has no search.
    nav = {"pages": _PAGES, "here": "explorer.html", "failed": failed}
    return explorer_page(content, nav=Markup(render_template("site/explorer_nav.html.j2", nav)), failed=failed)  # noqa: S704


def write_site(
    connection: duckdb.DuckDBPyConnection,
    draft: Draft,
    papers: Sequence[Paper],
    *,
    force_code: str,
    run_id: str,
    published_at: datetime,
    events: Mapping[str, Sequence[Event]] = MappingProxyType({}),
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
    renderer.attempt(VEGA, lambda: write_vega(folder, before=draft.before), "it could not be made")
    details = write_details(connection, draft)
    # Without data, these pages are absent, and that is no fault.
    comparison = renderer.attempt(peers.PAGE, lambda: peers.peers_content(connection, force_code))
    ranks = renderer.attempt(national.PAGE, lambda: national.national_content(connection, force_code))
    absent = [address for address, content in ((peers.PAGE, comparison), (national.PAGE, ranks)) if content is None]
    # A failed page is not tried again, so this loop ends.
    while True:
        site = _Site(folder, shared, renderer, absent)
        _collect(site, connection, papers, force_code, details, events)
        if comparison:
            site.add(peers.PAGE, peers.peers_page, site.values(peers.PAGE) | comparison)
            words = "national compare forces rank 999 answer time BT most similar group league table united kingdom"
            site.find(peers.PAGE, "How we compare: 999 calls of all forces", "page", words)
        if ranks:
            site.write(national.PAGE, "national.html.j2", **ranks)
            if data_until:
                tables = [asdict(table) for table in ranks["tables"]]
                site.add(national.PAPER, render_national, ranks, tables, data_until, is_synthetic)
            words = "national rank forces per 100,000 rate england and wales compare league table"
            site.find(national.PAGE, f"Forces compared, {ranks['month']}", "page", words)
        rendered = site.render()
        if not any(renderer.has_failed(address) for address in site.pages if address not in site.failed):
            break
    for address, content in rendered.items():
        write(folder, address, content)
    for name in _ASSETS:
        copy(Path(str(files("dagster_project.publication") / "assets" / name)), folder, f"assets/{name}")
    write(folder, "assets/search-index.js", site.search_index())
    return sum(1 for path in folder.rglob("*.html"))


def _collect(
    site: _Site,
    connection: duckdb.DuckDBPyConnection,
    papers: Sequence[Paper],
    force_code: str,
    details: Mapping[str, DetailFiles],
    events: Mapping[str, Sequence[Event]],
) -> None:
    # The force on the first page comes first everywhere, then the others by code.
    papers = sorted(papers, key=lambda paper: paper.force_code != force_code)
    forces = sorted(_forces(site, connection, papers, events), key=lambda force: force.code != force_code)
    # If the marts of a page cannot be read, the page counts as failed.
    attempt = site.renderer.attempt
    summary = attempt("trust.html", lambda: trust.summary(connection)) or []
    attempt("index.html", lambda: _index(site, connection, papers, force_code, summary))
    attempt("trust.html", lambda: _trust(site, connection, forces, summary))
    attempt("measures/index.html", lambda: _measures(site, connection, forces))
    attempt("explorer.html", lambda: _explorer(site, connection, force_code, details, events))
    attempt("demand.html", lambda: _demand(site, connection, forces))
    attempt("crime.html", lambda: _crime(site, connection, forces))
    attempt("quality/index.html", lambda: _quality(site, connection))
    attempt("dictionary/index.html", lambda: _dictionary(site, connection))
    attempt("cookbook.html", lambda: _cookbook(site, connection))


def _forces(
    site: _Site,
    connection: duckdb.DuckDBPyConnection,
    papers: Sequence[Paper],
    events: Mapping[str, Sequence[Event]],
) -> Iterator[_Force]:
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
            read_histories,
            connection,
            force_code=code,
            month=month,
            until=months[-1].month,
            events=events.get(code, ()),
        )
        histories = site.renderer.attempt(address, read)
        if histories is not None:
            yield _Force(code, names.get(code, code), month, histories)


def _index(
    site: _Site,
    connection: duckdb.DuckDBPyConnection,
    papers: Sequence[Paper],
    force_code: str,
    summary: Sequence[trust.Sentence],
) -> None:
    latest = first_shown(papers, force_code)
    report = latest and read_report(
        connection, force_code=latest.force_code, month=latest.month.month, length=PAPER_MONTHS, commentary=Commentary()
    )
    site.write(
        "index.html",
        "index.html.j2",
        trust=summary,
        report=report,
        latest=latest,
        running=data.running_months(connection, latest.force_code) if latest else [],
        papers=papers,
        others=_newest_of_others(papers, latest),
        forms=FORMS,
        sources=data.sources(connection),
    )
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


def _measures(site: _Site, connection: duckdb.DuckDBPyConnection, forces: Sequence[_Force]) -> None:
    targets = data.targets(connection)
    synonyms = data.synonyms(connection)
    sections = []
    for force in forces:
        revisions = data.revisions(connection, force.code)
        traces = read_traces(connection, force.code, force.month)
        addresses = {}
        for history in force.histories:
            measure = history.measure
            try:
                address, csv = (address_of("measures", force.code, f"{measure.code}.{end}") for end in ("html", "csv"))
            except UnsafeName as error:
                site.renderer.refuse(error, "measures", force.code, measure.code)
                continue
            addresses[measure.code] = address
            traced = traces.get(measure.code, [])
            trace = address_of("measures", force.code, measure.code + TRACE_ENDING) if traced else ""
            if traced:
                site.write(
                    trace,
                    "trace.html.j2",
                    here="measures/index.html",
                    force_name=force.name,
                    measure=measure,
                    texts={month.month: history.text(month.month) for month in traced},
                    months=traced,
                )
            charts = {"month": history.chart, "week": history.weekly_chart}
            site.write(
                address,
                "measure.html.j2",
                here="measures/index.html",
                charts={name: chart for name, chart in charts.items() if chart},
                force_name=force.name,
                title=measure.section_title,
                history=history,
                page_name=f"{force.code}.{measure.code}",
                query=_query(force.code, measure.code),
                csv=csv,
                trace=trace,
                traced=frozenset(month.month for month in traced),
                targets=[row for row in targets.get(measure.code, []) if row["force_code"] in ("*", force.code)],
                revisions=revisions.get(measure.code, []),
            )
            site.add(csv, history_csv, force.code, history)
            title = f"{measure.section_title}: {measure.label}{f', {force.name}' if len(forces) > 1 else ''}"
            words = f"{measure.code} {measure.definition}"
            site.find(address, title, "measure", words, synonyms=synonyms.get(measure.code))
        in_order = sorted(force.histories, key=lambda item: (item.measure.section_order, item.measure.section))
        of_force = [
            (title, [_listed_measure(item, force.month, addresses) for item in histories])
            for title, histories in groupby(in_order, key=lambda history: history.measure.section_title)
        ]
        sections.append((force.code, force.name, force.month, of_force))
    site.write("measures/index.html", "measures.html.j2", forces=sections)


def _listed_measure(history: MeasureHistory, month: date, addresses: Mapping[str, str]) -> dict[str, str]:
    """Return what the list of measures shows of one: address, code, label, figure, finding and definition."""
    measure = history.measure
    no_chart = "Compared at the same age" if history.cohorts else "No figure"
    return {
        "address": addresses.get(measure.code, ""),
        "code": measure.code,
        "label": measure.label,
        "figure": history.text(month),
        "finding": history.chart.finding if history.chart else no_chart,
        "definition": measure.definition,
    }


def _query(force_code: str, measure: str) -> str:
    """Return a query of the months of a measure, as the page shows them."""
    return (
        "select month_start, value, numerator, denominator, is_provisional\n"
        "from kpi_measure_monthly\n"
        f"where force_code = {literal(force_code)} and measure = {literal(measure)}\n"
        "order by month_start desc"
    )


def history_csv(force_code: str, history: MeasureHistory) -> str:
    """Return the months of a measure as CSV, one row per figure."""
    return csv_of(
        HISTORY_COLUMNS,
        (
            (
                force_code,
                history.measure.code,
                f"{row.month:%Y-%m}",
                "Month" if title == "Figure" else title,
                in_full(figure.value),
                figure.text,
                str(figure.is_provisional).lower(),
                ", ".join(filter(None, (since(figure.since) if figure.since else "", remark))),
            )
            for row in history.rows
            for title, figure, remark in zip(history.columns, row.figures, row.remarks, strict=True)
        ),
    )


def _explorer(
    site: _Site,
    connection: duckdb.DuckDBPyConnection,
    force_code: str,
    details: Mapping[str, DetailFiles],
    events: Mapping[str, Sequence[Event]],
) -> None:
    if not paper_months(connection):
        site.write("explorer.html", "empty.html.j2", title="Explorer")
        return
    content = explorer_content(connection, force_code=force_code, details=details, events=events)
    site.add("explorer.html", site_explorer, content, site.failed)
    words = "compare measures forces months weeks days district offence group last year breakdown download csv chart"
    site.find("explorer.html", "Explorer", "page", words)


def _demand(site: _Site, connection: duckdb.DuckDBPyConnection, forces: Sequence[_Force]) -> None:
    page = "demand.html"
    by_force = {force.name: list(_weekly_demand(force)) for force in forces}
    site.write(
        page,
        "demand.html.j2",
        views=demand(connection, *_names_and_months(forces)),
        weekly={name: charts for name, charts in by_force.items() if charts},
        charts={key: chart for charts in by_force.values() for key, _, chart in charts},
    )
    site.find(page, "Demand and resourcing", "page", "heat map busiest calls 999 101 hour weekday weekly staffing")
    for anchor, title, words in (
        ("operators", "Operators needed, by hour and weekday", "staffing resourcing erlang rota shift"),
        ("unanswered", "Share not answered, by hour and weekday", "lost abandoned attrition heat map"),
        ("returning", "Callers who came back", "displacement repeat failure demand 101 999 digital"),
        ("concurrency", "Live chats held at once", "concurrent chat operators"),
        ("ledger", "Ledger of digital contacts", "other than online crime reports and live chats"),
    ):
        site.find(page, title, "page", words, anchor=anchor)


def _crime(site: _Site, connection: duckdb.DuckDBPyConnection, forces: Sequence[_Force]) -> None:
    page = "crime.html"
    site.write(page, "crime.html.j2", views=crime(connection, *_names_and_months(forces)))
    site.find(page, "Recorded and cancelled crime", "page", "cancellations months transferred reinstated no-crime")
    for anchor, title, words in (
        ("codes", "Cancelled crime by reason and days to cancel", "cancellation codes C1 C2 C3 C4 C5 time"),
        ("groups", "Cancelled crime by offence group", "offences violence theft sexual"),
        ("maturity", "Expected cancellations", "maturity triangle cohort expected final net"),
        ("districts", "Crime by district", "districts area where recorded"),
    ):
        site.find(page, title, "page", words, anchor=anchor)


def _names_and_months(forces: Sequence[_Force]) -> tuple[dict[str, str], dict[str, date]]:
    """Return the name of each force and the month that is shown first, by code."""
    return {force.code: force.name for force in forces}, {force.code: force.month for force in forces}


def _weekly_demand(force: _Force) -> Iterator[tuple[str, str, Chart]]:
    """Yield the weekly charts of a force's headline contact measures: key, title and chart."""
    for history in force.histories:
        measure = history.measure
        if measure.is_headline and measure.section != "crime" and history.weekly_chart:
            title = f"{measure.section_title}: {measure.label}"
            yield f"{force.code} {measure.code}", title, history.weekly_chart


def _trust(
    site: _Site,
    connection: duckdb.DuckDBPyConnection,
    forces: Sequence[_Force],
    summary: Sequence[trust.Sentence],
) -> None:
    page = "trust.html"
    papers = trust.claims(connection)
    definitions = trust.definitions(connection, *_names_and_months(forces))
    site.write(
        page,
        "trust.html.j2",
        summary=summary,
        printed=trust.printed(connection),
        sentences=trust.sentences(connection),
        papers=papers,
        revisions=trust.revisions(connection),
        publications=trust.publications(connection),
        definitions=definitions,
        sources=trust.deliveries(data.sources(connection)),
        faults=trust.faults(connection),
    )
    site.find(page, "Why these figures can be trusted", "page", "audit evidence reconciliation printed figures trust")
    words = " ".join(claim["statement"] for claims in papers for claim in claims)
    for anchor, title, about in (
        ("printed", "Printed figures, compared", "reconciliation difference formula"),
        ("claims", "What papers claim", f"supported contradicted statements sentences {words}"),
        ("revisions", "Revisions, with their cause", "changed corrected publication versions"),
        ("definitions", "Figures under each definition", "short abandons threshold what if alternative formula"),
        ("faults", "What is missing, rejected or quarantined", "not in the figures deliveries reasons months"),
    ):
        site.find(page, title, "page", about, anchor=anchor)


def _quality(site: _Site, connection: duckdb.DuckDBPyConnection) -> None:
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


def _dictionary(site: _Site, connection: duckdb.DuckDBPyConnection) -> None:
    tables = [
        table
        | {
            "address": address_of("dictionary", f"{table['table_name']}.html"),
            "parquet": (addresses := parquet_addresses(site.folder, table["table_name"])),
            "is_by_month": "/month=" in addresses[0],
            "page": _page_in_navigation(table["table_name"]),
        }
        for table in data.tables(connection)
    ]
    site.add(TABLES, tables_query, tables)
    site.add(MEASURES, measures_query)
    site.add(CONNECTION, connection_file)
    site.write("dictionary/index.html", "dictionary.html.j2", tables=tables, queries=(TABLES, MEASURES, CONNECTION))
    words = "excel power bi power query odc pq connection refresh"
    site.find("dictionary/index.html", "Queries for Power BI and Excel", "page", words, anchor="queries")
    for table in tables:
        address = table["address"]
        site.write(address, "table.html.j2", here="dictionary/index.html", table=table)
        columns = " ".join(column["column_name"] for column in table["columns"])
        site.find(address, table["table_name"], "table", f"{table['description']} {columns}")


def _page_in_navigation(mart: str) -> tuple[str, str, str] | None:
    """Return the page that shows a mart: its address, the anchor of a part of it or nothing, and its name."""
    address, _, anchor = (page_of_mart(mart) or "").partition("#")
    name = dict(_PAGES).get(address)
    return (address, anchor, name) if name else None


def recipes(connection: duckdb.DuckDBPyConnection) -> list[Recipe]:
    """Return the queries of the cookbook with their results."""
    answers = []
    for path in sorted(Path(str(files("dagster_project.publication") / "cookbook")).glob("*.sql")):
        question, explanation, *lines = path.read_text(encoding="utf-8").splitlines()
        sql = "\n".join(lines)
        cursor = connection.execute(sql)
        columns = tuple(column_names(cursor))
        rows = tuple(tuple(_cell(value) for value in row) for row in cursor.fetchall())
        answers.append(Recipe(path.stem, question[3:], explanation[3:], sql, columns, rows))
    return answers


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return in_full(value)
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)


def _cookbook(site: _Site, connection: duckdb.DuckDBPyConnection) -> None:
    answers = recipes(connection)
    site.write("cookbook.html", "cookbook.html.j2", recipes=answers)
    for recipe in answers:
        site.find("cookbook.html", recipe.question, "query", f"{recipe.explanation} {recipe.sql}", anchor=recipe.name)
