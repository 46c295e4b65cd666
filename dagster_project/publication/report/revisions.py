"""List the figures that changed since the previous paper, with the cause, in words for a board."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from dagster_project.publication.report.display import display
from dagster_project.publication.report.model import Figure, Measure, Revision, long_month, short_month

# Number of revisions listed; the others are counted.
_LISTED = 12

# Causes as `revisions.cause` has them.
_CAUSES = {
    "deliveries": "New or corrected deliveries",
    "definitions": "Changed definition",
    "both": "Changed definition, and new or corrected deliveries",
    "other": "Other, for example a new version of the software",
}


def revisions(
    rows: Sequence[Mapping[str, Any]], months: Sequence[date], measures: Sequence[Measure]
) -> tuple[tuple[Revision, ...], str]:
    """Return the revisions since the previous paper, by measure and month, and a sentence on them.

    The previous paper is that of the month before; it counts from the first publication in which that month had a
    complete figure. A revision is a figure of an earlier month whose printed text has changed since.

    Args:
        rows: figures that differ from those of the publication before, oldest first; none, as in a public edition, if
            earlier publications are not known: then the sentence is empty.
        months: the months of the paper, oldest first.
        measures: the measures of the paper, in its order.
    """
    if len(months) < 2 or not rows:
        return (), ""
    first, previous, codes = months[0], months[-2], {item.code for item in measures}
    rows = [row for row in rows if row["measure"] in codes]
    start = next(
        (row["published_at"] for row in rows if row["month_start"] == previous and not row["is_provisional"]), None
    )
    changes: dict[tuple[str, date], list[Mapping[str, Any]]] = {}
    for row in rows:
        if start and row["published_at"] > start and first <= row["month_start"] <= previous:
            changes.setdefault((row["measure"], row["month_start"]), []).append(row)
    found = [
        revision
        for measure in measures
        for (code, _), rows in sorted(changes.items())
        if code == measure.code and (revision := _revision(rows, measure))
    ]
    paper = f"since the paper of {long_month(previous)}"
    if not found:
        return (), f"No figure of an earlier month has changed {paper}."
    count = f"{len(found)} {'figure of an earlier month has' if len(found) == 1 else 'figures of earlier months have'}"
    more = f" The first {_LISTED} are listed." if len(found) > _LISTED else ""
    return tuple(found[:_LISTED]), f"{count} changed {paper}.{more}"


def _revision(rows: Sequence[Mapping[str, Any]], measure: Measure) -> Revision | None:
    """Return what the publications since changed of a figure; None if it prints the same."""
    before, after = (
        Figure(display(value, measure.unit, measure.decimals), value, is_provisional=False)
        for value in (rows[0]["previous_value"], rows[-1]["value"])
    )
    if before.text == after.text:
        return None
    # Of several publications: what is known explains it.
    causes = {row["cause"] for row in rows} - {"other"} or {"other"}
    cause = causes.pop() if len(causes) == 1 else "both"
    month = short_month(rows[0]["month_start"])
    return Revision(measure.short_label, month, before, after, _CAUSES[cause], measure.unit, measure.decimals)
