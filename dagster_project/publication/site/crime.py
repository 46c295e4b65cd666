"""Read the content of the crime page: cancellations by reason, offence and time, how months mature, and districts.

`connection` is a database with the marts in its schema `marts`.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby

import duckdb

from dagster_project.publication.report.display import NOTHING
from dagster_project.publication.report.model import short_month
from dagster_project.publication.site.data import Rows, rows_of
from dagster_project.publication.site.views import (
    Table,
    Tables,
    View,
    Views,
    by_force,
    by_month,
    force_choice,
    month_choice,
    months_of,
    named_month,
    newest_months,
    shades,
    text_of,
)

# Ages beside each other in the triangle: a year. Older cancellations are in the column of all so far.
_AGES = 12


def crime(connection: duckdb.DuckDBPyConnection, forces: Mapping[str, str], months: Mapping[str, date]) -> Views | None:
    """Return the tables of the page.

    Args:
        connection: a database with the marts.
        forces: code to name, the one shown first first.
        months: force to the month that is shown first.

    Returns:
        The views of the page, from top to bottom; None without forces.
    """
    if not forces:
        return None
    codes, groups, groups_by_code = _cancellations(connection, forces)
    districts = View("districts", "Districts", ("force", "month"), _districts(connection, forces))
    views = (
        View("by-month", "By month", ("force",), _by_month(connection, forces)),
        groups_by_code,
        codes,
        groups,
        View(
            "maturity",
            "How a month's crimes are cancelled over time",
            ("force",),
            _maturity(connection, forces),
            "Share of a month's recorded crimes that is cancelled by its end (0) and by the end of each later month. "
            "Compare down a column: a young month has not had the time of an old one. An asterisk: the expected number "
            "rests on fewer than three earlier months.",
        ),
        View(
            "days",
            "How long a month's crimes stood before they were cancelled",
            ("force",),
            _days_to_cancel(connection, forces),
            "Average days from recording to cancellation of the crimes of a month that were cancelled by its end (0), "
            "or by the end of a later month. It rises as a month matures: compare down a column.",
        ),
        districts,
    )
    first = next(iter(forces))
    choices = (
        force_choice(forces),
        month_choice(months_of(codes, districts), months[first]),
    )
    return Views(choices, views)


# Columns of the table by month: name, heading, unit and decimals.
_MONTHLY = (
    ("recorded_crime", "Recorded", "count", 0),
    ("cancelled_crime", "Cancelled", "count", 0),
    ("display_value", "Share cancelled", "", 0),
    ("cancelled_c1", "Of these, transferred to another force", "count", 0),
    ("cancelled_other_than_c1", "For other reasons", "count", 0),
    ("reinstated", "Re-instated", "count", 0),
)


def _by_month(connection: duckdb.DuckDBPyConnection, forces: Mapping[str, str]) -> Tables:
    rows = rows_of(
        connection,
        f"""
        select
            kpi_crime_monthly.*, net.cancelled_c1, net.cancelled_other_than_c1, printed.display_value,
            changes.crimes as reinstated
        from marts.kpi_crime_monthly as kpi_crime_monthly
        left join marts.kpi_crime_net_monthly as net using (force_code, month_start)
        left join marts.kpi_crime_status_monthly as changes
            on kpi_crime_monthly.force_code = changes.force_code
            and kpi_crime_monthly.month_start = changes.month_start
            and changes.change = 'reinstated'
        left join marts.kpi_measure_period as printed
            on kpi_crime_monthly.force_code = printed.force_code
            and kpi_crime_monthly.month_start = printed.month_start
            and printed.measure = 'crime.pct_cancelled'
            and printed.period = 'month'
        where {newest_months("kpi_crime_monthly")}
        order by kpi_crime_monthly.force_code, kpi_crime_monthly.month_start desc
        """,
    )

    def table(force: str, of: Rows) -> Table:
        return Table(
            force,
            ("Month", *(heading for _, heading, *_ in _MONTHLY)),
            tuple(
                (
                    named_month(row),
                    *(
                        text_of(row[name], unit, decimals) if unit else row[name] or NOTHING
                        for name, _, unit, decimals in _MONTHLY
                    ),
                )
                for row in of
            ),
            finding=_most_cancelled(of),
        )

    return by_force(rows, forces, table)


def _most_cancelled(rows: Rows) -> str:
    """Name the complete month with most cancellations; nothing is said of a single month."""
    complete = [row for row in rows if not row["is_provisional"] and row["cancelled_crime"]]
    if len(complete) < 2:
        return ""
    most = max(complete, key=lambda row: row["cancelled_crime"])
    return f"Most cancelled: {short_month(most['month_start'])}, {most['cancelled_crime']:,}."


def _cancellations(connection: duckdb.DuckDBPyConnection, forces: Mapping[str, str]) -> tuple[View, View, View]:
    """Return cancellations by code and days, by offence group and days, and by offence group and code."""
    rows = rows_of(
        connection,
        f"""
        with cancelled as (
            select
                kpi_cancellation_detail_monthly.*,
                coalesce(cancel_code, 'none') as code,
                coalesce(cancel_code || ': ' || nullif(split_part(measures.label, ': ', 2), ''), cancel_code, 'No code')
                    as code_name,
                coalesce(offences.offence_group, 'Offence not in the list') as offence_group
            from marts.kpi_cancellation_detail_monthly as kpi_cancellation_detail_monthly
            left join marts.dim_offence as offences
                on kpi_cancellation_detail_monthly.offence_code = offences.offence_code
            left join marts.measures as measures
                on measures.measure = 'crime.cancelled.' || kpi_cancellation_detail_monthly.cancel_code
            where {newest_months("kpi_cancellation_detail_monthly")}
        )
        -- A null in a group is the sum over it: codes, groups and bands are never null.
        select
            force_code, month_start, counted_by, code, any_value(code_name) as code_name, offence_group, days_band,
            any_value(days_from) as days_from, cast(sum(cancelled) as bigint) as cancelled,
            bool_or(is_provisional) as is_provisional, min(share_of_days_loaded) as share_of_days_loaded
        from cancelled
        group by
            force_code, month_start, counted_by,
            grouping sets (
                (code, days_band), (offence_group, days_band), (offence_group, code),
                (code), (offence_group), (days_band), ()
            )
        order by force_code, month_start, counted_by
        """,
    )
    codes: Tables = {}
    groups: Tables = {}
    groups_by_code: Tables = {}
    for (force, month, counted), group in groupby(
        rows, lambda row: (row["force_code"], row["month_start"], row["counted_by"])
    ):
        of = list(group)
        key = force, f"{month:%Y-%m}"
        what = "cancelled in" if counted == "event" else "recorded in this month and cancelled since,"
        caption = f"{forces.get(force, force)}, {what} {named_month(of[0])}"
        counts = {(row["code"], row["offence_group"], row["days_band"]): row for row in of}
        bands = {
            row["days_band"]: "Same day" if row["days_band"] == "0" else f"{row['days_band']} days"
            for row in sorted((row for row in of if row["days_band"]), key=lambda row: row["days_from"])
        }
        of_codes = sorted({row["code"] for row in of if row["code"]})
        names = {row["code"]: row["code_name"] for row in of if row["code"]}
        of_groups = sorted(
            {row["offence_group"] for row in of if row["offence_group"]},
            key=lambda name: (-counts[None, name, None]["cancelled"], name),
        )
        total = counts[None, None, None]["cancelled"]

        def most(name: str, cancelled: int, total: int = total) -> str:
            return f"Most: {name}, {cancelled:,} of {total:,}."

        if counted == "event":
            groups_by_code[key] = _crossed(
                caption,
                "Offence group",
                {name: [counts.get((code, name, None)) for code in [*of_codes, None]] for name in of_groups},
                [*of_codes, "All"],
            )
            continue
        top = max(of_codes, key=lambda code: counts[code, None, None]["cancelled"])
        codes[key] = _crossed(
            caption,
            "Reason",
            {names[code]: [counts.get((code, None, band)) for band in [*bands, None]] for code in of_codes}
            | {"All": [counts.get((None, None, band)) for band in [*bands, None]]},
            [*bands.values(), "All"],
            most(names[top], counts[top, None, None]["cancelled"]),
        )
        groups[key] = _crossed(
            caption,
            "Offence group",
            {name: [counts.get((None, name, band)) for band in [*bands, None]] for name in of_groups},
            [*bands.values(), "All"],
            most(of_groups[0], counts[None, of_groups[0], None]["cancelled"]),
        )
    by = ("force", "month")
    return (
        View("codes", "Crimes recorded in the month and cancelled since, by reason and days to cancel", by, codes),
        View(
            "groups",
            "Crimes recorded in the month and cancelled since, by offence group and days to cancel",
            by,
            groups,
        ),
        View("groups-by-code", "Crimes cancelled in the month by offence group and reason", by, groups_by_code),
    )


def _crossed(
    caption: str,
    corner: str,
    rows: Mapping[str, Sequence[Mapping[str, int] | None]],
    columns: Sequence[str],
    finding: str = "",
) -> Table:
    """Return the table of counts by row and column; a combination that does not occur is 0. Sums have no shade."""
    counts = {name: [cell["cancelled"] if cell else 0 for cell in cells] for name, cells in rows.items()}
    shaded = shades([[] if name == "All" else cells[:-1] for name, cells in counts.items()])
    return Table(
        caption,
        (corner, *columns),
        tuple((name, *(f"{count:,}" for count in cells)) for name, cells in counts.items()),
        tuple(shade.ljust(len(columns), "-") for shade in shaded),
        finding,
    )


def _maturity(connection: duckdb.DuckDBPyConnection, forces: Mapping[str, str]) -> Tables:
    rows = rows_of(
        connection,
        f"""
        select
            kpi_crime_expected_net.*,
            (
                select list({{'age': months_since, 'share': pct_cancelled_to_date}} order by months_since)
                from marts.kpi_crime_maturity as ages
                where ages.force_code = kpi_crime_expected_net.force_code
                    and ages.month_start = kpi_crime_expected_net.month_start
                    and ages.is_observed and ages.months_since <= {_AGES}
            ) as ages
        from marts.kpi_crime_expected_net as kpi_crime_expected_net
        where {newest_months("kpi_crime_expected_net")}
        order by force_code, month_start
        """,
    )
    return by_force(rows, forces, _triangle)


def _triangle(force: str, rows: Rows) -> Table:
    shares = [{age["age"]: age["share"] for age in row["ages"] or ()} for row in rows]
    ages = range(max((age for of in shares for age in of), default=-1) + 1)
    shaded = shades([[of.get(age) for age in ages] for of in shares])
    newest = rows[-1]
    return Table(
        force,
        ("Recorded in", "Crimes", *map(str, ages), "Cancelled so far", "Expected in the end", "Expected to remain"),
        tuple(
            (
                named_month(row),
                text_of(row["recorded_crime"], "count", 0),
                *(text_of(of[age], "percent", 1) if age in of else "" for age in ages),
                text_of(row["cancelled_to_date"], "count", 0),
                text_of(row["expected_final_cancelled"], "count", 0)
                + ("*" if row["is_trial"] and row["expected_final_cancelled"] is not None else ""),
                text_of(row["expected_final_net"], "count", 0),
            )
            for row, of in zip(rows, shares, strict=True)
        ),
        tuple(f"-{shade}---" for shade in shaded),
        f"{short_month(newest['month_start'])}: {newest['cancelled_to_date']:,} of {newest['recorded_crime']:,} crimes "
        f"are cancelled so far, and {text_of(newest['expected_final_cancelled'], 'count', 0)} are expected in the end."
        if newest["expected_final_cancelled"] is not None
        else "",
    )


def _days_to_cancel(connection: duckdb.DuckDBPyConnection, forces: Mapping[str, str]) -> Tables:
    rows = rows_of(
        connection,
        f"""
        select
            force_code, month_start, bool_or(is_provisional) as is_provisional,
            min(share_of_days_loaded) as share_of_days_loaded,
            map_from_entries(list((months_since, avg_days_to_cancel_to_date))) as days
        from marts.kpi_crime_maturity as kpi_crime_maturity
        where is_observed and months_since <= {_AGES} and {newest_months("kpi_crime_maturity")}
        group by force_code, month_start
        order by force_code, month_start
        """,
    )

    def table(force: str, of: Rows) -> Table:
        ages = range(max(max(row["days"]) for row in of) + 1)
        return Table(
            force,
            ("Recorded in", *map(str, ages)),
            tuple((named_month(row), *(text_of(row["days"].get(age), "count", 1) for age in ages)) for row in of),
        )

    return by_force(rows, forces, table)


def _districts(connection: duckdb.DuckDBPyConnection, forces: Mapping[str, str]) -> Tables:
    rows = rows_of(
        connection,
        f"""
        select
            *,
            coalesce(district, 'Not stated') as name
        from marts.kpi_district_change_monthly as kpi_district_change_monthly
        where {newest_months("kpi_district_change_monthly")}
        order by force_code, month_start, district is null, recorded_crime desc, name
        """,
    )

    def table(caption: str, of: Rows) -> Table:
        texts = [
            tuple(text_of(row[name], unit, decimals) for name, _, unit, decimals in _DISTRICT_COLUMNS) for row in of
        ]
        return Table(
            caption,
            ("District", *(heading for _, heading, *_ in _DISTRICT_COLUMNS)),
            tuple((row["name"], *text) for row, text in zip(of, texts, strict=True)),
            tuple(f"{shade}-----" for shade in shades([[row["recorded_crime"]] for row in of])),
            f"Most recorded: {of[0]['name']}, {texts[0][0]}.{_odd_one(of)}" if of[0]["district"] is not None else "",
        )

    return by_month(rows, forces, table)


# Columns of the table of districts: name, heading, unit and decimals.
_DISTRICT_COLUMNS = (
    ("recorded_crime", "Recorded", "count", 0),
    ("recorded_month_before", "Month before", "count", 0),
    ("pct_change", "Change", "percent", 1),
    ("recorded_same_month_last_year", "Same month last year", "count", 0),
    ("cancelled_crime", "Cancelled in the month", "count", 0),
    ("pct_cancelled_of_recorded", "Cancelled, of recorded", "percent", 1),
)


def _odd_one(rows: Rows) -> str:
    """Name the district whose change differs most from that of all, for its size: a small one changes more by chance.

    This is an order and no verdict, which needs twelve months.
    """
    odd = next((row for row in rows if row["deviation_rank"] == 1), None)
    if odd is None:
        return ""
    own, of_all = (text_of(odd[name], "percent", 1) for name in ("pct_change", "pct_change_of_all"))
    return (
        f" The change that differs most from that of all districts ({of_all}), for the size of the district: "
        f"{odd['name']}, {own}."
    )
