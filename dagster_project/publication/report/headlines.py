"""Put the headline measures of a month side by side, and list the exceptions among them.

A month is an exception if it was worse than usual, made a step for the worse, or newly misses a target. Only
`kpi_measure_verdict` judges.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from dagster_project.publication.report.course import first_capital, rest_of_year, target_value, target_words
from dagster_project.publication.report.display import NOTHING, display
from dagster_project.publication.report.figures import PaperFigures
from dagster_project.publication.report.model import (
    COMPARED,
    Block,
    ExceptionItem,
    Explanation,
    Headline,
    Matrix,
    Measure,
    Point,
    Run,
    listed,
    long_month,
    months_before,
    short_month,
)
from dagster_project.publication.report.published_answering import BESIDE
from dagster_project.publication.report.sentences import met_of_year, number_word, record, standing_out

MISSING = "missing"
"""Shown for a comment, action, owner or date that the analyst has not given."""

_YEAR = 12
_MOST_NAMED = 3
"""Measures that a note names."""
Verdicts = Sequence[Mapping[str, Any]]
"""Months of a measure with their verdicts, oldest first (`judged_months`)."""


def headline(measure: Measure, figures: PaperFigures, judged: Verdicts, points: Sequence[Point]) -> Headline:
    """Return a headline measure of the month of a paper.

    Args:
        measure: the measure.
        figures: the figures of the paper, which number the notes.
        judged: the months of its chart with their verdicts.
        points: these months as points.
    """
    month = figures.month
    row, last = figures.row(measure.code, month), _of_month(judged, month)
    figure = figures.figure(measure.code, month)
    trend = tuple(point for point in points if point.month > months_before(month, _YEAR))
    complete = [point for point in trend if not point.is_provisional]
    ends = [
        f"{word} {end.text} {end.month:%b}"
        for word, pick in (("High", max), ("low", min))
        if complete and (end := pick(complete, key=lambda point: point.value))
    ]
    limits = last.get("lower_limit"), last.get("upper_limit")
    compared = (
        (months_before(month, 1), "month"),
        (month, "same_month_last_year"),
        (month, "fytd"),
        (month, "prev_fytd"),
    )
    return Headline(
        measure=measure.code,
        label=measure.short_label,
        unit=measure.unit,
        decimals=measure.decimals,
        figure=figure,
        beside={name: figures.figure(measure.code, *key) for name, key in zip(COMPARED, compared, strict=True)},
        trend=trend,
        trend_words=", ".join(ends),
        trend_scale=None if None in limits else limits,  # type: ignore[arg-type]
        verdict=standing_out(last, record(last, measure, is_cell=True)),
        rest=rest_of_year(last, measure),
        is_affected=figure.is_provisional or bool(row and row["is_affected_by_quarantine"]),
        **_target(last, measure),
    )


def matrix(headlines: Sequence[Headline], month: date, published: Headline | None = None) -> Matrix:
    """Return the table of headline measures; what is published nationally follows the force's own share, or all."""
    before = [short_month(months_before(month, number)) for number in (1, _YEAR)]
    titles = dict(zip(COMPARED, (*before, "Year to date", "Last year to date"), strict=True))
    filled = {name for name in COMPARED if any(item.beside[name].value is not None for item in headlines)}
    filled |= {name for name in ("target", "rest") if any(getattr(item, name) for item in headlines)}
    optional = titles | {"target": "Target", "rest": "Rest of the year"}
    columns = [(name, title) for name, title in optional.items() if name in filled]
    first, last = ("label", "Measure"), ("trend", "Last 12 months")
    rows = list(headlines)
    if published:
        place = next((place for place, item in enumerate(rows, 1) if item.measure == BESIDE), len(rows))
        rows.insert(place, published)
    return Matrix((first, ("figure", short_month(month)), *columns, last), tuple(rows))


def points_note(
    headlines: Sequence[Headline],
    month: date,
    judged: Mapping[str, Verdicts],
    missing: Sequence[str],
    *,
    is_quiet: bool,
) -> str:
    """Say what limits the figures of the first page, or that nothing stands out; empty if there is nothing to say.

    Args:
        headlines: the headline measures.
        month: the month of the paper.
        judged: months with their verdicts, by measure.
        missing: sources that delivered nothing for the month.
        is_quiet: whether there are no main points.
    """
    nothing = ""
    if missing:
        names = listed([source.replace("_", " ") for source in missing])
        nothing = f"Nothing was delivered for {long_month(month)} from: {names}. "
    affected = [item.label for item in headlines if item.figure.value is not None and item.is_affected]
    note = ""
    if len(affected) > _MOST_NAMED:
        note = f"Data behind {len(affected)} of the {len(headlines)} headline figures are missing or not usable."
    elif affected:
        note = f"Data behind these figures are missing or could not be used: {listed(affected)}."
    elif is_quiet and (marked := [item.label for item in headlines if item.verdict]):
        names = f": {listed(marked)}" if len(marked) <= _MOST_NAMED else ""
        note = f"The table marks what stood out in {month:%B}{names}."
    elif is_quiet and headlines:
        known = [sum(not row["is_provisional"] for row in judged.get(item.measure, ())) for item in headlines]
        most = max(known) - 1
        note = f"No figure on this page stood out in {month:%B}; the table gives them all."
        if most < _YEAR:
            there = f"there {'is' if most == 1 else 'are'} {number_word(most) if most > 0 else 'none'}"
            note = f"A month is judged against the twelve complete months before it; {there}."
    return f"{nothing}{note}".strip()


def exceptions(
    measures: Sequence[Measure],
    month: date,
    judged: Mapping[str, Verdicts],
    explanations: Mapping[str, Explanation],
    labels: Mapping[str, str],
) -> tuple[ExceptionItem, ...]:
    """Return the exceptions: those by rule, then others that the analyst explains.

    Without a comment, action, owner or date, `missing` is in its place; dashes follow a comment that is missing, if the
    analyst wrote nothing at all.

    Args:
        measures: headline measures.
        month: the month of the paper.
        judged: months with their verdicts, by measure.
        explanations: what the analyst wrote, by measure.
        labels: short labels of all measures.
    """
    by_rule = {item.code: first_capital(_joined(_reasons(item, month, judged.get(item.code, ())))) for item in measures}
    found = {code: reason for code, reason in by_rule.items() if reason}
    named = {code: "Named by the author" for code in explanations if code not in found}
    no_comment = (Block("paragraph", (Run(MISSING, is_emphasised=True),)),)
    items = []
    for code, reason in (found | named).items():
        given, none = explanations.get(code, Explanation()), MISSING if code in explanations else NOTHING
        details = {name: getattr(given, name) or none for name in ("action", "owner", "due")}
        comment = given.comment or no_comment
        items.append(ExceptionItem(label=labels[code], reason=reason, comment=comment, **details))
    return tuple(items)


def no_exceptions(measures: Sequence[Measure], month: date, judged: Mapping[str, Verdicts]) -> str:
    """Say what was looked for where there are no exceptions, and what could not be."""
    rows = [_of_month(judged.get(item.code, ()), month) for item in measures]
    target = "No target is newly missed. " if any(row.get("is_target_met") is not None for row in rows) else ""
    if any(row.get("usual") is not None for row in rows):
        return f"{target}No month is worse than usual."
    return f"{target}Whether a month is worse than usual cannot be said before twelve complete months."


def _reasons(measure: Measure, month: date, judged: Verdicts) -> Iterator[str]:
    row = _of_month(judged, month)
    before = _of_month(judged, months_before(month, 1))
    if row.get("is_target_met") is False and before.get("is_target_met"):
        yield f"newly missed the {target_words(measure, row['target'])}"
    if row.get("verdict") == "worse":
        usual = display(row["usual"], measure.unit, measure.decimals)
        yield " and ".join(filter(None, (f"worse than the usual {usual}", record(row, measure))))
    elif row.get("is_step") and before and (row["value"] > before["value"]) == (measure.better == "lower"):
        yield f"a step for the worse, from {before['display_value']} in {long_month(before['month_start'])}"


def _of_month(judged: Verdicts, month: date) -> Mapping[str, Any]:
    return next((row for row in reversed(judged) if row["month_start"] == month), {})


def _target(row: Mapping[str, Any], measure: Measure) -> dict[str, Any]:
    """Return the fields of a headline on its target."""
    target: Decimal | None = row.get("target")
    if target is None or measure.better == "neither":
        return {"target": ""}
    value, year = target_value(measure, target), met_of_year(row)
    state = {None: "", True: "met", False: "missed"}[row["is_target_met"]]
    return {
        "target": _joined((f"{value}: {state}" if state else value, year)),
        "target_side": value.partition(" ")[0],
        "target_value": target,
        "target_state": _joined((state, year)),
    }


def _joined(parts: Iterable[str]) -> str:
    return "; ".join(filter(None, parts))
