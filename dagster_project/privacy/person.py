"""A person by an identifier: the pseudonyms under every key, and the files in the landing folder that have it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from dagster_project.contracts import Contract
from dagster_project.errors import UsageError
from dagster_project.extracts.cells import NULL_WORDS
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.limits import LARGEST_EXTRACT
from dagster_project.extracts.personal import looks_personal
from dagster_project.extracts.pieces import BLANKS
from dagster_project.extracts.reading import open_extract
from dagster_project.loading.pseudonyms import (
    PseudonymKey,
    PseudonymKeyError,
    check_key,
    earlier_key_file,
    earlier_keys,
    known_fingerprint,
)
from dagster_project.loading.suppression import Suppressed, read_suppression
from dagster_project.privacy.files import UnreadableFile, files_below, is_closed
from dagster_project.privacy.findings import landing_folders
from dagster_project.privacy.searching import search
from dagster_project.privacy.values import HIDDEN, Values
from dagster_project.settings import Settings
from dagster_project.words import in_shell

# With or without the code of the country and the first zero, which spreadsheets remove.
_TELEPHONE = r"^\+?(?:(?:00)?44)?0?([1-37][0-9]{8,9})$"
# Of another country, with what stands for its code: 7 to 15 digits (ITU-T E.164).
_FROM_ABROAD = r"^(?:\+|00)([1-9][0-9]{6,14})$"
# What a telephone number has besides its digits; `.0` is that of a cell that a program read as a number.
_BETWEEN_DIGITS = r"^(?:tel|sms):|\.0+$|['()./\p{Pd}]"
# An email address as a link, or with a name before it.
_MAIL = "^(?:mailto:|.*<)([^<>]+@[^<>]+?)>?$"


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
                f"{file}: the key {key_id} is missing, and rows were loaded with it, in which no person can be found "
                f"without it. Nothing was done. Restore its copy: install -m 600 COPY_OF_THE_KEY {in_shell(file)}"
            )
    return keys


def loads_by_key(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Return the number of loads with rows of each key, by its id."""
    rows = connection.execute(
        "select key_id, count(*) from audit.load where key_id is not null group by key_id order by key_id"
    ).fetchall()
    return dict(rows)


@dataclass
class Landed:
    """Files of the landing folder by path relative to it, and of backups by path.

    Names that are personal or have the identifier are hidden.
    """

    rows: dict[str, int] = field(default_factory=dict)
    """Rows with the identifier, or occurrences in a file that is no extract, or in the path of one without any."""
    spellings: dict[str, int] = field(default_factory=dict)
    """Rows with what looks like another spelling of it in a personal column."""
    unreadable: list[str] = field(default_factory=list)
    """Files that could not be decoded, or are too large, and folders that could not be read."""


def landing_files_with(settings: Settings, contracts: Mapping[str, Contract], identifier: str) -> Landed:
    """Read every file of the landing folder, and of those of copied data roots; return those with an identifier.

    A file is read as an extract of its source; any other file is searched for the text, even if it is compressed.
    """
    found = Landed()
    values = Values({}, identifier)
    files = ((landing, file) for landing in landing_folders(settings) for file in files_below(landing))
    for folder, file in files:
        parts = file.relative_to(folder)
        name = "/".join(_shown(part, values) for part in parts.parts) or "."
        if folder != settings.landing:
            name = f"{values.hidden_in(str(folder))}/{name}"
        try:
            if is_closed(file) or file.stat().st_size > LARGEST_EXTRACT:
                raise UnreadableFile(name)
            rows, others = _rows_of_extract(file, contracts.get(parts.parts[0]), identifier)
            rows = rows or sum(hit.rows for hit in search(file, values)) or values.count_in(os.fsencode(parts))
        except UnreadableFile:
            found.unreadable.append(name)
            continue
        for of_files, count in ((found.rows, rows), (found.spellings, others)):
            if count:
                of_files[name] = of_files.get(name, 0) + count
    return found


def _shown(name: str, values: Values) -> str:
    """Return the name of a file or folder, without what is personal in it."""
    shown = values.hidden_in(name)
    return HIDDEN if looks_personal(name) or looks_personal(shown) else shown


def _rows_of_extract(file: Path, contract: Contract | None, identifier: str) -> tuple[int, int]:
    """Return the rows with the identifier in a cell, and those with another spelling; none if it is no extract."""
    rows = others = 0
    if contract is not None:
        with suppress(UnreadableExtract), open_extract(file, contract) as extract:
            for of_batch, others_of_batch in _rows_with(extract.batches(), contract, identifier):
                rows, others = rows + of_batch, others + others_of_batch
    return rows, others


def _rows_with(batches: Iterator[pa.Table], contract: Contract, identifier: str) -> Iterator[tuple[int, int]]:
    spoken = pa.scalar(_spoken(pa.chunked_array([[identifier]]))[0].as_py())
    for batch in batches:
        has_it = has_other = pa.scalar(False)
        for column in contract.columns:
            cells = batch.column(column.name)
            equal = pc.fill_null(pc.equal(cells, identifier), False)
            has_it = pc.or_(has_it, equal)
            if column.is_personal:
                similar = pc.fill_null(pc.equal(_spoken(cells), spoken), False)
                has_other = pc.or_(has_other, pc.and_not(similar, equal))
        yield pc.sum(has_it).as_py() or 0, pc.sum(has_other).as_py() or 0


def _spoken(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return texts as they would be read out: without case, width and blanks, telephone numbers without a prefix."""
    texts = pc.utf8_lower(pc.utf8_normalize(cells, form="NFKC"))
    texts = pc.replace_substring_regex(texts, r"[\s\pZ\p{Cf}]", "")
    numbers = pc.replace_substring_regex(texts, _BETWEEN_DIGITS, "")
    spoken = pc.replace_substring_regex(texts, _MAIL, r"\1")
    for form in (_FROM_ABROAD, _TELEPHONE):
        is_number = pc.match_substring_regex(numbers, form)
        spoken = pc.if_else(is_number, pc.replace_substring_regex(numbers, form, r"\1"), spoken)
    return spoken
