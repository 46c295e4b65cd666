"""Methods of reconciliations in words: golden texts of every step, and their place in the warehouse."""

from datetime import date

import pytest

from dagster_project.errors import OperatorError
from dagster_project.publication.mart_texts import write_formulas
from dagster_project.publication.report.methods import Quotient, method_in_words

QUOTIENTS = {
    "calls_999.received": Quotient("calls received", None),
    "calls_999.pct_not_answered": Quotient("calls not answered", "calls received"),
    "calls_999.avg_queue_time_all": Quotient("queue seconds", "calls"),
}


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("calls_999.pct_not_answered", "calls not answered / calls received"),
        ("calls_999.pct_not_answered; cut_off", "calls not answered / calls received, cut off"),
        (
            "calls_999.pct_not_answered: n / (d - n)",
            "calls not answered / (calls received less calls not answered)",
        ),
        (
            "calls_999.pct_not_answered: n / (d + n); cut_off or half_even",
            "calls not answered / (calls received plus calls not answered), cut off or half to even",
        ),
        (
            "calls_999.pct_not_answered: (d - n) / d",
            "(calls received less calls not answered) / calls received",
        ),
        ("calls_999.avg_queue_time_all", "avg_queue_time_all"),
        ("calls_999.avg_queue_time_all; mean_per_month", "avg_queue_time_all, mean per month"),
        ("own; total", "total"),
        ("own; mean_of_rounded_months; difference", "mean of rounded months, difference of the rounded figures"),
        (
            "own; pooled; loaded 2022-08, 2022-10; cut_off",
            "pooled over the loaded months 2022-08, 2022-10, instead of 2022-08 to 2022-10, cut off",
        ),
        (
            "own; mean_of_months; any 2022-08 to 2022-09",
            "mean of months over 2022-08 to 2022-09, where the paper states no period",
        ),
    ],
)
def test_a_method_is_named_in_words(method, words):
    span = (date(2022, 8, 1), date(2022, 10, 1))
    assert method_in_words(method, measure="calls_999.pct_not_answered", span=span, quotients=QUOTIENTS) == words


def test_a_sum_by_its_own_formula_has_no_name():
    span = (date(2022, 8, 1), date(2022, 8, 1))
    named = {
        method: method_in_words(method, measure="calls_999.received", span=span, quotients=QUOTIENTS)
        for method in ("calls_999.received", "calls_999.received; cut_off", "own; pooled; loaded x")
    }
    assert named == {
        "calls_999.received": None,
        "calls_999.received; cut_off": "calls_999.received, cut off",
        "own; pooled; loaded x": "pooled over the loaded months x, instead of 2022-08",
    }


def test_an_unknown_step_is_refused():
    with pytest.raises(OperatorError, match="'guessed'"):
        method_in_words("own; pooled; guessed", measure="a.b", span=(None, None), quotients=QUOTIENTS)


def test_the_names_are_written_into_both_reconciliations_again_and_again(marts):
    figure = "'kent' as force_code, 'p' as report_id, 'stale' as formula"
    for mart, columns in {
        "measures": "'calls_999.pct_not_answered' as measure, 'calls not answered' as numerator, "
        "'calls received' as denominator",
        "reconciliation": f"{figure}, 'calls_999' as section, 'pct_not_answered' as measure, "
        "date '2022-08-01' as month_start, 'calls_999.pct_not_answered' as method",
        "reconciliation_narrative": f"{figure}, 'N1' as statement_id, cast(1 as bigint) as test_no, "
        "'calls_999.pct_not_answered' as measure, 'own; pooled' as method, date '2022-08-01' as first_month, "
        "date '2022-09-01' as last_month",
    }.items():
        marts.execute(f"create table marts.{mart} as select {columns}")
    for _ in range(2):
        write_formulas(marts)
        for mart, formula in (
            ("reconciliation", "calls not answered / calls received"),
            ("reconciliation_narrative", "pooled"),
        ):
            assert marts.execute(f"select formula from marts.{mart}").fetchone() == (formula,)
