"""Check files before they are delivered (`fcir check`), without changing the installation.

The files are read into an in-memory warehouse with the audit history of their source, and judged by the code that a
run uses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from dagster_project.clock import days_between, london_today
from dagster_project.contracts import CellType, Contract
from dagster_project.contracts.model import time_of_day_of
from dagster_project.errors import UsageError
from dagster_project.extracts.cells import looks_personal, shown_text
from dagster_project.extracts.limits import LARGEST_EXTRACT
from dagster_project.extracts.reading import open_extract
from dagster_project.hashing import sha256_of
from dagster_project.loading.landing import LandedFile, extract_dates_of, scan_landing
from dagster_project.loading.plan import ACCEPTED, Delivery
from dagster_project.settings import Settings
from dagster_project.sql import quoted, rows_as_dicts, table
from dagster_project.warehouse.connection import DatabaseUnreadable, dry_connection, insert_rows
from dagster_project.warehouse.lock import WarehouseLocked
from dagster_project.warehouse.state import last_load, purged_before, reading_audit
from dagster_project.warehouse.tables import ensure_tables, incoming
from dagster_project.words import printable

if TYPE_CHECKING:
    from dagster_project.loading.candidate import FileLoad
    from dagster_project.loading.verdicts import Verdict

# Codes of expectations that compare events with the extract date.
_OF_DATES = ("events_outside_day", "repeated_day")

# What stands in place of a personal cell, and SQL of how a value is shown, from its text.
_PERSONAL = "(personal)"
_SHOWN = {CellType.TIMESTAMP: "{} || ' UTC'", CellType.SECONDS: "rtrim(rtrim({}, '0'), '.') || ' s'"}

_NOT_COMPARED = "volume, faulty rows of other days, copies of other days, new forces and silent columns"


@dataclass(frozen=True)
class CheckedFile:
    """The result that a run would have for a file."""

    path: Path
    load: FileLoad
    reasons: tuple[tuple[str, int], ...]
    """Reason codes of quarantined rows, with the number of rows for each."""
    rows: tuple[tuple[int, int, str, str, str], ...]
    """The first different reasons: their first row in the file, how many others have them, column, code, reason."""
    first_rows: tuple[tuple[int, str, str, str], ...] = ()
    """Cells of the first rows, of the first file that is read: row, column, text in the file, what is loaded of it."""


@dataclass(frozen=True)
class CheckedDelivery:
    """The verdict that a run would reach on all files of a source and day."""

    contract: Contract
    extract_date: date
    verdict: Verdict
    files: tuple[CheckedFile, ...]
    """The files named by the caller."""
    skipped: tuple[tuple[str, str], ...]
    """Named files that a run skips, each with the file that has the same content."""
    others: tuple[str, ...]
    """Files of the same day in the landing folder, which a run loads together with the named files."""
    facts: Mapping[str, Any]
    """Its row of the deliveries table; empty if a file cannot be read."""
    rows_of_days: tuple[int, int] | None
    """Rows read and faulty rows of the 28 days up to this one; None if a file cannot be read."""
    is_replacement: bool
    """Whether another delivery is loaded for the day."""
    is_loaded: bool
    """Whether exactly these files are loaded for the day, so that a run has nothing to do."""
    is_compared: bool
    """Whether there is history to compare with."""
    notes: tuple[str, ...]
    """Comparisons that were not possible, with the reason."""


def check_deliveries(
    settings: Settings, contract: Contract, paths: Sequence[Path], *, shown: int, compared: int = 0
) -> list[CheckedDelivery]:
    """Read files as a run would, in memory and with a one-time key, and judge their deliveries.

    Args:
        settings: the installation, with the default force, the loaded deliveries and the landing folder.
        contract: the source of the files.
        paths: the extracts; all extracts of one day form one delivery.
        shown: how many quarantined rows to return for each file.
        compared: how many of the first rows of one file to return, as delivered and as loaded.

    Returns:
        The deliveries, oldest first.

    Raises:
        UsageError: a file was removed or written to while it was read.
    """
    from dagster_project.loading.candidate import read_deliveries
    from dagster_project.loading.people import dry_people
    from dagster_project.loading.verdicts import judge
    from dagster_project.validation import count_violations

    named, undated = _by_day(contract, paths)
    skipped = {day: _without_copies(files) for day, files in named.items()}
    others = _others(settings, contract, {day: files for day, files in named.items() if day not in undated})
    deliveries = [
        Delivery(contract.source, day, tuple(sorted([*files, *others.get(day, [])], key=lambda file: file.order)), ())
        for day, files in sorted(named.items())
    ]
    with dry_connection() as connection:
        ensure_tables(connection, [contract])
        not_compared = _copy_history(settings, connection, contract, list(named))
        notes = [not_compared] if not_compared else []
        purged = purged_before(connection).get(contract.source, date.min)
        notes += [
            f"{day} is past its retention: detail before {purged} was purged, and a run does not load it"
            for day in sorted(named)
            if day < purged
        ]
        candidate = read_deliveries(
            connection,
            contract,
            deliveries,
            # Never saved, so no two dry runs have the same.
            people=dry_people(),
            default_force=settings.force,
            load_ids=count(last_load(connection) + 1),
            shows_text=True,
        )
        if candidate.changed_files:
            name = printable(str(candidate.changed_files[0].path))
            raise UsageError(
                f"{name}: was removed or written to while it was read; nothing was checked. Check it again when it is "
                "there and complete"
            )
        violations = count_violations(contract, connection)
        if undated:
            notes.append("a name has no extract date: it was judged as one of today, its dates were not compared")
            violations = tuple(item for item in violations if item.expectation.code not in _OF_DATES)
        judgement = judge(connection, candidate, violations)
        loads = iter(candidate.files)
        of_day = {delivery.extract_date: {file.path: next(loads) for file in delivery.files} for delivery in deliveries}
        # A file of history has a load for each day. One file shows how they are read; many would hide a rejection.
        read = (
            (
                path,
                _first_rows(connection, contract, path, [of[path] for of in of_day.values() if path in of], compared),
            )
            for path in dict.fromkeys(file.path for delivery in deliveries for file in named[delivery.extract_date])
        )
        first_rows = dict([next(((path, cells) for path, cells in read if cells), (Path(), ()))])
        checked = []
        for delivery in deliveries:
            day = delivery.extract_date
            of_path = of_day[day]
            standing = _standing(connection, contract, day)
            checked.append(
                CheckedDelivery(
                    contract,
                    day,
                    judgement.verdicts[day],
                    tuple(
                        replace(
                            _checked_file(connection, contract, file.path, of_path[file.path], shown),
                            first_rows=first_rows.pop(file.path, ()),
                        )
                        for file in named[day]
                    ),
                    skipped[day],
                    tuple(file.name for file in others.get(day, [])),
                    judgement.facts.get((day, None), {}),
                    judgement.rows_of_days.get(day),
                    is_replacement=bool(standing),
                    is_loaded={load.sha256 for load in of_path.values()} <= standing,
                    is_compared=not not_compared,
                    notes=tuple(notes),
                )
            )
    return checked


def _by_day(contract: Contract, paths: Sequence[Path]) -> tuple[dict[date, list[LandedFile]], set[date]]:
    """Return the files by extract date, and the days of files whose names have none: they count as today's."""
    named: dict[date, list[LandedFile]] = {}
    undated: set[date] = set()
    for path in dict.fromkeys(paths):
        # The status of a link itself: reading rejects links, as loading does.
        status = path.lstat()
        days = extract_dates_of(path.name, contract.source, contract.extract_date_offset)
        if days is None:
            days = (london_today(),) * 2
            undated.add(days[0])
        span = days if days[0] < days[1] else None
        for day in days_between(*days):
            landed = LandedFile(contract.source, day, path, status.st_size, status.st_mtime_ns, span=span)
            named.setdefault(day, []).append(landed)
    return named, undated


def _others(
    settings: Settings, contract: Contract, named: Mapping[date, Sequence[LandedFile]]
) -> dict[date, list[LandedFile]]:
    """Return the landed files of the same days, except those with the name or content of a named file.

    A file of a day replaces the day of a file of history, and the other way about: a run never loads both for a day.
    """
    others: dict[date, list[LandedFile]] = {}
    if not named or not (settings.landing / contract.source).is_dir():
        return others
    landing = scan_landing(settings, {contract.source: contract}, quiet_seconds=0)
    for file in landing.files:
        mine = named.get(file.extract_date, ())
        if any(file.span != own.span and not (file.is_late or own.is_late) for own in mine):
            continue
        if mine and all(file.path.name != own.path.name for own in mine) and _hash(file) not in map(_hash, mine):
            others.setdefault(file.extract_date, []).append(replace(file, published_name=None))
    return others


def _without_copies(files: list[LandedFile]) -> tuple[tuple[str, str], ...]:
    """Remove files with the content of another from a list; return their names, each with the name of the other."""
    first_with: dict[str, LandedFile] = {}
    copies = []
    for file in sorted(files, key=lambda file: file.order):
        first = first_with.setdefault(_hash(file), file)
        if first is not file:
            copies.append((file.name, first.name))
    files[:] = [file for file in files if file in first_with.values()]
    return tuple(copies)


def _hash(file: LandedFile) -> str:
    return _hash_of(file.path, file.state)


@cache
def _hash_of(path: Path, _: tuple[int, int, int]) -> str:
    """Return the hash of a file in a state, which is asked for each day of a file of history."""
    try:
        return sha256_of(path, largest=LARGEST_EXTRACT)
    except OSError:
        return str(path)


def _copy_history(
    settings: Settings, connection: duckdb.DuckDBPyConnection, contract: Contract, days: Sequence[date]
) -> str | None:
    """Copy the audit history of the source; return why nothing can be compared, or None if there is history."""
    from dagster_project.loading.delivery_facts import VOLUME_DAYS_AT_MOST

    try:
        with reading_audit(settings.warehouse, settings.lock_file) as warehouse:
            if warehouse is None:
                return f"nothing is loaded yet; not compared: {_NOT_COMPARED}"
            of_source = "source = $source"
            recent = (
                "load_id in (select load_id from audit.load where source = $source and extract_date >= $since "
                "and list_contains($accepted, status))"
            )
            conditions = {
                **dict.fromkeys(("load", "waiver", "purge"), of_source),
                **dict.fromkeys(("quarantine", "load_column", "load_force"), recent),
            }
            # Of all comparisons, that of volumes looks back furthest.
            since = min(days) - timedelta(days=VOLUME_DAYS_AT_MOST)
            parameters = {"source": contract.source, "since": since, "accepted": list(ACCEPTED)}
            copied = {name: _rows(warehouse, name, condition, parameters) for name, condition in conditions.items()}
    except (WarehouseLocked, DatabaseUnreadable) as error:
        return f"{str(error).rstrip('.')}; not compared: {_NOT_COMPARED}"
    for name, rows in copied.items():
        insert_rows(connection, table("audit", name), rows)
    return None if copied["load"] else f"nothing of {contract.source} is loaded yet; not compared: {_NOT_COMPARED}"


def _rows(
    connection: duckdb.DuckDBPyConnection, name: str, condition: str, parameters: Mapping[str, object]
) -> list[dict[str, object]]:
    """Return rows of an audit table; the condition may use only some of the parameters."""
    used = {key: value for key, value in parameters.items() if f"${key}" in condition}
    return rows_as_dicts(connection.execute(f"select * from {table('audit', name)} where {condition}", used))


def _standing(connection: duckdb.DuckDBPyConnection, contract: Contract, day: date) -> set[str | None]:
    """Return the hashes of the files that are loaded for a day."""
    found = connection.execute(
        "select file_sha256 from audit.load where source = ? and extract_date = ? and list_contains(?, status)",
        [contract.source, day, list(ACCEPTED)],
    ).fetchall()
    return {sha256 for (sha256,) in found}


def _checked_file(
    connection: duckdb.DuckDBPyConnection, contract: Contract, path: Path, load: FileLoad, shown: int
) -> CheckedFile:
    quarantine = incoming(contract, "quarantine")
    reasons = connection.execute(
        f"""
        select reason_code, count(*)
        from {quarantine}
        where load_id = ?
        group by reason_code
        order by count(*) desc, reason_code
        """,
        [load.load_id],
    ).fetchall()
    rows = connection.execute(
        f"""
        select min(source_row), count(*) - 1, coalesce(column_name, ''), reason_code, reason
        from {quarantine}
        where load_id = ?
        group by column_name, reason_code, reason
        order by 1
        limit ?
        """,
        [load.load_id, shown],
    ).fetchall()
    return CheckedFile(path, load, tuple(reasons), tuple(rows))


def _first_rows(
    connection: duckdb.DuckDBPyConnection, contract: Contract, path: Path, loads: Sequence[FileLoad], count: int
) -> tuple[tuple[int, str, str, str], ...]:
    """Return the cells of the first rows of a file as delivered and as loaded; no personal one by its value."""
    if any(load.error for load in loads) or not any(load.rows_read for load in loads) or not count:
        return ()
    with open_extract(path, contract) as extract:
        delivered = next(extract.batches(is_translated=False)).slice(0, count)
    texts = []
    for column in contract.cells:
        hides = f"{quoted(column.name)} is not null" if column.is_personal else looks_personal(column)
        texts.append(f"case when {hides} then '{_PERSONAL}' else {shown_text(quoted(column.name))} end")
    values = [
        f"case when {quoted(column.name)} is not null then '{_PERSONAL}' end"
        if column.is_personal
        else _SHOWN.get(column.cell_type, "{}").format(f"cast({quoted(column.name)} as varchar)")
        for column in contract.columns
    ]
    connection.register("delivered", delivered)
    raw = connection.execute(f"select source_row, {', '.join(texts)} from delivered order by source_row").fetchall()
    connection.unregister("delivered")
    of_rows = f"select source_row, {', '.join(values)} from {incoming(contract)}"
    of_rows += " where list_contains(cast(? as bigint[]), load_id) and source_row <= ?"
    of_file = connection.execute(of_rows, [[load.load_id for load in loads], raw[-1][0]]).fetchall()
    loaded = {number: cells for number, *cells in of_file}
    found = []
    for number, *cells in raw:
        text_of = {column.name: text for column, text in zip(contract.cells, cells, strict=True)}
        for column, value in zip(contract.columns, loaded.get(number, ["not loaded"] * len(values)), strict=True):
            text = " + ".join(filter(None, (text_of[column.name], text_of.get(time_of_day_of(column)))))
            if text or (value is not None and number in loaded):
                found.append((number, column.name, text, value or ""))
    return tuple(found)
