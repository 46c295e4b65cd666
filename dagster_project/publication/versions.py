"""The record of what every publication held, kept by change. What a change is and what caused it is told by dbt.

`audit.publication` has a row for each publication, `audit.figure_version` the figures that it had otherwise than the
one before. The database is written in a transaction and the files of a publication in none, so the record goes first,
not complete yet, and whoever comes next decides by the folder what became of it.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb

from dagster_project.loading.plan import ACCEPTED
from dagster_project.warehouse.connection import transaction


def settle(connection: duckdb.DuckDBPyConnection, published: Path) -> None:
    """Decide on a publication that was recorded and whose run was killed.

    With its folder under its own name it was complete, and readers may have been pointed to it: it stays. Else nobody
    has seen it: its record is taken back. To be called before anything compares with the last publication.

    Args:
        connection: the warehouse; the caller holds the writer lock.
        published: where the publications are.
    """
    unfinished = connection.execute(
        "select publication_no, run_id from audit.publication where not is_complete"
    ).fetchall()
    seen = [number for number, name in unfinished if (published / name).is_dir()]
    unseen = [number for number, _ in unfinished if number not in seen]
    if not unfinished:
        return
    with transaction(connection):
        connection.execute(
            "update audit.publication set is_complete = true where list_contains(?, publication_no)", [seen]
        )
        for relation in ("audit.figure_version", "audit.publication"):
            connection.execute(f"delete from {relation} where list_contains(?, publication_no)", [unseen])


def record(
    connection: duckdb.DuckDBPyConnection,
    *,
    name: str,
    published_at: datetime,
    change_seq: int,
    project_fingerprint: str,
) -> None:
    """Record a publication that is about to be written, with the figures that it has otherwise than the one before.

    Args:
        connection: the warehouse, built and settled; the caller holds the writer lock.
        name: name of the publication and of its folder.
        published_at: when, an aware time.
        change_seq: newest change of a load that the build has seen.
        project_fingerprint: fingerprint of the dbt project that it was built by.
    """
    with transaction(connection):
        connection.execute(
            """
            insert into audit.figure_version
            select
                (select coalesce(max(publication_no), 0) + 1 from audit.publication),
                force_code,
                measure,
                month_start,
                value,
                is_provisional,
                is_removed,
                deliveries,
                delivery_count
            from measures.int_figure_change
            order by force_code, measure, month_start
            """
        )
        # Accepted loads keep their rows in the audit for good, so no later one is given a number of theirs.
        connection.execute(
            """
            insert into audit.publication
            select
                (select coalesce(max(publication_no), 0) + 1 from audit.publication),
                $name,
                $published_at,
                $change_seq,
                (select coalesce(max(load_id), 0) from audit.load where list_contains($were_accepted, status)),
                $project_fingerprint,
                false
            """,
            {
                "name": name,
                "published_at": published_at.replace(tzinfo=None),
                "change_seq": change_seq,
                "were_accepted": [*ACCEPTED, "replaced"],
                "project_fingerprint": project_fingerprint,
            },
        )


def complete(connection: duckdb.DuckDBPyConnection, *, name: str, change_seq: int) -> None:
    """Mark a publication as one that readers are pointed to, and the build that it was made from as published."""
    with transaction(connection):
        connection.execute("update audit.publication set is_complete = true where run_id = ?", [name])
        connection.execute("update audit.build set is_published = true where change_seq = ?", [change_seq])
