"""The figures of 999 call answering that are published for all forces, as a section of a paper."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from dagster_project.publication.report.display import NOTHING, display, shortened
from dagster_project.publication.report.model import (
    COMPARED,
    Column,
    Figure,
    Headline,
    Row,
    Section,
    Statement,
    Table,
    long_month,
    months_before,
    short_month,
    span,
)

CODE, TITLE = "how_we_compare", "How we compare"
HEADLINE = f"{CODE}.pct_under_10s"
"""What stands in place of the code of a measure in the headline table."""
BESIDE = "calls_999.pct_answered_within_target"
"""The measure that it follows there."""

_COUNTRY = "United Kingdom"
_CLOCK = (
    "The national clock starts when the operator of BT connects a call to the force. The force's own clock starts "
    "later, when the call enters its queue, and it counts the calls that its own telephone system logged. So the two "
    "can differ, and neither corrects the other."
)
_NO_RANK = {
    "no_data": "nothing published",
    "no_calls": "no calls",
    "no_figure": "figures incomplete",
    "shares_do_not_add_up": "shares do not add up to 100%",
}

_SHARE, _MEAN, _SIMILAR = "Answered in under 10 seconds", "Mean answer time in seconds", "most similar forces"
_LABEL = "Nationally published: 999 calls answered in under 10 seconds"
# Rows of the section: code, which is a column of the table, label, unit and decimals.
_ROWS = (
    ("calls", "Calls, as published", "count", 0),
    ("pct_under_10s", _SHARE, "percent", 1),
    ("uk_pct_under_10s", f"{_SHARE}, {_COUNTRY}", "percent", 1),
    ("force_rank", "Rank of the share, 1 is the highest", "count", 0),
    ("mean_answer_seconds", _MEAN, "count", 1),
    ("uk_mean_answer_seconds", f"{_MEAN}, {_COUNTRY}", "count", 1),
    ("mean_rank", "Rank of the mean, 1 is the shortest", "count", 0),
    ("group_pct_under_10s", f"{_SHARE}, {_SIMILAR}", "percent", 1),
    ("group_mean_answer_seconds", f"{_MEAN}, {_SIMILAR}", "count", 1),
)
PUBLISHED_NAMES = (HEADLINE, _LABEL, *(f"{title}{label}" for title in ("", f"{TITLE}: ") for _, label, _, _ in _ROWS))
"""What papers print that is no measure."""


def findings(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return sentences that compare a month of a force with the others; if it has no rank, one that says why."""
    if row["force_rank"] is None or row["mean_rank"] is None:
        return (f"{shortened(row['force_name'])} has no rank: {_no_rank(row)}.",)
    share, uk_share = (display(row[f"{of}pct_under_10s"], "percent", 1) for of in ("", "uk_"))
    mean, uk_mean = (seconds(row[f"{of}mean_answer_seconds"]) for of in ("", "uk_"))
    return (
        f"{share} of 999 calls were answered in under 10 seconds, {_beside(share, uk_share)} the United Kingdom "
        f"({uk_share}): ranked {ordinal(row['force_rank'])} of {row['forces_ranked']} forces.",
        f"The mean answer time was {mean}, {_beside(mean, uk_mean)} the United Kingdom ({uk_mean}): "
        f"ranked {ordinal(row['mean_rank'])} of {row['forces_ranked']} (1 is the shortest).",
    )


def seconds(mean: Decimal | None) -> str:
    """Return a mean answer time as it is published, to a tenth of a second: `9.5s`."""
    return NOTHING if mean is None else f"{display(mean, 'count', 1)}s"


def ordinal(rank: int) -> str:
    """Return `1st`, `22nd`, `13th`."""
    ending = "th" if rank % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    return f"{rank}{ending}"


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
    newest = known[-1]
    has_group = any(not row["group_reason"] for row in known)
    return Section(
        CODE,
        TITLE,
        (
            *(Statement(f"999 calls, {long_month(newest['month_start'])}", text) for text in findings(newest)),
            Statement("A different clock from that of the section on 999 calls", _CLOCK),
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
    found = None if code.startswith("group_") and row.get("group_reason") else row.get(code)
    value = None if found is None else Decimal(found)
    return Figure(display(value, unit, decimals), value, is_provisional=False)


def published_headline(published: Sequence[Mapping[str, Any]], months: Sequence[date]) -> Headline | None:
    """Return the published share of 999 calls for the headline table, beside that of the country and the rank.

    These two are of the newest of the months that is published, which is named if it is not the last of them.

    Args:
        published: the rows of the force in `national_call_answering`, oldest first.
        months: the months of the paper, oldest first.

    Returns:
        The row of the table; None if no share of the force is published for any of the months.
    """
    by_month = {row["month_start"]: row for row in published if row["month_start"] <= months[-1]}
    known = [row for month, row in by_month.items() if month in months and row["pct_under_10s"] is not None]
    if not known:
        return None
    newest = known[-1]
    month, country = newest["month_start"], display(newest["uk_pct_under_10s"], "percent", 1)
    share = "" if month == months[-1] else f"{short_month(month)}: {display(newest['pct_under_10s'], 'percent', 1)}; "
    rank = newest["force_rank"]
    ranked = f"{ordinal(rank)} of {newest['forces_ranked']} forces" if rank else f"no rank: {_no_rank(newest)}"

    def figure(of: date) -> Figure:
        return _figure(by_month.get(of, {}), "pct_under_10s", "percent", 1)

    compared = {
        "month_before": figure(months_before(months[-1], 1)),
        "year_before": figure(months_before(months[-1], 12)),
    }
    return Headline(
        measure=HEADLINE,
        label=_LABEL,
        unit="percent",
        decimals=1,
        figure=figure(months[-1]),
        beside=dict.fromkeys(COMPARED, _figure({}, "", "percent", 1)) | compared,
        trend=(),
        trend_words="",
        trend_scale=None,
        verdict=f"{share}UK {country}, {ranked}",
        target="",
        rest="",
    )


def _no_rank(row: Mapping[str, Any]) -> str:
    reason = row["rank_reason"] or ""
    return _NO_RANK.get(reason, reason)
