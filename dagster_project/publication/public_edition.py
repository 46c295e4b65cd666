"""Publish the public edition: figures at force level, and protected counts below it. Protection: see `disclosure/`.

A month is first shown below force level when it is complete and its settling time is over. Every later edition repeats
it unchanged, so two editions cannot be subtracted to learn a difference below force level. The newest edition contains
everything that earlier editions showed; it is read to find out what was shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.config.publication import read_publication
from dagster_project.console import warn
from dagster_project.disclosure.control import control
from dagster_project.disclosure.inference import findings
from dagster_project.disclosure.releases import Controlled, Whole
from dagster_project.disclosure.rules import DisclosureRules, RulesError
from dagster_project.operations.actions import record, send
from dagster_project.publication.draft import Draft
from dagster_project.publication.edition_tables import describe, order_by
from dagster_project.publication.files import (
    FailedRendering,
    files_of,
    publication_before,
    start_publication,
    write,
)
from dagster_project.publication.names import next_name
from dagster_project.publication.papers import Paper, write_papers
from dagster_project.publication.paths import published_path
from dagster_project.publication.public_index import write_public_index
from dagster_project.publication.public_notes import notes
from dagster_project.publication.publish import GateClosed, check_gate, finish, remove_old
from dagster_project.publication.rendering import Renderer
from dagster_project.publication.report.analyst_files import CommentaryError
from dagster_project.publication.report.commentary import read_approved
from dagster_project.publication.report.model import Block
from dagster_project.publication.spreadsheet import neutralised_sql
from dagster_project.settings import Settings
from dagster_project.sql import count_rows, literal, quoted, scalar, table
from dagster_project.transformation.project import Mart
from dagster_project.warehouse.connection import (
    STORAGE_VERSION,
    insert_rows,
    loading_connection,
    reading_connection,
    spilling_connection,
    transaction,
)
from dagster_project.warehouse.tables import ensure_tables
from dagster_project.writing import readable_files

DATABASE = "fcir_public.duckdb"

SHOWN_MONTHS = "shown_months"
"""Table of the months shown below force level, each with the edition that first showed it."""

_SHOWN_COLUMNS = {
    "table_name": "Public table.",
    "force_code": "Force.",
    "month_start": "Month, by its first day.",
    "first_edition": "Edition that showed the month first; its counts have not changed since.",
    "threshold": "Least count that was shown.",
    "rounding_base": "Base that counts were rounded to.",
}

_Group = tuple[object, ...]
_Cell = tuple[object, ...]
_Cells = dict[_Group, dict[_Cell, tuple[int, ...]]]
_Month = tuple[str, date]


class EditionRefused(GateClosed):
    """A public edition would disclose too much, or this cannot be determined; the message says what to do."""


@dataclass(frozen=True)
class PublicEdition:
    """One public edition."""

    run_id: str
    folder: Path
    tables: dict[str, int]
    """Number of rows by public table."""
    papers: tuple[Paper, ...]
    months_shown: int
    """Number of months of tables below force level that this edition is the first to show."""
    failed: tuple[FailedRendering, ...]
    """Files that could not be rendered and were left out."""


@readable_files()
def publish_public(settings: Settings, marts: Sequence[Mart], *, run_id: str) -> PublicEdition:
    """Write a public edition and point readers to it, in the same way as `publish`.

    Args:
        settings: location of the data; the caller holds the writer lock and no connection.
        marts: all marts; each states which part of it is public.
        run_id: Dagster run; the folder is named after time and run.

    Returns:
        The edition.

    Raises:
        GateClosed: the marts were not fully built and tested from all loads.
        ConfigError: the configuration does not say licence, owner, contact and next release.
        EditionRefused: a small count could be worked out, or it is not known what earlier editions showed.
    """
    root, about = settings.published_public, read_publication(settings)
    with loading_connection(settings.warehouse) as connection:
        _, project_fingerprint = check_gate(connection, settings)
        ensure_tables(connection, [])
        recorded = scalar(connection, "select max(run_id) from audit.public_edition")
        earlier = _newest(root, recorded or "")
        rules = _rules(connection)
        loads = "from audit.load where status in ('loaded', 'empty')"
        is_synthetic = connection.execute(f"select bool_or(is_synthetic) {loads}").fetchone() == (True,)
    name, published_at = next_name(root, recorded, run_id=run_id)
    partial = start_publication(root, name)
    draft = Draft(partial, publication_before(root), Renderer())
    with spilling_connection(settings.warehouse) as connection:
        file = literal(str(published_path(partial, DATABASE)))
        connection.execute(f"attach {file} as published (storage_version '{STORAGE_VERSION}')")
        connection.execute("create schema published.marts")
        if earlier:
            connection.execute(f"attach {literal(str(earlier / DATABASE))} as earlier (read_only)")
        shown_first = _write_tables(connection, marts, rules, name, is_first=earlier is None)
        counts = _copy_out(connection, partial)
        connection.execute("detach published")
    text = notes([release for mart in marts for release in mart.releases], rules, name, is_synthetic=is_synthetic)
    write(partial, "README.md", text.encode())
    with draft.renderer as renderer, reading_connection(partial / DATABASE) as connection:
        # Names, actions and marking of a commentary are for the board.
        papers = write_papers(connection, draft, commentary=None, force_code=settings.force)
        write_public_index(
            connection,
            draft,
            papers,
            notes=text,
            about=about,
            approved=lambda force, month: _approved(settings, force, month),
            force_code=settings.force,
            published_at=published_at,
            is_synthetic=is_synthetic,
        )
    manifest = _manifest(partial, name, published_at, counts, rules, project_fingerprint, is_synthetic=is_synthetic)
    folder = finish(partial, name, manifest | {"failed": renderer.failed})
    with loading_connection(settings.warehouse) as connection, transaction(connection):
        connection.execute("insert into audit.public_edition values (?, ?)", [name, published_at.replace(tzinfo=None)])
        line = record(connection, "publication", details={"publication": f"{root.name}/{name}"})
    send(line)
    remove_old(root, name)
    return PublicEdition(name, folder, counts, tuple(papers), shown_first, tuple(renderer.failed))


def _approved(settings: Settings, force_code: str, month: str) -> Sequence[Block]:
    try:
        return read_approved(settings.commentary, force_code, month)
    except CommentaryError as error:
        # A mistake in what is written about an edition must not hold back the figures. The advice ends: fcir publish
        warn(f"{error} --edition public. This edition has no commentary.")
        return ()


def _newest(root: Path, recorded: str) -> Path | None:
    """Return the folder of the newest edition, even if readers were never pointed to it; None before the first.

    Raises:
        EditionRefused: an edition that was public is missing.
    """
    folders = sorted(path for path in root.glob("[0-9]*") if path.is_dir()) if root.is_dir() else []
    newest = folders[-1] if folders else None
    if recorded > (newest.name if newest else "") or (newest and not (newest / DATABASE).is_file()):
        raise EditionRefused(
            f"the public edition {recorded or (newest.name if newest else '')} is not in {root}, and what it showed "
            f"must be known to show no more. Nothing was published. Put its folder back (its {DATABASE} is enough), "
            "then run: fcir publish --edition public"
        )
    return newest


def _rules(connection: duckdb.DuckDBPyConnection) -> DisclosureRules:
    rows = connection.execute("select rule, value from reference.disclosure_rules").fetchall()
    try:
        return DisclosureRules.of({str(rule): int(value) for rule, value in rows})
    except RulesError as error:
        raise EditionRefused(f"{error}. Nothing was published.") from None


def _write_tables(
    connection: duckdb.DuckDBPyConnection, marts: Sequence[Mart], rules: DisclosureRules, name: str, *, is_first: bool
) -> int:
    """Write all public tables; return the number of months of tables below force level that are shown first."""
    shown = table("published", "marts", SHOWN_MONTHS)
    connection.execute(
        f"create table {shown} (table_name varchar, force_code varchar, month_start date, first_edition varchar, "
        "threshold bigint, rounding_base bigint)"
    )
    if not is_first:
        # All rows, including those of tables that this edition lacks: if such a table returns, its months are not new.
        connection.execute(f"insert into {shown} by name select * from {table('earlier', 'marts', SHOWN_MONTHS)}")
    known = {(row[0], row[1], row[2]) for row in connection.execute(f"select * from {shown}").fetchall()}
    written = {SHOWN_MONTHS}
    first = 0
    for mart in marts:
        for release in mart.releases:
            written.add(release.table)
            if isinstance(release, Whole):
                _write_whole(connection, mart, release)
                continue
            before = {(force, month) for name_, force, month in known if name_ == release.table}
            months = _write_controlled(connection, mart, release, rules, before, is_first=is_first)
            first += len(months)
            rows = [(release.table, *month, name, rules.threshold, rules.rounding_base) for month in months]
            insert_rows(connection, shown, [dict(zip(_SHOWN_COLUMNS, row, strict=True)) for row in rows])
    describe(
        connection,
        shown,
        "Months that are shown below force level. One row per table_name, force_code and month_start.",
        _SHOWN_COLUMNS,
    )
    tables = {
        str(row[0])
        for row in connection.execute(
            "select table_name from duckdb_tables() where database_name = 'published'"
        ).fetchall()
    }
    if tables != written:
        raise EditionRefused(
            f"{', '.join(sorted(tables ^ written))}: not what the marts release. Nothing was published; report this as "
            "a fault of the program"
        )
    return first


def _write_whole(connection: duckdb.DuckDBPyConnection, mart: Mart, release: Whole) -> None:
    target = table("published", "marts", release.table)
    names = ", ".join(quoted(column) for column in release.columns)
    order = order_by(column for column in (*mart.grain, *release.columns) if column in release.columns)
    connection.execute(
        f"create table {target} as select {names} from {table('marts', mart.name)} "
        f"where {release.where or 'true'} order by {order}"
    )
    columns = {column: text for column, text in mart.columns.items() if column in release.columns}
    describe(connection, target, mart.description, columns)


def _write_controlled(
    connection: duckdb.DuckDBPyConnection,
    mart: Mart,
    release: Controlled,
    rules: DisclosureRules,
    before: set[_Month],
    *,
    is_first: bool,
) -> list[_Month]:
    """Write a table below force level: first the months shown before, unchanged, then the months shown first.

    Returns:
        The months that are shown for the first time.
    """
    target = table("published", "marts", release.table)
    keys = ", ".join(quoted(column) for column in release.keys)
    sums = ", ".join(f"cast(sum({quoted(count)}) as bigint) as {quoted(count)}" for count in release.counts)
    cells_of = f"select {keys}, {sums} from {table('marts', mart.name)} where {release.where or 'true'} group by {keys}"
    totals = ", ".join(
        f"{quoted(count)} as {quoted(total)}" for count, total in zip(release.counts, release.totals, strict=True)
    )
    connection.execute(f"create table {target} as select *, {totals} from ({cells_of}) limit 0")
    if not is_first:
        _repeat(connection, release, target)
    months = [month for month in _settled_months(connection, mart, release, rules) if month not in before]
    cells = _read_cells(connection, release, cells_of)
    insert_rows(connection, target, _protected(release, cells, months, rules))
    _check(connection, release, cells, months, rules)
    describe(
        connection,
        target,
        f"{release.about} A row is there where any of its counts is shown. One row per {', '.join(release.keys)}.",
        {column: mart.columns[column] for column in release.keys}
        | {
            count: f"{mart.columns[count]} Rounded to {rules.rounding_base}; empty: fewer than {rules.threshold}, or, "
            "where it is empty for the whole month, withheld."
            for count in release.counts
        }
        | {
            total: f"Exact total that the counts are of ({count}), when the month was first shown."
            for count, total in zip(release.counts, release.totals, strict=True)
        },
    )
    return months


def _repeat(connection: duckdb.DuckDBPyConnection, release: Controlled, target: str) -> None:
    """Copy the rows of a table from the previous edition unchanged."""
    source = table("earlier", "marts", release.table)
    if not connection.execute(
        "select 1 from duckdb_tables() where database_name = 'earlier' and table_name = ?", [release.table]
    ).fetchone():
        return
    had = [(row[0], row[1]) for row in connection.execute(f"describe {source}").fetchall()]
    has = [(row[0], row[1]) for row in connection.execute(f"describe {target}").fetchall()]
    if had != has:
        raise EditionRefused(
            f"{release.table} has been public with the columns {', '.join(str(name) for name, _ in had)}; it cannot be "
            "shown with others. Nothing was published. Give the changed release another name (table:) in the mart's "
            "meta, where it may tell no more than the old one did, then run: fcir run"
        )
    connection.execute(f"insert into {target} select * from {source}")


def _settled_months(
    connection: duckdb.DuckDBPyConnection, mart: Mart, release: Controlled, rules: DisclosureRules
) -> list[_Month]:
    """Return force and month of complete months that are followed by enough complete months to count as settled."""
    is_counted = " and ".join(f"count(*) = count({quoted(count)})" for count in release.counts)
    rows = connection.execute(
        f"""
        with complete as (
            select force_code, month_start
            from {table("marts", mart.name)}
            where {release.where or "true"}
            group by force_code, month_start
            having not bool_or(is_provisional) and {is_counted}
        )
        select force_code, month_start
        from complete
        qualify count(*) over (
            partition by force_code order by month_start
            range between interval 1 day following and interval {rules.months_to_settle} month following
        ) >= {rules.months_to_settle}
        order by force_code, month_start
        """
    ).fetchall()
    return [(str(force), month) for force, month in rows]


def _read_cells(connection: duckdb.DuckDBPyConnection, release: Controlled, cells_of: str) -> _Cells:
    """Return the true counts by group (force, month, ...) and cell; each group has all cells its force ever had."""
    width = 2 + len(release.groups)
    cells: _Cells = {}
    of_force: dict[object, dict[_Cell, None]] = {}
    for row in connection.execute(f"{cells_of} order by {order_by(release.keys)}").fetchall():
        cell = tuple(row[width : len(release.keys)])
        cells.setdefault(tuple(row[:width]), {})[cell] = tuple(int(count or 0) for count in row[len(release.keys) :])
        of_force.setdefault(row[0], {})[cell] = None
    nothing = (0,) * len(release.counts)
    return {group: {cell: counts.get(cell, nothing) for cell in of_force[group[0]]} for group, counts in cells.items()}


def _protected(
    release: Controlled, cells: _Cells, months: Iterable[_Month], rules: DisclosureRules
) -> list[dict[str, object]]:
    """Return the rows of the public table: for each group, the cells with at least one count shown."""
    wanted = set(months)
    rows: list[dict[str, object]] = []
    for group, counts in cells.items():
        if group[:2] not in wanted:
            continue
        shown = {
            name: control(
                [cell[index] for cell in counts.values()],
                rules,
                within=[cell[release.counts.index(release.within[name])] for cell in counts.values()]
                if name in release.within
                else None,
            )
            for index, name in enumerate(release.counts)
        }
        totals = {total: sum(cell[index] for cell in counts.values()) for index, total in enumerate(release.totals)}
        for index, cell in enumerate(counts):
            values = {name: shown[name][index] for name in release.counts}
            if any(value is not None for value in values.values()):
                rows.append(dict(zip(release.keys, (*group, *cell), strict=True)) | values | totals)
    return rows


def _check(
    connection: duckdb.DuckDBPyConnection,
    release: Controlled,
    cells: _Cells,
    months: Iterable[_Month],
    rules: DisclosureRules,
) -> None:
    """Read back the written table and try to work out small counts from it and the exact totals.

    Raises:
        EditionRefused: a small count can be worked out, or a cell is shown that must not be.
    """
    wanted = set(months)
    width = 2 + len(release.groups)
    written: dict[_Group, dict[_Cell, tuple[int | None, ...]]] = {}
    names = ", ".join(quoted(column) for column in (*release.keys, *release.counts))
    for row in connection.execute(f"select {names} from {table('published', 'marts', release.table)}").fetchall():
        written.setdefault(tuple(row[:width]), {})[tuple(row[width : len(release.keys)])] = row[len(release.keys) :]
    nothing = (None,) * len(release.counts)
    for group, counts in cells.items():
        if group[:2] not in wanted:
            continue
        shown = written.get(group, {})
        for index, name in enumerate(release.counts):
            faults = findings(
                [cell[index] for cell in counts.values()],
                [shown.get(cell, nothing)[index] for cell in counts],
                rules,
            )
            if faults or not set(shown) <= set(counts):
                fault = faults[0] if faults else "a cell is shown that there cannot be"
                raise EditionRefused(
                    f"{release.table}, {name}, {group[0]} {group[1]:%B %Y}: {fault}. "
                    "Nothing was published; the edition before stays. Report this as a fault; until "
                    "it is repaired, take the table out (public: [] in the mart's meta) and run: fcir run"
                )


def _copy_out(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
    """Write every public table to Parquet and CSV; return the number of rows by table."""
    counts: dict[str, int] = {}
    names = connection.execute(
        "select table_name from duckdb_tables() where database_name = 'published' order by table_name"
    ).fetchall()
    for (name,) in names:
        source = table("published", "marts", name)
        columns = connection.execute(f"describe {source}").fetchall()
        texts = [
            f"{neutralised_sql(quoted(column))} as {quoted(column)}"
            for column, kind, *_ in columns
            if kind == "VARCHAR"
        ]
        no_formula = f"* replace ({', '.join(texts)})" if texts else "*"
        for form, shown, options in (("parquet", "*", "format parquet"), ("csv", no_formula, "format csv, header")):
            file = literal(str(published_path(folder, form, f"{name}.{form}")))
            connection.execute(f"copy (select {shown} from {source} order by all nulls last) to {file} ({options})")
        counts[name] = count_rows(connection, source)
    return counts


def _manifest(
    folder: Path,
    name: str,
    published_at: datetime,
    counts: Mapping[str, int],
    rules: DisclosureRules,
    project_fingerprint: str,
    *,
    is_synthetic: bool,
) -> dict[str, Any]:
    """Return the manifest. It has no hashes of deliveries: a hash could confirm a guess at a small delivery."""
    return {
        "edition": "public",
        "run_id": name,
        "published_at": published_at.isoformat(),
        "code_version": version("fcir"),
        "dbt_project_sha256": project_fingerprint,
        "is_synthetic": is_synthetic,
        "disclosure_rules": {
            "threshold": rules.threshold,
            "rounding_base": rules.rounding_base,
            "months_to_settle": rules.months_to_settle,
        },
        "files": files_of(folder),
        "tables": dict(counts),
    }
