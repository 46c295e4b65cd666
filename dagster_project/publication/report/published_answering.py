"""The figures of 999 call answering that are published for all forces, as a section of a paper."""

from collections.abc import Mapping, Sequence
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


def findings(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return sentences that compare a month of a force with the others; if it has no rank, one that says why."""
    if row["force_rank"] is None or row["mean_rank"] is None:
        reason = row["rank_reason"] or ""
        return (f"{shortened(row['force_name'])} has no rank: {_NO_RANK.get(reason, reason)}.",)
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
