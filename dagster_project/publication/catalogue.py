"""Look up the contents of a publication: its measures, its tables with their columns, and its pages."""

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import duckdb

from dagster_project.clock import london_today
from dagster_project.errors import UsageError
from dagster_project.publication.files import current_publication, pointer_of
from dagster_project.publication.query import published_database
from dagster_project.publication.report.names import named, plain, plain_name
from dagster_project.publication.report.published_answering import PUBLISHED_NAMES
from dagster_project.settings import Settings
from dagster_project.sql import column_names, count_each, count_rows, query_rows, table
from dagster_project.words import printable


@dataclass(frozen=True)
class Listing:
    """Columns and rows of an answer."""

    columns: tuple[str, ...]
    rows: list[tuple[object, ...]]


@dataclass(frozen=True)
class PublishedTable:
    """One published table."""

    name: str
    rows: int
    description: str
    """Ends with its grain."""
    columns: Listing
    """column_name, data_type, description; in the order of the table."""


def list_measures(settings: Settings, *, text: str, section: str) -> Listing:
    """Return the measures of a section that `find_measures` finds; an empty section or text matches all measures.

    Returns:
        measure, label, unit, section, definition, numerator, denominator, target, better, sources; the best match
        first, or by section and code without a text. `target` is the target or benchmark in force today for the forces
        without one of their own.

    Raises:
        NotPublished: nothing is published yet.
        UsageError: there is no such section, or no such measure; the message lists what there is.
    """
    with published_database(settings) as connection:
        sections = [row[0] for row in connection.execute("select distinct section from measures order by 1").fetchall()]
        if section and section not in sections:
            raise UsageError(f"no section {printable(section)}; known: {', '.join(sections)}{_near(section, sections)}")
        return _listing(
            connection,
            """
            with targets as (
                select applies_to as measure, cast(value as decimal(38, 6)) as target
                from definitions
                where
                    definition in ('target', 'benchmark')
                    and force_code = '*'
                    and $today between valid_from and coalesce(valid_to, $today)
            )
            select measure, label, unit, section, definition, numerator, denominator, target, better, sources
            from measures
            left join targets using (measure)
            where measure in $found
            order by if($text = '', 0, list_position($found, measure)), section, measure
            """,
            {"text": text, "found": find_measures(connection, text, section), "today": london_today()},
        )


def find_measures(connection: duckdb.DuckDBPyConnection, text: str, section: str = "") -> list[str]:
    """Return the measures of a code or name, or else those that have all words of a text.

    A name is what a paper or page prints of a measure (`named`). Words are found in the title of a measure, in its
    synonyms, and in its code and definition, and ranked as by the site's search. For a question, the site also finds
    what has most of its words (`assets/search.js`).

    Args:
        connection: a database with the marts.
        text: a code, a name, or words; an empty text matches all measures.
        section: only the measures of this section, if given.

    Returns:
        Codes, the best match first; among equal ones headline measures.

    Raises:
        UsageError: there is no such measure, or the name is that of a figure that is published nationally; the message
            names a similar code, or the table.
    """
    rows = query_rows(
        connection,
        """
        select
            measure, section, section_title, label, short_label, coalesce(clause, '') as clause,
            concat(section_title, ': ', label) as title, coalesce(synonyms, '') as synonyms,
            concat(measure, ' ', definition) as text
        from marts.measures
        where $section in ('', section)
        order by is_headline desc, section_order, board_paper_order, measure
        """,
        {"section": section},
    )
    codes = [row["measure"] for row in rows]
    if text in codes:
        return [text]
    if found := named(text, rows):
        return found
    if plain_name(text) in map(plain_name, PUBLISHED_NAMES):
        where = "is published nationally, not counted from rows. It is in the table: fcir query"
        raise UsageError(f'{printable(text)} {where} "from national_call_answering"')
    phrase = plain(text)
    # A word is found by its beginning, so without its last s it also finds the singular.
    words = [f" {word.removesuffix('s') if len(word) > 4 else word}" for word in phrase.split()]
    scores = {}
    for row in rows:
        places = [plain(row[name]) for name in ("title", "synonyms", "text")]
        ranks = [_score(word, *places) for word in words]
        if all(ranks):
            scores[row["measure"]] = sum(ranks) + len(words) * _score(phrase, *places)
    if not scores:
        raise UsageError(f"no measure has {printable(text)} in it{_near(text, codes)} All: fcir measures")
    return sorted(scores, key=lambda code: -scores[code])


def _score(words: str, title: str, synonyms: str, text: str) -> int:
    return 4 if title.startswith(words) else 3 if words in title or words in synonyms else int(words in text)


def list_tables(settings: Settings) -> Listing:
    """Return the published tables.

    Returns:
        table_name, rows, grain (the columns that identify a row); by name.

    Raises:
        NotPublished: nothing is published yet.
    """
    with published_database(settings) as connection:
        tables = connection.execute(
            "select table_name, any_value(grain) from data_dictionary group by table_name order by table_name"
        ).fetchall()
        counts = count_each(connection, {name: table("marts", name) for name, _ in tables})
        return Listing(("table_name", "rows", "grain"), [(name, counts[name], grain) for name, grain in tables])


def describe_table(settings: Settings, name: str) -> PublishedTable:
    """Return a published table with its columns.

    Raises:
        NotPublished: nothing is published yet.
        UsageError: there is no such table.
    """
    with published_database(settings) as connection:
        known = dict(
            connection.execute(
                "select table_name, coalesce(comment, '') from duckdb_tables() where schema_name = 'marts' order by 1"
            ).fetchall()
        )
        if name not in known:
            raise UsageError(f"no table {printable(name)}{_near(name, list(known))} All: fcir tables")
        columns = _listing(
            connection,
            """
            select column_name, data_type, description
            from data_dictionary
            where table_name = $name and column_name <> ''
            order by column_position
            """,
            {"name": name},
        )
        return PublishedTable(name, count_rows(connection, table("marts", name)), known[name], columns)


def page_of(settings: Settings, page: str) -> Path:
    """Return the path of a page of the current publication.

    Raises:
        NotPublished: nothing is published yet.
        UsageError: the page could not be rendered.
    """
    file = current_publication(settings.published) / page
    if not file.exists():
        raise UsageError(f"{file}: was left out of the publication. Why: fcir status; to publish again: fcir publish")
    # The path through the pointer stays valid; the folder of a publication is removed after later publications.
    return pointer_of(settings.published) / page


def _listing(connection: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, object]) -> Listing:
    cursor = connection.execute(sql, parameters)
    return Listing(tuple(column_names(cursor)), cursor.fetchall())


def _near(text: str, known: list[str]) -> str:
    near = get_close_matches(text, known, n=1)
    return f". Did you mean {near[0]}?" if near else "."
