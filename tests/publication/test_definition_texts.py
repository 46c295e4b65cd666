"""Definitions give the values in force and their source, and figures of another formula have a note."""

import csv
from datetime import date
from decimal import Decimal

import pytest

from dagster_project.publication.report.control_charts import chart_of
from dagster_project.publication.report.definitions import (
    FormulaChange,
    Rule,
    broken_at_changes,
    definitions,
    formula_changes,
    formula_note,
    read_rules,
    with_definitions_in_force,
)
from dagster_project.publication.report.model import Point
from dagster_project.publication.report.sentences import finding, sentences
from dagster_project.settings import PROJECT_ROOT
from tests.publication.reports import a_measure
from tests.publication.test_sentences import months, series

EVER, CHANGE, MONTH = date(2000, 1, 1), date(2022, 11, 1), date(2023, 1, 1)
SHARE = a_measure(code="crime.share", short_label="Share cancelled", unit="percent", definition="As reported.")
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


def test_a_formula_is_that_of_the_month_with_its_source():
    now = text(SHARE, *FORMULAS)
    assert now == (
        "As reported. Formula: cancelled divided by recorded. Source of the values: Read from the next paper. "
        "Data: calls."
    )
    before = text(SHARE, *FORMULAS, month=date(2022, 10, 1))
    assert "cancelled divided by recorded plus cancelled. Source of the values: Read from the paper." in before


def test_values_in_force_replace_those_of_the_catalogue():
    measure = a_measure(
        section="calls_999",
        definition=(
            "Calls; those abandoned within the short-abandon threshold in force are left out. A call still counts as "
            "not answered if the caller was called back. Under the answer target in force."
        ),
        sources="call_segments,live_chats",
    )
    rules = [
        Rule("short_abandon_seconds", "calls_999", EVER, None, "5.000000", "Order 1."),
        Rule("answer_target_seconds", "calls_999", EVER, None, "12.500000", "Order 2."),
        Rule("answer_target_seconds", "calls_101", EVER, None, "90.000000", "Order 3."),
        Rule("called_back_counts_as_answered", "calls_999", EVER, None, "true", "Order 1."),
    ]
    assert text(measure, *rules) == (
        "Calls; those abandoned within the short-abandon threshold (5 seconds) are left out. A call also counts as "
        "answered if the caller was called back. Under the answer target (12.5 seconds). Source of the values: Order "
        "1. Order 2. Data: call segments and live chats."
    )
    none = [Rule("short_abandon_seconds", "calls_999", EVER, None, "0.000000", "Order 1.")]
    assert "threshold (0 seconds, so none) are left out" in text(measure, *none)


def test_the_definition_of_a_measure_states_the_values_in_force():
    measure = a_measure(section="calls_999", definition="Under the answer target in force.")
    rules = [
        Rule("answer_target_seconds", "calls_999", EVER, date(2022, 10, 31), "12.500000", "Order 1."),
        Rule("answer_target_seconds", "calls_999", CHANGE, None, "10.000000", "Order 2."),
    ]
    (stated,) = with_definitions_in_force([measure], rules, MONTH)
    assert stated.definition == "Under the answer target (10 seconds)."
    assert with_definitions_in_force([measure], [], MONTH) == (measure,)


def test_a_source_of_two_values_is_stated_once():
    measure = a_measure(
        section="calls_999", unit="percent", better="higher", definition="In the answer target in force."
    )
    seconds = Rule(
        "answer_target_seconds", "calls_999", EVER, None, "10", "National standard: 90% in 10 s. As published."
    )
    target = Rule("target", measure.code, EVER, None, "90", "National standard: 90% in 10 s, of the calls answered.")
    assert ("Source of the values: As published. National standard: 90% in 10 s, of the calls answered. Data:") in text(
        measure, seconds, target
    )


def test_the_words_of_the_catalogue_have_their_values_filled_in():
    seed = (PROJECT_ROOT / "dbt" / "seeds" / "measure_catalogue.csv").read_text(encoding="utf-8")
    assert "unless configured" not in seed
    for row in csv.DictReader(seed.splitlines()):
        measure = a_measure(section=row["section"], definition=row["definition"])
        rules = [
            Rule(kind, row["section"], EVER, None, "7", "Order.")
            for kind in ("short_abandon_seconds", "answer_target_seconds")
        ]
        found = text(measure, *rules)
        for words in ("short-abandon threshold", "answer target"):
            assert found.count(words) == found.count(f"{words} (7 seconds)"), row["measure"]


@pytest.mark.parametrize(("better", "words"), [("lower", "under 2%"), ("higher", "over 2%")])
def test_a_target_is_stated_with_its_source(better, words):
    measure = a_measure(unit="percent", better=better, numerator="a", denominator="b", definition="Share.")
    rule = Rule("benchmark", measure.code, EVER, None, "2.000000", "National.")
    assert text(measure, rule) == (
        f"Share. Formula: a divided by b. Benchmark: {words}. Source of the values: National. Data: calls."
    )


def test_the_note_on_another_formula_names_both():
    (change,) = formula_changes(FORMULAS)[SHARE.code]
    assert change == FormulaChange(CHANGE, OLD.code, NEW.code)
    assert formula_note(change, {measure.code: measure for measure in (OLD, NEW)}) == (
        "Change of formula: until October 2022 cancelled divided by recorded plus cancelled, from November 2022 "
        "cancelled divided by recorded. Figures by the two formulas cannot be compared."
    )
    # As in a public edition without the measures of the formulas.
    assert "until October 2022 a different formula" in formula_note(change, {})


def test_the_same_formula_again_is_no_change():
    again = Rule("formula", SHARE.code, CHANGE, None, OLD.code, "")
    other = Rule("formula", "crime.z", EVER, None, NEW.code, "")
    assert formula_changes((FORMULAS[0], again, other)) == {}


def test_rules_of_the_force_replace_those_for_all(marts):
    marts.execute(
        """
        create table marts.definitions as
        from (values
            ('formula', 'a.b', '*', date '2000-01-01', null, 'a.all', 'All.'),
            ('formula', 'a.b', 'kent', date '2022-11-01', null, 'a.new', 'New.'),
            ('formula', 'a.b', 'kent', date '2000-01-01', date '2022-10-31', 'a.old', 'Old.'),
            ('formula', 'a.b', 'essex', date '2000-01-01', null, 'a.essex', 'Essex.'),
            ('target', 'a.b', '*', date '2000-01-01', null, '2', 'All.')
        ) as rows (definition, applies_to, force_code, valid_from, valid_to, value, source)
        """
    )
    assert [rule.value for rule in read_rules(marts, "kent")] == ["a.old", "a.new", "2"]
    assert [rule.value for rule in read_rules(marts, "surrey")] == ["a.all", "2"]


@pytest.fixture
def own_rows(marts):
    """Dated lists in which the force has rows of its own for a part of the time only."""
    marts.execute(
        """
        create table marts.definitions as
        from (values
            ('formula', 'a.b', '*', date '2000-01-01', date '2022-12-31', 'a.all', 'All.'),
            ('formula', 'a.b', '*', date '2023-01-01', null, 'a.next', 'All, later.'),
            ('formula', 'a.b', 'kent', date '2022-03-01', date '2022-04-30', 'a.kent', 'Kent.'),
            ('formula', 'a.b', 'kent', date '2022-07-01', date '2023-02-28', 'a.kent', 'Kent again.'),
            ('formula', 'a.b', 'essex', date '2022-11-01', null, 'a.essex', 'Essex.'),
            ('benchmark', 'a.b', '*', date '2000-01-01', null, '2', 'All.'),
            ('target', 'a.b', 'kent', date '2022-03-01', null, '3', 'Kent.'),
            ('answer_target_seconds', 'a', '*', date '2000-01-01', null, '10', 'All.'),
            ('answer_target_seconds', 'a', 'kent', date '2022-03-01', null, '20', 'Kent.')
        ) as rows (definition, applies_to, force_code, valid_from, valid_to, value, source)
        """
    )
    return marts


def spans(rules, kind):
    return [(rule.value, rule.first_day, rule.last_day) for rule in rules if rule.kind == kind]


def test_rules_for_all_apply_before_between_and_after_those_of_the_force(own_rows):
    rules = read_rules(own_rows, "kent")
    assert spans(rules, "formula") == [
        ("a.all", EVER, date(2022, 2, 28)),
        ("a.kent", date(2022, 3, 1), date(2022, 4, 30)),
        ("a.all", date(2022, 5, 1), date(2022, 6, 30)),
        ("a.kent", date(2022, 7, 1), date(2023, 2, 28)),
        ("a.next", date(2023, 3, 1), None),
    ]
    # A benchmark and a target of one measure are rows of one list.
    assert spans(rules, "benchmark") == [("2", EVER, date(2022, 2, 28))]
    assert spans(rules, "target") == [("3", date(2022, 3, 1), None)]
    assert spans(read_rules(own_rows, "essex"), "formula") == [
        ("a.all", EVER, date(2022, 10, 31)),
        ("a.essex", CHANGE, None),
    ]


def test_the_line_breaks_where_the_first_formula_of_the_force_itself_begins(own_rows):
    (change,) = formula_changes(read_rules(own_rows, "essex"))["a.b"]
    assert change == FormulaChange(CHANGE, "a.all", "a.essex")
    points = [Point(date(2022, number, 1), Decimal(1), "1", is_provisional=False, signal=None) for number in (10, 11)]
    assert [point.is_after_change for point in broken_at_changes(points, [change])] == [False, True]


def test_the_definition_before_the_first_rule_of_the_force_states_the_value_for_all(own_rows):
    measure = a_measure(section="a", definition="Under the answer target in force.")
    rules = read_rules(own_rows, "kent")
    before, after = (
        with_definitions_in_force([measure], rules, month)[0].definition
        for month in (date(2022, 2, 1), date(2022, 3, 1))
    )
    assert (before, after) == ("Under the answer target (10 seconds).", "Under the answer target (20 seconds).")


def test_months_of_two_formulas_are_not_judged_together():
    changed = series(months("3.7", "3.5", unit="percent"), unit="percent", variation=None, upper_limit=None)
    assert finding(changed) == "Month not complete"
    changed = series(
        months("3.7", "3.5", unit="percent"),
        unit="percent",
        points=3,
        variation=None,
        formula_changed=CHANGE,
    )
    assert finding(changed) == "Not judged: different formula since November 2022"
    assert sentences(changed).endswith("Months before November 2022 use a different formula and are not compared.")


def a_chart(*, is_trial: bool):
    """The chart of November and December after October with another formula."""
    rows = [
        {"month_start": date(2022, number, 1), "value": Decimal(number), "display_value": str(number)}
        | dict.fromkeys(("is_provisional", "signal", "mean", "lower_limit", "upper_limit", "target"))
        for number in (8, 10, 11, 12)
    ]
    changed = series(
        months("3.7", "3.5", unit="percent"),
        unit="percent",
        points=3 if is_trial else 12,
        variation=None if is_trial else "common_cause",
        formula_changed=CHANGE,
    )
    return chart_of(changed, rows, [FormulaChange(CHANGE, OLD.code, NEW.code)])


def test_the_line_of_a_chart_breaks_where_its_formula_changes():
    chart = a_chart(is_trial=True)
    assert [point.is_after_change for point in chart.points] == [False, False, True, False]
    assert chart.caption == "Not judged: different formula since November 2022"
    judged = a_chart(is_trial=False)
    assert judged.caption == "No unusual change; different formula since November 2022"
    assert judged.alternative.endswith("No unusual change; different formula since November 2022.")


def test_a_chart_is_judged_again_when_the_new_formula_has_enough_months():
    judged = series(
        months("3.7", "3.5", unit="percent"),
        unit="percent",
        points=12,
        variation="common_cause",
        formula_changed=CHANGE,
    )
    assert finding(judged) == "No unusual change"
