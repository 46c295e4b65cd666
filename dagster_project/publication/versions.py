"""Record the figures of every publication, as changes. dbt works out what changed and why.

`audit.publication` has one row per publication; `audit.figure_version` has the figures that differ from the previous
publication. The database is written in a transaction, but the files are not. Therefore the record is written first and
marked as not complete; if the run is killed, the next one looks for the folder to decide whether to keep the record.
"""

from datetime import datetime
from pathlib import Path

import duckdb

from dagster_project.operations.actions import record as record_action
from dagster_project.operations.actions import send
from dagster_project.warehouse.connection import transaction


def recover_interrupted(connection: duckdb.DuckDBPyConnection, published: Path) -> None:
    """Resolve a publication that was recorded, but whose run was killed. Needs the writer lock.

    If its folder has its final name, it was complete and readers may have been pointed to it: the record stays.
    Otherwise no reader has seen it, and the record is deleted. Call this before comparing with the last publication.
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
    """Record a publication that is about to be written, with the figures that differ from the previous one.

    Interrupted publications are resolved (`recover_interrupted`), and the caller holds the writer lock.

    Args:
        connection: the warehouse, built.
        name: name of the publication and of its folder.
        published_at: time of publication, with time zone.
        change_seq: newest change of a load that the build included.
        project_fingerprint: fingerprint of the dbt project that built it.
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
        connection.execute(
            """
            insert into audit.publication
            select
                (select coalesce(max(publication_no), 0) + 1 from audit.publication),
                $name,
                $published_at,
                $change_seq,
                $project_fingerprint,
                false
            """,
            {
                "name": name,
                "published_at": published_at.replace(tzinfo=None),
                "change_seq": change_seq,
                "project_fingerprint": project_fingerprint,
            },
        )


def complete(connection: duckdb.DuckDBPyConnection, *, name: str, change_seq: int) -> None:
    """Mark a publication as complete, now that readers are pointed to it, and its build as published."""
    with transaction(connection):
        connection.execute("update audit.publication set is_complete = true where run_id = ?", [name])
        connection.execute("update audit.build set is_published = true where change_seq = ?", [change_seq])
        line = record_action(connection, "publication", details={"publication": name})
    send(line)
