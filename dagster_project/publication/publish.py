"""Publish the marts: DuckDB file, Parquet, papers, site and manifest, then the pointer.

The figures of publications are on record, as changes: `audit.publication` has one row per publication that wrote its
tables, and `audit.figure_version` the figures that differ from the one before. dbt works out what changed and why. A
publication whose database is linked has the figures of the one before, and is not on record. The database is written in
a transaction, but the files are not. So the record is written first and marked as not complete; if the run is killed,
the next one looks for the folder to decide whether to keep the record.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import duckdb

from dagster_project.clock import LONDON
from dagster_project.operations.actions import record as record_action
from dagster_project.operations.actions import send
from dagster_project.publication.files import (
    DATABASE,
    PARTIAL,
    Draft,
    FailedRendering,
    changed_file,
    copy,
    finish,
    is_copy,
    manifest_of,
    next_name,
    pointer_of,
    publication_before,
    start_publication,
    write,
)
from dagster_project.publication.forms import FORMS
from dagster_project.publication.papers import Paper, events_of_forces, write_papers
from dagster_project.publication.parquet_files import can_take_over, write_parquet
from dagster_project.publication.rendering import Renderer, code_version
from dagster_project.publication.report.queries import read_force
from dagster_project.publication.site.frame import unlink_failed
from dagster_project.publication.site.pages import write_site
from dagster_project.settings import Settings
from dagster_project.sql import count_each, scalar, table
from dagster_project.transformation.build import build_state, stale_because
from dagster_project.transformation.project import Mart, fingerprint
from dagster_project.warehouse.connection import MARTS, loading_connection, spilling_connection, transaction
from dagster_project.warehouse.marts import note_writing, note_written, rewrite, should_be_rewritten
from dagster_project.warehouse.tables import ensure_tables
from dagster_project.writing import readable_files

_SITE = "site"
# The only page or script with name and time of its publication: a page with them could never be a link to that of the
# publication before.
_LABEL = "assets/publication.js"
_LABELS = """document.querySelectorAll("[data-publication]").forEach((place) => {{
  place.textContent = {{name: {name}, at: {at}}}[place.dataset.publication];
}});
"""

# Marts with rows about publications: the one being written is recorded after dbt has run, so its rows are inserted from
# the dbt views on the record. Mart to view:
_OF_PUBLICATIONS = {"published_versions": "int_published_version", "revisions": "int_revision"}


class GateClosed(RuntimeError):
    """The marts in the warehouse must not be published; the message says why and what to run."""


@dataclass(frozen=True)
class Gate:
    """What the marts were built from."""

    change_seq: int
    """Newest change of a load."""
    project: str
    """Fingerprint of the dbt project."""
    is_synthetic: bool
    """Whether any row of them is synthetic."""

    def about(self, name: str, published_at: datetime) -> dict[str, object]:
        """Return what the manifest of every publication and edition says."""
        return {
            "run_id": name,
            "published_at": published_at.isoformat(),
            "code_version": version("fcir"),
            "dbt_project_sha256": self.project,
            "is_synthetic": self.is_synthetic,
        }


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
def publish(settings: Settings, marts: Sequence[Mart], *, run_id: str) -> Publication:
    """Write a publication and point readers to it, even if some papers or pages cannot be rendered.

    All files are written to a folder with a temporary name. When it is complete, the folder is renamed, and the pointer
    is swapped last. If the run is killed at any time, the previous publication stays in place. If the marts are those
    of the previous publication, its database and Parquet files are linked.

    Args:
        settings: location of the data; the caller holds the writer lock and no connection.
        marts: tables to publish.
        run_id: Dagster run; the folder is named after time and run.

    Returns:
        The publication.

    Raises:
        GateClosed: the marts were not fully built and tested from all loads.
    """
    with loading_connection(settings.warehouse) as connection:
        gate = check_gate(connection, settings)
        ensure_tables(connection, [])
        newest = scalar(connection, "select max(run_id) from audit.publication")
    made_of = _made_of(settings, gate)
    draft, published_at = begin(settings.published, newest, run_id=run_id)
    name = draft.name
    counts = _write_tables(settings, gate, draft, marts, published_at)
    # A new connection: drawing charts takes 300 MB, and the first connection keeps its buffers in memory.
    with draft.renderer as renderer, spilling_connection(settings.warehouse) as connection:
        events = events_of_forces(connection, settings.commentary)
        # Papers and pages show the same rows.
        read = cache(partial(read_force, connection))
        papers = write_papers(
            connection, draft, read, commentary=settings.commentary, force_code=settings.force, events=events
        )
        site = (settings.force, events, list(map(_as_the_site_reads, papers)))
        if renderer.is_unchanged(_SITE, site):
            renderer.keep(draft.folder, lambda path: not _is_of_tables(path) and not _is_of_papers(path))
        else:
            write_site(connection, draft, papers, read, force_code=settings.force, events=events)
        if renderer.failed:
            renderer.made_of.pop(_SITE, None)
            unlink_failed(draft)
        at = f"{published_at.astimezone(LONDON):%-d %B %Y, %H:%M} London time"
        write(draft.folder, _LABEL, _LABELS.format(name=json.dumps(name), at=json.dumps(at)).encode())
        pages = sum(1 for _ in draft.folder.rglob("*.html"))
        about = gate.about(name, published_at) | {
            "change_seq": gate.change_seq,
            "made_of": made_of,
            "rendered": renderer.made_of,
            "tables": counts,
            "inputs": _inputs(connection),
        }
        folder = finish(draft, about, analysts=settings.analysts_group)
        complete(connection, name=name, change_seq=gate.change_seq)
    return Publication(name, folder, counts, tuple(papers), pages, tuple(renderer.failed))


def _as_the_site_reads(paper: Paper) -> Paper:
    """Return what the pages of the site show of a paper: not what is said of the month as a whole."""
    blocks = {section: words for section, words in paper.commentary.blocks.items() if section}
    return replace(paper, is_rendered=False, commentary=replace(paper.commentary, blocks=blocks))


def _is_of_tables(path: str) -> bool:
    return path == DATABASE or path.startswith("parquet/")


def _is_of_papers(path: str) -> bool:
    return path in FORMS or path.startswith("papers/")


def unchanged_publication(settings: Settings) -> Path | None:
    """Return the folder of the current publication if another one would have the same files.

    The caller holds the writer lock and no connection.
    """
    if any(settings.published.glob(f"{PARTIAL}*")) or not settings.warehouse.exists():
        return None
    before = pointer_of(settings.published).resolve()
    if not before.exists() or changed_file(before):
        return None
    with loading_connection(settings.warehouse) as connection:
        if stale_because(connection, settings):
            return None
        gate = check_gate(connection, settings)
    manifest = manifest_of(before)
    is_same = _has_tables(before, settings, gate) and manifest.get("made_of") == _made_of(settings, gate)
    return before if is_same and not manifest["failed"] else None


def _has_tables(before: Path, settings: Settings, gate: Gate) -> bool:
    """Return whether the tables of a publication are those of the marts."""
    manifest = manifest_of(before)
    built_from = (manifest.get("dbt_project_sha256"), manifest.get("change_seq"))
    return built_from == (gate.project, gate.change_seq) and is_copy(before / DATABASE, settings.marts)


def begin(published: Path, recorded: str | None, *, run_id: str) -> tuple[Draft, datetime]:
    """Begin a publication in a new folder, and return it with its time; arguments are those of `next_name`."""
    name, published_at = next_name(published, recorded, run_id=run_id)
    before = publication_before(published)
    return Draft(start_publication(published, name), before, Renderer(before)), published_at


def check_gate(connection: duckdb.DuckDBPyConnection, settings: Settings) -> Gate:
    """Check that the marts may be published.

    Raises:
        GateClosed: the marts were not fully built and tested from all loads.
    """
    if cause := stale_because(connection, settings):
        raise GateClosed(f"{cause}. Nothing was published; what was published before stays. Run: fcir run")
    synthetic = "select coalesce(bool_or(is_synthetic), false) from audit.load where status in ('loaded', 'empty')"
    return Gate(build_state(connection).newest_change, fingerprint(settings), bool(scalar(connection, synthetic)))


def _made_of(settings: Settings, gate: Gate) -> str:
    """Return a fingerprint of what determines a publication, besides the marts: code, project, settings, commentary."""
    digest = sha256(repr((code_version(), gate, settings.force, settings.analysts_group)).encode())
    for file in sorted(file for file in settings.commentary.rglob("*") if file.is_file()):
        digest.update(repr((str(file.relative_to(settings.commentary)), file.read_bytes())).encode())
    return digest.hexdigest()


def _write_tables(
    settings: Settings, gate: Gate, draft: Draft, marts: Sequence[Mart], published_at: datetime
) -> dict[str, int]:
    """Write or link the database and Parquet files of a publication; return the rows of each mart."""
    before = draft.before
    if before and _has_tables(before, settings, gate):
        draft.renderer.has_same_tables = True
        draft.renderer.keep(draft.folder, _is_of_tables)
        counts: dict[str, int] = manifest_of(before)["tables"]
        return counts
    with spilling_connection(settings.warehouse) as connection:
        recover_interrupted(connection, settings.published)
        goes_on = can_take_over(connection, before, change_seq=gate.change_seq, project_fingerprint=gate.project)
        record(connection, draft.name, published_at, gate)
        note_writing(connection)
        add_publications(connection)
        write_parquet(connection, marts, draft.folder, before=before if goes_on else None)
        connection.execute(f"checkpoint {MARTS}")
        is_rewrite_due = should_be_rewritten(connection)
        counts = count_each(connection, {mart.name: table("marts", mart.name) for mart in marts})
    if is_rewrite_due:
        rewrite(settings.marts)
    with spilling_connection(settings.warehouse) as connection:
        note_written(connection)
    # With a connection, reading the file would release the lock that keeps other processes out (`warehouse/lock.py`).
    copy(settings.marts, draft.folder, DATABASE)
    return counts


def _inputs(connection: duckdb.DuckDBPyConnection) -> list[dict[str, object]]:
    """Return the deliveries that a publication is made from, as its manifest lists them."""
    rows = connection.execute(
        """
        select source, extract_date, file_name, file_sha256, load_id
        from audit.load
        where status in ('loaded', 'empty')
        order by source, extract_date, load_id
        """
    ).fetchall()
    names = ("source", "extract_date", "file_name", "sha256", "load_id")
    return [dict(zip(names, (row[0], str(row[1]), *row[2:]), strict=True)) for row in rows]


def add_publications(connection: duckdb.DuckDBPyConnection) -> None:
    """Insert rows of recorded publications into the marts of versions; delete rows of those no longer on record."""
    for mart, view in _OF_PUBLICATIONS.items():
        target, source = table("marts", mart), table("warehouse", "measures", view)
        with transaction(connection):
            connection.execute(f"delete from {target} where run_id not in (select run_id from audit.publication)")
            connection.execute(
                f"insert into {target} by name select * from {source} where run_id not in (select run_id from {target})"
            )


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


def record(connection: duckdb.DuckDBPyConnection, name: str, published_at: datetime, gate: Gate) -> None:
    """Record a publication that is about to be written, with the figures that differ from the previous one.

    Interrupted publications are resolved (`recover_interrupted`), and the caller holds the writer lock.
    """
    number = "(select coalesce(max(publication_no), 0) + 1 from audit.publication)"
    with transaction(connection):
        connection.execute(
            f"""
            insert into audit.figure_version
            select
                {number}, force_code, measure, month_start, value, is_provisional, is_removed, deliveries,
                delivery_count
            from measures.int_figure_change
            order by force_code, measure, month_start
            """
        )
        connection.execute(
            f"insert into audit.publication select {number}, ?, ?, ?, ?, false",
            [name, published_at.replace(tzinfo=None), gate.change_seq, gate.project],
        )


def complete(connection: duckdb.DuckDBPyConnection, *, name: str, change_seq: int) -> None:
    """Mark a publication as complete, now that readers are pointed to it, and its build as published."""
    with transaction(connection):
        connection.execute("update audit.publication set is_complete = true where run_id = ?", [name])
        connection.execute("update audit.build set is_published = true where change_seq = ?", [change_seq])
        line = record_action(connection, "publication", details={"publication": name})
    send(line)
