"""Publish the marts: DuckDB file, Parquet, papers, manifest, then the pointer. What a paper says is in `report/`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import duckdb

from dagster_project.clock import utc_now
from dagster_project.publication.database import add_publication, copy_database, count_rows
from dagster_project.publication.files import (
    FailedRendering,
    ListedFile,
    files_of,
    make_folder,
    publication_before,
    write_manifest,
)
from dagster_project.publication.lineage import PAGE as LINEAGE
from dagster_project.publication.lineage import write_lineage
from dagster_project.publication.mart_texts import write_texts
from dagster_project.publication.papers import Paper, write_papers
from dagster_project.publication.parquet_files import can_take_over, write_parquet
from dagster_project.publication.pointer import CURRENT, point_to
from dagster_project.publication.rendering import TIME_LIMIT, Renderer
from dagster_project.publication.site.pages import write_site
from dagster_project.publication.versions import complete, record, settle
from dagster_project.settings import Settings
from dagster_project.transformation.build import begun_by, last_build, newest_change
from dagster_project.transformation.project import Mart, fingerprint
from dagster_project.warehouse.connection import MARTS, loading_connection, readable_files, spilling_connection
from dagster_project.warehouse.marts import belong_together, note_writing, note_written, rewrite, should_be_rewritten
from dagster_project.warehouse.tables import ensure_tables

# A fortnight of nightly publications: enough to compare with last week's, and readers of an old one are long gone.
_KEPT = 14

PARTIAL = ".partial-"


class GateClosed(RuntimeError):
    """What the warehouse holds may not be published; the message says why and what to run."""


@dataclass(frozen=True)
class Publication:
    """One publication."""

    run_id: str
    folder: Path
    tables: dict[str, int]
    """Mart to its rows."""
    papers: tuple[Paper, ...]
    pages: int
    """Pages of the site, papers included."""
    failed: tuple[FailedRendering, ...]
    """What could not be rendered and was left out."""


@readable_files()
def publish(settings: Settings, marts: Sequence[Mart], *, run_id: str, time_limit: float = TIME_LIMIT) -> Publication:
    """Write a publication and point readers to it, whatever of its papers and pages cannot be rendered.

    All is written into a folder that no reader knows; it is renamed when it is complete, and the pointer is swapped
    last. A kill at any instant leaves the publication before in place. The record of its figures is made before, since
    the publication holds it, and is taken back by the next one when the folder was never completed.

    Args:
        settings: where the data are; the caller holds the writer lock and no connection.
        marts: tables to publish.
        run_id: Dagster run; the folder is named by time and run.
        time_limit: seconds for rendering one file.

    Returns:
        The publication.

    Raises:
        GateClosed: the marts were not built and tested whole from all that is loaded.
    """
    published_at = utc_now()
    with loading_connection(settings.warehouse) as connection:
        change_seq, project_fingerprint = check_gate(connection)
        ensure_tables(connection, [])
    name = f"{published_at:%Y%m%dT%H%M%SZ}-{run_id[:8]}"
    partial = settings.published / f"{PARTIAL}{name}"
    remove_leftovers(settings.published)
    make_folder(partial)
    before = publication_before(settings.published)
    renderer = Renderer(time_limit=time_limit)
    renderer.attempt(LINEAGE, lambda: write_lineage(settings, partial, before), "dbt could not write it")
    with spilling_connection(settings.warehouse) as connection:
        settle(connection, settings.published)
        goes_on = can_take_over(connection, before, change_seq=change_seq, project_fingerprint=project_fingerprint)
        record(
            connection,
            name=name,
            published_at=published_at,
            change_seq=change_seq,
            project_fingerprint=project_fingerprint,
        )
        note_writing(connection)
        write_texts(connection)
        add_publication(connection)
        counts = count_rows(connection, marts)
        write_parquet(connection, marts, partial, before=before if goes_on else None)
        connection.execute(f"checkpoint {MARTS}")
        is_rewrite_due = should_be_rewritten(connection)
    if is_rewrite_due:
        rewrite(settings.marts)
    copy_database(settings.marts, partial)
    # Another connection: drawing charts takes 300 MB, and this one keeps what it has read and written.
    with renderer, spilling_connection(settings.warehouse) as connection:
        note_written(connection)
        papers = write_papers(
            connection,
            partial,
            before=before,
            commentary=settings.commentary,
            force_code=settings.force,
            renderer=renderer,
        )
        pages = write_site(
            connection,
            partial,
            papers,
            before=before,
            force_code=settings.force,
            run_id=name,
            published_at=published_at,
            renderer=renderer,
        )
        manifest = _manifest(connection, name, published_at, counts, files_of(partial, before), renderer.failed)
        write_manifest(partial, manifest)
        sync(partial)
        folder = settings.published / name
        partial.rename(folder)
        point_to(settings.published, name)
        complete(connection, name=name, change_seq=change_seq)
    remove_old(settings.published, name)
    return Publication(name, folder, counts, tuple(papers), pages, tuple(renderer.failed))


def check_gate(connection: duckdb.DuckDBPyConnection) -> tuple[int, str]:
    """Make sure that the marts are what may be published.

    Returns:
        Newest change of a load that they were built from, and fingerprint of the dbt project that built them.

    Raises:
        GateClosed: the marts were not built and tested whole from all that is loaded.
    """
    last = last_build(connection)
    built = (newest_change(connection), fingerprint())
    if last is None or last[:2] != built or begun_by(connection) != built[1] or not belong_together(connection):
        raise GateClosed(
            "the marts were not built and tested from all that is loaded. Nothing was published; what was "
            "published before stays. Run: fcir run"
        )
    return built


def _manifest(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    published_at: datetime,
    counts: dict[str, int],
    files: list[ListedFile],
    failed: list[FailedRendering],
) -> dict[str, object]:
    """What the publication consists of and what it was made from."""
    inputs = connection.execute(
        """
        select source, extract_date, file_name, file_sha256, load_id, is_synthetic
        from audit.load
        where status in ('loaded', 'empty')
        order by source, extract_date, load_id
        """
    ).fetchall()
    return {
        "run_id": name,
        "published_at": published_at.isoformat(),
        "code_version": version("fcir"),
        "dbt_project_sha256": fingerprint(),
        "is_synthetic": any(row[5] for row in inputs),
        "files": files,
        "failed": failed,
        "tables": counts,
        "inputs": [
            {"source": row[0], "extract_date": str(row[1]), "file_name": row[2], "sha256": row[3], "load_id": row[4]}
            for row in inputs
        ],
    }


def sync(folder: Path) -> None:
    """Have the disk hold every file before the pointer names them."""
    for path in [*folder.rglob("*"), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_leftovers(published: Path) -> None:
    """Folders of publications that were killed while being written; nobody else writes under the lock."""
    for folder in published.glob(f"{PARTIAL}*"):
        shutil.rmtree(folder)
    for pointer in published.glob(f".{CURRENT}-*"):
        pointer.unlink()


def remove_old(published: Path, current: str) -> None:
    """Keep the newest publications, the current one among them."""
    folders = sorted(path for path in published.iterdir() if path.is_dir() and not path.is_symlink())
    for folder in [path for path in folders if path.name != current][: -(_KEPT - 1) or None]:
        shutil.rmtree(folder)
