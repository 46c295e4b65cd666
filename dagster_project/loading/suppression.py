"""The suppression list: erased identifiers, which get a random substitute instead of their pseudonym.

An identifier is listed by its HMAC under a separate key, so that a person stays erased when the key of the pseudonyms
changes, and when everything is loaded again. The substitute keeps figures: rows of one caller or of one crime stay rows
of one caller or of one crime, and nobody can compute it from the identifier without the key of the list.

The list also has a hash of each pseudonym that was replaced, with its substitute: an older copy of the warehouse, which
was restored, has the pseudonyms of before.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dagster_project.errors import OperatorError
from dagster_project.loading.pseudonyms import PSEUDONYM_LENGTH, PseudonymKey, read_or_create_key
from dagster_project.record.chain import is_number
from dagster_project.record.store import entries_of
from dagster_project.sql import quoted, scalar, table
from dagster_project.warehouse.connection import WAREHOUSE
from dagster_project.warehouse.tables import personal_columns
from dagster_project.words import counted, in_shell
from dagster_project.writing import make_private_folder, write_whole

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from dagster_project.contracts import Contract
    from dagster_project.settings import Settings

PEOPLE_ON_LIST = "people_on_list"
"""Fact of an entry of an erasure: how many people the list has after it."""

_LIST, _KEY = "suppressed.json", "suppression.key"

# Characters that are not printable, as messages of this project show them.
_ESCAPED = r"\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U[0-9a-f]{8}|\\[nrt]"
_WORD = re.compile(rf"{_ESCAPED}|(?P<word>(?:[0-9A-Za-z]|(?!\s)[\u0080-\U0010ffff])+)")
_BLANK = re.compile(rf"(?:\s|{_ESCAPED})+")
_MOST_WORDS = 8
# An identifier may begin or end with this much punctuation, such as a plus or a bracket.
_MOST_PUNCTUATION = 2


class SuppressionError(OperatorError, ValueError):
    """The list cannot be used; without it, loading would bring erased people back."""


class SuppressionMissing(SuppressionError):
    """There is no list, although people were erased, or it does not have all of them."""


class PseudonymsUnknown(SuppressionError):
    """A restored warehouse has pseudonyms under a key that the list does not know the erased people by."""


class Suppressed(NamedTuple):
    """An entry of the list."""

    substitute: str
    since: str
    """Time of the erasure, UTC, ISO 8601."""
    keys: Sequence[str] = ()
    """Ids of the keys under which its pseudonyms are among those that were replaced, or it never had one."""


@dataclass(frozen=True)
class Suppression:
    """The list, with its key."""

    key: PseudonymKey
    entries: Mapping[str, Suppressed] = field(repr=False)
    """By the HMAC of the identifier, as long as a pseudonym."""
    replaced: Mapping[str, str] = field(repr=False)
    """The substitute by the SHA-256 of each pseudonym that it has replaced."""

    def substitute(
        self, connection: duckdb.DuckDBPyConnection, cells: pa.ChunkedArray, pseudonyms: pa.ChunkedArray
    ) -> pa.ChunkedArray:
        """Return the pseudonyms of text cells, with substitutes for those that are listed.

        Args:
            connection: an in-memory database, which computes the hashes.
            cells: trimmed texts of a personal column.
            pseudonyms: their pseudonyms.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        listed = pa.array(self.entries, pa.string())
        substitutes = pa.array((entry.substitute for entry in self.entries.values()), pa.string())
        found = pc.index_in(self.key.pseudonyms(connection, cells), value_set=listed)
        return pc.coalesce(pa.chunked_array([substitutes.take(chunk) for chunk in found.chunks]), pseudonyms)

    @property
    def fingerprint(self) -> str:
        """A hash of the replaced pseudonyms with their substitutes, which a warehouse notes when they are replaced."""
        return sha256(json.dumps(sorted(self.replaced.items())).encode()).hexdigest()

    def find(self, identifier: str) -> Suppressed | None:
        """Return the entry of an identifier."""
        return self.entries.get(self.key.pseudonym(identifier))

    def hidden_in(self, text: str) -> str:
        """Return a text, such as the name of a file, with the substitute in place of each erased identifier.

        They are found as an erasure finds them in clear: as whole words, if they are distinctive, with any white space
        for a blank. One has at most eight words, with at most two characters of punctuation before and after them.

        Args:
            text: the text; it may be escaped, as `printable` returns it.
        """
        # It imports this package.
        from dagster_project.privacy.values import is_distinctive

        words, kept = [match for match in _WORD.finditer(text) if match["word"]], []
        first = end = 0
        while first < len(words):
            # The longest first.
            for start, stop in _spans(text, words[first : first + _MOST_WORDS], end):
                part = _BLANK.sub(" ", text[start:stop])
                if is_distinctive(part) and (entry := self.find(part)):
                    kept += [text[end:start], entry.substitute]
                    end = stop
                    break
            first += 1
            while first < len(words) and words[first].start() < end:
                first += 1
        return "".join([*kept, text[end:]])


def _spans(text: str, words: Sequence[re.Match[str]], end: int) -> Iterator[tuple[int, int]]:
    """Yield where texts of some words begin and end, from the first one on, with punctuation around them.

    Args:
        text: the text.
        words: the words that such a text may have.
        end: where the part before ends that was replaced.
    """
    first = words[0].start()
    # Only the neighbours: with all of a long text, the time would grow with the square of its length.
    before = re.search(r"[^\w\s]*\Z", text[max(end, first - _MOST_PUNCTUATION) : first])
    starts = range(first - len(before[0]) if before else first, first + 1)
    for last in reversed(words):
        after = re.match(r"[^\w\s]*", text[last.end() : last.end() + _MOST_PUNCTUATION])
        for start in starts:
            for stop in range(last.end() + (len(after[0]) if after else 0), last.end() - 1, -1):
                yield start, stop


def read_suppression(folder: Path) -> Suppression | None:
    """Return the list; None if nobody was erased.

    Raises:
        SuppressionError: there is a list, and it or its key cannot be used.
    """
    file, key_file = folder / _LIST, folder / _KEY
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        entries = {hashed: Suppressed(*entry) for hashed, entry in stored["entries"].items()}
        fingerprint = str(stored["key"])
        replaced = dict(stored["replaced"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SuppressionError(
            f"{file}: not readable as the list of erased people: {type(error).__name__}. Nothing was done, because "
            f"loading would bring them back. Restore its copy: install -m 600 COPY {in_shell(file)}"
        ) from None
    if not key_file.exists():
        raise SuppressionError(
            f"{key_file}: the key of the list of erased people is missing. Nothing was done, because loading would "
            f"bring them back. Restore its copy: install -m 600 COPY_OF_THE_KEY {in_shell(key_file)}"
        )
    return Suppression(read_or_create_key(key_file, fingerprint), entries, replaced)


def require_suppression(settings: Settings) -> Suppression | None:
    """Return the list; None if no one was erased.

    Raises:
        SuppressionMissing: there is no list, or it has fewer people than the record says.
        SuppressionError: there is a list, and it or its key cannot be used.
    """
    suppression = read_suppression(settings.suppression)
    listed, erased = len(suppression.entries) if suppression else 0, _people_erased(settings)
    if listed < erased:
        file = settings.suppression / _LIST
        state = "is missing, and the record has an erasure"
        if listed:
            state = f"has {counted(listed, 'person', 'people')}, and the record says {erased}"
        raise SuppressionMissing(
            f"{file}: the list of erased people {state}. Nothing was done, because loading would bring them back. "
            f"Restore {settings.suppression} from its backup, the newest one; without one, erase each person again, "
            "and no one else before that (for which requests: fcir record --all): fcir erase"
        )
    return suppression


def _people_erased(settings: Settings) -> int:
    """Return how many people the list had after an erasure, at most.

    An entry whose number was changed to something else still says that one person was erased.
    """
    numbers = [entry["detail"].get(PEOPLE_ON_LIST) for entry in entries_of(settings, "erase")]
    return max((number if is_number(number) else 1 for number in numbers), default=0)


def noted_list(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Return the fingerprint of the list that was last applied to a warehouse; None if none was."""
    rows = connection.execute("select max(list_sha256) from audit.suppression_list").fetchall()
    noted: str | None = rows[0][0]
    return noted


def note_list(connection: duckdb.DuckDBPyConnection, fingerprint: str) -> None:
    """Note that a list is applied to a warehouse, in the transaction of the caller, who has replaced its pseudonyms."""
    connection.execute("delete from audit.suppression_list")
    connection.execute("insert into audit.suppression_list values (?)", [fingerprint])


def erased_rows(
    connection: duckdb.DuckDBPyConnection,
    contracts: Iterable[Contract],
    replaced: Iterable[str],
) -> dict[str, int]:
    """Return how many rows of each raw table have a pseudonym of an erased person, by table and column.

    Args:
        connection: an open connection with the warehouse.
        contracts: the sources to search; tables and columns that the warehouse does not have are passed over.
        replaced: the SHA-256 of each pseudonym of an erased person.
    """
    hashes, found = list(replaced), {}
    for source, column in personal_columns(connection, WAREHOUSE, contracts):
        rows = scalar(
            connection,
            f"""
            select count(*)
            from {table(WAREHOUSE, "raw", source)}
            where sha256({quoted(column)}) in (select unnest(?))
            """,
            [hashes],
        )
        if rows:
            found[f"raw.{source}.{column}"] = rows
    return found


def new_substitute() -> str:
    """Return a random value of the form of a pseudonym."""
    return secrets.token_hex(PSEUDONYM_LENGTH // 2)


def suppress(
    folder: Path,
    hashed: str,
    substitute: str,
    since: datetime,
    *,
    replaced: Iterable[str] = (),
    keys: Iterable[str] = (),
) -> int:
    """Add an identifier to the list, by its HMAC, and return how many people it has; a first substitute stays.

    Args:
        folder: the folder of the list.
        hashed: pseudonym of the identifier under the key of the list (`suppression_key`).
        substitute: the value that its cells get.
        since: time of the erasure, UTC.
        replaced: the pseudonyms that the substitute replaces; only a hash of each is kept.
        keys: ids of the keys that these pseudonyms were made with.
    """
    known = read_suppression(folder)
    entries = dict(known.entries) if known else {}
    entry = entries.get(hashed) or Suppressed(substitute, since.isoformat(timespec="seconds"))
    entries[hashed] = _with_keys(entry, keys)
    hashes = dict(known.replaced) if known else {}
    hashes |= {_hash_of(pseudonym): entry.substitute for pseudonym in replaced}
    _write(folder, suppression_key(folder), entries, hashes)
    return len(entries)


def add_pseudonyms(folder: Path, pseudonyms: Mapping[str, str], keys: Iterable[str]) -> None:
    """Add pseudonyms of people who are on the list, and note that it has those under these keys, in one step.

    Args:
        folder: the folder of the list, which exists.
        pseudonyms: each with the HMAC of its identifier under the key of the list.
        keys: ids of the keys that they were made with; no one on the list has another pseudonym under them.
    """
    known, keys = read_suppression(folder), list(keys)
    if known is None:
        return
    found = {_hash_of(pseudonym): known.entries[hashed].substitute for pseudonym, hashed in pseudonyms.items()}
    entries = {hashed: _with_keys(entry, keys) for hashed, entry in known.entries.items()}
    _write(folder, known.key, entries, {**known.replaced, **found})


def _with_keys(entry: Suppressed, keys: Iterable[str]) -> Suppressed:
    return entry._replace(keys=sorted({*entry.keys, *keys}))


def _hash_of(pseudonym: str) -> str:
    return sha256(pseudonym.encode()).hexdigest()


def _write(folder: Path, key: PseudonymKey, entries: Mapping[str, Suppressed], replaced: Mapping[str, str]) -> None:
    content = {"key": key.fingerprint, "entries": entries, "replaced": replaced}
    write_whole(folder / _LIST, json.dumps(content, indent=1).encode())


def suppression_key(folder: Path) -> PseudonymKey:
    """Return the key of the list; create it before the first erasure."""
    make_private_folder(folder)
    known = read_suppression(folder)
    return known.key if known else read_or_create_key(folder / _KEY)
