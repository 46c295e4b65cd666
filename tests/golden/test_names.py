"""Every name of a measure that papers and pages print is understood by `fcir trace` and `fcir measures`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from html import unescape

import pytest

from dagster_project.errors import UsageError
from dagster_project.publication.catalogue import find_measures
from dagster_project.publication.report.commentary import Commentary
from dagster_project.publication.report.histories import histories_of
from dagster_project.publication.report.published_answering import CODE as COMPARED
from dagster_project.publication.report.queries import ForceRows, read_force
from dagster_project.publication.report.read import paper_names, report_of
from dagster_project.warehouse.connection import open_read_only

JANUARY = date(2023, 1, 1)
Names = set[tuple[str, str]]
"""Names, each with its measure."""


def of_papers(force: ForceRows) -> Iterator[tuple[str, str]]:
    """Names of the papers of a force, in tables, titles, definitions and sentences, and of its pages of measures."""
    catalogue = {item.code: item for item in force.catalogue}
    of_texts = {(item.section_title, item.label, item.short_label): code for code, item in catalogue.items()}
    for month in (item.month for item in force.months if item.month <= JANUARY):
        report = report_of(force, month=month, length=6, commentary=Commentary())
        yield from ((item.label, item.measure) for item in report.matrix.headlines)
        for definition in report.definitions:
            code = of_texts[definition.section, definition.label, definition.name]
            yield from ((name, code) for name in (definition.label, definition.name))
        for section in report.sections:
            yield from ((chart.title, chart.measure) for chart in section.all_charts)
            for row in section.table.rows:
                yield row.label, row.measure
                yield f"{section.title}: {row.label}", row.measure
            if section.code != COMPARED:
                codes = {f"{item.short_label} ({item.label})": code for code, item in catalogue.items()}
                yield from ((statement.label, codes[statement.label]) for statement in section.statements)
    # As the clause of a sentence has the figure.
    yield from (
        (item.clause.replace("{x}", "Almost half (49.10%)"), item.code) for item in force.catalogue if item.clause
    )
    for history in histories_of(force, month=JANUARY, until=None):
        yield f"{history.measure.section_title}, {history.measure.label}", history.measure.code
        yield history.measure.short_label, history.measure.code
    yield from ((name, code) for code, names in paper_names(force).measures.items() for name in names)


def of_links(pages: dict[str, str], codes: set[str]) -> Iterator[tuple[str, str]]:
    """Texts of links to the page of a measure."""
    for text in pages.values():
        for code, name in re.findall(r'<a [^>]*href="[^"]*?([\w.]+)\.html"[^>]*>(.*?)</a>', text, re.DOTALL):
            if code in codes:
                yield unescape(re.sub(r"<[^>]+>", "", name)).strip(), code


@pytest.fixture(scope="module")
def names(sample) -> Names:
    with open_read_only(sample.current / "fcir.duckdb") as connection:
        forces = [read_force(connection, force) for force in ("kent", "city-of-london")]
    pages = {str(path): path.read_text(encoding="utf-8") for path in sample.current.rglob("*.html")}
    codes = {item.code for item in forces[0].catalogue}
    return {name for force in forces for name in of_papers(force)} | set(of_links(pages, codes))


def test_every_printed_name_is_understood_and_only_bare_labels_are_names_of_several(sample, names):
    assert len({code for _, code in names}) > 70
    several = set()
    with open_read_only(sample.current / "fcir.duckdb") as connection:
        labels = connection.execute("select label from marts.measures union all select short_label from marts.measures")
        bare = {label.casefold() for (label,) in labels.fetchall()}
        for name, code in sorted(names):
            if code.startswith(COMPARED):
                with pytest.raises(UsageError, match="is published nationally, not counted from rows"):
                    find_measures(connection, name)
                continue
            # Case, blanks and what stands between words are ignored.
            for written in (name, f" {name.upper().replace(' ', '  ')} "):
                found = find_measures(connection, written)
                assert code in found, (name, found)
            if len(found) > 1:
                several.add(name.casefold())
                assert f"fcir trace {code} 2023-01" in sample.fcir("trace", name, "2023-01").err
    assert several < bare
    # That of the online system, and of those in the contact log.
    assert "online crime reports" in several
    assert not {"% answered within 10 seconds, of received", "recorded crime"} & several
