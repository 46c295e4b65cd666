"""Figures of the explorer by week, day, district and offence group: a script file for each force, read when chosen.

In the page they would weigh more than all else: the days of three years of a force are as many figures as the months of
a century. Texts and values are those of the marts.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

import duckdb

from dagster_project.publication.files import Draft, write
from dagster_project.publication.html import packed
from dagster_project.publication.paths import UnsafeName, address_of, url_of
from dagster_project.publication.report.display import display, display_target, in_full
from dagster_project.publication.site.engine import text_of

MONTHS = 36
"""Months of weeks and days: the two years that a chart shows, and the year before them, for comparison."""

FOLDER = "explorer"
"""Folder of the files, beside the page."""

_NEWEST = f"date_trunc('month', (select max(month_start) from marts.report_months)) - interval {MONTHS - 1} month"

_WEEKS = f"""
    select
        force_code, measure, '' as member, week_start as first_day, value, is_provisional, 7 as days,
        cast(round(share_of_days_loaded * 7 / 100) as integer) as days_loaded
    from marts.kpi_measure_weekly
    where week_start >= {_NEWEST} - interval 6 day
"""

# `avg_queue_seconds` of the table is the measure `avg_queue_time`.
_DAYS = f"""
    select
        force_code, 'calls_' || line || '.' || replace(name, '_seconds', '_time') as measure, '' as member,
        date_day as first_day, value, is_provisional, 1 as days, if(is_provisional, 0, 1) as days_loaded
    from (
        from marts.kpi_calls_daily
        unpivot include nulls (value for name in (columns(* exclude (force_code, line, date_day, is_provisional))))
    )
    where date_day >= {_NEWEST}
"""

_DISTRICTS = """
    select
        force_code, 'crime.' || name as measure, coalesce(district, 'Not stated') as member, month_start, value
    from marts.kpi_crime_by_district_monthly
    unpivot (value for name in (recorded_crime, cancelled_crime))
"""

_OFFENCE_GROUPS = """
    select
        cancellations.force_code, 'crime.cancelled_crime' as measure,
        coalesce(offences.offence_group, 'Offence not in the list') as member, cancellations.month_start,
        cancellations.cancelled as value
    from marts.kpi_cancellations_monthly as cancellations
    left join marts.dim_offence as offences on cancellations.offence_code = offences.offence_code
"""


def _counts_by_month(counts: str) -> str:
    """Return the query of counts below a measure: a member without a row had none in a month that has a figure."""
    return f"""
        with counted as (
            select force_code, measure, member, month_start, sum(value) as value
            from ({counts})
            group by all
        )

        select
            months.force_code, months.measure, members.member, months.month_start as first_day,
            coalesce(counted.value, 0) as value, months.is_provisional, months.days, months.days_loaded
        from marts.kpi_measure_period as months
        inner join (select distinct force_code, measure, member from counted) as members
            on months.force_code = members.force_code
            and months.measure = members.measure
        left join counted
            on months.force_code = counted.force_code
            and months.measure = counted.measure
            and members.member = counted.member
            and months.month_start = counted.month_start
        where months.period = 'month' and months.value is not null
    """


COLUMNS = ("first", "text", "value", "loaded", "days", "provisional")
"""Columns of a series."""

Series = dict[str, dict[str, dict[str, list[Any]]]]
"""Columns by measure and member."""


@dataclass(frozen=True)
class Detail:
    """A way to look closer than the months of a force."""

    kind: str
    """`grain` for shorter periods, `split` for counts below a force, which are by month."""
    title: str
    absent: str
    """Why a measure cannot be chosen with it; `for` and the title of its section may follow."""
    sql: str
    """A query of `force_code`, `measure`, `member`, `first_day`, `value`, `is_provisional`, `days` and
    `days_loaded`."""


DETAILS = {
    "week": Detail("grain", "Week", "No figures by week", _WEEKS),
    "day": Detail("grain", "Day", "No figures by day", _DAYS),
    "district": Detail("split", "District", "No district is recorded", _counts_by_month(_DISTRICTS)),
    "offence_group": Detail("split", "Offence group", "No offence group is counted", _counts_by_month(_OFFENCE_GROUPS)),
}
"""Details by their codes, which links to the explorer and its CSV files contain."""


@dataclass
class DetailFiles:
    """What the files of a detail hold."""

    measures: set[str] = field(default_factory=set)
    files: dict[str, str] = field(default_factory=dict)
    """Address relative to the page, percent-encoded, by force."""
    digests: dict[str, str] = field(default_factory=dict)
    """Beginning of the SHA-256 of the content by force: a page that stays open must not read a newer publication."""


def write_details(connection: duckdb.DuckDBPyConnection, draft: Draft) -> dict[str, DetailFiles]:
    """Write the figures of every detail to `explorer/FORCE.DETAIL.js`.

    Args:
        connection: a database with the marts.
        draft: the publication; a file that cannot be written is left out of it.

    Returns:
        What was written, by detail.
    """
    written = {}
    for code in DETAILS:
        written[code] = files = DetailFiles()
        contents = draft.renderer.attempt(f"{FOLDER}/{code}", partial(_contents, connection, code)) or []
        for force, measures, content in contents:
            try:
                address = address_of(FOLDER, f"{force}.{code}.js")
            except UnsafeName as error:
                draft.renderer.refuse(error, FOLDER, f"{force}.{code}.js")
                continue
            files.digests[force] = hashlib.sha256(content.encode()).hexdigest()[:12]
            key = json.dumps(f"{force} {code} {files.digests[force]}")
            write(draft.folder, address, f'window.fcirDetails[{key}]="{content}";\n'.encode())
            files.files[force] = url_of(FOLDER, f"{force}.{code}.js")
            files.measures |= measures
    return written


def _contents(connection: duckdb.DuckDBPyConnection, code: str) -> list[tuple[str, set[str], str]]:
    """Return each force with its measures in a detail and the content of its file, packed."""
    return [(force, set(content), packed(content)) for force, content in read_details(connection, code)]


def read_details(connection: duckdb.DuckDBPyConnection, code: str) -> Iterator[tuple[str, Series]]:
    """Yield each force with the figures of a detail, by measure and member (an empty text without a split).

    A series has the columns of `cells` in `read_explorer`: first day, text, value, days loaded, days of the period, and
    whether it is provisional.
    """
    cursor = connection.execute(
        f"""
        select
            force_code, details.measure, member, unit, decimals,
            list(cast(first_day as varchar) order by first_day),
            list(cast(value as decimal(38, 6)) order by first_day),
            list(days_loaded order by first_day),
            list(days order by first_day),
            list(is_provisional order by first_day)
        from ({DETAILS[code].sql}) as details
        inner join marts.measures as measures
            on details.measure = measures.measure
        group by all
        order by force_code, details.measure, member
        """
    )
    for force, rows in groupby(_rows(cursor), key=lambda row: row[0]):
        series: Series = defaultdict(dict)
        for _, measure, member, unit, decimals, days, values, *covered in rows:
            texts = [None if value is None else text_of(value, unit, decimals) for value in values]
            columns = (days, texts, [in_full(value) or None for value in values], *covered)
            series[measure][member] = dict(zip(COLUMNS, columns, strict=True))
        yield force, dict(series)


def read_judged(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, list[Any]]]:
    """Return the verdict on each month with its usual value, as values and texts, by force and measure."""
    found: dict[str, dict[str, list[Any]]] = {}
    cursor = connection.execute(
        """
        select
            verdicts.force_code, verdicts.measure, cast(verdicts.month_start as varchar), verdicts.usual,
            verdicts.lower_limit, verdicts.upper_limit, verdicts.target, verdicts.verdict, measures.unit,
            measures.decimals
        from marts.kpi_measure_verdict as verdicts
        inner join marts.measures as measures on verdicts.measure = measures.measure
        order by verdicts.force_code, verdicts.measure, verdicts.month_start
        """
    )
    for force, measure, first, usual, lower, upper, target, verdict, unit, decimals in _rows(cursor):
        amounts = {"usual": usual, "lower": lower, "upper": upper}
        texts = {name: "" if amount is None else display(amount, unit, decimals) for name, amount in amounts.items()}
        found.setdefault(force, {}).setdefault(measure, []).append(
            {
                "first": first,
                "values": {
                    name: None if amount is None else format(amount.normalize(), "f")
                    for name, amount in {**amounts, "target": target}.items()
                },
                "texts": {**texts, "target": "" if target is None else display_target(target, unit)},
                "verdict": verdict or "",
            }
        )
    return found


def _rows(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while rows := cursor.fetchmany(100):
        yield from rows


def details_of(written: Mapping[str, DetailFiles], measures: list[str]) -> list[dict[str, Any]]:
    """Return the details as the page has them, with positions of their measures and addresses of their files."""
    return [
        {
            "code": code,
            "kind": detail.kind,
            "title": detail.title,
            "absent": detail.absent,
            "measures": [index for index, measure in enumerate(measures) if measure in written[code].measures],
            "files": written[code].files,
            "digests": written[code].digests,
        }
        for code, detail in DETAILS.items()
        if code in written
    ]


def bank_holidays(connection: duckdb.DuckDBPyConnection) -> list[dict[str, str]]:
    """Return the bank holidays of the days on the page: `day` and `label`."""
    rows = connection.execute(
        f"""
        select cast(date_day as varchar), bank_holiday_name
        from marts.dim_date
        where is_bank_holiday and date_day >= {_NEWEST}
        order by date_day
        """
    )
    return [{"day": day, "label": name} for day, name in rows.fetchall()]
