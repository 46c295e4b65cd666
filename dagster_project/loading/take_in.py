"""Take in the loads of the members of a hub. A hub does this instead of loading files.

A member loads, judges and pseudonymises its own deliveries. The hub compares the member's loads with its copy of them
and takes over what differs, by source and member in one transaction, so that a run may be killed at any instant and
repeated. Figures, tests and publications of a hub come from the same tables as those of any data root.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.clock import utc_now
from dagster_project.contracts import Contract
from dagster_project.loading.acceptance import DeliveryOutcome, next_change
from dagster_project.loading.candidate import FileLoad
from dagster_project.loading.corrections import Correction
from dagster_project.loading.members import (
    MEMBER,
    NUMBERING,
    PATIENCE_SECONDS,
    STATUS,
    TABLES_OF_LOADS,
    MemberLeftOut,
    admit,
    changed_loads,
    prepare_hub,
    reading_member,
    require_same_privacy_there,
    require_same_time,
    require_taken_over,
)
from dagster_project.loading.report import SourceReport
from dagster_project.settings import Settings
from dagster_project.sql import quoted, table
from dagster_project.warehouse.connection import (
    WAREHOUSE,
    insert_rows,
    loading_connection,
    spilling_connection,
    transaction,
)
from dagster_project.warehouse.state import newest_attempts
from dagster_project.warehouse.tables import column_types, note_personal_columns, noted_personal_columns
from dagster_project.words import counted, in_shell


def take_in_source(settings: Settings, contracts: Mapping[str, Contract], source: str, *, run_id: str) -> SourceReport:
    """Take in the loads of one source from every member. The caller must hold the writer lock.

    A member that is busy, missing, damaged or does not fit is left out with a warning, which `audit.member` keeps; the
    other members are taken in.

    Args:
        settings: the hub.
        contracts: all contracts.
        source: the source to take in.
        run_id: Dagster run.

    Returns:
        The deliveries that were taken in and those that are rejected, with one warning for each problem of a run.

    Raises:
        UsageError: there are files in the landing folder of the hub.
        RootMismatch: the data root has loads of its own.
        TableMismatch: a raw table of the hub does not fit its contract.
    """
    prepare_hub(settings, contracts)
    loads: list[int] = []
    corrections: dict[tuple[int, date], Correction] = {}
    warnings: list[str] = []
    # Rows of members contain pseudonyms only, so they may be spilled to disk.
    with spilling_connection(settings.warehouse) as connection:
        for folder in settings.members:
            known = _problem_of_run(connection, folder, run_id)
            try:
                # A member that was waited for is not waited for again in the run.
                with reading_member(connection, settings, folder, patience=0.0 if known else PATIENCE_SECONDS):
                    root = admit(connection, settings, contracts, folder)
                    require_same_time(connection, settings, folder, [contracts[source]])
                    require_same_privacy_there(connection, folder, [contracts[source]])
                    require_taken_over(connection, settings, folder)
                    columns = _align_columns(connection, contracts[source])
                    with transaction(connection):
                        taken = _take_in(connection, contracts[source], columns, folder, root, run_id)
                        again = _purge_again(connection, settings, contracts, source, folder)
                    warnings += [*again, *_purged_before(connection, source, folder)]
            except MemberLeftOut as left_out:
                _record(connection, folder, source, run_id, problem=str(left_out))
                if str(left_out) != known:
                    warnings.append(f"member {folder} is left for the next run: {left_out}")
            else:
                loads += taken[0]
                corrections |= taken[1]
    with loading_connection(settings.warehouse) as connection:
        deliveries = _deliveries(connection, source, loads, corrections)
        missing = connection.execute(
            "select distinct extract_date from audit.load where source = ? and status = 'missing_delivery' order by 1",
            [source],
        ).fetchall()
    return SourceReport(source, tuple(deliveries), (), tuple(day for (day,) in missing), tuple(warnings))


def _align_columns(connection: duckdb.DuckDBPyConnection, contract: Contract) -> list[str]:
    """Add columns to a raw table that only the member has, personal ones noted as such; return those of the member.

    Raises:
        MemberLeftOut: a column has another type there.
    """
    ours, theirs = (column_types(connection, catalog, "raw", contract.source) for catalog in (WAREHOUSE, MEMBER))
    unlike = [
        f"{name} is {kind} there and {ours[name]} here" for name, kind in theirs.items() if ours.get(name, kind) != kind
    ]
    if unlike:
        raise MemberLeftOut(
            f"raw.{contract.source} is of another contract: {'; '.join(unlike)}. Use one version of expectations/ for "
            "all data roots"
        )
    for name, kind in theirs.items():
        if name not in ours:
            connection.execute(f"alter table {table('raw', contract.source)} add column {quoted(name)} {kind}")
    # A contract may know a column by another name, or not yet: without a note, its pseudonyms would be clear values.
    noted = noted_personal_columns(connection, MEMBER)
    note_personal_columns(connection, contract.source, [name for source, name in noted if source == contract.source])
    return list(theirs)


def _take_in(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    raw_columns: Collection[str],
    folder: Path,
    root: int,
    run_id: str,
) -> tuple[list[int], dict[tuple[int, date], Correction]]:
    """Take over what differs between the attached member and the hub for one source; the caller holds a transaction.

    Returns:
        The new loads, and the new corrections by root and day.

    Raises:
        MemberLeftOut: the member has not as many rows as its audit says.
    """
    source, about = contract.source, {"source": contract.source, "root": root}
    columns = list(column_types(connection, WAREHOUSE, "audit", "load"))
    connection.execute(
        f"create or replace temp table changed_load as {changed_loads(columns)}", {"sources": [source], "root": root}
    )
    of_corrections = [
        name for name in column_types(connection, WAREHOUSE, "audit", "correction") if name != "change_seq"
    ]
    _find_new_corrections(connection, of_corrections, about)
    # One thread, as in reading files: several threads write row groups that are not full.
    connection.execute("set threads = 1")
    _number_changes(connection)
    _delete_loads(connection, source)
    connection.execute(
        f"""
        update {WAREHOUSE}.audit.load as ours
        set
            {", ".join(f"{name} = theirs.{name}" for name in STATUS)},
            change_seq = change_number.change_seq
        from {MEMBER}.audit.load as theirs, changed_load, change_number
        where
            ours.load_id = theirs.load_id
            and ours.load_id = changed_load.load_id
            and changed_load.kind = 'status'
            and change_number.member_change = changed_load.member_change
        """
    )
    _insert_loads(connection, source, columns, raw_columns)
    _insert_corrections(connection, of_corrections, about)
    _replace_expectation_results(connection, about)
    _record(connection, folder, source, run_id, root=root)
    new = connection.execute("select load_id from changed_load where kind in ('new', 'other')").fetchall()
    return [load for (load,) in new], _new_corrections(connection)


def _number_changes(connection: duckdb.DuckDBPyConnection) -> None:
    """Give the member's changes numbers of the hub, in their order, so that two corrections of a day keep theirs."""
    connection.execute(
        """
        create or replace temp table change_number as
        select
            member_change,
            $next - 1 + dense_rank() over (order by member_change) as change_seq
        from (
            select member_change from changed_load where kind <> 'gone'
            union
            select change_seq from new_correction
        )
        """,
        {"next": next_change(connection)},
    )


def _purge_again(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    contracts: Mapping[str, Contract],
    source: str,
    folder: Path,
) -> list[str]:
    """Delete rows that a member has delivered again and the hub has purged; return a warning if there are any."""
    if not connection.execute("select 1 from audit.purge where source = ?", [source]).fetchall():
        return []
    # Imported here: it reads published files too, which taking in does without.
    from dagster_project.privacy.purged_rows import purge_again

    (plan,) = purge_again(connection, settings, contracts, source=source, at=utc_now().replace(tzinfo=None))
    if not plan.rows:
        return []
    return [
        f"member {folder} has {counted(plan.rows, 'row')} of {source}, of {counted(plan.days, 'extract date')}, that "
        f"were purged here (before {plan.purged_before}). They are not taken in again, and figures stay. To purge them "
        f"there: FCIR_HOME={in_shell(folder)} fcir purge"
    ]


def _purged_before(connection: duckdb.DuckDBPyConnection, source: str, folder: Path) -> list[str]:
    """Return a warning if rows of the loads that were just taken in had been purged by the member."""
    ((rows, first_day, last_day),) = connection.execute(
        """
        select
            coalesce(sum(load.rows_not_taken_in), 0),
            min(load.extract_date),
            max(load.extract_date)
        from audit.load as load
        inner join changed_load on load.load_id = changed_load.load_id
        where
            changed_load.kind in ('new', 'other')
            and load.status = 'loaded'
            and load.rows_not_taken_in > 0
        """
    ).fetchall()
    if not rows:
        return []
    return [
        f"member {folder} had purged {counted(int(rows), 'row')} of {source} from {first_day} to {last_day} before "
        "they were taken in: figures of these days are incomplete here. To have them, restore the member from its "
        "backup, run the hub, and purge the member again"
    ]


def _delete_loads(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    """Delete loads that the member no longer has, or that another load has taken the number of."""
    deleted = "load_id in (select load_id from changed_load where kind in ('gone', 'other'))"
    ((accepted,),) = connection.execute(
        "select count(*) from changed_load where kind in ('gone', 'other') and was_accepted"
    ).fetchall()
    if accepted:
        connection.execute(f"delete from {table('raw', source)} where {deleted}")
        # The member was restored or reloaded. No pending load names the rows that are gone, so everything is rebuilt.
        connection.execute("delete from audit.build_started")
    for name in (*TABLES_OF_LOADS, "load_checksum", "load"):
        connection.execute(f"delete from {table('audit', name)} where {deleted}")


def _insert_loads(
    connection: duckdb.DuckDBPyConnection, source: str, columns: Sequence[str], raw_columns: Collection[str]
) -> None:
    new = "load_id in (select load_id from changed_load where kind in ('new', 'other'))"
    with_rows = f"{new} and load_id in (select load_id from {MEMBER}.audit.load where status in ('loaded', 'replaced'))"
    if raw_columns:
        names = ", ".join(map(quoted, raw_columns))
        raw = table("raw", source)
        ((rows,),) = connection.execute(
            f"insert into {raw} ({names}) select {names} from {MEMBER}.{raw} where {with_rows}"
        ).fetchall()
        has_rows = f"load_id in (select load_id from {MEMBER}.{raw})"
    else:
        rows, has_rows = 0, "rows_loaded > 0"
    ((expected,),) = connection.execute(
        f"""
        select cast(coalesce(sum(rows_loaded - coalesce(rows_purged, 0)), 0) as bigint)
        from {MEMBER}.audit.load
        where
            {new}
            and (
                status = 'loaded'
                -- A rebuilt member has no rows of replaced loads.
                or (status = 'replaced' and {has_rows})
            )
        """
    ).fetchall()
    if rows != expected:
        raise MemberLeftOut(
            f"raw.{source} has {counted(rows, 'row')} of loads that its audit says have {expected:,}. What was taken "
            "in before stays. Restore it from its backup"
        )
    for name in TABLES_OF_LOADS:
        names = ", ".join(column_types(connection, WAREHOUSE, "audit", name))
        connection.execute(f"insert into audit.{name} ({names}) select {names} from {MEMBER}.audit.{name} where {new}")
    kept = [column for column in columns if column not in (*NUMBERING, "rows_not_taken_in")]
    connection.execute(
        f"""
        insert into audit.load ({", ".join(kept)}, rows_not_taken_in, {", ".join(NUMBERING)})
        select
            {", ".join(f"theirs.{name}" for name in kept)},
            coalesce(theirs.rows_purged, 0),
            change_number.change_seq,
            change_number.change_seq
        from {MEMBER}.audit.load as theirs
        inner join changed_load on theirs.load_id = changed_load.load_id
        inner join change_number on changed_load.member_change = change_number.member_change
        where changed_load.kind in ('new', 'other')
        """
    )


def _same(columns: Sequence[str]) -> str:
    """Return the condition that a row of the member and one of the hub have the same values."""
    return " and ".join(f"theirs.{name} is not distinct from ours.{name}" for name in columns)


def _find_new_corrections(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[str], about: Mapping[str, object]
) -> None:
    """Create the temporary table `new_correction` of the member's corrections that the hub does not have."""
    connection.execute(
        f"""
        create or replace temp table new_correction as
        select *
        from {MEMBER}.audit.correction as theirs
        where
            source = $source
            and root_number = $root
            and not exists (
                select 1
                from {WAREHOUSE}.audit.correction as ours
                where {_same(columns)}
            )
        """,
        about,
    )


def _new_corrections(connection: duckdb.DuckDBPyConnection) -> dict[tuple[int, date], Correction]:
    """Return the new corrections by root and day."""
    corrections = connection.execute(
        """
        select
            root_number,
            extract_date,
            rows_before,
            rows_after,
            rows_added,
            rows_removed,
            rows_changed,
            changed_columns
        from new_correction
        order by change_seq
        """
    ).fetchall()
    return {
        (number, day): Correction(day, before, after, added, removed, changed, _changed_columns(columns))
        for number, day, before, after, added, removed, changed, columns in corrections
    }


def _insert_corrections(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[str], about: Mapping[str, object]
) -> None:
    """Insert new corrections, and delete those that the member no longer has."""
    connection.execute(
        f"""
        delete from {WAREHOUSE}.audit.correction as ours
        where
            source = $source
            and root_number = $root
            and not exists (
                select 1
                from {MEMBER}.audit.correction as theirs
                where {_same(columns)}
            )
        """,
        about,
    )
    names = ", ".join(columns)
    connection.execute(
        f"""
        insert into audit.correction ({names}, change_seq)
        select
            {", ".join(f"new_correction.{name}" for name in columns)},
            change_number.change_seq
        from new_correction
        inner join change_number on new_correction.change_seq = change_number.member_change
        """
    )


def _replace_expectation_results(connection: duckdb.DuckDBPyConnection, about: Mapping[str, object]) -> None:
    """Take over the results of validations that are new; those of a run have one time of validation."""
    names = ", ".join(column_types(connection, WAREHOUSE, "audit", "expectation_result"))
    of_root = "source = $source and root_number = $root"
    ours, theirs = (f"{catalog}.audit.expectation_result" for catalog in (WAREHOUSE, MEMBER))
    validations = f"(run_id, validated_at) not in (select (run_id, validated_at) from {{}} where {of_root})"
    connection.execute(f"delete from {ours} where {of_root} and {validations.format(theirs)}", about)
    connection.execute(
        f"""
        insert into {ours} ({names})
        select {names}
        from {theirs}
        where {of_root} and {validations.format(ours)}
        """,
        about,
    )


def _problem_of_run(connection: duckdb.DuckDBPyConnection, folder: Path, run_id: str) -> str | None:
    """Return why this run has already left out a member; None if it has not."""
    found = connection.execute(
        "select max(problem) from audit.member where folder = ? and run_id = ?", [str(folder), run_id]
    ).fetchall()
    problem: str | None = found[0][0]
    return problem


def _record(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    source: str,
    run_id: str,
    *,
    root: int | None = None,
    problem: str | None = None,
) -> None:
    """Record that a source of a member was taken in, or why it was left out; the last success stays known."""
    key = [str(folder), source]
    before = connection.execute(
        "select root_number, taken_in_at from audit.member where folder = ? and source = ?", key
    ).fetchall()
    connection.execute("delete from audit.member where folder = ? and source = ?", key)
    success: tuple[Any, Any] = (root, utc_now().replace(tzinfo=None))
    number, at = success if problem is None else (before[0] if before else (None, None))
    row = {"folder": key[0], "source": source, "root_number": number, "taken_in_at": at, "problem": problem}
    insert_rows(connection, table("audit", "member"), [row | {"run_id": run_id}])


def _changed_columns(text: str | None) -> tuple[tuple[str, int], ...]:
    """Return the counts that `Correction.columns_in_words` put in words."""
    found = [part.rsplit(" ", 1) for part in (text or "").split(", ") if part]
    return tuple((name, int(count)) for name, count in found)


def _deliveries(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    loads: Collection[int],
    corrections: Mapping[tuple[int, date], Correction],
) -> list[DeliveryOutcome]:
    """Return the deliveries with a new load that is current, and those that are still rejected, oldest first."""
    by_delivery: dict[tuple[date, int], list[dict[str, Any]]] = {}
    for row in newest_attempts(connection, source):
        if row["load_id"] in loads or row["status"] == "rejected":
            by_delivery.setdefault((row["extract_date"], row["root_number"]), []).append(row)
    return [
        DeliveryOutcome(
            source,
            day,
            "loaded" if any(row["status"] == "loaded" for row in rows) else rows[0]["status"],
            next((row["reason"] for row in rows if row["reason"]), None),
            tuple(_file(row) for row in rows),
            is_correction=(root, day) in corrections,
            correction=corrections.get((root, day)),
            root_number=root,
        )
        for (day, root), rows in sorted(by_delivery.items())
    ]


def _file(row: Mapping[str, Any]) -> FileLoad:
    return FileLoad(
        row["load_id"],
        row["source"],
        row["extract_date"],
        row["file_name"],
        row["file_sha256"],
        row["rows_read"],
        row["rows_loaded"],
        row["rows_quarantined"],
        error=row["reason"] if row["error_code"] else None,
        error_code=row["error_code"],
    )
