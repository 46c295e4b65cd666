"""Matrix, main points and exceptions follow from the figures by rule, and say nothing that these do not show."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from dagster_project.publication.report.display import display
from dagster_project.publication.report.exceptions import exceptions, no_exceptions
from dagster_project.publication.report.headlines import Reading, Standing, change, matrix
from dagster_project.publication.report.main_points import caveat, main_points
from dagster_project.publication.report.model import Block, Explanation, Figure, Run
from tests.unit.publication.reports import a_measure

MONTH, BEFORE, YEAR_BEFORE = date(2023, 1, 1), date(2022, 12, 1), date(2022, 1, 1)
LIMITS = {"mean": Decimal(5), "lower_limit": Decimal(3), "upper_limit": Decimal(7)}
WORSE = LIMITS | {"variation": "concerning", "signal": "outside_limits"}
UNUSUAL = LIMITS | {"variation": "unusual", "signal": "trend"}
MISSED, MET = ({"target": Decimal(2), "is_target_met": state} for state in (False, True))


def reading(value: str | None, unit: str, month: date, **more) -> Reading | None:
    decimals = 2 if unit == "percent" else 0
    return value and Reading(month, Decimal(value), display(Decimal(value), unit, decimals), **more)


def a_standing(
    name: str, now: str | None, before: str | None = None, year: str | None = None, *, unit: str = "percent", **changes
) -> Standing:
    measure = a_measure(
        code=f"calls.{name}",
        short_label=f"Share {name}",
        unit=unit,
        decimals=2 if unit == "percent" else 0,
        better=changes.pop("better", "lower"),
    )
    current = reading(now, unit, MONTH)
    made = Standing(
        measure=measure,
        month=MONTH,
        figure=Figure(current.text if current else "-", current and current.value, is_provisional=False),
        now=current,
        month_before=reading(before, unit, BEFORE),
        year_before=reading(year, unit, YEAR_BEFORE),
    )
    return replace(made, **changes)


USUAL_RANGE = "above the usual range of 3.00% to 7.00%."


def test_main_points_come_worst_first_and_name_a_measure_once():
    found = [
        a_standing("a", "2.00", "2.10", "1.00"),
        a_standing("b", "9.00", "5.00", "5.00", **WORSE),
        a_standing("c", "3.00", "2.00", "1.00", **WORSE | MISSED),
        a_standing("d", "4.00", "1.00", "3.00", **MISSED),
        a_standing("e", "1.00", "2.00", "1.00"),
    ]
    assert main_points(found) == (
        "Share d stood at 4.00% in January 2023, up from 1.00% in December 2022, and missed the benchmark of under 2%.",
        "Share c stood at 3.00% in January 2023, up from 2.00% in December 2022, and missed the benchmark of under 2%. "
        f"The month is also worse than usual: {USUAL_RANGE}",
        f"Share b stood at 9.00% in January 2023, up from 5.00% in December 2022, which is worse than usual: "
        f"{USUAL_RANGE}",
        "Share a rose by 1.00 point, from 1.00% in January 2022 to 2.00% in January 2023, the next largest change "
        "from last year.",
        "Share e fell by 1.00 point, from 2.00% in December 2022 to 1.00% in January 2023, the next largest change "
        "from the month before.",
    )
    missed = [a_standing(str(number), "3.00", **MISSED) for number in range(9)]
    assert len(main_points(missed)) == 5
    # A caveat is never crowded out.
    assert main_points(missed, "Data are missing.")[3:] == (main_points(missed)[3], "Data are missing.")


@pytest.mark.parametrize(
    ("standings", "sentence"),
    [
        (
            [a_standing("large", "55.00", "50.00"), a_standing("small", "0.50", "1.00")],
            "Share small fell by 0.50 points, from 1.00% in December 2022 to 0.50% in January 2023, the largest change "
            "from the month before.",
        ),
        (
            [a_standing("first", "2.00", "1.00", variation="improving"), a_standing("second", "2.00", "1.00")],
            "Share first rose by 1.00 point, from 1.00% in December 2022 to 2.00% in January 2023, the largest change "
            "from the month before; the month is better than usual.",
        ),
        (
            [a_standing("same", "3.001", "3.002", **MISSED)],
            "Share same stood at 3.00% in January 2023, as in December 2022, and missed the benchmark of under 2%.",
        ),
        (
            [a_standing("formula", "3.00", "1.00", formula_changes=(MONTH,), **MISSED)],
            "Share formula stood at 3.00% in January 2023, and missed the benchmark of under 2%.",
        ),
    ],
    ids=["relative to the earlier figure", "first of equals", "same text", "other formula"],
)
def test_a_main_point_states_what_the_figures_show(standings, sentence):
    assert main_points(standings) == (sentence,)


def test_nothing_is_said_of_figures_that_cannot_be_compared():
    standings = [
        a_standing("no month to compare with", "2.00"),
        a_standing("the same text", "2.001", "2.002", "1.999"),
        a_standing("not complete", None, "2.00", "1.00", **WORSE | MISSED),
        a_standing("another formula", "2.00", "1.00", formula_changes=(MONTH,)),
        a_standing("from nothing", "2.00", "0.00"),
    ]
    assert main_points(standings) == ()


@pytest.mark.parametrize(("per_day", "words"), [("96.8", "down"), ("96.94", "no change")])
def test_a_rise_that_comes_from_a_longer_month_is_no_main_point(per_day, words):
    longer = replace(
        a_standing("x", "3000", unit="count"),
        now=reading("3000", "count", MONTH, per_day=Decimal(per_day)),
        month_before=reading("2900", "count", BEFORE, per_day=Decimal("96.9"), pct_change=Decimal("3.4483")),
    )
    assert main_points([longer]) == ()
    assert change(longer.now, longer.month_before, longer.measure).text == f"up 100 (3.4%), but {words} per day"


@pytest.mark.parametrize(
    ("unit", "now", "before", "pct_change", "text"),
    [
        ("count", "30459", "28681", "6.199226", "\u25b2 up 1,778 (6.2%)"),
        ("count", "5", "0", None, "\u25b2 up 5"),
        ("percent", "0.822756", "1.354569", None, "\u25bc down 0.53 points"),
        ("percent", "2.004", "1.004", None, "\u25b2 up 1.00 point"),
        ("percent", "2.001", "2.004", None, "= no change"),
        ("duration", "154.4", "208.2", None, "\u25bc down 54s"),
    ],
)
def test_a_change_is_the_difference_of_the_printed_figures_by_one_formula(unit, now, before, pct_change, text):
    standing = a_standing("x", now, before, unit=unit)
    earlier = replace(standing.month_before, pct_change=pct_change and Decimal(pct_change))
    assert change(standing.now, earlier, standing.measure, [BEFORE]).words == text
    assert change(standing.now, earlier, standing.measure, [MONTH]).words == "not compared: different formula"
    assert change(standing.now, None, standing.measure).words == ""


@pytest.mark.parametrize(
    ("better", "now", "changes", "words"),
    [
        ("lower", "2.00", MISSED, "under 2%: missed"),
        ("lower", "1.00", MET, "under 2%: met"),
        # The chart decides, whatever the figure is; one of an earlier version does not say.
        ("higher", "1.00", MISSED, "over 2%: missed"),
        ("neither", "1.00", MET, ""),
        ("lower", "1.00", {}, ""),
        ("lower", "1.00", MISSED | {"is_target_met": None}, "under 2%"),
        ("lower", None, MISSED, "under 2%"),
    ],
)
def test_a_target_is_met_or_missed_as_the_chart_says(better, now, changes, words):
    standing = a_standing("x", now, better=better, **changes)
    assert matrix([standing]).headlines[0].target == words
    assert standing.is_missed == words.endswith("missed")


def test_the_caveat_names_what_limits_the_figures():
    fine, limited = a_standing("x", "1.00"), a_standing("y", "1.00", remark="Provisional: 30 of 31 days")
    changed = a_standing("z", "1.00", formula_changes=(date(2022, 9, 1), date(2022, 11, 1), date(2023, 2, 1)))
    months = [date(2022, 8, 1), MONTH]
    assert caveat([fine, a_standing("no figure", None, remark="Provisional")], months) == ""
    of_y = "Data behind these figures are missing or could not be used: share y."
    assert caveat([fine, limited, changed], months) == of_y
    assert caveat([fine, *[limited] * 4], months) == (
        "Data behind 4 of the 5 headline figures are missing or could not be used."
    )
    assert caveat([fine, changed], months) == (
        "Share z has used a different formula since November 2022; figures before and after cannot be compared."
    )
    assert caveat([fine, changed], [date(2022, 11, 1), MONTH]) == ""
    missing = "Nothing was delivered for January 2023 from: call segments and live chats."
    assert caveat([fine], months, ["call_segments", "live_chats"]) == missing
    assert caveat([fine, limited], months, ["call_segments", "live_chats"]) == f"{missing} {of_y}"


COMMENT = (Block("paragraph", (Run("Because."),)),)
LABELS = {f"calls.{name}": f"Share {name}" for name in "abcde"}


def test_exceptions_are_missed_targets_then_worse_then_unusual_then_named_ones():
    found = exceptions(
        [
            a_standing("a", "9.00", "8.00", better="neither", **UNUSUAL),
            a_standing("b", "9.00", **WORSE),
            a_standing("c", "9.00", **WORSE | MISSED),
            a_standing("d", "1.00", **MET, **LIMITS | {"variation": "improving", "signal": "shift"}),
            a_standing("not complete", None, **WORSE | MISSED),
        ],
        {"calls.e": Explanation(COMMENT), "calls.b": Explanation(COMMENT)},
        LABELS,
    )
    assert [(item.label, item.reason) for item in found] == [
        ("Share c", "Missed the benchmark of under 2%; worse than usual: above the usual range of 3.00% to 7.00%"),
        ("Share b", "Worse than usual: above the usual range of 3.00% to 7.00%"),
        ("Share a", "Unusual: seven months in a row rising"),
        ("Share e", "Named by the author"),
    ]


def test_what_the_analyst_has_not_written_is_shown_as_missing():
    standings = [a_standing(name, "9.00", **MISSED) for name in "abc"]
    given = {"calls.a": Explanation(COMMENT, "Act", "Owner", "1 May 2023"), "calls.b": Explanation(action="Act")}
    missing = (Block("paragraph", (Run("missing", is_emphasised=True),)),)
    assert [(item.comment, item.action, item.owner, item.due) for item in exceptions(standings, given, LABELS)] == [
        (COMMENT, "Act", "Owner", "1 May 2023"),
        (missing, "Act", "missing", "missing"),
        (missing, "\N{EN DASH}", "\N{EN DASH}", "\N{EN DASH}"),
    ]


def test_without_exceptions_the_paper_says_what_was_looked_for():
    usual = a_standing("a", "1.00", variation="common_cause", **MET)
    few, running = a_standing("a", "1.00"), a_standing("b", None)
    assert no_exceptions([usual]) == "No target is missed. No month is worse than usual or unusual."
    assert no_exceptions([few]) == "Whether a month is unusual cannot be said before there are twelve complete months."
    assert no_exceptions([usual, running]).endswith("Months that are not complete are not judged.")
    assert no_exceptions([running]) == "Months that are not complete are not judged."
