"""A person by an identifier: the rows of the warehouse, and the files outside it that still name the person."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.contracts import Contract, Identifier
from dagster_project.errors import UsageError
from dagster_project.extracts.cells import NULL_WORDS
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.identifiers import force_of, identifiers_query, register_cells
from dagster_project.extracts.pieces import BLANKS
from dagster_project.extracts.reading import open_extract
from dagster_project.loading.landing import HISTORY
from dagster_project.loading.people import Found, People
from dagster_project.settings import Settings
from dagster_project.sql import column_names, quoted, table
from dagster_project.warehouse.connection import dry_connection
from dagster_project.words import printable

# Between the digits of a telephone number, and before them, in a text.
_BETWEEN = r"[\s\-.()/]*"
_TEXTS = (".md", ".csv", ".txt", ".yaml", ".yml")


@dataclass(frozen=True)
class Person:
    """An identifier with what the vault has under it. The identifier is never shown."""

    identifier: str = field(repr=False)
    forces: tuple[str, ...]
    """Forces whose references and operators were asked for."""
    found: tuple[Found, ...]

    @property
    def surrogates(self) -> list[int]:
        """Surrogates that rows of the person hold."""
        return [found.surrogate for found in self.found]


def find_person(people: People, identifier: str, forces: Sequence[str]) -> Person:
    """Look an identifier up in the vault. The caller holds the writer lock.

    Args:
        people: the vault.
        identifier: a text in any usual spelling.
        forces: codes of the forces whose references and operators count.

    Raises:
        UsageError: the text is empty, or a word that loading takes for an empty cell.
    """
    text = identifier.strip(BLANKS)
    if not text or text.upper() in NULL_WORDS:
        raise UsageError("no identifier was given, or a word that stands for an empty cell. Nothing was done")
    with people.opened() as vault:
        return Person(text, tuple(forces), tuple(vault.find(text, forces)))


@dataclass(frozen=True)
class HeldRows:
    """The rows of a source that hold a person, those of replaced loads too."""

    contract: Contract
    columns: list[str]
    """Of personal columns, `held_as` has the names of those that hold the person. Times are UTC."""
    rows: list[tuple[Any, ...]]
    loads: list[int]
    """The load of each row."""
    surrogates: list[list[int]]
    """Those of the person that each row has."""

    def values(self, column: str) -> list[Any]:
        """Return the values of a column, row by row."""
        place = self.columns.index(column)
        return [row[place] for row in self.rows]


def rows_of(connection: duckdb.DuckDBPyConnection, contracts: Mapping[str, Contract], person: Person) -> list[HeldRows]:
    """Return the rows that hold the person, of each source that has any.

    Args:
        connection: an open connection to the warehouse.
        contracts: all contracts.
        person: the person.
    """
    held = []
    for contract in contracts.values():
        personal = [column.name for column in contract.columns if column.is_personal]
        if not personal or not person.surrogates:
            continue
        shown = "".join(f", rows.{quoted(column.name)}" for column in contract.columns if not column.is_personal)
        is_held = [f"coalesce(list_contains($surrogates, rows.{quoted(name)}), false)" for name in personal]
        held_as = ", ".join(
            f"case when {condition} then '{name}' end" for name, condition in zip(personal, is_held, strict=True)
        )
        cursor = connection.execute(
            f"""
            select
                rows.load_id,
                list_intersect([{", ".join(f"rows.{quoted(name)}" for name in personal)}], $surrogates) as surrogates,
                rows.extract_date,
                coalesce(load.delivered_name, load.file_name) as file_name,
                rows.source_row,
                load.loaded_at,
                load.status as load_status,
                concat_ws(', ', {held_as}) as held_as
                {shown}
            from {table("raw", contract.source)} as rows
            inner join audit.load as load on rows.load_id = load.load_id
            where {" or ".join(is_held)}
            order by rows.extract_date, load.file_name, rows.source_row
            """,
            {"surrogates": person.surrogates},
        )
        if found := cursor.fetchall():
            loads, surrogates, *_ = zip(*found, strict=True)
            rows = [row[2:] for row in found]
            held.append(HeldRows(contract, column_names(cursor)[2:], rows, list(loads), list(surrogates)))
    return held


@dataclass(frozen=True)
class Named:
    """Files that name a person, and what could not be read. Names are relative to the data root."""

    files: tuple[str, ...]
    not_searched: tuple[str, ...]


def files_that_name(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    contracts: Mapping[str, Contract],
    person: Person,
    held: Iterable[HeldRows],
) -> Named:
    """Find the person in the landing folder, by contract and so in any spelling, and in the texts of analysts.

    A file of which the warehouse knows the people of every row is not read again.

    Args:
        settings: the data root.
        connection: an open connection to its warehouse.
        contracts: all contracts.
        person: the person.
        held: the rows of the person.
    """
    known = _loaded_files(connection, person, {load for source in held for load in source.loads})
    pattern = spellings_of(person)
    named, left = [], []
    for file in sorted(path for path in settings.landing.rglob("*") if path.is_file()):
        source = file.relative_to(settings.landing).parts[0]
        state = file.stat()
        is_named = known.get((printable(str(file)), state.st_size, state.st_mtime_ns))
        if is_named is None:
            try:
                is_named = _extract_names(file, contracts[source], settings.force, person)
            except (KeyError, UnreadableExtract, OSError):
                left.append(file)
                continue
        if is_named or pattern.search(file.name):
            named.append(file)
    for folder in (settings.commentary, settings.config_folder):
        for file in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in _TEXTS):
            if pattern.search(file.read_text(encoding="utf-8", errors="replace")) or pattern.search(file.name):
                named.append(file)
    home = f"{settings.home}/"
    return Named(*(tuple(printable(str(file).removeprefix(home)) for file in files) for files in (named, left)))


def spellings_of(person: Person) -> re.Pattern[str]:
    """Return a pattern for the usual spellings of an identifier in a text: case, blanks, and prefixes of numbers."""
    text = person.identifier.casefold()
    with dry_connection() as connection:
        asked = "(select 1 as n, $text as cell, '' as force)"
        [(_, form)] = connection.execute(identifiers_query(asked, Identifier.PHONE), {"text": text}).fetchall()
    if form and form.startswith("p:+44"):
        digits = _BETWEEN.join(form.removeprefix("p:+44"))
        return re.compile(rf"(?<!\d)(?:(?:\+|00)?{_BETWEEN}44{_BETWEEN})?0?{_BETWEEN}{digits}(?!\d)")
    letters = r"\s*".join(re.escape(letter) for letter in text if not letter.isspace())
    return re.compile(rf"(?<![0-9a-z]){letters}(?![0-9a-z])", re.IGNORECASE)


def _loaded_files(
    connection: duckdb.DuckDBPyConnection, person: Person, held: Collection[int]
) -> dict[tuple[str, int, int], bool]:
    """Return path, size and time of files of which the people of all rows are known, and whether one is the person."""
    rows = connection.execute(
        """
        select
            file.path,
            file.size,
            file.modified_ns,
            bool_or(
                list_contains(cast($held as bigint[]), load.load_id)
                or load.load_id in (
                    select load_id from audit.quarantine where list_has_any(surrogates, cast($surrogates as bigint[]))
                )
            ) as is_named
        from audit.landed_file as file
        inner join audit.load as load on file.sha256 = load.file_sha256
        where
            load.status = 'loaded'
            and coalesce(load.rows_purged, 0) = 0
        group by all
        -- A file of history may have days that other files were loaded for.
        having
            is_named
            or not bool_or(
                regexp_matches(load.file_name, $history)
                or load.load_id in (select load_id from audit.quarantine where surrogates is null)
            )
        """,
        {"held": list(held), "surrogates": person.surrogates, "history": HISTORY},
    ).fetchall()
    return {(path, size, modified): is_named for path, size, modified, is_named in rows}


def _extract_names(file: Path, contract: Contract, default_force: str, person: Person) -> bool:
    """Return whether a personal cell of an extract has the identifier; errors are those of `open_extract`."""
    kinds = {column.identifies for column in contract.columns if column.identifies}
    with dry_connection() as connection, open_extract(file, contract) as extract:
        connection.execute("create temp table wanted (kind varchar, identifier varchar)")
        for kind in kinds:
            asked = "(select force as n, force, $text as cell from (select unnest($forces) as force))"
            connection.execute(
                f"insert into wanted select '{kind}', identifier from ({identifiers_query(asked, kind)})",
                {"text": person.identifier, "forces": list(person.forces)},
            )
        for column, kind in register_cells(connection, extract, contract):
            cells = f"(select n, cell, {force_of('force')} as force from cells)"
            found = connection.execute(
                f"select 1 from ({identifiers_query(cells, kind, column.null_words)}) semi join "
                f"(from wanted where kind = '{kind}') using (identifier) limit 1",
                {"force": default_force},
            ).fetchall()
            if found:
                return True
    return False
