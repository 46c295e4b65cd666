"""The figures of 999 call answering that are published for all forces, for pages, and as a section of a paper."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from dagster_project.publication.report.display import NOTHING, display, shortened
from dagster_project.publication.report.model import (
    Column,
    Figure,
    Row,
    Section,
    Statement,
    Table,
    long_month,
    short_month,
    span,
)

CODE, TITLE = "how_we_compare", "How we compare"
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

_SHARE, _MEAN, _SIMILAR = "Answered in under 10 seconds", "Mean answer time in seconds", "most similar forces"
# Rows of the section: code, which is a column of the table, label, unit and decimals.
_ROWS = (
    ("calls", "Calls, as published", "count", 0),
    ("pct_under_10s", _SHARE, "percent", 1),
    ("uk_pct_under_10s", f"{_SHARE}, {COUNTRY}", "percent", 1),
    ("force_rank", "Rank of the share, 1 is the highest", "count", 0),
    ("mean_answer_seconds", _MEAN, "count", 1),
    ("uk_mean_answer_seconds", f"{_MEAN}, {COUNTRY}", "count", 1),
    ("mean_rank", "Rank of the mean, 1 is the shortest", "count", 0),
    ("group_pct_under_10s", f"{_SHARE}, {_SIMILAR}", "percent", 1),
    ("group_mean_answer_seconds", f"{_MEAN}, {_SIMILAR}", "count", 1),
)


@dataclass(frozen=True)
class Answering:
    """Published figures of a force, a group or the country in a month, in the order of `HEADINGS`."""

    values: tuple[Decimal | None, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The figures as they are shown."""
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


def published_month(row: Mapping[str, Any]) -> PublishedMonth:
    """Return a row of `national_call_answering` with the name of its force."""

    def answering(prefix: str) -> Answering:
        found = (row[f"{prefix}{name}"] for name in _FIGURES)
        return Answering(tuple(None if value is None else Decimal(value) for value in found))

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


def how_we_compare(published: Sequence[Mapping[str, Any]], months: Sequence[date]) -> Section | None:
    """Return the section of a paper; None if no published figure of the force is delivered for any of the months.

    Args:
        published: the rows of the force in `national_call_answering`, oldest first.
        months: the months of the paper, oldest first.
    """
    by_month = {row["month_start"]: row for row in published if row["month_start"] in months}
    known = [row for row in by_month.values() if row["calls"] is not None]
    if not known:
        return None
    newest = published_month(known[-1])
    has_group = any(not row["group_reason"] for row in known)
    return Section(
        CODE,
        TITLE,
        (
            *(Statement(f"999 calls, {long_month(newest.month)}", text) for text in findings(newest)),
            Statement("A different clock from that of the section on 999 calls", CLOCK),
        ),
        (),
        Table(
            f"999 calls as published for all forces, {span(months[0], months[-1])}",
            tuple(Column(f"{month:%Y-%m}", short_month(month), long_month(month)) for month in months),
            tuple(
                Row(
                    f"{CODE}.{code}",
                    label,
                    unit,
                    decimals,
                    tuple(_figure(by_month.get(month, {}), code, unit, decimals) for month in months),
                )
                for code, label, unit, decimals in _ROWS
                if has_group or not code.startswith("group_")
            ),
        ),
        (),
    )


def _figure(row: Mapping[str, Any], code: str, unit: str, decimals: int) -> Figure:
    is_unknown = row.get(code) is None or (code.startswith("group_") and row["group_reason"])
    value = None if is_unknown else Decimal(row[code])
    return Figure(display(value, unit, decimals), value, is_provisional=False)


def published_share(compared: Section | None) -> str:
    """Return the newest published share of 999 calls answered in under 10 seconds, for below the headline table.

    Returns:
        `Nationally published: 82.4% of 999 calls answered in under 10 seconds (Dec 2022).`; empty without a figure.
    """
    if compared is None:
        return ""
    [row] = [row for row in compared.table.rows if row.measure == f"{CODE}.pct_under_10s"]
    figures = zip(compared.table.columns, row.figures, strict=True)
    column, figure = [(column, figure) for column, figure in figures if figure.value is not None][-1]
    return f"Nationally published: {figure.text} of 999 calls answered in under 10 seconds ({column.title})."
