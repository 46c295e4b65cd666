"""People: rows hold surrogates, and only the vault, a private file, leads from an identifier to its surrogate.

An identifier is normalised (`extracts/identifiers.py`), hashed under all keys (HMAC-SHA-256, its first 128 bits), and
looked up. Identifiers are entered and committed before the rows, since a transaction cannot write to two files: a kill
leaves surrogates that no row has. What operators do with the vault: `privacy/`.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import duckdb

from dagster_project.contracts import Column, Identifier
from dagster_project.errors import OperatorError
from dagster_project.extracts.identifiers import OF_A_FORCE, force_of, identifiers_query
from dagster_project.private_key import KEY_BYTES, read_keys, save_keys
from dagster_project.sql import literal
from dagster_project.warehouse.connection import DatabaseUnreadable, vault_connection
from dagster_project.warehouse.history import erased_in_history
from dagster_project.warehouse.tables import root_id
from dagster_project.words import in_shell
from dagster_project.writing import draft_of, put_in_place

if TYPE_CHECKING:
    import pyarrow as pa

    from dagster_project.settings import Settings

_TABLES = """
    create table if not exists vault.person (pseudonym uhugeint not null, surrogate bigint not null);
    -- People who were erased: the hash under the first key, hashed under a key that is never changed.
    create table if not exists vault.erased (
        hash uhugeint not null, surrogate bigint not null, erased_at timestamp not null
    );
    -- One row. `key_count` says under how many keys of the file the pseudonyms are hashed.
    create table if not exists vault.state (
        root_id varchar not null,
        next_surrogate bigint not null,
        key_count bigint not null,
        fingerprint varchar not null
    );
"""
_SEPARATOR = "\x1f"
_BLOCK = 64


class PeopleError(OperatorError, RuntimeError):
    """The vault or its keys cannot be used; the message says what is wrong and what to do."""


class VaultError(PeopleError):
    """The vault is missing, of another data root, or older than the warehouse: a rebuild makes a new one."""

    def __init__(self, vault: Path, fault: str) -> None:
        """Describe the fault, as the rest of a sentence that begins with the file."""
        super().__init__(
            f"{vault} {fault}; other people would get their surrogates. Nothing was done, and what was published "
            "stays. Restore its newest copy, or give everybody a new surrogate from the landing folder: fcir rebuild"
        )


class Erased(NamedTuple):
    """An identifier whose row is gone from the vault."""

    hash: int
    surrogate: int
    erased_at: datetime
    """UTC."""


class Found(NamedTuple):
    """What the vault has under an identifier."""

    kind: Identifier
    surrogate: int
    hash: int
    """For the list of the erased."""
    erased_at: datetime | None
    """UTC; None if it was not erased."""


@dataclass(frozen=True)
class People:
    """The vault of a data root: its file and its keys."""

    file: Path | None
    """None: in memory, for a dry run, which knows and remembers no one."""
    root_id: str
    keys: tuple[bytes, ...] = field(repr=False)
    """A pseudonym is hashed under each in turn; there is one more for each rotation."""
    erased_key: bytes = field(repr=False)
    first_surrogate: int = 1
    """Of a vault that does not exist yet."""

    @contextmanager
    def opened(self) -> Iterator[Vault]:
        """Open the vault for writing; create it if it does not exist. The caller holds the writer lock."""
        with vault_connection(self.file) as connection:
            connection.execute(_TABLES)
            if not connection.execute("from vault.state").fetchall():
                state = [self.root_id, self.first_surrogate, len(self.keys), self.fingerprint]
                connection.execute("insert into vault.state values (?, ?, ?, ?)", state)
            yield Vault(self, connection)

    @property
    def fingerprint(self) -> str:
        """Identifies the keys without revealing them: they are random, so no one can search for them."""
        return sha256(b"".join((self.erased_key, *self.keys))).hexdigest()[:16]


@dataclass(frozen=True)
class Vault:
    """The open vault."""

    people: People
    connection: duckdb.DuckDBPyConnection

    @property
    def next_surrogate(self) -> int:
        """The surrogate of the next new identifier."""
        [(number,)] = self.connection.execute("select next_surrogate from vault.state").fetchall()
        return int(number)

    def surrogates(
        self, cells: pa.ChunkedArray, column: Column, forces: pa.ChunkedArray, default_force: str
    ) -> pa.ChunkedArray:
        """Return the surrogates of a personal column; unknown identifiers are entered first.

        Repeated texts are looked up once: 2.1 us each with two million people in the vault.

        Args:
            cells: trimmed texts.
            column: the personal column.
            forces: texts of the force column of the same rows.
            default_force: force of rows without one.

        Returns:
            One surrogate for each cell; null if the cell is empty or a null word.
        """
        # Imported here: the import costs 0.1 s, and `fcir status` only checks the vault.
        import pyarrow as pa
        import pyarrow.compute as pc

        kind = column.identifies or Identifier.REFERENCE
        of_a_force = kind in OF_A_FORCE
        if of_a_force:
            cells = pc.binary_join_element_wise(pc.fill_null(forces, ""), cells, _SEPARATOR)
        encoded = pa.concat_arrays(cells.chunks).dictionary_encode()
        split = f"strpos(text, '{_SEPARATOR}')" if of_a_force else "0"
        self.connection.register("texts", pa.table({"n": range(len(encoded.dictionary)), "text": encoded.dictionary}))
        force = force_of(f"substr(text, 1, {split} - 1)")
        query = f"select n, {force} as force, substr(text, {split} + 1) as cell from texts"
        self._find(query, kind, {"force": default_force}, null_words=column.null_words)
        self.connection.unregister("texts")
        if self._enter_unknown():
            self._look_up()
        found = self.connection.sql("select coalesce(known, gone) as surrogate from found order by n").to_arrow_table()
        return found.column("surrogate").combine_chunks().take(encoded.indices)

    def find(self, identifier: str, forces: Sequence[str]) -> list[Found]:
        """Return what the vault has under an identifier of any kind, erased or not, once for each surrogate.

        Args:
            identifier: in any spelling.
            forces: codes of the forces whose references and operators count.
        """
        query = "select row_number() over () as n, force, $identifier as cell from (select unnest($forces) as force)"
        found: dict[int, Found] = {}
        for kind in Identifier:
            asked = {"identifier": identifier.strip(), "forces": list(forces) if kind in OF_A_FORCE else [""]}
            self._find(query, kind, asked, with_hash=True)
            rows = self.connection.execute(
                "select coalesce(known, gone), hash, erased_at from found where coalesce(known, gone) is not null"
            ).fetchall()
            found = {surrogate: Found(kind, surrogate, hashed, at) for surrogate, hashed, at in rows} | found
        return list(found.values())

    def erased(self) -> list[Erased]:
        """Return everybody who was erased, by time."""
        rows = self.connection.execute("from vault.erased order by erased_at, surrogate").fetchall()
        return [Erased(*row) for row in rows]

    def enter_erased(self, cell: str, kind: Identifier, force: str, at: datetime) -> None:
        """Enter an identifier as erased, unless it is known; `at` is in UTC."""
        asked = {"cell": cell, "force": force}
        self._find("select 1 as n, $force as force, $cell as cell", kind, asked, with_hash=True)
        self.connection.execute(
            """
            insert into vault.erased
            select hash, (select next_surrogate from vault.state), $at
            from found
            where known is null and gone is null and hash is not null
            """,
            {"at": at},
        )
        self.connection.execute(
            "update vault.state set next_surrogate = (select coalesce(max(surrogate), 0) + 1 from vault.erased) "
            "where next_surrogate in (select surrogate from vault.erased)"
        )

    def _find(
        self,
        cells: str,
        kind: Identifier,
        parameters: Mapping[str, object] | None = None,
        *,
        null_words: Sequence[str] = (),
        with_hash: bool = False,
    ) -> None:
        """Put the identifiers of a query with `n`, `force` and `cell` into the table `found`."""
        parameters = {**(parameters or {}), **hmac_parameters("key", *self.people.keys)}
        # A second hash takes 1.3 us, which loading saves as long as no one was erased.
        hashed = "cast(null as uhugeint)"
        if with_hash or self.connection.execute("select 1 from vault.erased limit 1").fetchall():
            hashed = _hmac("encode(hex(base))", "erased_0")
            parameters |= hmac_parameters("erased", self.people.erased_key)
        pseudonym = "base"
        for number in range(1, len(self.people.keys)):
            pseudonym = _hmac(f"encode(hex({pseudonym}))", f"key_{number}")
        self.connection.execute(
            f"""
            create or replace temp table asked as
            with identifiers as ({identifiers_query(f"({cells})", kind, null_words)}),
            hashed as (select n, {_hmac("encode(identifier)", "key_0")} as base from identifiers)
            select n, base, {pseudonym} as pseudonym, {hashed} as hash from hashed
            """,
            parameters,
        )
        self._look_up()

    def _look_up(self) -> None:
        self.connection.execute(
            """
            create or replace temp table found as
            select
                asked.n,
                asked.pseudonym,
                asked.hash,
                person.surrogate as known,
                erased.surrogate as gone,
                erased.erased_at
            from asked
            left join vault.person as person on asked.pseudonym = person.pseudonym
            left join vault.erased as erased on asked.hash = erased.hash
            """
        )

    def _enter_unknown(self) -> int:
        """Give surrogates to identifiers that are unknown, in the order of the file, so that two roots agree."""
        connection = self.connection
        connection.execute("begin")
        [(entered,)] = connection.execute(
            """
            insert into vault.person
            select pseudonym, (select next_surrogate from vault.state) - 1 + row_number() over (order by min(n))
            from found
            where known is null and gone is null and pseudonym is not null
            group by pseudonym
            order by min(n)
            """
        ).fetchall()
        connection.execute("update vault.state set next_surrogate = next_surrogate + ?", [entered])
        connection.execute("commit")
        return int(entered)


def dry_people() -> People:
    """Return a vault in memory with keys that are used once."""
    return People(None, "", (secrets.token_bytes(KEY_BYTES),), secrets.token_bytes(KEY_BYTES))


def people_for_loading(settings: Settings, connection: duckdb.DuckDBPyConnection) -> People:
    """Return the vault with which rows are loaded; create its keys before the first load, but never replace lost ones.

    Args:
        settings: the data root; the caller holds the writer lock.
        connection: a connection to the warehouse, with its tables.

    Raises:
        PeopleError: the vault or its keys are missing, of another data root, or older than the warehouse.
        PrivateKeyError: a key file cannot be used.
    """
    people = read_people(settings, connection)
    return erase_again(settings, people) if people else new_people(settings, connection)


def erase_again(settings: Settings, people: People) -> People:
    """Erase the people whom the copy of the audit names as erased: an older or a new vault does not know it."""
    if listed := [Erased(*row) for row in erased_in_history(settings)]:
        with people.opened() as vault:
            known = {gone.surrogate for gone in vault.erased()}
        if since := [gone for gone in listed if gone.surrogate not in known]:
            rewrite(people, erase=since)
    return people


def new_people(settings: Settings, connection: duckdb.DuckDBPyConnection, vault: Path | None = None) -> People:
    """Return a vault that does not exist yet, with surrogates above all that are in use; keys are created if needed.

    Arguments and errors are those of `people_for_loading`; `vault` is another place for its file.
    """
    files = (settings.key_file, settings.erased_key_file)
    keys, erased = (read_keys(file) or (secrets.token_bytes(KEY_BYTES),) for file in files)
    for file, content in zip(files, (keys, erased), strict=True):
        save_keys(file, content)
    people = People(vault or settings.vault, root_id(connection) or "", keys, erased[0], next_noted(connection))
    return erase_again(settings, people)


def put_new_vault_in_place(settings: Settings, damaged: Path) -> None:
    """Rename a draft that `new_people` wrote; the vault of before and its log go to the folder `damaged`."""
    if (new := draft_of(settings.vault)).exists():
        for file in (settings.vault, settings.vault.with_name(f"{settings.vault.name}.wal")):
            if os.path.lexists(file):
                file.rename(damaged / file.name)
        put_in_place(new, settings.vault)


def read_people(settings: Settings, connection: duckdb.DuckDBPyConnection | None) -> People | None:
    """Return the vault of a data root; None if there is none and nothing is loaded yet. Nothing is changed.

    Args:
        settings: the data root.
        connection: a connection to its warehouse; None if it has none.

    Raises:
        PeopleError: the vault or its keys are missing, of another data root, or older than the warehouse.
        PrivateKeyError: a key file cannot be used.
    """
    noted = next_noted(connection) if connection else 1
    keys, erased = read_keys(settings.key_file), read_keys(settings.erased_key_file)
    if not settings.vault.exists():
        if noted > 1:
            raise VaultError(settings.vault, f"is missing, and rows hold surrogates below {noted:,}")
        return None
    try:
        with vault_connection(settings.vault, read_only=True) as vault:
            [(root, following, key_count, fingerprint)] = vault.execute("from vault.state").fetchall()
    except (DatabaseUnreadable, duckdb.Error, ValueError):
        raise VaultError(settings.vault, "is damaged") from None
    if connection and root != root_id(connection):
        raise VaultError(settings.vault, "is the vault of another data root")
    if following < noted:
        fault = f"is older than the warehouse: it ends before {following:,}, rows before {noted:,}"
        raise VaultError(settings.vault, fault)
    # A rotation that was killed has added a key that the pseudonyms are not hashed under yet.
    people = People(settings.vault, root, keys[:key_count], erased[0] if erased else b"")
    if people.fingerprint != fingerprint:
        missing = [file for file in (settings.key_file, settings.erased_key_file) if not file.exists()]
        what = f"{missing[0]} is missing" if missing else f"{settings.key_file} has other keys than the vault"
        raise PeopleError(
            f"{what}; everybody would get another surrogate. Nothing was done, and what was published stays. Restore "
            f"its copy: install -m 600 COPY_OF_THE_KEYS {in_shell(missing[0] if missing else settings.key_file)}"
        )
    return people


def next_noted(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the lowest surrogate that no load of the warehouse can hold."""
    [(following,)] = connection.execute("select coalesce(max(next_surrogate), 1) from audit.load").fetchall()
    return int(following)


def rewrite(
    people: People, *, keys: Sequence[bytes] = (), erase: Iterable[Erased] = (), used: pa.Table | None = None
) -> None:
    """Write the vault again as a new file and rename it, so that no deleted byte stays; in one step, however killed.

    Args:
        people: the vault; the caller holds the writer lock.
        keys: keys under which the pseudonyms are hashed again.
        erase: identifiers that are moved to the list of the erased.
        used: surrogates that rows hold, as column `surrogate`: other identifiers are removed; None: all are kept.
    """
    if people.file is None:
        raise ValueError("a vault in memory is not written")
    after = replace(people, keys=(*people.keys, *keys))
    # Opened and closed first: renaming over a file whose write-ahead log is still there would make it unreadable.
    with people.opened():
        pass
    draft = draft_of(people.file)
    draft.unlink(missing_ok=True)
    pseudonym = "pseudonym"
    for number in range(len(keys)):
        # Of 128 bits, the cast to text takes 900 times as long as the hexadecimal digits.
        pseudonym = _hmac(f"encode(hex({pseudonym}))", f"key_{number}")
    erase = list(erase)
    with vault_connection(draft) as connection:
        connection.execute(f"attach {literal(str(people.file))} as old (read_only); {_TABLES}")
        connection.execute(
            "insert into vault.state select root_id, next_surrogate, ?, ? from old.state",
            [len(after.keys), after.fingerprint],
        )
        connection.execute("insert into vault.erased from old.erased")
        for gone in erase:
            connection.execute(
                "insert into vault.erased select $1, $2, $3 where $2 not in (select surrogate from vault.erased)",
                list(gone),
            )
        if used:
            connection.register("used", used)
        connection.execute(
            f"""
            insert into vault.person
            select {pseudonym}, surrogate
            from old.person
            {"semi join used using (surrogate)" if used else ""}
            where surrogate not in (select surrogate from vault.erased)
            """,
            hmac_parameters("key", *keys),
        )
    put_in_place(draft, people.file, mode=0o600)


def _hmac(message: str, key: str) -> str:
    """Return SQL for the first 128 bits of HMAC-SHA-256 (RFC 2104) of a blob; the key is a parameter.

    RFC 2104, section 5, allows half of the bits; any collision among 10^12 identifiers has odds of 10^-15.
    """
    return f"cast('0x' || {hmac_digits(message, key)} as uhugeint)"


def hmac_digits(message: str, key: str) -> str:
    """Return SQL for the hexadecimal digits of such a hash; the caller sets `hmac_parameters`."""
    inner = f"unhex(sha256(${key}_inner || {message}))"
    return f"left(sha256(${key}_outer || {inner}), 32)"


def hmac_parameters(name: str, *keys: bytes) -> dict[str, object]:
    """Return the parameters of keys, which SQL names `NAME_0`, `NAME_1` and so on."""
    pads = {"inner": 0x36, "outer": 0x5C}
    return {
        f"{name}_{number}_{pad}": bytes(byte ^ value for byte in key.ljust(_BLOCK, b"\0"))
        for number, key in enumerate(keys)
        for pad, value in pads.items()
    }
