"""Definitions give the values in force and their source, and figures of another formula have a note."""

from datetime import date

from dagster_project.publication.report.definitions import (
    FormulaChange,
    Rule,
    definitions,
    formula_changes,
    with_definitions_in_force,
)
from dagster_project.publication.report.figures import notes_of
from dagster_project.publication.report.queries import ForceRows, read_rules
from tests.cases import sql_of
from tests.unit.publication.reports import a_measure

EVER, OCTOBER, CHANGE, MONTH = date(2000, 1, 1), date(2022, 10, 1), date(2022, 11, 1), date(2023, 1, 1)
SHARE = a_measure(code="crime.share", unit="percent", better="higher", definition="As reported.")
OLD, NEW = (
    a_measure(code=f"crime.{name}", numerator="cancelled", denominator=name, in_board_paper=False, is_headline=False)
    for name in ("recorded plus cancelled", "recorded")
)
FORMULAS = (
    Rule("formula", SHARE.code, EVER, date(2022, 10, 31), OLD.code, "Read from the paper."),
    Rule("formula", SHARE.code, CHANGE, None, NEW.code, "Read from the next paper."),
)


def text(measure, *rules, month=MONTH):
    (found,) = definitions([measure, OLD, NEW], rules, month)
    return found.text


def rule(kind: str, value: str, source: str, applies_to: str = "calls_999") -> Rule:
    return Rule(kind, applies_to, EVER, None, value, source)


def test_values_in_force_replace_those_of_the_catalogue():
    definition = "Calls within the short-abandon threshold in force are left out. A call still counts as not answered "
    definition += "if the caller was called back. Under the answer target in force."
    measure = a_measure(section="calls_999", definition=definition, sources="call_segments,live_chats")
    rules = [
        rule("short_abandon_seconds", "5.000000", "Order 1."),
        rule("answer_target_seconds", "12.500000", "Order 2."),
        rule("answer_target_seconds", "90.000000", "Order 3.", "calls_101"),
        rule("called_back_counts_as_answered", "true", "Order 1."),
    ]
    assert text(measure, *rules) == (
        "Calls within the short-abandon threshold (5 seconds) are left out. A call also counts as answered if the "
        "caller was called back. Under the answer target (12.5 seconds). Source of the values: Order 1. Order 2. Data: "
        "call segments and live chats."
    )
    kinds = ("short_abandon_seconds", "answer_target_seconds", "called_back_counts_as_answered")
    none = text(measure, *(rule(kind, value, "") for kind, value in zip(kinds, ("0.0", "0", "false"), strict=True)))
    assert "threshold (0 seconds, so none) are left out. A call still counts as not" in none
    assert "Under the answer target (0 seconds)." in none
    assert with_definitions_in_force([measure], [], MONTH) == (measure,)


def test_figures_before_a_change_of_formula_have_a_note_that_names_both():
    (change,) = formula_changes(FORMULAS)[SHARE.code]
    assert change == FormulaChange(CHANGE, OLD.code, NEW.code)
    force = ForceRows("kent", catalogue=[OLD, NEW], rules=FORMULAS)

    def notes(month, value, paper=CHANGE, force=force):
        row = {"measure": SHARE.code, "first_month": month, "last_month": month, "value": value, "sources": "crimes"}
        return [*notes_of(row | {"is_provisional": False, "is_affected_by_quarantine": False}, force, paper)]

    apart = "Figures by the two formulas cannot be compared."
    assert notes(OCTOBER, 1) == [
        "Change of formula: until October 2022 cancelled divided by recorded plus cancelled, from November 2022 "
        f"cancelled divided by recorded. {apart}"
    ]
    # As in a public edition without the measures of the formulas.
    assert notes(OCTOBER, 1, force=ForceRows("kent", rules=FORMULAS)) == [
        f"Change of formula: until October 2022 a different formula, from November 2022 a different formula. {apart}"
    ]
    assert notes(OCTOBER, None) == notes(CHANGE, 1) == notes(OCTOBER, 1, paper=OCTOBER) == []
    again = Rule("formula", SHARE.code, CHANGE, None, OLD.code, "")
    assert formula_changes((FORMULAS[0], again, rule("formula", NEW.code, "", "crime.z"))) == {}


def test_rules_for_all_apply_before_between_and_after_those_of_the_force(marts):
    marts.execute(sql_of(__file__))

    def rules(force: str) -> list[str]:
        return [f"{one.kind} {one.value} {one.first_day} to {one.last_day}" for one in read_rules(marts, force)]

    assert rules("kent") == [
        "benchmark 2 2000-01-01 to 2022-02-28",
        "formula a.all 2000-01-01 to 2022-02-28",
        "formula a.kent 2022-03-01 to 2022-04-30",
        "formula a.all 2022-05-01 to 2022-06-30",
        "formula a.kent 2022-07-01 to 2022-12-31",
        "formula a.kent 2023-01-01 to 2023-02-28",
        "formula a.next 2023-03-01 to None",
        "target 3 2022-03-01 to None",
    ]
    assert rules("essex")[1:3] == ["formula a.all 2000-01-01 to 2022-10-31", "formula a.essex 2022-11-01 to 2022-12-31"]
    assert len(rules("surrey")) == 3
