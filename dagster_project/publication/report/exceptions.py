"""List the exceptions of a month: headline measures that need an explanation, with what the analyst wrote on them."""

from collections.abc import Iterator, Mapping, Sequence

from dagster_project.publication.report.display import NOTHING
from dagster_project.publication.report.headlines import Standing, target_words, usual_words
from dagster_project.publication.report.model import Block, ExceptionItem, Explanation, Run

MISSING = "missing"
"""Shown for a comment, action, owner or date that the analyst has not given."""

_NO_COMMENT = (Block("paragraph", (Run(MISSING, is_emphasised=True),)),)


def exceptions(
    standings: Sequence[Standing], explanations: Mapping[str, Explanation], labels: Mapping[str, str]
) -> tuple[ExceptionItem, ...]:
    """Return the exceptions: missed targets, worse than usual, then others that the analyst explains.

    Without a comment, action, owner or date, `missing` is in its place; dashes follow a comment that is missing, if the
    analyst wrote nothing at all.

    Args:
        standings: headline measures.
        explanations: what the analyst wrote, by measure.
        labels: short labels of all measures.
    """
    by_rule = {
        item.measure.code: _reason(item)
        for item in sorted(standings, key=lambda item: (not item.is_missed, item.verdict != "worse"))
        if item.is_exception
    }
    named = {code: "Named by the author" for code in explanations if code not in by_rule}
    return tuple(
        ExceptionItem(
            label=labels[code],
            reason=reason,
            comment=given.comment or _NO_COMMENT,
            **{
                name: getattr(given, name) or (MISSING if code in explanations else NOTHING)
                for name in ("action", "owner", "due")
            },
        )
        for code, reason in (by_rule | named).items()
        for given in (explanations.get(code, Explanation()),)
    )


def no_exceptions(standings: Sequence[Standing]) -> str:
    """Say what was looked for where there are no exceptions, and what could not be."""
    return " ".join(_looked_for(standings))


def _looked_for(standings: Sequence[Standing]) -> Iterator[str]:
    judged = [item for item in standings if item.now]
    if any(item.is_target_met is not None for item in judged):
        yield "No target is missed."
    if any(item.usual is not None for item in judged):
        yield "No month is worse than usual."
    elif judged:
        yield "Whether a month is worse than usual cannot be said before there are twelve complete months before it."
    if len(judged) < len(standings):
        yield "Months that are not complete are not judged."


def _reason(item: Standing) -> str:
    words = [f"missed the {target_words(item)}"] if item.is_missed else []
    if item.verdict == "worse":
        words.append(f"worse than {usual_words(item)}")
    reason = "; ".join(words)
    return f"{reason[:1].upper()}{reason[1:]}"
