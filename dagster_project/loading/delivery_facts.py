"""Compute facts about each candidate delivery as a whole: counts, volume against the past, silent columns, warnings.

`incoming.SOURCE__deliveries` has one row for each extract date, for the expectations on deliveries. Faults of rows are
in `extracts/rows.py`.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date, timedelta
from functools import cache
from math import sqrt
from statistics import median

import duckdb

from dagster_project.contracts import FORCE_COLUMN, Contract
from dagster_project.extracts.cells import sql_type_of
from dagster_project.extracts.rows import DUPLICATE_ROW, SUPERSEDED_ROW, warning_conditions
from dagster_project.sql import quoted, rows_as_dicts, table
from dagster_project.tools.generate import BANK_HOLIDAYS, write_generated_files
from dagster_project.validation.expectations import VOLUME_CEILING
from dagster_project.warehouse.connection import create_temp_table
from dagster_project.warehouse.tables import incoming

# Volume is compared with accepted days of the same kind in the last eight weeks. If they are fewer than three, as after
# six rejected weeks, it is compared with the newest three of half a year, or a broken export would pass for want of a
# comparison; longer ago, the season and the source have changed. With fewer than three in half a year there is no
# comparison, so a first load is never rejected for its volume.
_VOLUME_DAYS, _VOLUME_LEAST = 56, 3
VOLUME_DAYS_AT_MOST = 182
"""Number of days before a delivery that its volume may be compared with."""
# The standard deviation of a count of independent events is the square root of its mean. A deviation of more than 3.5
# of these occurs by chance once in 4,000 days, so a small source is not rejected for a quiet day: with 60 expected
# rows, fewer than 33 are too few.
_CHANCE = 3.5
_SUNDAY = 6

# A member of the main list with a median of 10 rows in the 28 days before is unusual without any row, or with less than
# 30 % of the same weekday, by more than chance. Compared with all 28 days, the cancelled crimes of weekends would be 32
# warnings on the sample; compared with weekends they are 5.
_MEMBER_DAYS, _MEMBER_LEAST, _MEMBER_SHARE = 28, 10, 0.3

# A column is silent if it has no value although at least ten are expected from the four weeks before (at least seven
# days of them). By chance that happens once in 20,000 deliveries.
_SILENT_DAYS, _SILENT_LEAST, _SILENT_EXPECTED = 28, 7, 10

COUNTED = (
    *(
        "rows_read",
        "rows_outside_day",
        "rows_of_other_days",
        "rows_after_extract_date",
        "rows_long_before_extract_date",
    ),
    *(
        "offset_disagreements",
        "unusual_forces",
        "unusual_members",
        "silent_columns",
        "new_forces",
        "rows_without_force",
    ),
)
"""Counts of a delivery that `describe_deliveries` is given: rows, and unusual forces and columns."""


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


def count_row_warnings(connection: duckdb.DuckDBPyConnection, contract: Contract) -> dict[int, dict[str, int]]:
    """Count the good rows that are worth a warning.

    Returns:
        For each load, its counts by the name of the condition; files without such a row are left out.
    """
    conditions = warning_conditions(contract)
    counts = ", ".join(f"count(*) filter (where {condition}) as {name}" for name, condition in conditions.items())
    cursor = connection.execute(
        f"""
        select
            load_id,
            {counts}
        from {incoming(contract)}
        where {" or ".join(f"({condition})" for condition in conditions.values())}
        group by load_id
        """
    )
    return {row.pop("load_id"): row for row in rows_as_dicts(cursor)}


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


def silent_columns(connection: duckdb.DuckDBPyConnection, contract: Contract) -> dict[date, list[tuple[str, str]]]:
    """Find the columns without any value in the rows of a force that had values in its earlier deliveries.

    An optional column that was renamed or dropped is an example: no row is rejected, but every figure that needs the
    column would lose its data unnoticed. In the rows of all forces together, the file of one would not be noticed. What
    was usual is taken from the days up to the last one with a value, so that days without one do not become usual.

    Returns:
        For each extract date, its silent columns, each with the force.
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

        select
            daily.extract_date,
            daily.force_code,
            daily.column_name
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
    found: dict[date, list[tuple[str, str]]] = {}
    for day, force, name in rows:
        found.setdefault(day, []).append((force, name))
    return found


def new_forces(
    connection: duckdb.DuckDBPyConnection, contract: Contract, *, first_load_id: int
) -> dict[date, list[str]]:
    """Find the forces in a candidate that the source has not delivered before.

    Without this, a misplaced extract of another force would load without a fault. Forces of the first delivery of the
    source are not new.

    Args:
        connection: a loading connection with the candidate rows.
        contract: the source.
        first_load_id: lowest load number of the candidate.

    Returns:
        For each extract date, the codes of the forces that first appear on it.
    """
    appeared = connection.execute(
        f"select force_code, min(extract_date) from {incoming(contract)} group by force_code order by force_code"
    ).fetchall()
    raw = table("raw", contract.source)
    # One query for each force, which stops at the first row; a list of all forces would read every row.
    had = {
        force
        for force, _ in appeared
        if connection.execute(
            f"select 1 from {raw} where force_code = ? and load_id < ? limit 1", [force, first_load_id]
        ).fetchall()
    }
    is_first = not connection.execute(f"select 1 from {raw} where load_id < ? limit 1", [first_load_id]).fetchall()
    began = min((day for _, day in appeared), default=None) if is_first else None
    found: dict[date, list[str]] = {}
    for force, day in appeared:
        if force not in had and day != began:
            found.setdefault(day, []).append(force)
    return found


def first_days_of_forces(connection: duckdb.DuckDBPyConnection, contract: Contract) -> dict[str, date]:
    """Return the first extract date of each force that the source has delivered, in deliveries that are loaded."""
    rows = connection.execute(
        """
        select
            force_code,
            min(extract_date)
        from audit.accepted_force
        where source = ? and force_code is not null
        group by force_code
        """,
        [contract.source],
    ).fetchall()
    return dict(rows)


@dataclass(frozen=True)
class UnusualForce:
    """A force with far fewer or more rows in a delivery than in earlier deliveries of the same weekday."""

    extract_date: date
    force_code: str
    rows: ForceRows
    expected_rows: float
    """Median rows of the force in those deliveries; deliveries without any do not count."""
    expected_from_days: int


def unusual_forces(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    delivered: Mapping[date, Mapping[str, ForceRows]],
    left_out: Collection[date],
) -> list[UnusualForce]:
    """Check the volume of each force of a daily source by the rules for whole deliveries.

    The volume of a large force hides a truncated extract of a small one. A force without any row is not checked.

    Args:
        connection: a loading connection.
        contract: the source.
        delivered: the rows of each candidate extract date and force.
        left_out: those of these days that later days are not compared with: they have too few rows, or were rejected
            before.

    Returns:
        The unusual forces by day; none for a source that has only ever had one force.
    """
    if not contract.is_daily or not delivered:
        return []
    by_force: dict[str, dict[date, int]] = defaultdict(dict)
    for force, day, rows in connection.execute(
        """
        select
            force_code,
            extract_date,
            cast(sum(rows_read) as bigint)
        from audit.accepted_force
        where source = ? and extract_date between ? and ? and force_code is not null
        group by force_code, extract_date
        """,
        [contract.source, min(delivered) - timedelta(days=VOLUME_DAYS_AT_MOST), max(delivered)],
    ).fetchall():
        if day not in delivered or day in left_out:
            by_force[force][day] = rows
    for day, forces in delivered.items():
        for force, rows in forces.items():
            if day not in left_out:
                by_force[force][day] = rows.read
    if len(by_force) < 2:
        return []
    with_rows = {force: {day: read for day, read in days.items() if read} for force, days in by_force.items()}
    found = []
    for day, forces in sorted(delivered.items()):
        for force, rows in sorted(forces.items()):
            before = _rows_before(day, with_rows.get(force, {}))
            if len(before) < _VOLUME_LEAST or not rows.read:
                continue
            usual = float(median(before))
            is_outside = not contract.volume_floor * usual <= rows.read <= VOLUME_CEILING * usual
            # Twice the square root of a count has a standard deviation of about 1 for any mean: with 2 expected rows,
            # 9 are still within chance.
            if is_outside and 2 * abs(sqrt(rows.read) - sqrt(usual)) > _CHANCE:
                found.append(UnusualForce(day, force, rows, usual, len(before)))
    return found


@dataclass(frozen=True)
class UnusualMember:
    """A member of the main list, such as a line, with far fewer rows than before; or a force without any."""

    extract_date: date
    force_code: str | None
    """The force; None if the rows of all forces are meant."""
    member: str | None
    """The member; None if the whole force has no row."""
    rows_read: int
    usual_rows: float
    """Median of the days with a delivery (of a member of a force, with rows of it); of its weekday, if it has rows."""


def unusual_members(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    delivered: Mapping[date, Mapping[tuple[str | None, str | None], ForceRows]],
    left_out: Collection[date],
) -> list[UnusualMember]:
    """Find members of the main list, and members of a force, that lost most of their rows, and forces that lost all.

    Args:
        connection: a loading connection.
        contract: the source.
        delivered: the rows of each candidate extract date, by force and member.
        left_out: those of these days that later days are not compared with.

    Returns:
        The unusual members by day. If all forces together lost a member, it is not listed for each of them.
    """
    if not contract.is_daily or not delivered:
        return []
    rows: dict[tuple[str | None, str | None], dict[date, int]] = defaultdict(lambda: defaultdict(int))
    days_of: dict[str | None, set[date]] = defaultdict(set)

    def count(day: date, force: str | None, member: str | None, read: int) -> None:
        for of in {force, None}:
            days_of[of].add(day)
            if member is not None:
                rows[of, member][day] += read
        if force is not None:
            rows[force, None][day] += read

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
    found: list[UnusualMember] = []
    for (force, member), of_days in sorted(rows.items(), key=lambda item: (item[0][0] or "", item[0][1] or "")):
        compared = days_of[force if member is not None else None]
        limit = _MEMBER_SHARE * max(of_days.values())
        for day in sorted(compared & delivered.keys()):
            read = of_days.get(day, 0)
            # Whole forces with rows are compared with the same weekday.
            if read >= limit or (member is None and read):
                continue
            before = [day - timedelta(days=number) for number in range(1, _MEMBER_DAYS + 1)]
            had = {other: of_days.get(other, 0) for other in before if other in compared and other not in left_out}
            usual = float(median(had.values())) if had else 0.0
            if usual < _MEMBER_LEAST:
                continue
            if read:
                same = [rows_of_day for other, rows_of_day in had.items() if other.weekday() == day.weekday()]
                usual = float(median(same)) if len(same) >= _VOLUME_LEAST else 0.0
            is_few = read < _MEMBER_SHARE * usual and usual - read > _CHANCE * sqrt(usual)
            if is_few or not read:
                found.append(UnusualMember(day, force, member, read, usual))
    whole = {(item.extract_date, item.member) for item in found if item.force_code is None}
    return [item for item in found if item.force_code is None or (item.extract_date, item.member) not in whole]


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


@dataclass(frozen=True)
class Volume:
    """The rows of a delivery, compared with the days of the same kind before it."""

    expected_rows: float | None = None
    """Median rows of those days; None if they are too few."""
    expected_from_days: int | None = None
    ratio: float | None = None
    """Rows read by those expected; None if there is no comparison, or the difference may be chance."""


def volumes_of(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    rows_read: Mapping[date, int],
    *,
    waived: Collection[date],
    rejected: Collection[date],
) -> dict[date, Volume]:
    """Compare the rows of each candidate delivery with the accepted days before it.

    A delivery that has too few rows or was rejected before is not the recent past of a later one, or a broken export
    would become usual.

    Args:
        connection: a loading connection.
        contract: the source.
        rows_read: rows of each candidate extract date.
        waived: those that an operator has accepted as they are.
        rejected: those whose content was rejected before, for whatever reason.
    """
    rows = dict(
        connection.execute(
            """
            select
                extract_date,
                cast(sum(rows_read) as bigint)
            from audit.accepted_load
            where source = ?
            group by extract_date
            """,
            [contract.source],
        ).fetchall()
    )
    volumes: dict[date, Volume] = {}
    for day, read in sorted(rows_read.items()):
        before = _rows_before(day, rows)
        expected = float(median(before)) if len(before) >= _VOLUME_LEAST else None
        is_chance = not (read and expected) or abs(read - expected) <= _CHANCE * sqrt(expected)
        volume = volumes[day] = Volume(
            expected,
            len(before) if expected is not None else None,
            None if is_chance or not expected else round(read / expected, 4),
        )
        if day in waived or (day not in rejected and not is_too_small(contract, volume)):
            rows[day] = read
    return volumes


def is_too_small(contract: Contract, volume: Volume) -> bool:
    """Return whether a delivery has too few rows, as the expectation on its `volume_ratio` states it."""
    return contract.is_daily and volume.ratio is not None and volume.ratio < contract.volume_floor


def describe_deliveries(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    delivered: Mapping[date, Mapping[str, int]],
    volumes: Mapping[date, Volume],
) -> None:
    """Create `incoming.SOURCE__deliveries`, with one row for each delivery whose files are all readable.

    Args:
        connection: a loading connection with the candidate rows.
        contract: the source.
        delivered: for the extract date of each of these deliveries, its `COUNTED`.
        volumes: their volumes.
    """
    measures = "".join(
        f",\n            {expression} as {quoted(name)}" for name, expression in contract.delivery_measures.items()
    )
    create_temp_table(
        connection,
        "delivered_day",
        {
            "extract_date": "date",
            **dict.fromkeys(COUNTED, "bigint"),
            "expected_rows": "double",
            "expected_from_days": "bigint",
            "volume_ratio": "double",
        },
        [(day, *(counts[name] for name in COUNTED), *astuple(volumes[day])) for day, counts in delivered.items()],
    )
    connection.execute(
        f"""
        create or replace table {incoming(contract, "deliveries")} as
        with quarantined as (
            select
                extract_date,
                count(*) as rows_quarantined,
                count(*) filter (where reason_code not in ($duplicate_code, $superseded_code)) as faulty_rows,
                count(*) filter (where reason_code = $superseded_code) as superseded_rows
            from {incoming(contract, "quarantine")}
            group by extract_date
        ),

        measured as (
            select
                delivered_day.extract_date,
                count(candidate.load_id) as rows_loaded{measures}
            from delivered_day
            left join {incoming(contract)} as candidate on delivered_day.extract_date = candidate.extract_date
            group by delivered_day.extract_date
        )

        select
            delivered_day.*,
            measured.* exclude (extract_date),
            coalesce(quarantined.rows_quarantined, 0) as rows_quarantined,
            coalesce(quarantined.faulty_rows, 0) as faulty_rows,
            coalesce(quarantined.superseded_rows, 0) as superseded_rows
        from delivered_day
        join measured on delivered_day.extract_date = measured.extract_date
        left join quarantined on delivered_day.extract_date = quarantined.extract_date
        """,
        {"duplicate_code": DUPLICATE_ROW.code, "superseded_code": SUPERSEDED_ROW.code},
    )


@cache
def bank_holidays() -> frozenset[date]:
    """Return the bank holidays of England, from the seed that the marts also use."""
    write_generated_files(only_outdated=True)
    with BANK_HOLIDAYS.open(encoding="utf-8", newline="") as stream:
        return frozenset(date.fromisoformat(row["holiday_date"]) for row in csv.DictReader(stream))
