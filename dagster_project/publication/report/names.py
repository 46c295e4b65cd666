"""The names of measures, as papers and pages print them: what a name is a name of."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from dagster_project.publication.report.definitions import Rule
from dagster_project.publication.report.display import in_full
from dagster_project.publication.report.model import Measure

_TARGET = "answer_target_seconds"
_WITHIN = re.compile(r" within((?: or| \d+)+) seconds")
_NAMES = ("label", "short_label", "clause", "numerator")


def plain(text: str) -> str:
    """Return the words of a text in lower case, each after a space; `non-emergency` is one word."""
    joined = re.sub(r"\bnon[- ]+(?=\w)", "non", text.lower())
    return "".join(f" {word}" for word in re.sub(r"[^\w%]|_", " ", joined).split())


def plain_name(text: str) -> str:
    """Return the words of a name, without what differs where it is printed.

    That are the article in a sentence, the period of a chart, and the answer target, which each force states.
    """
    return _WITHIN.sub(" within target", plain(text).removeprefix(" the").removesuffix(" by week"))


def named(text: str, rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the measures that a text is a name of, whatever its case, blanks and punctuation.

    Args:
        text: the text.
        rows: measures: measure, section, section_title, label, short_label, and clause, in which any figure may stand.

    Returns:
        Those that state the answer target of the text; if none does, those of any target.
    """
    words, seconds = plain_name(text), _seconds(text)
    found = {row["measure"]: seconds <= _seconds(row["label"]) for row in rows if _is_name(words, row)}
    return [code for code, has_seconds in found.items() if has_seconds] or [*found]


def _seconds(text: str) -> set[str]:
    return {number for within in _WITHIN.findall(plain(text)) for number in within.split()}


def _is_name(words: str, row: Mapping[str, str]) -> bool:
    label, short = row["label"], row["short_label"]
    titles = (f"{row['section_title']} {label}", f"{row['section']} {label}", f"{short} {label}")
    if words in map(plain_name, (row["measure"], label, short, *titles)):
        return bool(words)
    before, figure, after = row["clause"].partition("{x}")
    return bool(figure) and bool(re.fullmatch(f"{plain_name(before)}( [^ ]+)*{plain_name(after)}", words))


def with_own_seconds(measure: Measure, rules: Sequence[Rule], first: date, last: date) -> Measure:
    """Return a measure whose names state the answer targets of its force, in place of those of all forces.

    Args:
        measure: a measure of the catalogue.
        rules: the rules of the force.
        first: first day for which the force has figures.
        last: last day.
    """
    own = sorted(
        {
            Decimal(rule.value)
            for rule in rules
            if (rule.kind, rule.applies_to) == (_TARGET, measure.section)
            and rule.first_day <= last
            and (rule.last_day is None or first <= rule.last_day)
        }
    )
    if not (measure.stated_seconds and own):
        return measure
    seconds = " or ".join(map(in_full, own))
    stated = re.compile(rf"(?<=within ){re.escape(measure.stated_seconds)}(?= seconds)", re.IGNORECASE)
    names: dict[str, Any] = {name: stated.sub(seconds, text) for name in _NAMES if (text := getattr(measure, name))}
    return replace(measure, stated_seconds=seconds, **names)
