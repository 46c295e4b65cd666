"""Waivers: an operator has a rejected delivery loaded all the same, and says why. What is rejected: `acceptance.py`.

A waiver holds for one content of one day. The same files loaded again are accepted again; another file of that day is
judged anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import duckdb

from dagster_project.clock import utc_now
from dagster_project.errors import OperatorError
from dagster_project.warehouse.connection import transaction


class WaiverError(OperatorError, ValueError):
    """A load that cannot be accepted; the message says why and what to do."""


@dataclass(frozen=True)
class Waiver:
    """That a delivery is accepted although critical expectations fail."""

    source: str
    extract_date: date
    content: str
    reason: str


def content_of(hashes: Iterable[str | None]) -> str:
    """What tells the content of a delivery from any other: one hash over those of its files, in any order."""
    return hashlib.sha256("\n".join(sorted(item or "" for item in hashes)).encode()).hexdigest()


def waive(connection: duckdb.DuckDBPyConnection, load_id: int, reason: str) -> Waiver:
    """Record that the delivery of a rejected load is accepted; the next run loads it.

    Args:
        connection: a loading connection.
        load_id: any load of the delivery, as the audit numbers it.
        reason: the operator's reason.

    Returns:
        The waiver, which is in `audit.waiver`.

    Raises:
        WaiverError: no such load, or one that cannot be accepted this way.
    """
    row = connection.execute(
        "select source, extract_date, status, run_id, withdrawn_at is not null from audit.load where load_id = ?",
        [load_id],
    ).fetchone()
    if row is None:
        raise WaiverError(
            f"load {load_id}: there is no such load. Nothing was changed. A rejected delivery is tried again in every "
            "run and gets a new number; the present ones: fcir status"
        )
    source, day, status, run_id, is_withdrawn = row
    name = f"load {load_id} ({source} {day})"
    if status != "rejected":
        raise WaiverError(
            f"{name} is {status.replace('_', ' ')}; only a rejected one can be accepted. Nothing was changed."
        )
    files = connection.execute(
        """
        select
            file_name,
            file_sha256,
            error_code,
            run_id
        from audit.load
        where source = ? and extract_date = ? and status <> 'missing_delivery'
        order by load_id
        """,
        [source, day],
    ).fetchall()
    if is_withdrawn or files[-1][3] != run_id:
        raise WaiverError(
            f"{name} is not what the landing folder holds for the day any more. Nothing was changed. "
            "The present state: fcir status"
        )
    of_delivery = [file for file in files if file[3] == run_id]
    unreadable = [f"{file_name} [{code}]" for file_name, _, code, _ in of_delivery if code]
    if unreadable:
        raise WaiverError(
            f"{name}: {', '.join(unreadable)} cannot be read, so there is nothing to accept. Nothing was changed. "
            "Have it delivered again, then: fcir run"
        )
    content = content_of(sha256 for _, sha256, _, _ in of_delivery)
    with transaction(connection):
        connection.execute("delete from audit.waiver where source = ? and extract_date = ?", [source, day])
        connection.execute(
            "insert into audit.waiver values (?, ?, ?, ?, ?, ?)",
            [source, day, content, load_id, reason, utc_now().replace(tzinfo=None)],
        )
    return Waiver(source, day, content, reason)


def waivers_of(connection: duckdb.DuckDBPyConnection, source: str) -> dict[tuple[date, str], Waiver]:
    """The waivers of a source, by extract date and content."""
    rows = connection.execute(
        "select source, extract_date, content, reason from audit.waiver where source = ?", [source]
    ).fetchall()
    return {(day, content): Waiver(of_source, day, content, reason) for of_source, day, content, reason in rows}
