"""Put the definitions of measures into words for a force and month, with the values in force and their source."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import duckdb

from dagster_project.publication.report.display import display_target, in_full
from dagster_project.publication.report.model import Definition, Measure, Point, listed, long_month, since

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


def read_rules(connection: duckdb.DuckDBPyConnection, force_code: str) -> tuple[Rule, ...]:
    """Return the rules of a force, oldest first: its own, and on days without one those for all forces."""
    rows = connection.execute(
        """
        select definition, applies_to, valid_from, valid_to, value, source, force_code = $force_code
        from marts.definitions
        where force_code in ($force_code, '*')
        order by valid_from
        """,
        {"force_code": force_code},
    ).fetchall()
    own, of_all = ([Rule(*row) for *row, is_own in rows if is_own == wanted] for wanted in (True, False))
    rest = [part for rule in of_all for part in _uncovered(rule, [item for item in own if _is_alternative(item, rule)])]
    return tuple(sorted([*own, *rest], key=lambda rule: (rule.kind, rule.applies_to, rule.first_day)))


def _is_alternative(one: Rule, other: Rule) -> bool:
    """Return whether two rules are of one dated list, so that one replaces the other; a benchmark is a target."""
    return one.applies_to == other.applies_to and (
        one.kind == other.kind or {one.kind, other.kind} == {"target", "benchmark"}
    )


def _uncovered(rule: Rule, own: Iterable[Rule]) -> Iterator[Rule]:
    """Yield a rule for each span of its days on which none of a force's own rules applies, oldest first.

    Args:
        rule: a rule for all forces.
        own: the rules that replace it, oldest first.
    """
    first, last = rule.first_day, rule.last_day or date.max
    for other in own:
        if other.first_day > last:
            break
        if first < other.first_day:
            yield replace(rule, first_day=first, last_day=other.first_day - timedelta(days=1))
        covered_until = other.last_day or date.max
        if covered_until >= last:
            return
        first = max(first, covered_until + timedelta(days=1))
    yield replace(rule, first_day=first)


def formula_changes(rules: Sequence[Rule]) -> dict[str, tuple[FormulaChange, ...]]:
    """Return the changes of formula by measure, oldest first."""
    changes: dict[str, tuple[FormulaChange, ...]] = {}
    for before, after in pairwise(rule for rule in rules if rule.kind == "formula"):
        if before.applies_to == after.applies_to and before.value != after.value:
            change = FormulaChange(after.first_day, before.value, after.value)
            changes[after.applies_to] = (*changes.get(after.applies_to, ()), change)
    return changes


def has_other_formula(before: date, day: date, changes: Iterable[date]) -> bool:
    """Return whether a different formula came into force after one day and by a later one.

    Args:
        before: first day of a month or week.
        day: first day of a later one.
        changes: first days of formulas.
    """
    return any(before < change <= day for change in changes)


def broken_at_changes(points: Iterable[Point], formulas: Sequence[FormulaChange]) -> tuple[Point, ...]:
    """Return the points of a chart, with a mark at those whose formula is not that of the point before."""
    changes = [change.first_day for change in formulas]
    return tuple(
        replace(point, is_after_change=before is not None and has_other_formula(before.month, point.month, changes))
        for before, point in pairwise((None, *points))
        if point is not None
    )


def change_words(points: Sequence[Point], formulas: Sequence[FormulaChange]) -> str:
    """Return `different formula since November 2022` for the newest change within a chart; empty without one."""
    first, last = points[0].month, points[-1].month
    days = [change.first_day for change in formulas if has_other_formula(first, last, [change.first_day])]
    return f"different formula {since(max(days))}" if days else ""


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
