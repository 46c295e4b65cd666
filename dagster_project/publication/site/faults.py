"""Count what is not in the figures: days that are missing, deliveries that are rejected, rows in quarantine.

`connection` is a database with the marts in its schema `marts`.
"""

from collections import Counter
from datetime import date

import duckdb

from dagster_project.publication.report.display import NOTHING
from dagster_project.publication.report.figures import reason_in_words
from dagster_project.publication.report.model import short_month
from dagster_project.publication.site.data import rows_of
from dagster_project.publication.site.views import Choice, Table, View, Views

# Months beside each other; earlier ones are counted together.
_MONTHS = 6


def faults(connection: duckdb.DuckDBPyConnection) -> Views | None:
    """Return what is missing, rejected and quarantined, by source, reason and month; None if nothing is."""
    rows = rows_of(
        connection,
        """
        with found as (
            select source, 'Quarantined rows' as kind, reason_code as code, extract_date as day from marts.quarantine
            union all
            select source, 'Deliveries missing', null, extract_date
            from marts.deliveries
            where status = 'missing'
            union all
            select
                source, 'Deliveries rejected',
                nullif(regexp_extract(reason, '\\[([a-z0-9_]+)\\]', 1), ''),
                extract_date
            from marts.deliveries
            where status = 'rejected'
        )
        select source, kind, code, cast(date_trunc('month', day) as date) as month, count(*) as found
        from found
        group by all
        """,
    )
    if not rows:
        return None
    months = sorted({row["month"] for row in rows})
    shown = months[-_MONTHS:]
    sources = sorted({row["source"] for row in rows})
    names = {"": "All sources"} | {source: source.replace("_", " ") for source in sources}

    def table(source: str) -> Table:
        counts: dict[tuple[str, str], Counter[date]] = {}
        for row in rows:
            if not source:
                name = f"{names[row['source']]}: {row['kind'][0].lower()}{row['kind'][1:]}"
                counts.setdefault((row["source"], name), Counter())[row["month"]] += row["found"]
            elif row["source"] == source:
                name = row["kind"] + (f": {reason_in_words(row['code'])}" if row["code"] else "")
                counts.setdefault((row["kind"], name), Counter())[row["month"]] += row["found"]
        ordered = sorted(counts.items(), key=lambda item: (item[0][0], -item[1].total(), item[0][1]))
        has_earlier = len(months) > len(shown)
        return Table(
            names[source],
            (
                "What",
                *(["Earlier"] if has_earlier else []),
                *(short_month(month) for month in shown),
                "In all",
            ),
            tuple(
                (
                    name,
                    *([f"{sum(of[month] for month in months if month not in shown):,}"] if has_earlier else []),
                    *(f"{of[month]:,}" if of[month] else NOTHING for month in shown),
                    f"{of.total():,}",
                )
                for (_, name), of in ordered
            ),
        )

    view = View(
        "faults-by-reason", "By source, reason and month", ("source",), {(source,): table(source) for source in names}
    )
    return Views((Choice("source", "Source", names, ""),), (view,))
