"""Keyed pseudonyms, which replace personal values as soon as a file is read, and their key."""

from __future__ import annotations

import errno
import hmac
import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from dagster_project import private_key
from dagster_project.extracts.cells import without_null_words
from dagster_project.private_key import KEY_BYTES, PrivateKeyError
from dagster_project.sql import quoted, table
from dagster_project.warehouse.connection import WAREHOUSE
from dagster_project.warehouse.tables import personal_columns
from dagster_project.words import in_shell

if TYPE_CHECKING:
    import pyarrow as pa

    from dagster_project.contracts import Contract
    from dagster_project.loading.suppression import Suppression

# Half of the 256 bits: RFC 2104, section 5, allows it, and any collision among 10^12 values has odds of 10^-15.
PSEUDONYM_LENGTH = 32

_BLOCK = 64
_ID_LENGTH = 8
_SAMPLE = 2_000


class PseudonymKeyError(PrivateKeyError):
    """The key file cannot be used."""


@dataclass(frozen=True)
class PseudonymKey:
    """A secret key for HMAC-SHA-256 (RFC 2104); never shown."""

    secret: bytes = field(repr=False)
    suppression: Suppression | None = field(default=None, repr=False, compare=False)
    """Identifiers that get a random substitute instead of their pseudonym, because they were erased."""
    kept: Sequence[KeptPseudonyms] = field(default=(), repr=False, compare=False)
    """Pseudonyms of earlier keys that rows keep, so that new rows with the same values get them too."""

    def pseudonyms(self, connection: duckdb.DuckDBPyConnection, cells: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return the pseudonyms of text cells; repeated texts are hashed once, which halves the 0.8 us per cell.

        Args:
            connection: an in-memory database, which computes the hashes and keeps none of the texts.
            cells: trimmed texts of a personal column.

        Returns:
            One pseudonym for each cell, or the one under an earlier key that rows keep, or the substitute of an erased
            identifier; null if the cell is empty or a null word.
        """
        made = self._pseudonyms(connection, cells)
        for kept in self.kept:
            made = kept.keep(connection, cells, made)
        return self.suppression.substitute(connection, cells, made) if self.suppression else made

    def _pseudonyms(self, connection: duckdb.DuckDBPyConnection, cells: pa.ChunkedArray) -> pa.ChunkedArray:
        # Imported here and below: the import costs 0.1 s, and `fcir status` only checks that the key exists.
        import pyarrow as pa

        # There are hundreds of operators, but hundreds of thousands of callers. Deduplicating texts costs 0.4 us per
        # cell and a hash 0.8 us, so deduplicate only if more than half of a sample repeats.
        sample = cells.slice(0, _SAMPLE)
        if 2 * len(sample.unique()) > len(sample):
            return self._hashed(connection, cells)
        encoded = pa.concat_arrays(cells.chunks).dictionary_encode()
        return self._hashed(connection, pa.chunked_array([encoded.dictionary])).take(encoded.indices)

    def _hashed(self, connection: duckdb.DuckDBPyConnection, cells: pa.ChunkedArray) -> pa.ChunkedArray:
        import pyarrow as pa

        padded = self.secret.ljust(_BLOCK, b"\0")
        # A separate connection, because a transaction would keep the texts until it ends.
        with connection.cursor() as apart:
            apart.register("personal_text", pa.table({"cell": cells}))
            hashed: pa.Table = apart.sql(
                f"""
                select substr(sha256($outer || unhex(sha256($inner || encode(text)))), 1, {PSEUDONYM_LENGTH}) as hashed
                from (select {without_null_words("cell")} as text from personal_text)
                """,
                params={
                    "inner": bytes(byte ^ 0x36 for byte in padded),
                    "outer": bytes(byte ^ 0x5C for byte in padded),
                },
            ).to_arrow_table()
        return hashed.column("hashed")

    def pseudonym(self, value: str) -> str:
        """Return the pseudonym of an identifier, trimmed like a cell; it equals the one that loading stores."""
        return hmac.new(self.secret, value.strip().encode(), sha256).hexdigest()[:PSEUDONYM_LENGTH]

    @property
    def fingerprint(self) -> str:
        """Identifies the key without revealing it: the pseudonym of a fixed text that is not an identifier."""
        return self.pseudonym("fcir pseudonym key")

    @property
    def key_id(self) -> str:
        """Short name of the key, which `audit.load` has for each load: the beginning of the fingerprint."""
        return id_of(self.fingerprint)


@dataclass(frozen=True)
class KeptPseudonyms:
    """Pseudonyms that rows keep since a change of the key, because no file of the landing folder had their values."""

    key: PseudonymKey
    """The key that made them."""
    held: pa.ChunkedArray = field(repr=False)
    """All pseudonyms of the rows that are loaded, also those of other keys."""

    def keep(
        self, connection: duckdb.DuckDBPyConnection, cells: pa.ChunkedArray, pseudonyms: pa.ChunkedArray
    ) -> pa.ChunkedArray:
        """Return the pseudonyms of text cells, with those that rows keep. Arguments are those of `substitute`."""
        import pyarrow.compute as pc

        earlier = self.key.pseudonyms(connection, cells)
        return pc.if_else(pc.is_in(earlier, value_set=self.held), earlier, pseudonyms)


def kept_pseudonyms(
    connection: duckdb.DuckDBPyConnection, contracts: Iterable[Contract], keys: Iterable[PseudonymKey]
) -> list[KeptPseudonyms]:
    """Return the pseudonyms of each earlier key; without such a key, no row is read.

    Args:
        connection: a loading connection to the warehouse.
        contracts: the sources.
        keys: the earlier keys.
    """
    keys = list(keys)
    columns = personal_columns(connection, WAREHOUSE, contracts) if keys else ()
    # Not only of loads of an earlier key: later loads use a kept pseudonym too, and a purge can leave only theirs.
    selects = [f"select {quoted(column)} as value from {table('raw', source)}" for source, column in columns]
    if not selects:
        return []
    query = f"select distinct value from ({' union all '.join(selects)}) where value is not null"
    held = connection.sql(query).to_arrow_table().column("value")
    return [KeptPseudonyms(key, held) for key in keys]


def id_of(fingerprint: str) -> str:
    """Return the id of the key with a fingerprint."""
    return fingerprint[:_ID_LENGTH]


def new_key() -> PseudonymKey:
    """Return a random key."""
    return PseudonymKey(secrets.token_bytes(KEY_BYTES))


def check_key(file: Path, fingerprint: str | None) -> PseudonymKey | None:
    """Return the installation's key, if there is one.

    Args:
        file: 64 hexadecimal digits, readable by its owner only. Keep a copy of it, but not with the copies of the
            warehouse: without the key, new rows get different pseudonyms than old ones; with it, anyone can test
            whether a pseudonym belongs to a person.
        fingerprint: fingerprint of the key that the warehouse was loaded with; None if nothing is loaded yet.

    Returns:
        The key; None if there is no key and nothing is loaded yet.

    Raises:
        PseudonymKeyError: the key is lost, is not a key or not the one that the warehouse was loaded with, cannot be
            read, or can be read by others.
    """
    stands = "Nothing was done, and what was published stays"
    if fingerprint:
        remedy = f"{stands}. Restore its copy and run again: install -m 600 COPY_OF_THE_KEY {in_shell(file)}"
    else:
        remedy = f"Nothing was loaded yet. Put a key in its place, or let fcir run create one: rm -r {in_shell(file)}"
    try:
        key = read_key(file, remedy)
    except FileNotFoundError:
        if fingerprint is None:
            return None
        raise PseudonymKeyError(
            f"{file}: the pseudonym key is missing, and the warehouse was loaded with one. {remedy}"
        ) from None
    if fingerprint not in (None, key.fingerprint):
        kept = earlier_key_file(file, id_of(str(fingerprint)))
        if kept.exists():
            # As after a change of the key that was killed.
            own = earlier_key_file(file, key.key_id)
            remedy = (
                f"{stands}. Its key is beside it; put it in place: "
                f"mv {in_shell(file)} {in_shell(own)} && cp -p {in_shell(kept)} {in_shell(file)}"
            )
        raise PseudonymKeyError(
            f"{file}: not the key that this warehouse was loaded with; the same person would get a different "
            f"pseudonym. {remedy}"
        )
    return key


def read_key(file: Path, remedy: str) -> PseudonymKey:
    """Return the key in a file; `remedy` says what to do if it is not one.

    Raises:
        FileNotFoundError: there is no such file.
        PseudonymKeyError: it is not a key, cannot be read, or can be read by others.
    """
    try:
        secret = private_key.read_key(file, name="pseudonym key", remedy=remedy)
    except PrivateKeyError as error:
        raise PseudonymKeyError(str(error)) from None
    if secret is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(file))
    return PseudonymKey(secret)


def known_fingerprint(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Return the fingerprint of the key that a warehouse was loaded with; None if nothing is loaded yet."""
    # All rows, because an unfinished result would keep this connection from registering a table.
    rows = connection.execute("select fingerprint from audit.pseudonym_key").fetchall()
    return str(rows[0][0]) if rows else None


def read_or_create_key(file: Path, fingerprint: str | None = None) -> PseudonymKey:
    """Return the installation's key; create it on the first run. Arguments and errors are those of `check_key`."""
    key = check_key(file, fingerprint)
    if key is None:
        save_key(file, key := new_key())
    return key


def save_key(file: Path, key: PseudonymKey) -> None:
    """Write a key to a file for its owner only; if killed, no incomplete key remains under that name."""
    private_key.save_key(file, key.secret)


def earlier_key_file(file: Path, key_id: str) -> Path:
    """Return where a key is kept that the current one, in `file`, has replaced or is about to replace."""
    return file.with_name(f"{file.stem}-{key_id}{file.suffix}")


def earlier_keys(file: Path) -> dict[str, PseudonymKey]:
    """Return the keys that are kept next to the current one, by id, without those of `copies_of_keys`.

    Raises:
        PseudonymKeyError: one of them is not a key, or can be read by others.
    """
    return {key.key_id: key for path, key in _keys_beside(file).items() if path == earlier_key_file(file, key.key_id)}


def copies_of_keys(file: Path) -> list[Path]:
    """Return files next to the current key that are named like an earlier one, but with another id than their key's.

    They are copies that a person made, for example with a date as their name. Errors are those of `earlier_keys`.
    """
    return [path for path, key in _keys_beside(file).items() if path != earlier_key_file(file, key.key_id)]


def _keys_beside(file: Path) -> dict[Path, PseudonymKey]:
    advice = "Nothing was done. Restore its copy: install -m 600 COPY_OF_THE_KEY"
    found = sorted(file.parent.glob(earlier_key_file(file, "?" * _ID_LENGTH).name))
    return {path: read_key(path, f"{advice} {in_shell(path)}") for path in found}
