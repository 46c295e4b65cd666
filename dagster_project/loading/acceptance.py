"""Accept or reject each day of a candidate load, in one transaction with its audit rows.

Rows of accepted days stay in the raw table, rows of rejected days are deleted. `verdicts.py` decides which is which.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime

import duckdb

from dagster_project.clock import utc_now
from dagster_project.contracts import Contract
from dagster_project.extracts.cells import london_time_of
from dagster_project.loading.candidate import Candidate, FileLoad
from dagster_project.loading.corrections import Correction, compare, record
from dagster_project.loading.plan import ACCEPTED
from dagster_project.loading.verdicts import Incomplete, Judgement
from dagster_project.sql import quoted, table
from dagster_project.validation import Outcome, ValidationResult
from dagster_project.validation.outcomes import engine_version
from dagster_project.warehouse.connection import insert_rows, transaction
from dagster_project.warehouse.state import last_load, next_change, standing_days
from dagster_project.warehouse.tables import drop_incoming, incoming
from dagster_project.words import listed

# Suite results per source that Data Docs show: a week of nights. Outcomes are kept permanently, documents are not.
_DOCUMENTS_KEPT = 7
# How many unknown columns the audit names; a broken header may have thousands.
_COLUMNS_NAMED = 200


@dataclass(frozen=True)
class DeliveryOutcome:
    """The outcome of loading one delivery."""

    source: str
    extract_date: date
    status: str
    """`loaded`, `empty` or `rejected`."""
    reason: str | None
    files: tuple[FileLoad, ...]
    is_correction: bool
    """Whether the day already had an accepted load (which was replaced if this delivery was accepted)."""
    correction: Correction | None = None
    """What changed, if the delivery replaced another."""
    incomplete: tuple[Incomplete, ...] = ()
    """What is not complete although it was accepted."""

    @property
    def is_accepted(self) -> bool:
        """Whether the delivery was accepted: its rows, if any, are in the raw table."""
        return self.status in ACCEPTED

    @property
    def is_waived(self) -> bool:
        """Whether an operator accepted it although critical expectations failed; `reason` says why."""
        return self.is_accepted and self.reason is not None


def accept(
    connection: duckdb.DuckDBPyConnection,
    candidate: Candidate,
    judgement: Judgement,
    validation: ValidationResult,
    *,
    run_id: str,
    is_synthetic: bool,
) -> list[DeliveryOutcome]:
    """Keep the rows of accepted days, delete those of rejected days, and write an audit row for every file.

    Everything happens in one transaction. If the process is killed, either all changes are saved or none, and the next
    run finds the same deliveries to load.

    Args:
        connection: a loading connection.
        candidate: the candidate load; its view and tables in `incoming` are dropped.
        judgement: the verdicts on its deliveries.
        validation: the results of its expectations.
        run_id: Dagster run.
        is_synthetic: whether the landing folder is marked as synthetic.

    Returns:
        One outcome for each delivery, oldest first.
    """
    contract = candidate.contract
    now = utc_now().replace(tzinfo=None)
    with transaction(connection):
        change_seq = next_change(connection)
        standing = standing_days(connection, contract.source)
        accepted = [day for day in candidate.days if judgement.verdicts[day].is_accepted]
        corrections = compare(connection, contract, [day for day in accepted if day in standing])
        record(connection, contract, list(corrections.values()), change_seq=change_seq, now=now, run_id=run_id)
        results = _outcomes(candidate, judgement, standing, corrections)
        rejected = [result.extract_date for result in results if not result.is_accepted]
        _replace(connection, contract, accepted, change_seq)
        _delete_same_rejections(connection, candidate)
        rejected_loads = [file.load_id for file in candidate.files if file.extract_date in rejected]
        connection.execute(
            f"delete from {table('raw', contract.source)} where load_id in (select unnest(cast(? as bigint[])))",
            [rejected_loads],
        )
        connection.execute(
            f"""
            insert into audit.quarantine
            select *
            from {incoming(contract, "quarantine")}
            order by load_id, source_row
            """
        )
        _audit_contents(
            connection, contract, [file for day in accepted for file in candidate.of(day) if not file.error]
        )
        incomplete = [
            {"load_id": candidate.of(day)[0].load_id, **asdict(item)}
            for day in accepted
            for item in judgement.verdicts[day].incomplete
        ]
        insert_rows(connection, table("audit", "incomplete"), incomplete)
        audited = [
            _audited(file, result, contract, now, run_id, is_synthetic, change_seq)
            | _accepted_despite(judgement, result.extract_date)
            | {"next_surrogate": candidate.next_surrogate}
            for result in results
            for file in result.files
        ]
        insert_rows(connection, table("audit", "load"), audited)
        for file in candidate.files:
            if file.extract_date in rejected:
                file.rows_loaded = 0
        _audit_outcomes(connection, contract, validation.outcomes, run_id, now)
        _audit_document(connection, contract.source, validation.document, run_id=run_id, now=now)
        drop_incoming(connection, contract)
    return results


def _outcomes(
    candidate: Candidate, judgement: Judgement, standing: Collection[date], corrections: Mapping[date, Correction]
) -> list[DeliveryOutcome]:
    """Return the outcome of each delivery of a candidate; `standing` are the days that were accepted before."""
    results: list[DeliveryOutcome] = []
    for day in candidate.days:
        files, verdict = candidate.of(day), judgement.verdicts[day]
        status = "loaded" if any(file.rows_read for file in files) else "empty"
        results.append(
            DeliveryOutcome(
                candidate.contract.source,
                day,
                status if verdict.is_accepted else "rejected",
                verdict.reason,
                tuple(files),
                is_correction=day in standing,
                correction=corrections.get(day),
                incomplete=verdict.incomplete,
            )
        )
    return results


def _audit_contents(connection: duckdb.DuckDBPyConnection, contract: Contract, files: Sequence[FileLoad]) -> None:
    """Write the rows of accepted files by column, by force and by day of the event."""
    filled = [
        {"load_id": file.load_id, "column_name": name, "rows_filled": rows, "force_code": force}
        for file in files
        for (force, name), rows in file.filled.items()
    ]
    insert_rows(connection, table("audit", "load_column"), filled)
    silent = [
        {"load_id": file.load_id, "force_code": force, "column_name": name}
        for file in files
        for force, name in file.silent
    ]
    insert_rows(connection, table("audit", "silent_column"), silent)
    by_force = [
        {
            "load_id": file.load_id,
            "force_code": force,
            "member": member,
            "rows_read": rows.read,
            "rows_loaded": rows.loaded,
            "rows_quarantined": rows.quarantined,
            "rows_repeated": rows.repeated,
        }
        for file in files
        for (force, member), rows in file.members.items()
    ]
    insert_rows(connection, table("audit", "load_force"), by_force)
    if contract.is_daily and contract.identity_time:
        # By hour first: London's offset from UTC is whole hours, and fewer times are converted.
        connection.execute(
            f"""
            insert into audit.load_event
            select
                load_id,
                force_code,
                cast({london_time_of("event_hour")} as date),
                sum(rows_loaded)
            from (
                select
                    load_id,
                    force_code,
                    date_trunc('hour', {quoted(contract.identity_time)}) as event_hour,
                    count(*) as rows_loaded
                from {incoming(contract)}
                where list_contains(cast(? as bigint[]), load_id)
                group by all
            )
            group by all
            """,
            [[file.load_id for file in files]],
        )


def record_missing(
    connection: duckdb.DuckDBPyConnection, contract: Contract, owed: Sequence[date], *, run_id: str, strike_out: bool
) -> list[date]:
    """Record the days without a delivery, and delete the records of days that have been delivered since.

    Args:
        connection: a loading connection.
        contract: the source.
        owed: the days that must have a delivery.
        run_id: Dagster run.
        strike_out: also delete the records of days that are no longer owed, for example days that only a delivery
            with a wrong date made owed.

    Returns:
        All missing days of the source, oldest first.
    """
    source = contract.source
    with transaction(connection):
        # Before the deletion, so that no number of a deleted record is used again at once.
        first_load_id, change_seq = last_load(connection) + 1, next_change(connection)
        connection.execute(
            """
            delete from audit.load
            where
                source = $source
                and status = 'missing_delivery'
                and (
                    ($strike_out and not list_contains($owed, extract_date))
                    or extract_date in (
                        select extract_date
                        from audit.load
                        where source = $source and status <> 'missing_delivery' and withdrawn_at is null
                    )
                )
            """,
            {"source": source, "strike_out": strike_out, "owed": list(owed)},
        )
        known = _days(
            connection,
            "select distinct extract_date from audit.load where source = ? and withdrawn_at is null",
            [source],
        )
        about = {
            "source": source,
            "rows_read": 0,
            "rows_loaded": 0,
            "rows_quarantined": 0,
            "status": "missing_delivery",
            "is_synthetic": False,
            "loaded_at": utc_now().replace(tzinfo=None),
            "run_id": run_id,
            "change_seq": change_seq,
            "first_change_seq": change_seq,
        }
        rows = [
            {
                "load_id": load_id,
                "extract_date": day,
                "reason": f"no file {source}_{contract.file_date(day)}*.EXT in the landing folder",
                **about,
            }
            for load_id, day in enumerate((day for day in owed if day not in known), first_load_id)
        ]
        insert_rows(connection, table("audit", "load"), rows)
        return sorted(
            _days(
                connection,
                "select extract_date from audit.load where source = ? and status = 'missing_delivery'",
                [source],
            )
        )


def _days(connection: duckdb.DuckDBPyConnection, sql: str, parameters: list[object]) -> set[date]:
    return {row[0] for row in connection.execute(sql, parameters).fetchall()}


def _replace(connection: duckdb.DuckDBPyConnection, contract: Contract, days: Sequence[date], change_seq: int) -> None:
    """Mark the accepted loads of these days as replaced; their rows stay, so that changes can be explained."""
    connection.execute(
        """
        update audit.load
        set status = 'replaced', change_seq = ?
        where source = ? and list_contains(?, status) and list_contains(?, extract_date)
        """,
        [change_seq, contract.source, list(ACCEPTED), list(days)],
    )


def _delete_same_rejections(connection: duckdb.DuckDBPyConnection, candidate: Candidate) -> None:
    """Delete earlier rejections of the same files, since a rejected delivery is tried again every night.

    Rejections of other content stay, so that the audit shows what was sent before the correction.
    """
    files = [f"{file.extract_date}/{file.file_name}/{file.sha256 or ''}" for file in candidate.files]
    earlier = connection.execute(
        """
        select load_id
        from audit.load
        where
            source = ?
            and status = 'rejected'
            and list_contains(?, extract_date || '/' || file_name || '/' || coalesce(file_sha256, ''))
        """,
        [candidate.contract.source, files],
    ).fetchall()
    for relation in (table("audit", "quarantine"), table("audit", "load")):
        connection.execute(f"delete from {relation} where list_contains(?, load_id)", [[row[0] for row in earlier]])
    connection.execute(
        """
        delete from audit.load
        where source = ? and status = 'missing_delivery' and list_contains(?, extract_date)
        """,
        [candidate.contract.source, candidate.days],
    )


def _accepted_despite(judgement: Judgement, day: date) -> dict[str, object]:
    """Return the columns of the audit about a delivery that an operator accepted in spite of a check."""
    verdict, expected = judgement.verdicts[day], judgement.facts.get((day, None), {}).get("expected_rows")
    return {
        "accepted_despite": ", ".join(verdict.accepted_despite) or None,
        "accepted_because": verdict.accepted_because,
        "rows_expected": round(expected) if verdict.accepted_because and isinstance(expected, float) else None,
    }


def _audited(
    file: FileLoad,
    result: DeliveryOutcome,
    contract: Contract,
    now: datetime,
    run_id: str,
    is_synthetic: bool,
    change_seq: int,
) -> dict[str, object]:
    """Return the audit row of a file."""
    reason, is_loaded = result.reason, result.is_accepted and not file.error
    if not result.is_accepted and file.error is None and any(other.error for other in result.files):
        reason = f"rejected with its delivery: {reason}"
    elif result.is_accepted and file.error:
        reason = file.error
    return {
        "load_id": file.load_id,
        "source": file.source,
        "extract_date": file.extract_date,
        "file_name": file.file_name,
        "delivered_name": file.delivered_name,
        "unknown_columns": listed([f"'{name}'" for name in file.unknown_columns], _COLUMNS_NAMED) or None,
        "file_sha256": file.sha256,
        "rows_read": file.rows_read,
        "rows_loaded": file.rows_loaded if is_loaded else 0,
        "rows_quarantined": file.rows_quarantined,
        "rows_repeated": file.rows_repeated,
        "totals_rows": file.totals_rows,
        "status": "rejected" if not is_loaded else "loaded" if file.rows_read else "empty",
        "reason": reason,
        "warnings": "; ".join(map(str, file.warnings)) or None,
        "is_synthetic": is_synthetic,
        "contract_version": contract.version,
        "loaded_at": now,
        "run_id": run_id,
        "change_seq": change_seq,
        "first_change_seq": change_seq,
        "error_code": file.error_code,
    }


def _audit_outcomes(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    outcomes: Sequence[Outcome],
    run_id: str,
    now: datetime,
) -> None:
    """Write the outcomes of a run for a source, replacing those that the same run wrote before a retry."""
    connection.execute(
        "delete from audit.expectation_result where run_id = ? and source = ?", [run_id, contract.source]
    )
    rows = [
        {
            "run_id": run_id,
            "source": contract.source,
            "expectation": outcome.expectation.name,
            "severity": outcome.expectation.severity.value,
            "column_name": outcome.expectation.column,
            "dimension": outcome.expectation.dimension,
            "success": outcome.success,
            "evaluated": outcome.evaluated,
            "unexpected": outcome.unexpected,
            "failed_extract_dates": ", ".join(outcome.failed_in_words) or None,
            "reason": outcome.expectation.description,
            "validated_at": now,
        }
        for outcome in outcomes
    ]
    insert_rows(connection, table("audit", "expectation_result"), rows)


def _audit_document(
    connection: duckdb.DuckDBPyConnection, source: str, document: str, *, run_id: str, now: datetime
) -> None:
    """Write the result that Data Docs show; keep only those of the newest runs."""
    connection.execute("delete from audit.suite_result where run_id = ? and source = ?", [run_id, source])
    connection.execute(
        """
        insert into audit.suite_result (run_id, source, engine_version, document, validated_at)
        values (?, ?, ?, ?, ?)
        """,
        [run_id, source, engine_version(), document, now],
    )
    connection.execute(
        """
        delete from audit.suite_result
        where
            source = $source
            and run_id not in (
                select run_id
                from audit.suite_result
                where source = $source
                order by validated_at desc, run_id desc
                limit $kept
            )
        """,
        {"source": source, "kept": _DOCUMENTS_KEPT},
    )
