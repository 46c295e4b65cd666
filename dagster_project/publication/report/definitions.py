"""Put the definitions of measures into words for a force and month, with the values in force and their source."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from dagster_project.publication.report.display import display_target, in_full
from dagster_project.publication.report.model import Definition, Measure, listed, long_month

# Words of the catalogue that stand for a value, `answer target in force`, and the rule with it.
_VALUES = {"short-abandon threshold": "short_abandon_seconds", "answer target": "answer_target_seconds"}
_IN_FORCE = " in force"

_NOT_ANSWERED = "A call still counts as not answered if the caller was called back."
_ANSWERED = "A call also counts as answered if the caller was called back."


@dataclass(frozen=True)
class Rule:
    """A value that definitions depend on: a target, a threshold or a formula."""

    kind: str
    """`target`, `benchmark`, `formula`, or a parameter of calls."""
    applies_to: str
    """A measure, or the section of a line."""
    first_day: date
    last_day: date | None
    value: str
    source: str


@dataclass(frozen=True)
class FormulaChange:
    """A change of the formula of a measure."""

    first_day: date
    before: str
    """Measure whose sums were used until then."""
    after: str


def formula_changes(rules: Sequence[Rule]) -> dict[str, tuple[FormulaChange, ...]]:
    """Return the changes of formula by measure, oldest first."""
    changes: dict[str, tuple[FormulaChange, ...]] = {}
    for before, after in pairwise(rule for rule in rules if rule.kind == "formula"):
        if before.applies_to == after.applies_to and before.value != after.value:
            change = FormulaChange(after.first_day, before.value, after.value)
            changes[after.applies_to] = (*changes.get(after.applies_to, ()), change)
    return changes


def formula_note(change: FormulaChange, measures: Mapping[str, Measure]) -> str:
    """Return the note on figures that were computed with the formula before a change, wholly or in part."""
    before, after = (_quotient(measures.get(code)) for code in (change.before, change.after))
    return (
        f"Change of formula: until {long_month(change.first_day - timedelta(days=1))} {before}, from "
        f"{long_month(change.first_day)} {after}. Figures by the two formulas cannot be compared."
    )


def definitions(measures: Sequence[Measure], rules: Sequence[Rule], month: date) -> tuple[Definition, ...]:
    """Return the definitions of measures, with the values that are in force in a month."""
    by_code = {measure.code: measure for measure in measures}
    in_force = _in_force(rules, month)
    in_paper = [measure for measure in measures if measure.in_board_paper or measure.is_headline]
    shown = sorted(in_paper, key=lambda measure: measure.section_order)
    texts = [" ".join(_words(measure, in_force, by_code)) for measure in shown]
    return tuple(
        Definition(measure.section_title, measure.label, measure.short_label, text)
        for measure, text in zip(shown, texts, strict=True)
    )


def with_definitions_in_force(measures: Sequence[Measure], rules: Sequence[Rule], month: date) -> tuple[Measure, ...]:
    """Return measures whose definitions state the values that are in force in a month."""
    in_force = _in_force(rules, month)
    return tuple(replace(measure, definition=_definition(measure, in_force)[0]) for measure in measures)


def _in_force(rules: Iterable[Rule], month: date) -> list[Rule]:
    return [rule for rule in rules if rule.first_day <= month and (rule.last_day is None or month <= rule.last_day)]


def _definition(measure: Measure, rules: Iterable[Rule]) -> tuple[str, list[str]]:
    """Return the definition of a measure with the values in force, and their sources."""
    of_line = {rule.kind: rule for rule in rules if rule.applies_to == measure.section}
    text, used = measure.definition, []
    for words, kind in _VALUES.items():
        if kind in of_line and f"{words}{_IN_FORCE}" in text:
            seconds = in_full(Decimal(of_line[kind].value))
            none = ", so none" if kind == "short_abandon_seconds" and seconds == "0" else ""
            text = text.replace(f"{words}{_IN_FORCE}", f"{words} ({seconds} seconds{none})")
            used.append(of_line[kind].source)
    called_back = of_line.get("called_back_counts_as_answered")
    if called_back and called_back.value == "true" and _NOT_ANSWERED in text:
        text = text.replace(_NOT_ANSWERED, _ANSWERED)
        used.append(called_back.source)
    return text, used


def _words(measure: Measure, rules: Sequence[Rule], measures: Mapping[str, Measure]) -> Iterator[str]:
    text, used = _definition(measure, rules)
    yield text
    own = {rule.kind: rule for rule in rules if rule.applies_to == measure.code}
    if formula := own.get("formula"):
        yield f"Formula: {_quotient(measures.get(formula.value))}."
        used.append(formula.source)
    elif measure.denominator:
        yield f"Formula: {_quotient(measure)}."
    for kind in ("target", "benchmark"):
        if rule := own.get(kind):
            side = "under" if measure.better == "lower" else "over"
            yield f"{kind.capitalize()}: {side} {display_target(Decimal(rule.value), measure.unit)}."
            used.append(rule.source)
    if used:
        yield f"Source of the values: {_merged(used)}"
    yield f"Data: {listed([source.replace('_', ' ') for source in measure.sources.split(',')])}."


def _merged(sources: Sequence[str]) -> str:
    """Return sources in one text, each sentence once, and none that is only the beginning of another."""
    # Two rules of one standard cite it in the same words, the one with what it was applied to.
    sentences = list(dict.fromkeys(sentence for source in sources for sentence in re.split(r"(?<=\.) ", source)))
    return " ".join(
        sentence
        for sentence in sentences
        if not any(other != sentence and other.startswith(sentence.removesuffix(".")) for other in sentences)
    )


def _quotient(measure: Measure | None) -> str:
    # A public edition need not have the measure.
    return f"{measure.numerator} divided by {measure.denominator}" if measure else "a different formula"
