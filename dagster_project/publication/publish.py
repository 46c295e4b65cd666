"""Publish the marts: DuckDB file, Parquet, papers, site and manifest, then the pointer. Papers: see `report/`."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import duckdb

from dagster_project.publication.database import DATABASE, add_publication
from dagster_project.publication.draft import Draft
from dagster_project.publication.files import (
    FailedRendering,
    copy,
    files_of,
    keep_rows_for_analysts,
    publication_before,
    start_publication,
    write_manifest,
)
from dagster_project.publication.lineage import PAGE as LINEAGE
from dagster_project.publication.lineage import write_lineage
from dagster_project.publication.names import is_name, next_name
from dagster_project.publication.papers import Paper, events_of_forces, remove_broken_links, write_papers
from dagster_project.publication.parquet_files import can_take_over, write_parquet
from dagster_project.publication.pointer import point_to
from dagster_project.publication.rendering import TIME_LIMIT, Renderer
from dagster_project.publication.site.pages import write_site
from dagster_project.publication.versions import complete, record, recover_interrupted
from dagster_project.settings import Settings
from dagster_project.sql import count_rows, scalar, table
from dagster_project.transformation.build import newest_change, stale_because
from dagster_project.transformation.project import Mart, fingerprint
from dagster_project.warehouse.connection import MARTS, loading_connection, spilling_connection
from dagster_project.warehouse.marts import note_writing, note_written, rewrite, should_be_rewritten
from dagster_project.warehouse.tables import ensure_tables
from dagster_project.writing import flush, readable_files

# Two weeks of nightly publications: enough to compare with last week; older ones have no readers left.
_KEPT = 14


class GateClosed(RuntimeError):
    """The marts in the warehouse must not be published; the message says why and what to run."""


@dataclass(frozen=True)
class Publication:
    """One publication."""

    run_id: str
    folder: Path
    tables: dict[str, int]
    """Number of rows by mart."""
    papers: tuple[Paper, ...]
    pages: int
    """Number of pages of the site, including papers."""
    failed: tuple[FailedRendering, ...]
    """Files that could not be rendered and were left out."""


@readable_files()
def publish(settings: Settings, marts: Sequence[Mart], *, run_id: str, time_limit: float = TIME_LIMIT) -> Publication:
    """Write a publication and point readers to it, even if some papers or pages cannot be rendered.

    All files are written to a folder with a temporary name. When it is complete, the folder is renamed, and the pointer
    is swapped last. If the run is killed at any time, the previous publication stays in place. The figures are recorded
    in the warehouse first, because the publication includes that record; if the folder is never completed, the next
    publication removes the record.

    Args:
        settings: location of the data; the caller holds the writer lock and no connection.
        marts: tables to publish.
        run_id: Dagster run; the folder is named after time and run.
        time_limit: seconds for rendering one file.

    Returns:
        The publication.

    Raises:
        GateClosed: the marts were not fully built and tested from all loads.
    """
    with loading_connection(settings.warehouse) as connection:
        change_seq, project_fingerprint = check_gate(connection, settings)
        ensure_tables(connection, [])
        newest = scalar(connection, "select max(run_id) from audit.publication")
    name, published_at = next_name(settings.published, newest, run_id=run_id)
    partial, before = start_publication(settings.published, name), publication_before(settings.published)
    draft = Draft(partial, before, renderer := Renderer(time_limit=time_limit))
    renderer.attempt(LINEAGE, lambda: write_lineage(settings, partial, before), "dbt could not write it")
    with spilling_connection(settings.warehouse) as connection:
        recover_interrupted(connection, settings.published)
        goes_on = can_take_over(connection, before, change_seq=change_seq, project_fingerprint=project_fingerprint)
        record(
            connection,
            name=name,
            published_at=published_at,
            change_seq=change_seq,
            project_fingerprint=project_fingerprint,
        )
        note_writing(connection)
        add_publication(connection)
        counts = {mart.name: count_rows(connection, table("marts", mart.name)) for mart in marts}
        write_parquet(connection, marts, partial, before=before if goes_on else None)
        connection.execute(f"checkpoint {MARTS}")
        is_rewrite_due = should_be_rewritten(connection)
    if is_rewrite_due:
        rewrite(settings.marts)
    # With a connection, reading the file would release the lock that keeps other processes out (`warehouse/lock.py`).
    copy(settings.marts, partial, DATABASE)
    # A new connection: drawing charts takes 300 MB, and the first connection keeps its buffers in memory.
    with renderer, spilling_connection(settings.warehouse) as connection:
        note_written(connection)
        events = events_of_forces(connection, settings.commentary)
        papers = write_papers(
            connection, draft, commentary=settings.commentary, force_code=settings.force, events=events
        )
        pages = write_site(
            connection,
            draft,
            papers,
            force_code=settings.force,
            run_id=name,
            published_at=published_at,
            events=events,
        )
        remove_broken_links(draft, papers)
        manifest = _manifest(connection, draft, name, published_at, counts, project_fingerprint)
        keep_rows_for_analysts(partial, settings.analysts_group)
        folder = finish(partial, name, manifest)
        complete(connection, name=name, change_seq=change_seq)
    remove_old(settings.published, name)
    return Publication(name, folder, counts, tuple(papers), pages, tuple(renderer.failed))


def check_gate(connection: duckdb.DuckDBPyConnection, settings: Settings) -> tuple[int, str]:
    """Check that the marts may be published.

    Returns:
        The newest change of a load that they were built from, and the fingerprint of the dbt project that built them.

    Raises:
        GateClosed: the marts were not fully built and tested from all loads.
    """
    if cause := stale_because(connection, settings):
        raise GateClosed(f"{cause}. Nothing was published; what was published before stays. Run: fcir run")
    return newest_change(connection), fingerprint(settings)


def _manifest(
    connection: duckdb.DuckDBPyConnection,
    draft: Draft,
    name: str,
    published_at: datetime,
    counts: dict[str, int],
    project_fingerprint: str,
) -> dict[str, object]:
    """Return the manifest: the files of the publication and the deliveries that it was made from."""
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
        "dbt_project_sha256": project_fingerprint,
        "is_synthetic": any(row[5] for row in inputs),
        "files": files_of(draft.folder, draft.before),
        "failed": draft.renderer.failed,
        "tables": counts,
        "inputs": [
            {"source": row[0], "extract_date": str(row[1]), "file_name": row[2], "sha256": row[3], "load_id": row[4]}
            for row in inputs
        ],
    }


def finish(partial: Path, name: str, manifest: Mapping[str, object]) -> Path:
    """Write the manifest, rename the folder and point readers to it; return the folder."""
    write_manifest(partial, manifest)
    partial.chmod(0o755)
    sync(partial)
    folder = partial.rename(partial.with_name(name))
    point_to(folder.parent, name)
    return folder


def sync(folder: Path) -> None:
    """Flush every file to disk before the pointer is swapped."""
    for path in [*folder.rglob("*"), folder]:
        flush(path)


def remove_old(published: Path, current: str) -> None:
    """Remove old publications; keep the newest ones, the current one, and folders that are no publications."""
    folders = sorted(
        path for path in published.iterdir() if is_name(path.name) and path.is_dir() and not path.is_symlink()
    )
    for folder in [path for path in folders if path.name != current][: -(_KEPT - 1) or None]:
        shutil.rmtree(folder)
