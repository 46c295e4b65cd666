"""Definitions give the values in force and their source, and figures of another formula have a note."""

from datetime import date
from decimal import Decimal

from dagster_project.publication.report.control_charts import chart_of
from dagster_project.publication.report.definitions import (
    FormulaChange,
)
from dagster_project.publication.report.sentences import finding, sentences
from tests.leaving.publication.reports import a_measure
from tests.leaving.publication.test_sentences import months, series

EVER, CHANGE, MONTH = date(2000, 1, 1), date(2022, 11, 1), date(2023, 1, 1)

OLD, NEW = (
    a_measure(code=f"crime.{name}", numerator="cancelled", denominator=name, in_board_paper=False, is_headline=False)
    for name in ("recorded plus cancelled", "recorded")
)


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
