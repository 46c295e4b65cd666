"""Write the site into the folder of a publication. What its pages show: `data.py`; how they look: the templates."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
from markupsafe import Markup

from dagster_project.clock import LONDON
from dagster_project.publication.charts import LARGE, draw
from dagster_project.publication.explorer import render_explorer, write_vega
from dagster_project.publication.html import environment
from dagster_project.publication.papers import Paper
from dagster_project.publication.report.model import PAPER_MONTHS
from dagster_project.publication.report.read import MeasureHistory, paper_months, read_histories, read_report, title_of
from dagster_project.publication.site import data
from dagster_project.publication.site.data_docs import FOLDER as DATA_DOCS
from dagster_project.publication.site.data_docs import write_data_docs
from dagster_project.settings import PREPARED

_PAGES = (
    ("index.html", "Papers"),
    ("measures/index.html", "Measures"),
    ("explorer.html", "Explorer"),
    ("demand.html", "Demand"),
    ("quality/index.html", "Quality"),
    ("dictionary/index.html", "Dictionary"),
    ("cookbook.html", "Cookbook"),
)

_ASSETS = ("site.css", "search.js")


@dataclass(frozen=True)
class _Force:
    code: str
    name: str
    month: date
    histories: Sequence[MeasureHistory]


@dataclass(frozen=True)
class Recipe:
    """A query of the cookbook with what it gave."""

    name: str
    question: str
    explanation: str
    sql: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class _Site:
    """Writes pages, and keeps of each what the search finds."""

    def __init__(self, folder: Path, shared: dict[str, Any]) -> None:
        self.folder = folder
        self.templates = environment()
        self.shared = shared
        self.found: list[tuple[str, str, str, str]] = []

    def write(self, address: str, template: str, *, here: str | None = None, **content: Any) -> None:
        """Write a page.

        Args:
            address: where it stands below the folder of the publication.
            template: its template.
            here: the page of the navigation that it belongs to; itself.
            content: what the template shows.
        """
        target = self.folder / address
        target.parent.mkdir(parents=True, exist_ok=True)
        root = "../" * address.count("/")
        page = self.templates.get_template(f"site/{template}").render(
            **self.shared, root=root, here=here or address, pages=_PAGES, **content
        )
        target.write_text(page, encoding="utf-8")

    def find(self, address: str, title: str, kind: str, words: str) -> None:
        """Let the search find a page, or a place on it, by its title and other words."""
        self.found.append((address, title, kind, words))


def write_site(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    papers: Sequence[Paper],
    *,
    before: Path | None,
    force_code: str,
    run_id: str,
    published_at: datetime,
) -> int:
    """Write every page of the site; `index.html` opens it, from a disk as well as from a server.

    Args:
        connection: the warehouse.
        folder: folder of the publication that is being written; the papers are in it.
        papers: the papers, by force, the latest month first.
        before: folder of the publication before, of which pages and files that stay the same are taken over.
        force_code: the force that the first page shows; where it has no paper, the first that has.
        run_id: name of the publication.
        published_at: aware time of the publication.

    Returns:
        How many pages were written.
    """
    synthetic = connection.execute("select coalesce(bool_or(is_synthetic), false) from marts.load_audit").fetchone()
    shared = {
        "run_id": run_id,
        "published_at": published_at.astimezone(LONDON),
        "is_synthetic": bool(synthetic and synthetic[0]),
    }
    site = _Site(folder, shared)
    forces = list(_forces(connection, papers))
    _index(site, connection, papers, force_code)
    _measures(site, connection, forces)
    _explorer(site, connection, force_code, before)
    _demand(site, connection, forces)
    _quality(site, connection)
    _data_docs(site, connection, before)
    _dictionary(site, connection)
    _cookbook(site, connection)
    assets = folder / "assets"
    assets.mkdir(exist_ok=True)
    for name in _ASSETS:
        shutil.copyfile(str(files("dagster_project.publication") / "assets" / name), assets / name)
    # A script and no JSON file: pages opened from a disk may not fetch.
    index = json.dumps(site.found, ensure_ascii=False, separators=(",", ":"))
    (assets / "search-index.js").write_text(f"window.FCIR_PAGES={index};\n", encoding="utf-8")
    return sum(1 for path in folder.rglob("*.html"))


def _forces(connection: duckdb.DuckDBPyConnection, papers: Sequence[Paper]) -> Iterator[_Force]:
    names = {paper.force_code: paper.force_name for paper in papers}
    for code, months in paper_months(connection).items():
        histories = read_histories(connection, force_code=code, month=months[-1])
        yield _Force(code, names.get(code, code), months[-1], histories)


def _index(site: _Site, connection: duckdb.DuckDBPyConnection, papers: Sequence[Paper], force_code: str) -> None:
    shown = next((paper for paper in papers if paper.force_code == force_code), papers[0] if papers else None)
    report = shown and read_report(
        connection, force_code=shown.force_code, month=shown.month, length=PAPER_MONTHS, commentary={}
    )
    site.write("index.html", "index.html.j2", report=report, papers=papers, sources=data.sources(connection))
    for paper in papers:
        title = f"Board paper, {paper.force_name}, {paper.month:%B %Y}"
        site.find(f"{paper.place.as_posix()}/board_paper.html", title, "board paper", f"{paper.month:%Y-%m}")


def _measures(site: _Site, connection: duckdb.DuckDBPyConnection, forces: Sequence[_Force]) -> None:
    sections = [
        (
            force.code,
            force.name,
            [
                (title_of(section), list(histories))
                for section, histories in groupby(
                    sorted(force.histories, key=lambda history: title_of(history.measure.section)),
                    key=lambda history: history.measure.section,
                )
            ],
        )
        for force in forces
    ]
    site.write(
        "measures/index.html",
        "measures.html.j2",
        forces=sections,
        month=max((force.month for force in forces), default=None),
    )
    targets = data.targets(connection)
    for force in forces:
        revisions = data.revisions(connection, force.code)
        for history in force.histories:
            measure = history.measure
            address = f"measures/{force.code}/{measure.code}.html"
            site.write(
                address,
                "measure.html.j2",
                here="measures/index.html",
                force_name=force.name,
                title=title_of(measure.section),
                history=history,
                # Drawn by the project from numbers, so nothing in it needs escaping.
                drawing=Markup(draw(history.chart, LARGE)) if history.chart else "",  # noqa: S704
                targets=[row for row in targets.get(measure.code, []) if row["force_code"] in ("*", force.code)],
                revisions=revisions.get(measure.code, []),
            )
            (site.folder / f"measures/{force.code}/{measure.code}.csv").write_text(
                _history_csv(force.code, history), encoding="utf-8"
            )
            place = f", {force.name}" if len(forces) > 1 else ""
            site.find(
                address,
                f"{title_of(measure.section)}: {measure.label}{place}",
                "measure",
                f"{measure.code} {measure.definition}",
            )


def _history_csv(force_code: str, history: MeasureHistory) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(("force_code", "measure", "month", "figure", "value", "text", "is_provisional", "covered"))
    for row in history.rows:
        for title, figure, covered in zip(history.columns, row.figures, row.covered, strict=True):
            writer.writerow(
                (
                    force_code,
                    history.measure.code,
                    f"{row.month:%Y-%m}",
                    "Month" if title == "Figure" else title,
                    "" if figure.value is None else format(figure.value.normalize(), "f"),
                    figure.text,
                    str(figure.is_provisional).lower(),
                    covered,
                )
            )
    return file.getvalue()


def _explorer(site: _Site, connection: duckdb.DuckDBPyConnection, force_code: str, before: Path | None) -> None:
    if not paper_months(connection):
        site.write("explorer.html", "empty.html.j2", title="Explorer")
        return
    # Its policy of content allows no script but its own, so it has no search.
    template = site.templates.get_template("site/explorer_nav.html.j2")
    nav = Markup(template.render(pages=_PAGES, here="explorer.html"))  # noqa: S704 - a template of the project
    page = render_explorer(connection, force_code=force_code, nav=nav)
    (site.folder / "explorer.html").write_text(page, encoding="utf-8")
    site.find("explorer.html", "Explorer", "page", "compare measures forces months breakdown download csv chart")
    write_vega(site.folder, before=before, prepared=PREPARED)


def _demand(site: _Site, connection: duckdb.DuckDBPyConnection, forces: Sequence[_Force]) -> None:
    maps = [(force.name, found) for force in forces if (found := data.heat_maps(connection, force.code))]
    site.write("demand.html", "demand.html.j2", forces=maps, weekdays=data.WEEKDAYS)
    site.find("demand.html", "Demand by hour and weekday", "page", "heat map busiest calls 999 101")


def _quality(site: _Site, connection: duckdb.DuckDBPyConnection) -> None:
    expectations = data.expectations(connection)
    calendars = data.calendars(connection)
    site.write(
        "quality/index.html",
        "quality.html.j2",
        sources=data.sources(connection),
        calendars=calendars,
        quarantine=data.quarantined(connection),
        expectations=expectations,
        corrections=data.corrections(connection),
    )
    site.find("quality/index.html#quarantine", "Rows set aside, by reason", "quality", "quarantine")
    for source in calendars:
        site.find(f"quality/index.html#{source}", f"Days of {source}", "quality", "calendar missing rejected loaded")
    for row in expectations:
        title = f"{row['source']}: {row['expectation'].replace('_', ' ')}"
        site.find("quality/index.html#expectations", title, "expectation", row["reason"] or "")


def _data_docs(site: _Site, connection: duckdb.DuckDBPyConnection, before: Path | None) -> None:
    results = write_data_docs(connection, site.folder, before, write=site.write)
    address = f"{DATA_DOCS}/index.html"
    site.write(address, "data_docs.html.j2", here="quality/index.html", suites=results)
    site.find(address, "Data Docs: results of validation", "quality", "great expectations suites")


def _dictionary(site: _Site, connection: duckdb.DuckDBPyConnection) -> None:
    tables = data.tables(connection)
    site.write(
        "dictionary/index.html",
        "dictionary.html.j2",
        tables=tables,
        has_lineage=(site.folder / "dictionary" / "lineage.html").is_file(),
    )
    for table in tables:
        address = f"dictionary/{table['table_name']}.html"
        site.write(address, "table.html.j2", here="dictionary/index.html", table=table)
        columns = " ".join(column["column_name"] for column in table["columns"])
        site.find(address, table["table_name"], "table", f"{table['description']} {columns}")


def recipes(connection: duckdb.DuckDBPyConnection) -> list[Recipe]:
    """The queries of the cookbook with their results.

    Args:
        connection: a database with the marts in its schema `marts`.
    """
    found = []
    for path in sorted(Path(str(files("dagster_project.publication") / "cookbook")).glob("*.sql")):
        question, explanation, *lines = path.read_text(encoding="utf-8").splitlines()
        sql = "\n".join(lines)
        cursor = connection.execute(sql)
        columns = tuple(item[0] for item in cursor.description or [])
        rows = tuple(tuple(_cell(value) for value in row) for row in cursor.fetchall())
        found.append(Recipe(path.stem, question[3:], explanation[3:], sql, columns, rows))
    return found


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)


def _cookbook(site: _Site, connection: duckdb.DuckDBPyConnection) -> None:
    found = recipes(connection)
    site.write("cookbook.html", "cookbook.html.j2", recipes=found)
    for recipe in found:
        site.find(f"cookbook.html#{recipe.name}", recipe.question, "query", f"{recipe.explanation} {recipe.sql}")
