"""Waivers: an operator accepts a rejected delivery and states a reason. `verdicts.py` applies them.

A waiver applies to one content of one day. If the same files are loaded again, they are accepted again; a different
file for that day is judged again.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import duckdb

from dagster_project.clock import utc_now
from dagster_project.contracts import Contract
from dagster_project.errors import OperatorError
from dagster_project.operations.actions import record, send
from dagster_project.warehouse.connection import transaction
from dagster_project.warehouse.state import newest_attempts, next_change, unresolved_deliveries

FORCE_MISSING = "force_missing"
"""Code of a file without a force column among others of its day that have it."""
# How many rejected deliveries a message names.
_NAMED = 10


class WaiverError(OperatorError, ValueError):
    """A delivery that cannot be accepted; the message says why and what to do."""


@dataclass(frozen=True)
class Waiver:
    """An operator's acceptance of a delivery although critical expectations fail."""

    source: str
    extract_date: date
    content: str
    reason: str


def content_of(hashes: Iterable[str | None]) -> str:
    """Return a hash that identifies the content of a delivery, from the hashes of its files in any order."""
    return hashlib.sha256("\n".join(sorted(item or "" for item in hashes)).encode()).hexdigest()


def waive(connection: duckdb.DuckDBPyConnection, source: str, day: date, reason: str) -> Waiver:
    """Record that a delivery of a source and day is accepted: the next run loads it, or takes its days as complete.

    Args:
        connection: a loading connection.
        source: the source.
        day: the extract date.
        reason: the operator's reason.

    Returns:
        The waiver, which is saved in `audit.waiver`.

    Raises:
        WaiverError: there is no such delivery, or it cannot be accepted this way.
    """
    name = f"{source}/{day}"
    files = connection.execute(
        """
        select
            load_id,
            file_name,
            file_sha256,
            status,
            error_code,
            run_id,
            withdrawn_at is not null,
            accepted_because is null
            and load_id in (select accepted_load.load_id from audit.accepted_load as accepted_load)
            and exists (
                from audit.incomplete_force as incomplete_force
                where incomplete_force.source = load.source and incomplete_force.extract_date = load.extract_date
            )
        from audit.load as load
        where source = ? and extract_date = ? and status <> 'missing_delivery'
        order by load_id
        """,
        [source, day],
    ).fetchall()
    # The last delivery for the day: all files of one attempt have the same run.
    of_delivery = [file for file in files if file[5] == files[-1][5]]
    if not of_delivery:
        raise WaiverError(
            f"{name}: no run has read a delivery of this day. Nothing was changed. {_what_is_rejected(connection)} If "
            "its file is in the landing folder, run first: fcir run"
        )
    load_id, _, _, status, _, _, is_withdrawn, _ = of_delivery[0]
    incomplete = [item[0] for item in of_delivery if item[7]]
    refused = [item[0] for item in of_delivery if item[4] == FORCE_MISSING]
    if is_withdrawn:
        raise WaiverError(
            f"{name}: the rejected files are no longer in the landing folder. Nothing was changed. "
            f"{_what_is_rejected(connection)}"
        )
    if status != "rejected" and not incomplete and not refused:
        raise WaiverError(
            f"{name} is {status}; only a rejected or incomplete delivery can be accepted. Nothing was changed. "
            f"{_what_is_rejected(connection)}"
        )
    unreadable = [f"{file[1]} [{file[4]}]" for file in of_delivery if file[4] not in (None, FORCE_MISSING)]
    if unreadable:
        raise WaiverError(
            f"{name}: {', '.join(unreadable)} cannot be read, so there is nothing to accept. Nothing was changed. "
            "Have it delivered again, then: fcir run"
        )
    content = content_of(sha256 for _, _, sha256, *_ in of_delivery)
    with transaction(connection):
        connection.execute("delete from audit.waiver where source = ? and extract_date = ?", [source, day])
        connection.execute(
            "insert into audit.waiver values (?, ?, ?, ?, ?, ?)",
            [source, day, content, load_id, reason, utc_now().replace(tzinfo=None)],
        )
        connection.execute(
            """
            update audit.load
            set
                accepted_because = $reason,
                accepted_despite = (
                    select string_agg(distinct incomplete.expectation, ', ' order by incomplete.expectation)
                    from audit.incomplete as incomplete
                    where list_contains($incomplete, incomplete.load_id)
                ),
                change_seq = $change_seq
            where list_contains($incomplete, load_id)
            """,
            {"reason": reason, "incomplete": incomplete, "change_seq": next_change(connection)},
        )
        # Its content is new again, so that the next run loads the delivery with it.
        connection.execute("delete from audit.load where list_contains(?, load_id)", [refused])
        details = {"source": source, "extract_date": str(day), "content": content}
        line = record(connection, "accept", reason=reason, details=details)
    send(line)
    return Waiver(source, day, content, reason)


def waivers_of(connection: duckdb.DuckDBPyConnection, source: str) -> dict[tuple[date, str], Waiver]:
    """Return the waivers of a source, by extract date and content."""
    rows = connection.execute(
        "select source, extract_date, content, reason from audit.waiver where source = ?", [source]
    ).fetchall()
    return {(day, content): Waiver(of_source, day, content, reason) for of_source, day, content, reason in rows}


def rejected_contents(connection: duckdb.DuckDBPyConnection, contract: Contract) -> set[tuple[date, str]]:
    """Return what is rejected of a source under this version of its contract, by extract date and content."""
    hashes: dict[date, list[str | None]] = defaultdict(list)
    for load in newest_attempts(connection, contract.source):
        if load["status"] == "rejected" and load["contract_version"] == contract.version:
            hashes[load["extract_date"]].append(load["file_sha256"])
    return {(day, content_of(of_day)) for day, of_day in hashes.items()}


def _what_is_rejected(connection: duckdb.DuckDBPyConnection) -> str:
    """Return a sentence that lists the deliveries that can be accepted."""
    names = [item.name for item in unresolved_deliveries(connection) if item.is_acceptable]
    if not names:
        return "No delivery can be accepted."
    more = f" and {len(names) - _NAMED} more (fcir status --all)" if len(names) > _NAMED else ""
    return f"Can be accepted: {', '.join(names[:_NAMED])}{more}."
