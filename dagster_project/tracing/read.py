"""Read the trace of a figure from the private warehouse."""

import difflib
import re
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

import duckdb

from dagster_project.errors import UsageError
from dagster_project.publication.files import DATABASE, pointer_of
from dagster_project.settings import Settings
from dagster_project.tracing.model import (
    EventRow,
    Figure,
    MissingDay,
    PublishedFigure,
    QuarantinedRows,
    Trace,
    TracedFile,
    TracedPart,
    Use,
    compact,
)
from dagster_project.transformation.build import is_current
from dagster_project.warehouse.connection import reading_connection
from dagster_project.warehouse.state import reading_audit
from dagster_project.words import printable

# Rows fetched at a time: a month has some 100,000 rows for one force, and millions for a large one.
_FETCHED = 10_000


def trace_figure(settings: Settings, measure: str, month: str, *, force: str | None, with_rows: bool) -> Trace:
    """Read the trace of a figure from the private warehouse. Changes nothing and reads no personal values.

    Without `force`, the only force, or FCIR_FORCE if there are several.

    Returns:
        The trace; its `faults` show whether it adds up.

    Raises:
        UsageError: the measure, month or force does not exist, or nothing has been built.
        WarehouseLocked: a run holds the warehouse.
    """
    first_day = parse_month(month)
    with reading_audit(settings.warehouse, settings.lock_file) as connection:
        if connection is None:
            raise UsageError("nothing is loaded yet, so there is no figure to trace. Run: fcir run")
        try:
            _require_measure(connection, measure)
            return _trace(connection, settings, measure, first_day, force, with_rows=with_rows)
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            # A table or column does not exist: a run was killed before its build, or the project is newer.
            raise UsageError(
                "the warehouse is not built, or was by an earlier version, so no figure can be traced. Run: fcir run"
            ) from error


def _trace(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    measure: str,
    month_start: date,
    force: str | None,
    *,
    with_rows: bool,
) -> Trace:
    figure = _figure(connection, measure, month_start, _force(connection, settings, force))
    sources = _texts(
        connection.execute(
            "select source from measures.int_measure_source where measure = ? order by source", [measure]
        ).fetchall()
    )
    uses = tuple(
        Use(*row)
        for row in connection.execute(
            """
            select role, part, weight
            from reference.measure_parts
            where measure = ?
            order by role = 'denominator', weight desc, part
            """,
            [figure.formula_measure],
        ).fetchall()
    )
    parts, rows = _parts(connection, figure, uses, with_rows=with_rows)
    return Trace(
        figure=figure,
        published=_published(settings, figure),
        is_current=is_current(connection, settings),
        sources=sources,
        missing_days=_missing_days(connection, figure),
        uses=uses,
        parts=parts,
        rows=rows,
        quarantined=_quarantined(connection, figure, sources, parts),
    )


def parse_month(text: str) -> date:
    """Return the first day of a month given as `YYYY-MM`.

    Raises:
        UsageError: the text has another format.
    """
    if re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text) and text >= "0001":
        return date.fromisoformat(f"{text}-01")
    raise UsageError(f"{printable(text)}: not a month; expected YYYY-MM")


def _month_after(month_start: date) -> date:
    # The last possible month has no successor, and there is no figure for it.
    return date(month_start.year + month_start.month // 12, month_start.month % 12 + 1, 1)


def _texts(rows: Sequence[tuple[Any, ...]]) -> tuple[str, ...]:
    return tuple(str(row[0]) for row in rows)


def _require_measure(connection: duckdb.DuckDBPyConnection, measure: str) -> None:
    codes = _texts(connection.execute("select measure from reference.measure_catalogue order by measure").fetchall())
    if measure in codes:
        return
    # Suggest these if the section is missing, or is written as in a paper.
    name = re.split(r"[.\s]", measure)[-1]
    similar = [code for code in codes if name and code.partition(".")[2] == name]
    similar = similar or difflib.get_close_matches(measure, codes, n=4, cutoff=0.6)
    hint = f"similar: {', '.join(similar)}" if similar else "nothing is similar"
    raise UsageError(f'no measure {printable(measure)}; {hint}. All of them: fcir query "from measures"')


def _force(connection: duckdb.DuckDBPyConnection, settings: Settings, wanted: str | None) -> str:
    known = _texts(
        connection.execute(
            "select distinct force_code from measures.int_measure_monthly order by force_code"
        ).fetchall()
    )
    if not known:
        raise UsageError("no event of any force is loaded, so there is no figure to trace. Run: fcir status")
    if wanted is None and len(known) == 1:
        return known[0]
    # The same default as for papers and the first page of the site.
    chosen = settings.force if wanted is None else wanted
    if chosen not in known:
        raise UsageError(f"no figures of force {printable(chosen)}; name one with --force: {', '.join(known)}")
    return chosen


def _figure(connection: duckdb.DuckDBPyConnection, measure: str, month_start: date, force_code: str) -> Figure:
    row = connection.execute(
        """
        select
            figures.force_code,
            figures.measure,
            figures.month_start,
            catalogue.label,
            catalogue.unit,
            catalogue.better,
            figures.target,
            catalogue.owner,
            catalogue.definition,
            display.display_value,
            figures.value,
            figures.is_additive,
            figures.formula_measure,
            figures.numerator,
            nullif(formula.numerator, ''),
            figures.denominator,
            nullif(formula.denominator, ''),
            catalogue.factor,
            catalogue.numerator_divisor,
            catalogue.denominator_divisor,
            figures.is_delivered,
            figures.is_provisional,
            figures.days_in_month,
            figures.days_loaded,
            figures.share_of_days_loaded
        from measures.int_measure_monthly as figures
        inner join reference.measure_catalogue as catalogue on figures.measure = catalogue.measure
        inner join reference.measure_catalogue as formula on figures.formula_measure = formula.measure
        inner join marts.kpi_measure_period as display
            on figures.force_code = display.force_code
            and figures.measure = display.measure
            and figures.month_start = display.month_start
            and display.period = 'month'
        where figures.force_code = ? and figures.measure = ? and figures.month_start = ?
        """,
        [force_code, measure, month_start],
    ).fetchone()
    if row:
        return Figure(*row)
    span = connection.execute(
        """
        select min(month_start), max(month_start)
        from measures.int_measure_monthly
        where force_code = ? and measure = ?
        """,
        [force_code, measure],
    ).fetchone()
    months = f"there are {span[0]:%Y-%m} to {span[1]:%Y-%m}" if span and span[0] else "there are no months"
    raise UsageError(f"{measure} of {force_code} has no month {month_start:%Y-%m}; {months}")


def _parts(
    connection: duckdb.DuckDBPyConnection, figure: Figure, uses: Sequence[Use], *, with_rows: bool
) -> tuple[tuple[TracedPart, ...], tuple[EventRow, ...]]:
    """Return the parts in the order of their first use, and their rows."""
    names = list(dict.fromkeys(use.part for use in uses))
    span = [figure.force_code, figure.month_start, _month_after(figure.month_start), names]
    sums = dict(
        connection.execute(
            """
            select part, sum(amount)
            from measures.int_part_daily
            where force_code = ? and day >= ? and day < ? and list_contains(?, part)
            group by part
            """,
            span,
        ).fetchall()
    )
    loads = {
        row[0]: row
        for row in connection.execute(
            """
            select
                load_id,
                source,
                extract_date,
                coalesce(delivered_name, file_name),
                file_sha256,
                status
            from audit.load
            """
        ).fetchall()
    }
    # Before the rows below, which are read bit by bit: another query of the connection would end them.
    purged = _purged_files(connection, figure, names)
    cursor = connection.execute(
        """
        select part, load_id, source_row, amount
        from measures.int_part_event
        where force_code = ? and day >= ? and day < ? and list_contains(?, part)
        order by part, load_id, source_row
        """,
        span,
    )
    files: dict[str, list[TracedFile]] = {name: [] for name in names}
    listed: list[EventRow] = []
    for file_of_part in purged:
        files[file_of_part[0]].append(file_of_part[1])
    # What is left of purged months, because it is held, is in the archive too.
    purged_parts = {part for part, _ in purged}
    for (part, load_id), group in groupby(_fetched(cursor), key=lambda row: row[:2]):
        if part in purged_parts:
            continue
        _, source, extract_date, file_name, file_sha256, status = loads[load_id]
        events, amount, numbers = 0, Decimal(0), []
        for _, _, source_row, added in group:
            numbers.append(source_row)
            if added is not None:
                events += 1
                amount += added
            if with_rows:
                listed.append(EventRow(part, added, source, extract_date, file_name, load_id, source_row))
        files[part].append(
            TracedFile(source, extract_date, file_name, file_sha256, load_id, status, events, amount, compact(numbers))
        )
    parts = tuple(
        TracedPart(
            name,
            sums.get(name, Decimal(0)),
            tuple(sorted(files[name], key=lambda file: (file.extract_date, file.load_id))),
        )
        for name in names
    )
    listed.sort(key=lambda row: (names.index(row.part), row.extract_date, row.load_id, row.source_row))
    return parts, tuple(listed)


def _purged_files(
    connection: duckdb.DuckDBPyConnection, figure: Figure, names: Sequence[str]
) -> list[tuple[str, TracedFile]]:
    """Return by part the files of purged rows that it was counted from."""
    if not connection.execute(
        "select 1 from duckdb_tables() where schema_name = 'archive' and table_name = 'part_load'"
    ).fetchall():
        return []
    rows = connection.execute(
        """
        select
            counted.part,
            load.source,
            load.extract_date,
            coalesce(load.delivered_name, load.file_name),
            load.file_sha256,
            load.load_id,
            load.status,
            counted.events,
            counted.amount,
            cast(coalesce(load.purged_at, purge.purged_at) as date)
        from archive.part_load as counted
        inner join audit.load as load on counted.load_id = load.load_id
        left join audit.purge as purge on counted.source = purge.source
        where counted.force_code = ? and counted.month_start = ? and list_contains(?, counted.part)
        order by counted.part, load.extract_date, load.load_id
        """,
        [figure.force_code, figure.month_start, list(names)],
    ).fetchall()
    return [
        (part, TracedFile(source, day, name, sha256, load_id, status, events, amount, (), purged_at))
        for part, source, day, name, sha256, load_id, status, events, amount, purged_at in rows
    ]


def _fetched(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while batch := cursor.fetchmany(_FETCHED):
        yield from batch


def _published(settings: Settings, figure: Figure) -> PublishedFigure | None:
    pointer = pointer_of(settings.published)
    if not pointer.exists():
        return None
    folder = pointer.resolve()
    with reading_connection(folder / DATABASE) as connection:
        row = connection.execute(
            """
            select figures.value, paper.display_value
            from marts.kpi_measure_monthly as figures
            left join marts.board_paper as paper
                on figures.force_code = paper.force_code
                and figures.measure = concat(paper.section, '.', paper.measure)
                and figures.month_start = paper.month_start
            where figures.force_code = ? and figures.measure = ? and figures.month_start = ?
            """,
            [figure.force_code, figure.measure, figure.month_start],
        ).fetchone()
    return PublishedFigure(folder.name, row is not None, *(row or (None, None)))


def _missing_days(connection: duckdb.DuckDBPyConnection, figure: Figure) -> tuple[MissingDay, ...]:
    rows = connection.execute(
        """
        with states as (
            select
                source,
                extract_date,
                case
                    when
                        max(load_id) filter (where status = 'rejected')
                        > max(load_id) filter (where status in ('loaded', 'empty'))
                        then 'correction rejected'
                    when bool_or(status in ('loaded', 'empty')) then 'without rows of the force'
                    when bool_or(status = 'rejected') then 'rejected'
                    else 'missing'
                end as state
            from audit.load
            where
                withdrawn_at is null
            group by source, extract_date
        )

        select distinct
            sources.source,
            dates.date_day,
            case when gaps.day is not null then 'incomplete in part' else coalesce(states.state, 'not delivered') end
        from measures.int_measure_source as sources
        inner join marts.dim_date as dates on dates.month_start = $month
        left join measures.int_source_day as days
            on sources.source = days.source and days.force_code = $force_code and dates.date_day = days.day
        left join states
            on sources.source = states.source and dates.date_day = states.extract_date
        left join measures.int_measure_gap_day as gaps
            on
                sources.measure = gaps.measure
                and sources.source = gaps.source
                and gaps.force_code = $force_code
                and dates.date_day = gaps.day
        where sources.measure = $measure and (gaps.day is not null or not coalesce(days.is_loaded, false))
        order by sources.source, dates.date_day
        """,
        {"month": figure.month_start, "force_code": figure.force_code, "measure": figure.measure},
    ).fetchall()
    return tuple(MissingDay(*row) for row in rows)


def _quarantined(
    connection: duckdb.DuckDBPyConnection, figure: Figure, sources: Sequence[str], parts: Sequence[TracedPart]
) -> tuple[QuarantinedRows, ...]:
    used = sorted({file.load_id for part in parts for file in part.files})
    rows = connection.execute(
        """
        select source, extract_date, file_name, load_id, reason_code, count(*)
        from marts.quarantine
        where
            list_contains(?, source)
            and ((extract_date >= ? and extract_date < ?) or list_contains(?, load_id))
        group by source, extract_date, file_name, load_id, reason_code
        order by source, extract_date, load_id, reason_code
        """,
        [list(sources), figure.month_start, _month_after(figure.month_start), used],
    ).fetchall()
    return tuple(QuarantinedRows(*row) for row in rows)
