"""Publish what leaves the installation: the public edition, and the edition of one force.

**The public edition** has figures at force level, and protected counts below it (`disclosure/`). A month is first shown
below force level when it is complete and its settling time is over. Every later edition repeats it unchanged, so two
editions cannot be subtracted to learn a difference below force level. The newest edition contains everything that
earlier editions showed; it is read to find out what was shown.

**The edition of a force** has its own detail, and of the other forces what the public edition has. Its database is a
new file and holds nothing else, not even in free blocks. Which rows of a mart it contains is declared in the YAML of
the mart, which columns in `disclosure/force_rows.py`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path

import duckdb

from dagster_project.config.publication import read_publication
from dagster_project.console import warn
from dagster_project.disclosure.control import control
from dagster_project.disclosure.force_rows import LEFT_OUT, ForceRows, whole_release
from dagster_project.disclosure.inference import findings
from dagster_project.disclosure.releases import Controlled, Whole
from dagster_project.disclosure.rules import DisclosureRules, RulesError
from dagster_project.operations.actions import record, send
from dagster_project.publication.files import DATABASE, Draft, finish, write
from dagster_project.publication.papers import write_papers
from dagster_project.publication.paths import published_path
from dagster_project.publication.public_index import notes, write_public_index
from dagster_project.publication.publish import GateClosed, begin, check_gate
from dagster_project.publication.rendering import Renderer
from dagster_project.publication.report.analyst_files import CommentaryError
from dagster_project.publication.report.commentary import commentary_file, read_approved
from dagster_project.publication.report.model import Block
from dagster_project.publication.report.queries import read_force
from dagster_project.publication.spreadsheet import neutralised_sql
from dagster_project.settings import Settings, check_force
from dagster_project.sql import comments_on, count_rows, literal, quoted, scalar, table
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

PUBLIC_DATABASE = "fcir_public.duckdb"

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
class Edition:
    """One edition."""

    run_id: str
    folder: Path
    title: str
    tables: dict[str, int]
    """Number of rows by table."""
    months_shown: int | None = None
    """Of a public edition, the number of months of tables below force level that it is the first to show."""


@readable_files()
def publish_public(settings: Settings, marts: Sequence[Mart], *, run_id: str) -> Edition:
    """Write a public edition and point readers to it, in the same way as `publish`.

    Args:
        settings: location of the data; the caller holds the writer lock and no connection.
        marts: all marts; each states which part of it is public.
        run_id: Dagster run; the folder is named after time and run.

    Raises:
        GateClosed: the marts were not fully built and tested from all loads.
        ConfigError: the configuration does not say licence, owner, contact and next release.
        EditionRefused: a small count could be worked out, or it is not known what earlier editions showed.
    """
    root, about = settings.published_public, read_publication(settings)
    with loading_connection(settings.warehouse) as connection:
        gate = check_gate(connection, settings)
        ensure_tables(connection, [])
        recorded = scalar(connection, "select max(run_id) from audit.public_edition")
        earlier = _newest(root, recorded or "")
        rules = _rules(connection)
    draft, published_at = begin(root, recorded, run_id=run_id)
    with _new_database(settings, draft, PUBLIC_DATABASE) as connection:
        if earlier:
            connection.execute(f"attach {literal(str(earlier / PUBLIC_DATABASE))} as earlier (read_only)")
        shown_first = _write_public_tables(connection, marts, rules, draft.name, is_first=earlier is None)
        counts = _copy_out(connection, draft.folder, ("parquet", "csv"))
    releases = [release for mart in marts for release in mart.releases]
    text = notes(releases, rules, draft.name, is_synthetic=gate.is_synthetic)
    write(draft.folder, "README.md", text.encode())
    with draft.renderer, reading_connection(draft.folder / PUBLIC_DATABASE) as connection:
        # Names, actions and marking of a commentary are for the board.
        papers = write_papers(
            connection, draft, partial(read_force, connection), commentary=None, force_code=settings.force
        )
        write_public_index(
            connection,
            draft,
            papers,
            notes=text,
            about=about,
            approved=lambda force, month: _approved(settings, draft.renderer, force, month),
            force_code=settings.force,
            published_at=published_at,
            is_synthetic=gate.is_synthetic,
        )
    # It has no hashes of deliveries: a hash could confirm a guess at a small delivery.
    manifest = gate.about(draft.name, published_at) | {
        "edition": "public",
        "disclosure_rules": {
            "threshold": rules.threshold,
            "rounding_base": rules.rounding_base,
            "months_to_settle": rules.months_to_settle,
        },
        "rendered": draft.renderer.made_of,
        "tables": counts,
    }
    folder = finish(draft, manifest)
    _record(settings, f"{root.name}/{draft.name}", (draft.name, published_at))
    return Edition(draft.name, folder, "public edition", counts, shown_first)


@readable_files()
def publish_force(settings: Settings, marts: Sequence[Mart], force_code: str, *, run_id: str) -> Edition:
    """Write the edition of a force and point its readers to it, in the same way as `publish`.

    Args:
        settings: location of the data; the caller holds the writer lock and no connection.
        marts: all marts; each states which of its rows the edition contains.
        force_code: the force.
        run_id: Dagster run; the folder is named after time and run.

    Raises:
        GateClosed: the marts were not fully built and tested from all loads, or have no figure of the force.
        ValueError: there is no such force.
    """
    root = settings.published_force(check_force(force_code))
    with loading_connection(settings.warehouse) as connection:
        gate = check_gate(connection, settings)
        figures = f"select 1 from {table('marts', 'kpi_measure_monthly')} where force_code = ? limit 1"
        if not connection.execute(figures, [force_code]).fetchone():
            raise GateClosed(
                f"the marts have no figure of the force {force_code}. Nothing was published. For the forces that have "
                'some: fcir query "select distinct force_code from kpi_measure_monthly"'
            )
    draft, published_at = begin(root, None, run_id=run_id)
    with _new_database(settings, draft, DATABASE) as connection:
        for mart in marts:
            if mart.force_rows is not ForceRows.NONE:
                _write_force_table(connection, mart, _own_rows(mart, marts, force_code))
        counts = _copy_out(connection, draft.folder, ("parquet",))
    # It names no delivery: a file may have rows of several forces.
    manifest = gate.about(draft.name, published_at) | {"edition": "force", "force_code": force_code, "tables": counts}
    folder = finish(draft, manifest, analysts=settings.analysts_group)
    _record(settings, f"{root.parent.name}/{force_code}/{draft.name}")
    return Edition(draft.name, folder, f"edition of {force_code}", counts)


@contextmanager
def _new_database(settings: Settings, draft: Draft, name: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse, with a new database of the edition attached as `published`."""
    with spilling_connection(settings.warehouse) as connection:
        file = literal(str(published_path(draft.folder, name)))
        connection.execute(f"attach {file} as published (storage_version '{STORAGE_VERSION}')")
        connection.execute("create schema published.marts")
        yield connection
        connection.execute("detach published")


def _record(settings: Settings, publication: str, public_edition: tuple[str, datetime] | None = None) -> None:
    with loading_connection(settings.warehouse) as connection, transaction(connection):
        if public_edition:
            name, published_at = public_edition
            connection.execute(
                "insert into audit.public_edition values (?, ?)", [name, published_at.replace(tzinfo=None)]
            )
        line = record(connection, "publication", details={"publication": publication})
    send(line)


def _approved(settings: Settings, renderer: Renderer, force_code: str, month: str) -> Sequence[Block]:
    try:
        return read_approved(settings.commentary, force_code, month)
    except CommentaryError as error:
        # A mistake in what is written about an edition must not hold back the figures. The advice ends: fcir publish
        warn(f"{error} --edition public. This edition has no commentary.")
        renderer.leave_out(commentary_file(settings.commentary, force_code, f"public-{month}"))
        return ()


def _newest(root: Path, recorded: str) -> Path | None:
    """Return the folder of the newest public edition, even if readers were never pointed to it; None before the first.

    Raises:
        EditionRefused: an edition that was public is missing.
    """
    folders = sorted(path for path in root.glob("[0-9]*") if path.is_dir()) if root.is_dir() else []
    newest = folders[-1] if folders else None
    if recorded > (newest.name if newest else "") or (newest and not (newest / PUBLIC_DATABASE).is_file()):
        raise EditionRefused(
            f"the public edition {recorded or (newest.name if newest else '')} is not in {root}, and what it showed "
            f"must be known to show no more. Nothing was published. Put its folder back (its {PUBLIC_DATABASE} is "
            "enough), then run: fcir publish --edition public"
        )
    return newest


def _rules(connection: duckdb.DuckDBPyConnection) -> DisclosureRules:
    rows = connection.execute("select rule, value from reference.disclosure_rules").fetchall()
    try:
        return DisclosureRules.of({str(rule): int(value) for rule, value in rows})
    except RulesError as error:
        raise EditionRefused(f"{error}. Nothing was published.") from None


def _describe(
    connection: duckdb.DuckDBPyConnection, relation: str, description: str, columns: Mapping[str, str]
) -> None:
    """Add comments on a published table and its columns: their descriptions."""
    with transaction(connection):
        connection.execute(comments_on(relation, description, columns))


def _order_by(columns: Iterable[str]) -> str:
    """Return the columns as a list for `order by`, each once."""
    return ", ".join(f"{quoted(column)} nulls last" for column in dict.fromkeys(columns))


def _tables_of(connection: duckdb.DuckDBPyConnection, database: str) -> list[str]:
    names = "select table_name from duckdb_tables() where database_name = ? order by table_name"
    return [str(name) for (name,) in connection.execute(names, [database]).fetchall()]


def _write_public_tables(
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
    known = connection.execute(f"select table_name, force_code, month_start from {shown}").fetchall()
    written, first = {SHOWN_MONTHS}, 0
    for mart in marts:
        for release in mart.releases:
            written.add(release.table)
            if isinstance(release, Whole):
                _write_table(connection, mart, {name: quoted(name) for name in release.columns}, release.where)
                continue
            before = {(force, month) for of, force, month in known if of == release.table}
            months = _write_controlled(connection, mart, release, rules, before, is_first=is_first)
            first += len(months)
            rows = [(release.table, *month, name, rules.threshold, rules.rounding_base) for month in months]
            insert_rows(connection, shown, [dict(zip(_SHOWN_COLUMNS, row, strict=True)) for row in rows])
    about = "Months that are shown below force level. One row per table_name, force_code and month_start."
    _describe(connection, shown, about, _SHOWN_COLUMNS)
    if differing := {*_tables_of(connection, "published")} ^ written:
        raise EditionRefused(
            f"{', '.join(sorted(differing))}: not what the marts release. Nothing was published; report this as a "
            "fault of the program"
        )
    return first


def _write_table(
    connection: duckdb.DuckDBPyConnection, mart: Mart, columns: Mapping[str, str], where: str | None
) -> None:
    """Write columns of a mart, each with its expression, to a table of the edition, in the order of the mart."""
    target = table("published", "marts", mart.name)
    shown = ", ".join(f"{expression} as {quoted(column)}" for column, expression in columns.items())
    order = _order_by(column for column in (*mart.order, *columns) if column in columns)
    connection.execute(
        f"create table {target} as select {shown} from {table('marts', mart.name)} "
        f"where {where or 'true'} order by {order}"
    )
    _describe(connection, target, mart.description, {column: mart.columns[column] for column in columns})


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
    of_force = dict(zip(release.counts, release.totals, strict=True))
    totals = ", ".join(f"{quoted(count)} as {quoted(total)}" for count, total in of_force.items())
    connection.execute(f"create table {target} as select *, {totals} from ({cells_of}) limit 0")
    if not is_first:
        _repeat(connection, release, target)
    months = [month for month in _settled_months(connection, mart, release, rules) if month not in before]
    cells = {
        group: counts
        for group, counts in _read_cells(connection, release, cells_of).items()
        if group[:2] in set(months)
    }
    insert_rows(connection, target, _protected(release, cells, rules))
    _check(connection, release, cells, rules)
    _describe(
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
            for count, total in of_force.items()
        },
    )
    return months


def _repeat(connection: duckdb.DuckDBPyConnection, release: Controlled, target: str) -> None:
    """Copy the rows of a table from the previous edition unchanged."""
    if release.table not in _tables_of(connection, "earlier"):
        return
    source = table("earlier", "marts", release.table)
    had, has = (
        [(row[0], row[1]) for row in connection.execute(f"describe {relation}").fetchall()]
        for relation in (source, target)
    )
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
    for row in connection.execute(f"{cells_of} order by {_order_by(release.keys)}").fetchall():
        cell = tuple(row[width : len(release.keys)])
        cells.setdefault(tuple(row[:width]), {})[cell] = tuple(int(count or 0) for count in row[len(release.keys) :])
        of_force.setdefault(row[0], {})[cell] = None
    nothing = (0,) * len(release.counts)
    return {group: {cell: counts.get(cell, nothing) for cell in of_force[group[0]]} for group, counts in cells.items()}


def _protected(release: Controlled, cells: _Cells, rules: DisclosureRules) -> list[dict[str, object]]:
    """Return the rows of the public table: for each group, the cells with at least one count shown."""
    rows: list[dict[str, object]] = []
    for group, counts in cells.items():
        of = {name: [cell[index] for cell in counts.values()] for index, name in enumerate(release.counts)}
        shown = {
            name: control(values, rules, within=of.get(release.within.get(name, ""))) for name, values in of.items()
        }
        totals = {total: sum(of[count]) for count, total in zip(release.counts, release.totals, strict=True)}
        for index, cell in enumerate(counts):
            values = {name: shown[name][index] for name in release.counts}
            if any(value is not None for value in values.values()):
                rows.append(dict(zip(release.keys, (*group, *cell), strict=True)) | values | totals)
    return rows


def _check(connection: duckdb.DuckDBPyConnection, release: Controlled, cells: _Cells, rules: DisclosureRules) -> None:
    """Read back the written table and try to work out small counts from it and the exact totals.

    Raises:
        EditionRefused: a small count can be worked out, or a cell is shown that must not be.
    """
    width = 2 + len(release.groups)
    written: dict[_Group, dict[_Cell, tuple[int | None, ...]]] = {}
    names = ", ".join(quoted(column) for column in (*release.keys, *release.counts))
    for row in connection.execute(f"select {names} from {table('published', 'marts', release.table)}").fetchall():
        written.setdefault(tuple(row[:width]), {})[tuple(row[width : len(release.keys)])] = row[len(release.keys) :]
    nothing = (None,) * len(release.counts)
    for group, counts in cells.items():
        shown = written.get(group, {})
        for index, name in enumerate(release.counts):
            true = [cell[index] for cell in counts.values()]
            faults = findings(true, [shown.get(cell, nothing)[index] for cell in counts], rules)
            if faults or not set(shown) <= set(counts):
                fault = faults[0] if faults else "a cell is shown that there cannot be"
                raise EditionRefused(
                    f"{release.table}, {name}, {group[0]} {group[1]:%B %Y}: {fault}. "
                    "Nothing was published; the edition before stays. Report this as a fault; until "
                    "it is repaired, take the table out (public: [] in the mart's meta) and run: fcir run"
                )


def _copy_out(connection: duckdb.DuckDBPyConnection, folder: Path, forms: Collection[str]) -> dict[str, int]:
    """Write every table of an edition to `parquet/` or `csv/`, without formulas; return the number of rows by table."""
    counts: dict[str, int] = {}
    for name in _tables_of(connection, "published"):
        source = table("published", "marts", name)
        counts[name] = count_rows(connection, source)
        columns = connection.execute(f"describe {source}").fetchall()
        texts = [
            f"{neutralised_sql(quoted(name))} as {quoted(name)}" for name, kind, *_ in columns if kind == "VARCHAR"
        ]
        shown = {"parquet": "*", "csv": f"* replace ({', '.join(texts)})" if texts else "*"}
        for form in forms:
            file = literal(str(published_path(folder, form, f"{name}.{form}")))
            connection.execute(f"copy (select {shown[form]} from {source} order by all nulls last) to {file}")
    return counts


def _write_force_table(connection: duckdb.DuckDBPyConnection, mart: Mart, own: str) -> None:
    """Write a table of the edition of a force; `own` is the condition for the rows of the force."""
    release = whole_release(mart.releases)
    released = release.columns if release else ()
    columns = {column: quoted(column) for column in mart.columns if column not in LEFT_OUT}
    if mart.force_rows is ForceRows.RELEASED:
        columns = {column: name for column, name in columns.items() if column in released}
    elif mart.force_rows in (ForceRows.OWN_AND_RELEASED, ForceRows.USED_AND_RELEASED):
        columns |= {
            column: f"case when {own} then {name} end" for column, name in columns.items() if column not in released
        }
    rows = {ForceRows.OWN: own, ForceRows.ALL: "true", ForceRows.RELEASED: release.where if release else None}
    is_both = f"{own} or ({rows[ForceRows.RELEASED] or 'true'})"
    _write_table(connection, mart, columns, rows.get(mart.force_rows, is_both))


def _own_rows(mart: Mart, marts: Sequence[Mart], force_code: str) -> str:
    """Return the condition for the rows of a mart that are of the force, or that its rows of other marts use."""
    own = f"force_code = {literal(force_code)}"
    if mart.force_rows is not ForceRows.USED_AND_RELEASED:
        return own
    key = f"struct_pack({', '.join(f'{quoted(column)} := {quoted(column)}' for column in mart.grain)})"
    used = " union all ".join(
        f"select {key} from {table('marts', other.name)} where {own}"
        for other in marts
        if other.force_rows is ForceRows.OWN and other.columns.keys() >= set(mart.grain)
    )
    return f"{key} in ({used})" if used else "false"
