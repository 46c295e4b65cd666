"""A person by an identifier: the pseudonyms under every key, and the files in the landing folder that have it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from dagster_project.contracts import Contract
from dagster_project.errors import UsageError
from dagster_project.extracts.cells import NULL_WORDS
from dagster_project.extracts.errors import UnreadableExtract, printable
from dagster_project.extracts.personal import looks_personal
from dagster_project.extracts.pieces import BLANKS
from dagster_project.extracts.reading import open_extract
from dagster_project.loading.pseudonyms import (
    PseudonymKey,
    PseudonymKeyError,
    check_key,
    earlier_key_file,
    earlier_keys,
    id_of,
    known_fingerprint,
)
from dagster_project.loading.suppression import Suppressed, read_suppression
from dagster_project.privacy.files import UnreadableFile, files_below, search
from dagster_project.privacy.values import Values
from dagster_project.settings import Settings
from dagster_project.sql import scalar
from dagster_project.warehouse.tables import column_types


@dataclass(frozen=True)
class Person:
    """An identifier with its pseudonyms. Neither is ever shown."""

    identifier: str = field(repr=False)
    pseudonyms: Mapping[str, str] = field(repr=False)
    """By the id of the key."""
    suppressed: Suppressed | None = field(repr=False)
    """Its entry of the suppression list; None if it was never erased."""

    def values(self, substitute: str = "") -> Values:
        """Return what is looked for, and what replaces it."""
        return Values(dict.fromkeys(self.pseudonyms.values(), substitute), self.identifier, substitute)


def person_of(settings: Settings, connection: duckdb.DuckDBPyConnection, identifier: str) -> Person:
    """Return the pseudonyms of an identifier, trimmed as loading trims a cell.

    Args:
        settings: the data root.
        connection: its warehouse.
        identifier: a text as extracts have it; another spelling is another identifier.

    Raises:
        UsageError: the text is empty, or a word that loading takes for an empty cell.
        PseudonymKeyError: a key that rows were loaded with is missing or cannot be used.
        SuppressionError: the list of erased identifiers cannot be used.
    """
    text = identifier.strip(BLANKS)
    if not text or text.upper() in NULL_WORDS:
        raise UsageError("no identifier was given, or a word that stands for an empty cell. Nothing was done")
    known = keys_of(settings, connection)
    suppression = read_suppression(settings.suppression)
    pseudonyms = {key_id: key.pseudonym(text) for key_id, key in known.items()}
    return Person(text, pseudonyms, suppression.find(text) if suppression else None)


def keys_of(settings: Settings, connection: duckdb.DuckDBPyConnection) -> dict[str, PseudonymKey]:
    """Return every key that rows of the warehouse were loaded with, by id, the current one first.

    Raises:
        PseudonymKeyError: one of them is missing or cannot be used.
    """
    current = check_key(settings.key_file, known_fingerprint(connection))
    if current is None:
        raise UsageError("nothing is loaded yet, so there is no key and nothing to find. Run: fcir run")
    keys = {current.key_id: current} | earlier_keys(settings.key_file)
    for key_id in loads_by_key(connection):
        if key_id not in keys:
            file = earlier_key_file(settings.key_file, key_id)
            raise PseudonymKeyError(
                f"{file}: the key {key_id} is missing, and rows were loaded with it, in which nobody can be found "
                f"without it. Nothing was done. Restore its copy: install -m 600 COPY_OF_THE_KEY {file}"
            )
    return keys


def loads_by_key(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Return the number of loads with rows of each key, by its id."""
    catalog = scalar(connection, "select current_database()")
    if "key_id" not in column_types(connection, catalog, "audit", "load"):
        # Of an earlier version, which had one key.
        loads = scalar(connection, "select count(*) from audit.load where status in ('loaded', 'empty', 'replaced')")
        fingerprint = known_fingerprint(connection)
        return {id_of(fingerprint): loads} if fingerprint else {}
    rows = connection.execute(
        "select key_id, count(*) from audit.load where key_id is not null group by key_id order by key_id"
    ).fetchall()
    return dict(rows)


def landing_files_with(
    settings: Settings, contracts: Mapping[str, Contract], identifier: str
) -> tuple[dict[str, int], list[str]]:
    """Read every file of the landing folder and return those with an identifier, with their number of rows.

    A file is read as an extract of its source; any other file is searched for the text, even if it is compressed.

    Returns:
        Rows (or occurrences, if the file is not an extract) by path relative to the landing folder, and files that
        could not be decoded. A name that looks personal is not shown.
    """
    found: dict[str, int] = {}
    unreadable: list[str] = []
    values = Values({}, identifier)
    for file in files_below(settings.landing):
        parts = file.relative_to(settings.landing)
        name = f"{parts.parts[0]}/..." if looks_personal(file.name) else printable(str(parts))
        try:
            rows = _rows_of_extract(file, contracts.get(parts.parts[0]), identifier)
            rows = rows or sum(hit.rows for hit in search(file, values))
        except UnreadableFile:
            unreadable.append(name)
            continue
        if rows:
            found[name] = found.get(name, 0) + rows
    return found, unreadable


def _rows_of_extract(file: Path, contract: Contract | None, identifier: str) -> int:
    """Return the number of rows with the identifier in a cell; 0 if the file is not an extract."""
    if contract is None:
        return 0
    try:
        with open_extract(file, contract) as extract:
            return sum(_rows_with(extract.batches(), contract, identifier))
    except UnreadableExtract:
        return 0


def _rows_with(batches: Iterator[pa.Table], contract: Contract, identifier: str) -> Iterator[int]:
    for batch in batches:
        has_it = None
        for column in contract.columns:
            equal = pc.fill_null(pc.equal(batch.column(column.name), identifier), False)
            has_it = equal if has_it is None else pc.or_(has_it, equal)
        yield pc.sum(has_it).as_py() or 0
