"""Give a data root a new pseudonym key, without changing its figures.

Every value is read again from the files of the landing folder, and its old pseudonym is replaced by its new one in
everything that the data root and its backups hold. Pseudonyms are replaced one for one, so rows stay equal where they
were equal.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from dagster_project.clock import utc_now
from dagster_project.contracts import CellType, Column, Contract
from dagster_project.contracts.model import normalised
from dagster_project.errors import OperatorError
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.reading import open_extract
from dagster_project.loading.pseudonyms import (
    PseudonymKey,
    copies_of_keys,
    earlier_key_file,
    earlier_keys,
    new_key,
    read_key,
    save_key,
)
from dagster_project.loading.suppression import add_pseudonyms, new_substitute, read_suppression, require_suppression
from dagster_project.privacy.changed_keys import ROTATION
from dagster_project.privacy.files import Kind, UnreadableFile, files_below, kind_of, noticing_damage
from dagster_project.privacy.findings import (
    missing_backups,
    pseudonyms_in_databases,
    register_values,
    require_whole,
    searched_files,
)
from dagster_project.privacy.person import keys_of, loads_by_key
from dagster_project.privacy.replacing import (
    UNWRITTEN,
    Replacement,
    delete_intent,
    not_written,
    record_manifests,
    replace_everywhere,
    write_intent,
)
from dagster_project.privacy.values import Values
from dagster_project.record.store import append_once
from dagster_project.recovery.history import save_history
from dagster_project.settings import Settings
from dagster_project.sql import literal, quoted, table
from dagster_project.warehouse.connection import WAREHOUSE, dry_connection, loading_connection
from dagster_project.warehouse.marts import REWRITTEN, rewrite_rows, rewriting_connection
from dagster_project.warehouse.tables import column_types, noted_personal_columns
from dagster_project.words import counted, listed_below, printable
from dagster_project.writing import write_whole

ACTION = ROTATION

_SHOWN = 10
_RESTORE_KEY = "A change of the key is not finished. Restore the copy of the key of before, then run: fcir run"


class ValuesMissing(OperatorError):
    """Loads have pseudonyms whose values are in no file of the landing folder."""


@dataclass(frozen=True)
class Rotation:
    """A finished change of the key."""

    key_id: str
    loads: int
    """Loads whose pseudonyms are of the new key."""
    kept: dict[str, int]
    """Loads that keep pseudonyms of an earlier key, by its id."""
    removed: tuple[str, ...]
    """Ids of the keys that no load uses any more; their files were removed."""
    unread: tuple[str, ...] = ()
    """Files, below the data root or in backups, that cannot be read and may still have pseudonyms of earlier keys."""
    foreign: tuple[str, ...] = ()
    """Backups of a warehouse that was loaded with a key that is not known here."""
    copies: tuple[str, ...] = ()
    """Files next to the key that have a key under another name."""

    def warnings(self) -> Iterator[str]:
        """Yield what a person has to look at, in words."""
        if self.unread:
            yield (
                f"{counted(len(self.unread), 'file')} cannot be read and may still have pseudonyms of the earlier key: "
                f"{', '.join(map(printable, self.unread))}. Delete them, or unpack and repair them and rotate again"
            )
        if self.copies:
            yield (
                f"{counted(len(self.copies), 'copy', 'copies')} of a key beside the current one, whose name is not its "
                f"id: {', '.join(map(printable, self.copies))}. Delete them if they are of a removed key"
            )
        if self.foreign:
            yield (
                f"{counted(len(self.foreign), 'copy', 'copies')} of a warehouse had pseudonyms of a key that is not "
                f"kept here, now replaced by random values: {', '.join(map(printable, self.foreign))}. Do not restore "
                "them, but make new copies"
            )


def rotate_key(
    settings: Settings, contracts: Mapping[str, Contract], *, reason: str, keep_missing: bool = False
) -> Rotation:
    """Make a new key and replace every pseudonym.

    Args:
        settings: the data root; the caller holds the writer lock and no connection.
        contracts: all contracts.
        reason: why, for the record.
        keep_missing: keep the old pseudonyms of values that no file of the landing folder has.

    Raises:
        ValuesMissing: a load has such values, and they are not to be kept. Nothing was changed.
        PseudonymKeyError: a key is missing or cannot be used.
        SuppressionError: the list of erased people is missing or cannot be used.
        DamagedStore: a part of the warehouse or the marts cannot be read. Nothing was changed.
    """
    require_whole(settings)
    with loading_connection(settings.warehouse) as connection:
        keys = keys_of(settings, connection)
        noted = noted_personal_columns(connection, WAREHOUSE)
        left = [
            (source, column)
            for source, column in noted
            if source in contracts
            and column not in {stated.name for stated in contracts[source].columns}
            and column in column_types(connection, WAREHOUSE, "raw", source)
        ]
    current, *_ = keys.values()
    key = PseudonymKey(new_key().secret, suppression=require_suppression(settings))
    pairs = _pairs(settings, contracts, noted, keys.values(), key)
    missing = missing_values(settings, contracts, pairs)
    if missing and not keep_missing:
        raise ValuesMissing(_refusal(missing))
    kept = {value for load in missing for value in load.values}
    # Rows that were withdrawn since are still in earlier publications; nothing needs to find them any more.
    others = _other_values(settings, contracts, {*pairs, *pairs.values(), *kept})
    random = {value: new_substitute() for value in others}
    pairs |= random
    save_key(earlier_key_file(settings.key_file, key.key_id), key)
    facts: dict[str, object] = {
        "key": key.key_id,
        "before": current.key_id,
        "fingerprints_before": [earlier.fingerprint for earlier in keys.values()],
        "fingerprint": key.fingerprint,
        "kept": [load.load_id for load in missing],
        "left_columns": left,
        "random": list(random.values()),
    }
    begun_at, backups = utc_now().isoformat(timespec="seconds"), list(map(str, settings.backups))
    replacement = Replacement(ACTION, reason, begun_at, pairs, facts, backups)
    # Who is on the list never gets a pseudonym under the new key.
    add_pseudonyms(settings.suppression, {}, [key.key_id])
    write_intent(settings, replacement)
    return finish_rotation(settings, replacement)


def finish_rotation(settings: Settings, replacement: Replacement) -> Rotation:
    """Do what a change of the key intended. It can be repeated after it was killed."""
    facts: Any = replacement.facts
    begun_at = datetime.fromisoformat(replacement.begun_at)

    def in_warehouse(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(
            """
            update audit.load
            set key_id = $key, pseudonyms_replaced_at = $at
            where key_id is not null and not list_contains(cast($kept as bigint[]), load_id)
            """,
            {"key": facts["key"], "at": begun_at.replace(tzinfo=None), "kept": facts["kept"]},
        )
        connection.execute("update audit.pseudonym_key set fingerprint = ?", [facts["fingerprint"]])
        # If the contract gets the column again, a random value would be one of a person that no file has. Rows that
        # were loaded without the column are null too.
        for source, column in facts.get("left_columns", ()):
            name = quoted(column)
            connection.execute(
                f"update {table('raw', source)} set {name} = null where {name} in (select unnest(?))", [facts["random"]]
            )

    values = Values(replacement.pairs)
    rewritten = replace_everywhere(settings, values, at=begun_at, in_warehouse=in_warehouse)
    not_renewed, foreign = _renew_backups(settings, facts, begun_at, passed_over=rewritten.unreadable)
    unread = tuple(str(file) for file in (*rewritten.unreadable, *not_renewed, *missing_backups(settings)))
    new, old = (earlier_key_file(settings.key_file, facts[name]) for name in ("key", "before"))
    if new.exists():
        # It is the new one already if a person has put it in place after this was killed.
        if not old.exists() and read_key(settings.key_file, _RESTORE_KEY).key_id == facts["before"]:
            write_whole(old, settings.key_file.read_bytes())
        new.replace(settings.key_file)
    with loading_connection(settings.warehouse) as connection:
        used = loads_by_key(connection)
    # A load that keeps pseudonyms may have some of any earlier key, since loading uses those that other loads keep.
    earlier = () if facts["kept"] else earlier_keys(settings.key_file)
    removed = tuple(key_id for key_id in earlier if key_id not in used)
    record_manifests(settings, rewritten.publications)
    detail = {"key": facts["key"], "before": facts["before"], "loads": used, "removed": list(removed)}
    detail |= {"unread": len(unread), "foreign": len(foreign)}
    append_once(settings, ACTION, unique="key", reason=replacement.reason, detail=detail)
    # Before the old key goes: a warehouse that is rebuilt from this copy has to fit a key that exists.
    save_history(settings)
    for key_id in removed:
        earlier_key_file(settings.key_file, key_id).unlink()
    delete_intent(settings)
    kept = {key: n for key, n in used.items() if key != facts["key"]}
    copies = tuple(map(str, copies_of_keys(settings.key_file)))
    return Rotation(facts["key"], used.get(facts["key"], 0), kept, removed, unread, tuple(map(str, foreign)), copies)


def _renew_backups(
    settings: Settings, facts: Mapping[str, Any], at: datetime, *, passed_over: Collection[Path]
) -> tuple[list[Path], list[Path]]:
    """Note the new key in copies of the warehouse: their pseudonyms are of the new key, and the old one may go.

    Args:
        settings: the data root.
        facts: those of the replacement.
        at: its time, UTC.
        passed_over: files that could not be read when pseudonyms were replaced.

    Returns:
        The copies that turned out to be damaged, and those of a warehouse that was loaded with an unknown key.
    """
    damaged, foreign = [], []
    for _, file in list(searched_files(settings)):
        if file in (settings.warehouse, settings.marts, *passed_over) or kind_of(file) is not Kind.DUCKDB:
            continue
        try:
            with noticing_damage(file):
                fingerprint = _renew_backup(settings, file, facts, at)
        except UnreadableFile:
            damaged.append(file)
            continue
        except UNWRITTEN as error:
            not_written(file, error)
            damaged.append(file)
            continue
        if fingerprint not in (None, facts["fingerprint"], *facts["fingerprints_before"]):
            foreign.append(file)
    return damaged, foreign


def _renew_backup(settings: Settings, file: Path, facts: Mapping[str, Any], at: datetime) -> str | None:
    """Note the new key in a copy of the warehouse with an old one; return the key that it had, None for no copy."""
    load, key = table("audit", "load"), table("audit", "pseudonym_key")
    with rewriting_connection(file, spill_at=settings.warehouse) as connection:
        connection.execute(f"attach {literal(str(file))} as copied (read_only)")
        columns = column_types(connection, "copied", "audit", "load")
        has_key = column_types(connection, "copied", "audit", "pseudonym_key")
        found = connection.execute(f"select fingerprint from copied.{key}").fetchall() if has_key else []
        connection.execute("detach copied")
        fingerprint: str | None = found[0][0] if found else None
        if fingerprint not in facts["fingerprints_before"]:
            return fingerprint
        rows: dict[str, tuple[str, list[object]]] = {key: ("select ?", [facts["fingerprint"]])}
        # Until 0.4: a copy of version 0.2 has one key for all loads.
        if {"key_id", "pseudonyms_replaced_at"} <= set(columns):
            is_kept = "key_id is null or list_contains(cast(? as bigint[]), load_id)"
            renewed = f"""
                select * replace (
                    case when {is_kept} then key_id else ? end as key_id,
                    case when {is_kept} then pseudonyms_replaced_at else ? end as pseudonyms_replaced_at
                )
                from {REWRITTEN}.{load}
            """
            kept = facts["kept"]
            rows[load] = (renewed, [kept, facts["key"], kept, at.replace(tzinfo=None)])
        rewrite_rows(connection, file, rows)
        return fingerprint


def _pairs(
    settings: Settings,
    contracts: Mapping[str, Contract],
    noted: Sequence[tuple[str, str]],
    keys: Iterable[PseudonymKey],
    key: PseudonymKey,
) -> dict[str, str]:
    """Return each pseudonym under the old keys, with the new one, of all values in the landing folder."""
    pairs: dict[str, str] = {}
    with dry_connection() as connection:
        for cells in personal_cells(settings, contracts, noted):
            new = key.pseudonyms(connection, cells).drop_null().to_pylist()
            for old in keys:
                pairs |= zip(old.pseudonyms(connection, cells).drop_null().to_pylist(), new, strict=True)
    return pairs


def with_columns(contract: Contract, noted: Iterable[tuple[str, str]]) -> Contract:
    """Return a contract with the personal columns that it does not have any more, so that files are read for them.

    Args:
        contract: the contract.
        noted: source and name of the columns. One whose name means another column now is read as that one.
    """
    known = {name for column in contract.columns for name in column.names}
    left = [name for source, name in noted if source == contract.source and normalised(name) not in known]
    columns = (Column(name, CellType.TEXT, "", is_personal=True) for name in left)
    return replace(contract, columns=(*contract.columns, *columns))


def personal_cells(
    settings: Settings, contracts: Mapping[str, Contract], noted: Sequence[tuple[str, str]]
) -> Iterator[pa.ChunkedArray]:
    """Yield the different texts of each personal column of each extract in the landing folder, piece by piece.

    Args:
        settings: the data root.
        contracts: all contracts.
        noted: source and name of the columns that are noted as personal, also those that have left their contract.
    """
    for source, contract in contracts.items():
        widened = with_columns(contract, noted)
        for file in files_below(settings.landing / source) if _personal_columns(widened) else ():
            # A file may have two columns with the name of one that has left the contract, which loading passes over.
            for tried in (widened, contract):
                try:
                    with open_extract(file, tried) as extract:
                        for batch in extract.batches():
                            for name in _personal_columns(tried):
                                yield pa.chunked_array([batch.column(name).unique()])
                    break
                except UnreadableExtract:
                    continue


def _personal_columns(contract: Contract) -> list[str]:
    return [column.name for column in contract.columns if column.is_personal]


@dataclass(frozen=True)
class IncompleteLoad:
    """A load with values that are in no file."""

    load_id: int
    name: str
    values: frozenset[str]


def missing_values(
    settings: Settings,
    contracts: Mapping[str, Contract],
    pseudonyms: Iterable[str],
    *,
    keys: Collection[str] | None = None,
) -> list[IncompleteLoad]:
    """Return the loads with a pseudonym that no value of the landing folder has; substitutes of erased people are none.

    Args:
        settings: the data root; the caller holds the writer lock and no connection.
        contracts: all contracts.
        pseudonyms: those of the values of the landing folder, under every key.
        keys: ids of the keys whose loads are looked at; None: all.
    """
    suppression = read_suppression(settings.suppression)
    known = set(pseudonyms) | ({entry.substitute for entry in suppression.entries.values()} if suppression else set())
    found: dict[tuple[int, str], set[str]] = {}
    with loading_connection(settings.warehouse) as connection:
        register_values(connection, known)
        for source, contract in contracts.items():
            present = column_types(connection, WAREHOUSE, "raw", source)
            for column in (quoted(name) for name in _personal_columns(contract) if name in present):
                rows = connection.execute(
                    f"""
                    select
                        load.load_id,
                        load.source || '/' || load.file_name,
                        list(distinct rows.{column})
                    from {table("raw", source)} as rows
                    inner join audit.load as load on rows.load_id = load.load_id
                    where
                        rows.{column} is not null
                        and rows.{column} not in (select value from known_value)
                        -- Of a load of an earlier version, it is null: that of the current key.
                        and (load.key_id is null or list_contains(coalesce($keys, [load.key_id]), load.key_id))
                    group by all
                    """,
                    {"keys": None if keys is None else list(keys)},
                ).fetchall()
                for load_id, name, values in rows:
                    found.setdefault((load_id, name), set()).update(values)
    return [IncompleteLoad(load_id, name, frozenset(values)) for (load_id, name), values in sorted(found.items())]


def incomplete_lines(missing: Sequence[IncompleteLoad]) -> str:
    """Return the lines that name loads with the number of their values, for a message."""
    return listed_below([f"{load.name}: {counted(len(load.values), 'value')}" for load in missing], _SHOWN)


def _refusal(missing: Sequence[IncompleteLoad]) -> str:
    return (
        f"{counted(len(missing), 'load')} have values that no file of the landing folder has, so that their pseudonyms "
        f"cannot be made again. Nothing was changed.{incomplete_lines(missing)}\nPut the files back, or let "
        'these values keep their pseudonyms and the key: fcir keys rotate --keep-missing --reason "..."'
    )


def _other_values(settings: Settings, contracts: Mapping[str, Contract], known: set[str]) -> set[str]:
    """Return pseudonyms in any database of the data root and the backups that are not among the known ones."""
    suppression = read_suppression(settings.suppression)
    known |= {entry.substitute for entry in suppression.entries.values()} if suppression else set()
    return pseudonyms_in_databases(settings, contracts, "{} not in (select value from known_value)", known)
