"""The figures of 999 call answering that are published for all forces, as pages and papers show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb

from dagster_project.publication.report.display import NOTHING, display, shortened
from dagster_project.sql import column_names

COUNTRY, GROUP = "United Kingdom", "Most similar group"
CLOCK = (
    "The national clock starts when the operator of BT connects a call to the force. The force's own clock starts "
    "later, when the call enters its queue, and it counts the calls that its own telephone system logged. So the two "
    "can differ, and neither corrects the other."
)
NO_RANK = {
    "no_data": "nothing published",
    "no_calls": "no calls",
    "no_figure": "figures incomplete",
    "shares_do_not_add_up": "shares do not add up to 100%",
}
_FIGURES = ("calls", "mean_answer_seconds", "pct_under_10s", "pct_10_to_60s", "pct_over_60s")
HEADINGS = ("Calls", "Mean answer time", "Under 10 seconds", "10 to 60 seconds", "60 seconds or more")


@dataclass(frozen=True)
class Answering:
    """Published figures of a force, a group or the country in a month; None where there is none."""

    calls: int | None
    mean_seconds: Decimal | None
    under_10s: Decimal | None
    from_10_to_60s: Decimal | None
    over_60s: Decimal | None

    @property
    def values(self) -> tuple[Decimal | None, ...]:
        """The figures, in the order of `HEADINGS`."""
        calls = None if self.calls is None else Decimal(self.calls)
        return calls, self.mean_seconds, self.under_10s, self.from_10_to_60s, self.over_60s

    @property
    def texts(self) -> tuple[str, ...]:
        """The figures as they are shown, in the order of `HEADINGS`."""
        calls, mean, *shares = self.values
        return display(calls, "count", 0), seconds(mean), *(display(share, "percent", 1) for share in shares)


@dataclass(frozen=True)
class PublishedMonth:
    """A force in a month of the published table."""

    force_code: str
    force_name: str
    month: date
    own: Answering
    force_rank: int | None
    """Rank by the share under 10 seconds."""
    mean_rank: int | None
    forces_ranked: int
    no_rank: str
    """Why the force has no rank, in words; empty if it has one."""
    group: Answering | None
    """The most similar group; None if none is on record, or no other force of it has figures."""
    group_forces: str
    """Number of forces that the figures of the group are of: `3 of 4 forces`."""
    country: Answering
    country_forces: str


def seconds(mean: Decimal | None) -> str:
    """Return a mean to a tenth of a second, as it is published: `9.5s`."""
    return NOTHING if mean is None else f"{display(mean, 'count', 1)}s"


def ordinal(rank: int) -> str:
    """Return `1st`, `22nd`, `13th`."""
    ending = "th" if rank % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    return f"{rank}{ending}"


def published_months(
    connection: duckdb.DuckDBPyConnection, *, force_code: str | None = None, until: date | None = None
) -> list[PublishedMonth]:
    """Return the published figures, by month and name of the force; empty if the source was not delivered.

    Args:
        connection: a database with the marts.
        force_code: only this force.
        until: no later month.
    """
    cursor = connection.execute(
        """
        select answering.*, coalesce(forces.force_name, answering.force_code) as force_name
        from marts.national_call_answering as answering
        left join marts.dim_force as forces on answering.force_code = forces.force_code
        where ($force_code is null or answering.force_code = $force_code)
            and ($until is null or answering.month_start <= $until)
        order by answering.month_start, force_name, answering.force_code
        """,
        {"force_code": force_code, "until": until},
    )
    names = column_names(cursor)
    return [_month(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def _month(row: Mapping[str, Any]) -> PublishedMonth:
    def answering(prefix: str) -> Answering:
        return Answering(*(row[f"{prefix}{name}"] for name in _FIGURES))

    return PublishedMonth(
        force_code=row["force_code"],
        force_name=shortened(row["force_name"]),
        month=row["month_start"],
        own=answering(""),
        force_rank=row["force_rank"],
        mean_rank=row["mean_rank"],
        forces_ranked=row["forces_ranked"],
        no_rank=NO_RANK.get(row["rank_reason"] or "", row["rank_reason"] or ""),
        group=None if row["group_reason"] else answering("group_"),
        group_forces=f"{row['group_forces_complete']} of {row['group_forces']} forces",
        country=answering("uk_"),
        country_forces=f"{row['uk_forces_complete']} of {row['uk_forces']} forces",
    )


def findings(month: PublishedMonth) -> tuple[str, ...]:
    """Return sentences that compare a month of a force with the others; if it has no rank, one that says why."""
    if month.force_rank is None or month.mean_rank is None:
        return (f"{month.force_name} has no rank: {month.no_rank}.",)
    _, mean, share, *_ = month.own.texts
    _, uk_mean, uk_share, *_ = month.country.texts
    return (
        f"{share} of 999 calls were answered in under 10 seconds, {_beside(share, uk_share)} the United Kingdom "
        f"({uk_share}): ranked {ordinal(month.force_rank)} of {month.forces_ranked} forces.",
        f"The mean answer time was {mean}, {_beside(mean, uk_mean)} the United Kingdom ({uk_mean}): "
        f"ranked {ordinal(month.mean_rank)} of {month.forces_ranked} (1 is the shortest).",
    )


def _beside(own: str, other: str) -> str:
    """Compare two figures as shown, so that no sentence distinguishes equal texts."""
    one, two = (Decimal(text.rstrip("%s").replace(",", "")) for text in (own, other))
    return "as in" if one == two else "above" if one > two else "below"


def own_figures(
    connection: duckdb.DuckDBPyConnection, force_code: str, months: Sequence[date]
) -> dict[date, tuple[str, str]]:
    """Return the calls to 999 and the mean queuing time that the warehouse counted itself, as texts, by month.

    Months with a missing day are left out.
    """
    rows = connection.execute(
        """
        select month_start, received, avg_queue_seconds
        from marts.kpi_calls_monthly
        where force_code = ? and line = '999' and not is_provisional and list_contains(?, month_start)
        """,
        [force_code, list(months)],
    ).fetchall()
    return {month: (display(Decimal(calls), "count", 0), seconds(queue)) for month, calls, queue in rows}
