"""Compute what is expected of candidate deliveries: `incoming.SOURCE__deliveries`, as numbers, days and codes.

The table has a row for each delivery (without a force) and one for each force of a delivery, where the source has had
several. Faults of rows are in `extracts/rows.py`.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date, timedelta
from functools import cache
from math import sqrt
from statistics import median

import duckdb

from dagster_project.contracts import FORCE_COLUMN, CellType, Contract
from dagster_project.extracts.cells import london_time_of, sql_type_of
from dagster_project.extracts.rows import DUPLICATE_ROW, SUPERSEDED_ROW, warning_conditions
from dagster_project.sql import quoted, table
from dagster_project.tools.generate import BANK_HOLIDAYS, write_generated_files
from dagster_project.warehouse.connection import create_temp_table
from dagster_project.warehouse.tables import incoming

# Volume is compared with accepted days of the same kind in the last eight weeks. If they are fewer than three, as after
# six rejected weeks, it is compared with the newest three of half a year, or a broken export would pass for want of a
# comparison; longer ago, the season and the source have changed. With fewer than three in half a year there is no
# comparison, so a first load is never rejected for its volume.
_VOLUME_DAYS, _VOLUME_LEAST = 56, 3
VOLUME_DAYS_AT_MOST = 182
"""Number of days before a delivery that its volume may be compared with."""
# The variance of a count of independent events is its mean; a median of N days adds 1.57 / N of it, and days differ by
# 7% for other reasons than chance. A deviation of more than 3.5 standard deviations is none of chance: with 60 expected
# rows from eight days, fewer than 28 are too few, and 13 of 37 from three days are not. Members of the main list are
# compared more often, in smaller numbers.
_CHANCE, _CHANCE_MEMBER, _OF_MEDIAN, _OF_DAYS = 3.5, 5, 1.57, 0.07
# No row at all where ten are usual comes by chance once in 20,000 times.
_EXPECTED_LEAST = 10
_SUNDAY = 6

# A member of the main list with a median of 10 rows in the 28 days before is unusual without any row, or with less than
# 30 % of the same weekday, by more than chance. Compared with all 28 days, the cancelled crimes of weekends would be 32
# warnings on the sample; compared with weekends they are 5.
_MEMBER_DAYS, _MEMBER_LEAST, _MEMBER_SHARE = 28, 10, 0.3
# A share that leaves that of the 28 days before by a third on three days, of at least 10 rows expected on them. Days
# without work are compared with such days, of which there are eight.
_SHIFT_SHARE, _SHIFT_DAYS, _SHIFT_LEAST = 1 / 3, 3, 7

# A column is silent if it has no value although at least ten are expected from the four weeks before (at least seven
# days of them). By chance that happens once in 20,000 deliveries.
_SILENT_DAYS, _SILENT_LEAST, _SILENT_EXPECTED = 28, 7, 10
# A clock is stuck if 50 rows on end have one value, on the days of the newest six weeks, seven of which had several.
_STUCK_ROWS, _STUCK_DAYS, _STUCK_LEAST = 50, 42, 7

# A query without a matching row, for a source to which a number does not apply.
_NO_ROWS = "select null::date as extract_date, null::varchar as force_code, true as is_whole"

Row = tuple[date, str | None]
"""Extract date and force of a row of the deliveries table; None for the delivery as a whole."""


@dataclass(frozen=True)
class ForceRows:
    """Row counts of one force in a file or delivery."""

    loaded: int = 0
    quarantined: int = 0
    repeated: int = 0
    """Quarantined rows that repeat the key of another row; no data is lost with them."""

    @property
    def read(self) -> int:
        """Data rows."""
        return self.loaded + self.quarantined

    def __add__(self, other: ForceRows) -> ForceRows:
        return ForceRows(
            self.loaded + other.loaded, self.quarantined + other.quarantined, self.repeated + other.repeated
        )


Members = Mapping[tuple[str | None, str | None], ForceRows]
"""Rows of a delivery by force and by member of the main list; None if it could not be read."""


@dataclass(frozen=True)
class Finding:
    """A column, member or force that is unusual in a delivery."""

    kind: str
    """Column of the deliveries table that counts it; the column `KIND_names` has the names."""
    extract_date: date
    force_code: str | None
    name: str
    """Its name in the contract, with counts of rows where they explain it."""
    first_day: date | None = None
    """First day that it is about, if that is before the extract date."""


FINDINGS = ("silent_columns", "new_forces", "unusual_members", "shifted_members", "stuck_columns")
"""Kinds of findings."""


def count_filled_cells(
    connection: duckdb.DuckDBPyConnection, contract: Contract, found: Sequence[tuple[int, date, tuple[str, ...]]]
) -> dict[int, dict[tuple[str, str], int]]:
    """Count the rows with a value in each column; also write the counts to the temporary table `filled_cells`.

    The default of a column is no value: an empty cell has it.

    Args:
        connection: a loading connection with the candidate rows.
        contract: the source.
        found: for each file that was read, its load, extract date and contract columns.

    Returns:
        For each load, each force with good rows and each column of its file, the number of these rows with a value.
    """
    names = [column.name for column in contract.columns]
    counts = ", ".join(
        f"count({quoted(column.name)})"
        if column.default is None
        else f"count(*) filter (where {quoted(column.name)} <> cast($default_{column.name} as {sql_type_of(column)}))"
        for column in contract.columns
    )
    columns_of = {load_id: columns for load_id, _, columns in found}
    days = {load_id: day for load_id, day, _ in found}
    filled_cells: dict[int, dict[tuple[str, str], int]] = {load_id: {} for load_id in days}
    for load_id, force, *filled in connection.execute(
        f"select load_id, force_code, {counts} from {incoming(contract)} group by load_id, force_code",
        {f"default_{column.name}": column.default for column in contract.columns if column.default is not None},
    ).fetchall():
        for name, rows in zip(names, filled, strict=True):
            if name in columns_of.get(load_id, ()):
                filled_cells[load_id][force, name] = rows
    create_temp_table(
        connection,
        "filled_cells",
        {
            **{"load_id": "bigint", "extract_date": "date", "force_code": "varchar"},
            **{"column_name": "varchar", "rows_filled": "bigint"},
        },
        [(load_id, days[load_id], *key, rows) for load_id, of in filled_cells.items() for key, rows in of.items()],
    )
    return filled_cells


def silent_columns(connection: duckdb.DuckDBPyConnection, contract: Contract) -> list[Finding]:
    """Find the columns without any value in the rows of a force that had values in its earlier deliveries.

    An optional column that was renamed or dropped is an example: no row is rejected, but every figure that needs the
    column would lose its data unnoticed. In the rows of all forces together, the file of one would not be noticed. What
    was usual is taken from the days up to the last one with a value, so that days without one do not become usual.

    Returns:
        The silent columns of each extract date and force.
    """
    names = [column.name for column in contract.columns if column.name != FORCE_COLUMN]
    rows = connection.execute(
        f"""
        with days as (
            select
                extract_date,
                force_code,
                count(*) as rows_loaded,
                true as is_candidate
            from {incoming(contract)}
            group by extract_date, force_code
            union all
            select
                extract_date,
                force_code,
                sum(rows_loaded),
                false
            from audit.accepted_force
            where
                source = $source
                and extract_date not in (select extract_date from {incoming(contract)})
                and rows_loaded > 0
            group by extract_date, force_code
        ),

        filled as (
            select
                extract_date,
                force_code,
                column_name,
                rows_filled
            from filled_cells
            union all
            select
                standing.extract_date,
                load_column.force_code,
                load_column.column_name,
                load_column.rows_filled
            from audit.load_column as load_column
            join audit.accepted_load as standing on load_column.load_id = standing.load_id
            where standing.source = $source
        ),

        daily as (
            select
                days.extract_date,
                days.force_code,
                days.is_candidate,
                days.rows_loaded,
                named.column_name,
                coalesce(sum(filled.rows_filled), 0) as rows_filled
            from days
            cross join (select unnest($names) as column_name) as named
            left join filled
                on
                    days.extract_date = filled.extract_date
                    and days.force_code = filled.force_code
                    and named.column_name = filled.column_name
            group by days.extract_date, days.force_code, days.is_candidate, days.rows_loaded, named.column_name
        ),

        followed as (
            select
                *,
                max(case when rows_filled > 0 then extract_date end) over (
                    partition by force_code, column_name
                    order by extract_date
                    rows between unbounded preceding and 1 preceding
                ) as last_filled
            from daily
        )

        select daily.extract_date, daily.force_code, daily.column_name
        from followed as daily
        join daily as earlier
            on
                daily.force_code = earlier.force_code
                and daily.column_name = earlier.column_name
                and earlier.extract_date <= daily.last_filled
                and earlier.extract_date > daily.last_filled - cast($days as integer)
        where daily.is_candidate and daily.rows_filled = 0
        group by daily.extract_date, daily.force_code, daily.column_name, daily.rows_loaded
        having
            count(*) >= $least_days
            and daily.rows_loaded * sum(earlier.rows_filled) >= $expected * sum(earlier.rows_loaded)
        order by daily.extract_date, daily.column_name, daily.force_code
        """,
        {
            "source": contract.source,
            "names": names,
            "days": _SILENT_DAYS,
            "least_days": _SILENT_LEAST,
            "expected": _SILENT_EXPECTED,
        },
    ).fetchall()
    return [Finding("silent_columns", day, force, name) for day, force, name in rows]


def new_forces(first_days: Mapping[str, date], delivered: Mapping[date, Members]) -> Iterator[Finding]:
    """Find the forces in a candidate that the source has not delivered before.

    Without this, a misplaced extract of another force would load without a fault. Forces of the first delivery of the
    source are not new.

    Args:
        first_days: first extract date of each force that is loaded.
        delivered: the rows of each candidate extract date, by force and member.

    Yields:
        The forces, each with the extract date on which it first appears.
    """
    appeared: dict[str, date] = {}
    for day in sorted(delivered):
        for (force, _), rows in delivered[day].items():
            if force is not None and rows.loaded:
                appeared.setdefault(force, day)
    began = None if first_days else min(appeared.values(), default=None)
    for force, day in appeared.items():
        if force not in first_days and day != began:
            yield Finding("new_forces", day, force, force)


def first_days_of_forces(connection: duckdb.DuckDBPyConnection, contract: Contract) -> dict[str, date]:
    """Return the first extract date of each force that the source has delivered, in deliveries that are loaded."""
    rows = connection.execute(
        """
        select force_code, min(extract_date)
        from audit.accepted_force
        where source = ? and force_code is not null
        group by force_code
        """,
        [contract.source],
    ).fetchall()
    return dict(rows)


@dataclass(frozen=True)
class Volume:
    """The rows of a delivery or of a force in it, compared with the days of the same kind before it."""

    rows_read: int
    expected_rows: float | None = None
    """Median rows of those days; None if they are too few."""
    expected_from_days: int | None = None
    volume_ratio: float | None = None
    """Rows read by those expected; None if there is no comparison, or the difference may be chance."""


def volumes_of(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    rows_read: Mapping[date, int],
    members: Mapping[date, Members],
    *,
    waived: Collection[date],
    rejected: Collection[date],
) -> dict[Row, Volume]:
    """Compare the rows of each candidate delivery, and of each force in it, with the accepted days before it.

    A delivery that has too few rows or was rejected before is not the recent past of a later one, or a broken export
    would become usual. Nor are days that are incomplete for a force, or without any row of it.

    Args:
        connection: a loading connection.
        contract: the source.
        rows_read: data rows of each candidate extract date.
        members: these rows by force and member of the main list.
        waived: days that an operator has accepted as they are.
        rejected: days whose content was rejected before, for whatever reason.

    Returns:
        A volume for each delivery, and for each force with rows in it or in the 28 days before, if there are several.
    """
    accepted: dict[str | None, dict[date, int]] = defaultdict(dict)
    for force, day, rows in connection.execute(
        """
        select null, extract_date, cast(sum(rows_read) as bigint)
        from audit.accepted_load
        where source = $source
        group by extract_date
        union all
        select force_code, extract_date, cast(sum(rows_read) as bigint)
        from audit.accepted_force
        where
            source = $source
            and force_code is not null
            and (extract_date, force_code) not in (
                select (extract_date, force_code)
                from audit.incomplete_force
                where source = $source and force_code is not null
            )
        group by force_code, extract_date
        having sum(rows_read) > 0
        """,
        {"source": contract.source},
    ).fetchall():
        accepted[force][day] = rows
    delivered: dict[str | None, dict[date, int]] = defaultdict(dict, {None: dict(rows_read)})
    for day, of in members.items():
        for (force, _), counts in of.items():
            if force is not None:
                delivered[force][day] = delivered[force].get(day, 0) + counts.read
    with_rows: dict[str | None, set[date]] = defaultdict(set)
    for force, of_days in accepted.items():
        with_rows[force] |= of_days.keys() - rows_read.keys()
    for force, of_days in delivered.items():
        with_rows[force] |= {day for day, rows in of_days.items() if rows}
    del with_rows[None]
    window = [timedelta(days=number) for number in range(_MEMBER_DAYS + 1)]
    for day in rows_read:
        forces = [force for force, days in with_rows.items() if any(day - before in days for before in window)]
        for force in with_rows:
            if force in forces and len(forces) > 1:
                delivered[force].setdefault(day, 0)
            else:
                delivered[force].pop(day, None)
    volumes: dict[Row, Volume] = {}
    left_out = set(rejected) - set(waived)
    for force in sorted(delivered, key=lambda force: force or ""):
        rows_of = accepted[force]
        for day, read in sorted(delivered[force].items()):
            before = _rows_before(day, rows_of)
            expected = float(median(before)) if len(before) >= _VOLUME_LEAST else None
            ratio = None if not expected or _is_chance(read, expected, len(before)) else round(read / expected, 4)
            volumes[day, force] = Volume(read, expected, None if expected is None else len(before), ratio)
            if contract.is_too_small(ratio) and day not in waived:
                if force is None:
                    left_out.add(day)
            elif day not in left_out and (force is None or read):
                rows_of[day] = read
    return volumes


def _is_chance(read: int, expected: float, days: int) -> bool:
    """Return whether the rows of a day may differ by chance from those expected, the median of so many days."""
    if not read:
        return expected < _EXPECTED_LEAST
    variance = expected + _OF_MEDIAN * expected / days + (_OF_DAYS * expected) ** 2
    # Twice the square root of a count has a standard deviation of about 1 for any mean: with 2 expected rows, 9 are
    # still within chance.
    return abs(read - expected) <= _CHANCE * sqrt(variance) or 2 * abs(sqrt(read) - sqrt(expected)) <= _CHANCE


def unusual_members(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    delivered: Mapping[date, Members],
    left_out: Collection[date],
) -> Iterator[Finding]:
    """Find members of the main list, such as a line, and members of a force, that lost most of their rows.

    Args:
        connection: a loading connection.
        contract: the source.
        delivered: the rows of each candidate extract date, by force and member.
        left_out: those of these days that later days are not compared with.

    Yields:
        The unusual members. If all forces together lost a member, it is not found for each of them.
    """
    if not contract.is_daily or not delivered:
        return
    rows: dict[tuple[str | None, str], dict[date, int]] = defaultdict(lambda: defaultdict(int))
    days_of: dict[str | None, set[date]] = defaultdict(set)

    def count(day: date, force: str | None, member: str | None, read: int) -> None:
        for of in {force, None}:
            days_of[of].add(day)
            if member is not None:
                rows[of, member][day] += read

    for force, member, day, read in connection.execute(
        """
        select force_code, member, extract_date, rows_read
        from audit.accepted_force
        where source = ? and extract_date between ? and ?
        """,
        [contract.source, min(delivered) - timedelta(days=_MEMBER_DAYS), max(delivered)],
    ).fetchall():
        if day not in delivered:
            count(day, force, member, read)
    for day, members in delivered.items():
        for (force, member), counts in members.items():
            count(day, force, member, counts.read)
    lost: set[tuple[date, str]] = set()
    # The whole delivery before its forces.
    for (force, member), of_days in sorted(rows.items(), key=lambda item: (item[0][0] or "", item[0][1])):
        limit = _MEMBER_SHARE * max(of_days.values())
        for day in sorted(days_of[force] & delivered.keys()):
            read = of_days.get(day, 0)
            if read >= limit or (day, member) in lost:
                continue
            before = [day - timedelta(days=number) for number in range(1, _MEMBER_DAYS + 1)]
            had = {other: of_days.get(other, 0) for other in before if other in days_of[force] - set(left_out)}
            usual = float(median(had.values())) if had else 0.0
            if usual < _MEMBER_LEAST:
                continue
            if read:
                same = [rows_of_day for other, rows_of_day in had.items() if other.weekday() == day.weekday()]
                usual = float(median(same)) if len(same) >= _VOLUME_LEAST else 0.0
            if not read or (read < _MEMBER_SHARE * usual and usual - read > _CHANCE * sqrt(usual)):
                if force is None:
                    lost.add((day, member))
                yield Finding("unusual_members", day, force, f"{member} ({read:,} rows, usually {usual:,.0f})")


def shifted_members(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    delivered: Mapping[date, Members],
) -> Iterator[Finding]:
    """Find members of the main list whose share of a force's rows has left that of 28 days by a third on three days.

    A queue that was renamed in part, or counted under another name, is an example.

    Args:
        connection: a loading connection.
        contract: the source.
        delivered: the rows of each candidate extract date, by force and member.
    """
    if not contract.is_daily or not contract.main_list or not delivered:
        return
    since = min(delivered) - timedelta(days=_MEMBER_DAYS + 7)
    create_temp_table(
        connection,
        "delivered_member",
        {"extract_date": "date", "force_code": "varchar", "member": "varchar", "rows_read": "bigint"},
        [
            (day, force, member, rows.read)
            for day, members in delivered.items()
            for (force, member), rows in members.items()
            if force is not None and member is not None and rows.read
        ],
    )
    found = connection.execute(
        """
        with counted as (
            select
                extract_date,
                force_code,
                member,
                cast(sum(rows_read) as double) as rows_read
            from audit.accepted_force
            where
                source = $source
                and extract_date >= $since
                and not list_contains($days, extract_date)
                and force_code is not null
                and member is not null
            group by all
            union all
            from delivered_member
        ),

        days as (
            select
                extract_date,
                force_code,
                sum(rows_read) as rows_of_day,
                isodow(extract_date) >= 6 or list_contains($holidays, extract_date) as is_free
            from counted
            group by all
            having sum(rows_read) > 0
        ),

        shares as (
            select
                days.*,
                members.member,
                coalesce(counted.rows_read, 0) as rows_read
            from days
            join (select distinct force_code, member from counted) as members using (force_code)
            left join counted using (extract_date, force_code, member)
        ),

        compared as (
            select
                *,
                sum(rows_read) over before / sum(rows_of_day) over before as usual,
                usual * rows_of_day as expected,
                case
                    when count(*) over before < $least or usual is null then 0
                    when rows_read < expected * (1 - $shift) then -1
                    when rows_read > expected * (1 + $shift) then 1
                    else 0
                end as side
            from shares
            window before as (
                partition by force_code, member, is_free
                order by extract_date
                range between interval 28 days preceding and interval 1 day preceding
            )
        ),

        followed as (
            select
                *,
                sum(side) over newest as sides,
                sum(rows_read) over newest as rows_of_days,
                sum(expected) over newest as expected_of_days,
                sum(expected * (1 - usual)) over newest as variance,
                min(extract_date) over newest as first_day
            from compared
            window newest as (
                partition by force_code, member
                order by extract_date
                rows between $days_before preceding and current row
            )
        )

        select
            extract_date,
            force_code,
            member,
            rows_of_days,
            expected_of_days,
            first_day
        from followed
        where
            list_contains($days, extract_date)
            and abs(sides) > $days_before
            and expected_of_days >= $least_rows
            and abs(rows_of_days - expected_of_days) > $chance * sqrt(variance)
        order by all
        """,
        {
            "source": contract.source,
            "since": since,
            "days": list(delivered),
            "holidays": [day for day in bank_holidays() if since <= day <= max(delivered)],
            "least": _SHIFT_LEAST,
            "shift": _SHIFT_SHARE,
            "days_before": _SHIFT_DAYS - 1,
            "least_rows": _MEMBER_LEAST,
            "chance": _CHANCE_MEMBER,
        },
    ).fetchall()
    for day, force, member, rows, expected, first_day in found:
        name = f"{member} ({rows:,.0f} rows of {_SHIFT_DAYS} days, usually {expected:,.0f})"
        yield Finding("shifted_members", day, force, name, first_day)


def stuck_columns(
    connection: duckdb.DuckDBPyConnection, contract: Contract, days: Sequence[date], first_load_id: int
) -> Iterator[Finding]:
    """Find numeric columns with one value in the newest 50 rows or more of a force, where they usually have many.

    Args:
        connection: a loading connection with the candidate rows.
        contract: the source.
        days: the candidate extract dates.
        first_load_id: lowest load number of the candidate.
    """
    numbers = [
        column.name
        for column in contract.columns
        if column.cell_type in (CellType.INTEGER, CellType.DECIMAL, CellType.SECONDS)
        and not column.values
        and column.key_position is None
    ]
    if not contract.is_daily or not numbers or not days:
        return
    of_columns = ", ".join(
        f"{{'name': '{name}', 'filled': count({quoted(name)}), 'least': cast(min({quoted(name)}) as double), "
        f"'most': cast(max({quoted(name)}) as double)}}"
        for name in numbers
    )
    found = connection.execute(
        f"""
        with daily as (
            select
                extract_date,
                force_code,
                unnest([{of_columns}], recursive := true)
            from {table("raw", contract.source)}
            where
                load_id >= $first_load_id
                or load_id in (
                    select load_id
                    from audit.accepted_load
                    where source = $source and extract_date >= $since and not list_contains($days, extract_date)
                )
            group by extract_date, force_code
        ),

        compared as (
            select
                *,
                least = most as is_stuck,
                count(*) filter (where least < most) over (
                    partition by force_code, name
                    order by extract_date
                    range between interval {_STUCK_DAYS} days preceding and current row
                ) as days_with_several,
                coalesce(most <> lag(least) over (partition by force_code, name order by extract_date), true)
                or least < most as begins
            from daily
            where filled > 0
        ),

        grouped as (
            select
                *,
                count(*) filter (where begins) over (
                    partition by force_code, name order by extract_date rows unbounded preceding
                ) as stretch
            from compared
        ),

        followed as (
            select
                *,
                sum(filled) over stretch as rows_of_stretch,
                min(extract_date) over stretch as first_day
            from grouped
            window stretch as (partition by force_code, name, stretch order by extract_date rows unbounded preceding)
        )

        select
            extract_date,
            force_code,
            name,
            cast(rows_of_stretch as bigint),
            first_day
        from followed
        where
            is_stuck
            and list_contains($days, extract_date)
            and rows_of_stretch >= $rows
            and days_with_several >= $least
        order by all
        """,
        {
            "first_load_id": first_load_id,
            "source": contract.source,
            "since": min(days) - timedelta(days=_STUCK_DAYS),
            "days": list(days),
            "rows": _STUCK_ROWS,
            "least": _STUCK_LEAST,
        },
    ).fetchall()
    for day, force, name, rows, first_day in found:
        yield Finding("stuck_columns", day, force, f"{name} (one value in {rows:,} rows)", first_day)


def describe_deliveries(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    *,
    volumes: Mapping[Row, Volume],
    rows_without_force: Mapping[date, int],
    findings: Sequence[Finding],
    late_loads: Sequence[int],
    corrected: Sequence[date],
    first_load_id: int,
) -> None:
    """Create `incoming.SOURCE__deliveries`, with a row for each volume.

    Args:
        connection: a loading connection with the candidate rows.
        contract: the source.
        volumes: of each delivery whose files are all readable, and of its forces.
        rows_without_force: rows of files without a force, in a source of several, by day.
        findings: what is unusual in them; one about a force counts for the delivery where that has no rows of forces.
        late_loads: loads of files with late entries, whose events are of other days.
        corrected: days of which a delivery is loaded that this one replaces, from files of the same kind.
        first_load_id: lowest load number of the candidate.
    """
    measures = "".join(
        f",\n                {expression} as {quoted(name)}" for name, expression in contract.delivery_measures.items()
    )
    create_temp_table(
        connection,
        "delivered_row",
        {
            **{"extract_date": "date", "force_code": "varchar", "rows_read": "bigint", "expected_rows": "double"},
            **{"expected_from_days": "bigint", "volume_ratio": "double", "rows_without_force": "bigint"},
        },
        [
            (*row, *astuple(volume), 0 if row[1] else rows_without_force.get(row[0], 0))
            for row, volume in volumes.items()
        ],
    )
    create_temp_table(
        connection,
        "finding",
        dict.fromkeys(("kind", "force_code", "name"), "varchar") | {"extract_date": "date", "first_day": "date"},
        [
            (item.kind, force if (day, force) in volumes else None, item.name, day, item.first_day or day)
            for item in findings
            for day, force in [(item.extract_date, item.force_code)]
        ],
    )
    # A row of the whole delivery, and one of each force.
    sets = "group by grouping sets ((extract_date), (extract_date, force_code))"
    on_time = "not list_contains($late_loads, load_id)"
    conditions = {
        name: f"{on_time} and ({condition})" if name in ("rows_outside_day", "rows_of_other_days") else condition
        for name, condition in warning_conditions(contract).items()
    }
    counts = "".join(
        f",\n                count(*) filter (where {condition}) as {name}" for name, condition in conditions.items()
    )
    found = "".join(
        f""",
                count(*) filter (where kind = '{kind}') as {kind},
                string_agg(name, ', ' order by name) filter (where kind = '{kind}') as {kind}_names,
                min(first_day) filter (where kind = '{kind}') as {kind}_since"""
        for kind in FINDINGS
    )
    queries = {
        "measured": f"""
            select
                extract_date,
                force_code,
                grouping(force_code) = 1 as is_whole,
                count(*) as rows_loaded,
                count(*) filter (where {on_time}) as rows_on_time{counts}{measures}
            from {incoming(contract)}
            {sets}
            """,
        "quarantined": f"""
            select
                extract_date,
                force_code,
                grouping(force_code) = 1 as is_whole,
                count(*) as rows_quarantined,
                count(*) filter (where reason_code not in ($duplicate_code, $superseded_code)) as faulty_rows,
                count(*) filter (where reason_code = $superseded_code) as superseded_rows,
                trim(cast(histogram(reason_code) as varchar), '{{}}') as reason_codes
            from {incoming(contract, "quarantine")}
            {sets}
            """,
        "found": f"""
            select
                extract_date,
                force_code,
                force_code is null as is_whole{found}
            from finding
            group by extract_date, force_code
            """,
        "twins": _twins(contract, sets),
        "corrected": _corrected(contract, sets),
    }
    # A count is none where no row is counted; a measure is none.
    none = (
        *("rows_loaded", "rows_on_time", *conditions),
        *("rows_quarantined", "faulty_rows", "superseded_rows", *FINDINGS, "rows_repeated", "keys_before", "keys_lost"),
    )
    parameters = {
        "duplicate_code": DUPLICATE_ROW.code,
        "superseded_code": SUPERSEDED_ROW.code,
        "late_loads": list(late_loads),
        "corrected": list(corrected),
        "source": contract.source,
        "first_load_id": first_load_id,
    }
    # Without it a query may ask for a parameter that it does not have.
    joins, used = "", "\n".join(queries.values())
    for name, query in queries.items():
        joins += f"""
        left join ({query}) as {name}
            on
                delivered_row.extract_date = {name}.extract_date
                and delivered_row.force_code is not distinct from if({name}.is_whole, null, {name}.force_code)
                and ({name}.is_whole or {name}.force_code is not null)"""
    filled = ", ".join(f"coalesce({name}, 0) as {name}" for name in none)
    connection.execute(
        f"""
        create or replace table {incoming(contract, "deliveries")} as
        select * replace ({filled})
        from (
            select
                delivered_row.*,
                {", ".join(f"{name}.* exclude (extract_date, force_code, is_whole)" for name in queries)}
            from delivered_row{joins}
        )
        """,
        {name: value for name, value in parameters.items() if f"${name}" in used},
    )


def _twins(contract: Contract, sets: str) -> str:
    """Return the query that counts candidate rows with the cells of a row of another event, all but the identifier.

    Two systems that both deliver, or records that were entered again, are examples. A time that is a whole minute says
    too little: equal rows are then by chance.
    """
    if contract.identity_time is None or not contract.key:
        return f"{_NO_ROWS}, 0 as rows_repeated"
    time = quoted(contract.identity_time)
    # The first column of a key names the event; the others are the number of a part or the time of a version.
    identifier = contract.key[0].name
    others = [column.name for column in contract.columns if column.name != identifier]
    return f"""
            with event as (
                select
                    extract_date,
                    load_id,
                    force_code,
                    {time} as event_time,
                    hash({quoted(identifier)}) as identity,
                    hash({", ".join(map(quoted, others))}) as cells
                from {table("raw", contract.source)}
                where
                    second({time}) <> 0
                    and {time} between
                    (select min({time}) from {incoming(contract)}) and (select max({time}) from {incoming(contract)})
                    and (
                        load_id >= $first_load_id
                        or load_id in (
                            select load_id
                            from audit.accepted_load
                            where
                                source = $source
                                and extract_date not in (select extract_date from delivered_row)
                        )
                    )
            ),

            repeated as (
                select
                    force_code,
                    event_time,
                    cells
                from event
                group by all
                having min(identity) <> max(identity)
            )

            select
                extract_date,
                force_code,
                grouping(force_code) = 1 as is_whole,
                count(*) as rows_repeated,
                min(cast({london_time_of("event_time")} as date)) as rows_repeated_since,
                max(cast({london_time_of("event_time")} as date)) as rows_repeated_until
            from event
            join repeated using (force_code, event_time, cells)
            where load_id >= $first_load_id
            {sets}
            """


def _corrected(contract: Contract, sets: str) -> str:
    """Return the query that counts keys of replaced rows, and those of them that the candidate lacks.

    Only rows with their event on the extract date count: a wrong file that was of another day is not missed.
    """
    if not contract.key:
        return f"{_NO_ROWS}, 0 as keys_before, 0 as keys_lost"
    key = ["extract_date", FORCE_COLUMN, *(column.name for column in contract.key if column.name != FORCE_COLUMN)]
    same = " and ".join(f"before.{quoted(name)} is not distinct from after.{quoted(name)}" for name in key)
    event = contract.identity_time
    on_day = f"and cast({london_time_of(quoted(event))} as date) = extract_date" if event and contract.is_daily else ""
    return f"""
            select
                before.extract_date,
                before.force_code,
                grouping(before.force_code) = 1 as is_whole,
                count(*) as keys_before,
                count(*) filter (where after.load_id is null) as keys_lost
            from (
                select *
                from {table("raw", contract.source)}
                where
                    load_id in (
                        select load_id
                        from audit.accepted_load
                        where source = $source and list_contains($corrected, extract_date)
                    )
                    {on_day}
            ) as before
            left join {incoming(contract)} as after on {same}
            {sets.replace("extract_date", "before.extract_date").replace("force_code", "before.force_code")}
            """


def _rows_before(day: date, rows: Mapping[date, int]) -> list[int]:
    """Return the rows of the days before a day that its volume is compared with.

    These are the days with the same weekday in the eight weeks before it; if they are fewer than three, the newest
    three in half a year. A bank holiday is compared with Sundays, and later days are not compared with it.

    Args:
        day: the day.
        rows: rows of the accepted days.
    """
    compared = [other for other in _days_of_a_kind(day) if other in rows]
    recent = [other for other in compared if other >= day - timedelta(days=_VOLUME_DAYS)]
    return [rows[other] for other in (recent if len(recent) >= _VOLUME_LEAST else compared[:_VOLUME_LEAST])]


@cache
def _days_of_a_kind(day: date) -> tuple[date, ...]:
    """Return the days with which a day may be compared, newest first."""
    holidays = bank_holidays()
    weekday = _SUNDAY if day in holidays else day.weekday()
    newest = (day.weekday() - weekday - 1) % 7 + 1
    window = (day - timedelta(days=number) for number in range(newest, VOLUME_DAYS_AT_MOST + 1, 7))
    return tuple(other for other in window if other not in holidays)


@cache
def bank_holidays() -> frozenset[date]:
    """Return the bank holidays of England, from the seed that the marts also use."""
    write_generated_files(only_outdated=True)
    with BANK_HOLIDAYS.open(encoding="utf-8", newline="") as stream:
        return frozenset(date.fromisoformat(row["holiday_date"]) for row in csv.DictReader(stream))
