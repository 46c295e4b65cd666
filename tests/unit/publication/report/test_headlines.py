"""Matrix, main points and exceptions follow from the figures by rule, and say nothing that these do not show."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from dagster_project.publication.report.display import display
from dagster_project.publication.report.exceptions import exceptions, no_exceptions
from dagster_project.publication.report.headlines import Reading, Standing, change, matrix
from dagster_project.publication.report.main_points import caveat, main_points
from dagster_project.publication.report.model import Block, Explanation, Figure, Point, Run
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


def points(number: int, **changes) -> tuple[Point, ...]:
    """Months up to December 2022, with their numbers as figures."""
    found = [Point(date(2022 - n // 12, 12 - n % 12, 1), Decimal(n), str(n), False, None) for n in range(number)]
    return tuple(replace(point, **changes) for point in reversed(found))


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


RISE = "Share first rose by 1.00 point, from 1.00% in December 2022 to 2.00% in January 2023, the largest change from"


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
            f"{RISE} the month before; the month is better than usual.",
        ),
        (
            [a_standing("first", "2.00", "1.00", better="neither", **UNUSUAL)],
            f"{RISE} the month before; the month is unusual, seven months in a row rising.",
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
    ids=["relative to the earlier figure", "first of equals", "unusual", "same text", "other formula"],
)
def test_a_main_point_states_what_the_figures_show(standings, sentence):
    assert main_points(standings) == (sentence,)


@pytest.mark.parametrize(
    "standing",
    [
        a_standing("no month to compare with", "2.00"),
        a_standing("the same text", "2.001", "2.002", "1.999"),
        a_standing("not complete", None, "2.00", "1.00", **WORSE | MISSED),
        a_standing("another formula", "2.00", "1.00", formula_changes=(MONTH,)),
        a_standing("from nothing", "2.00", "0.00"),
    ],
    ids=lambda standing: standing.measure.code,
)
def test_nothing_is_said_of_figures_that_cannot_be_compared(standing):
    assert main_points([standing]) == ()


def test_a_rise_that_comes_from_a_longer_month_is_no_main_point():
    longer = replace(
        a_standing("x", "3000", unit="count"),
        now=reading("3000", "count", MONTH, per_day=Decimal("96.8")),
        month_before=reading("2900", "count", BEFORE, per_day=Decimal("96.9"), pct_change=Decimal("3.4483")),
    )
    assert main_points([longer]) == ()
    assert change(longer.now, longer.month_before, longer.measure).text == "up 100 (3.4%), but down per day"


@pytest.mark.parametrize(
    ("unit", "now", "before", "pct_change", "text"),
    [
        ("count", "30459", "28681", "6.199226", "\u25b2 up 1,778 (6.2%)"),
        ("count", "5", "0", None, "\u25b2 up 5"),
        ("percent", "0.822756", "1.354569", None, "\u25bc down 0.53 points"),
        ("percent", "2.004", "1.004", None, "\u25b2 up 1.00 point"),
        ("percent", "2.001", "2.004", None, "= no change"),
        ("duration", "154.4", "208.2", None, "\u25bc down 54s"),
        ("duration", "71", "10", None, "\u25b2 up 1m 1s"),
    ],
)
def test_a_change_is_the_difference_of_the_printed_figures_and_its_share_that_of_the_mart(
    unit, now, before, pct_change, text
):
    standing = a_standing("x", now, before, unit=unit)
    earlier = replace(standing.month_before, pct_change=pct_change and Decimal(pct_change))
    assert change(standing.now, earlier, standing.measure).words == text


def test_figures_of_two_formulas_or_without_an_earlier_one_are_not_compared():
    standing = a_standing("x", "2.00", "1.00")
    compared = (standing.now, standing.month_before, standing.measure)
    assert change(*compared, [MONTH]).words == "not compared: different formula"
    assert change(*compared, [BEFORE]).words == "\u25b2 up 1.00 point"
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


def test_an_assurance_has_words_where_there_is_a_target():
    found = matrix([a_standing("x", "4", assurance="hit_and_miss", **more) for more in (MET, {})]).headlines
    assert (found[0].assurance.text, found[1].assurance) == ("May be met or missed", None)


@pytest.mark.parametrize(
    ("variation", "better", "value", "icon", "words"),
    [
        ("common_cause", "lower", "5.00", "usual", "No unusual change"),
        ("improving", "lower", "1.00", "better_low", "Better than usual"),
        ("concerning", "higher", "9.00", "worse_low", "Worse than usual"),
        ("unusual", "neither", "9.00", "unusual_high", "Unusually high"),
        ("unusual", "neither", "5.00", "unusual_low", "Unusually low"),
    ],
)
def test_an_icon_says_on_which_side_a_month_lies(variation, better, value, icon, words):
    """By the direction of the verdict, and where neither is better, by the mean."""
    standing = a_standing("x", value, better=better, **WORSE | {"variation": variation})
    verdict = matrix([standing]).headlines[0].variation
    assert (verdict.icon, verdict.text) == (icon, words)
    if icon != "usual":
        side = "above" if icon.endswith("high") else "below"
        assert verdict.meaning == f"unusually {icon.partition('_')[2]}: {side} the usual range of 3.00% to 7.00%"


def test_columns_without_a_figure_are_left_out():
    bare = matrix([a_standing("x", "2.00"), a_standing("y", "2.00", "1.00")])
    assert [name for name, _ in bare.columns] == ["label", "figure", "month_change", "trend"]
    full = matrix([a_standing("x", "2.00", "1.00", "3.00", variation="common_cause", **MET)])
    assert [title for _, title in full.columns] == [
        *("Measure", "Jan 2023", "Change on Dec 2022", "Change on Jan 2022", "Trend", "Variation", "Target")
    ]
    (headline,) = full.headlines
    assert (headline.month_change.text, headline.year_change.text) == ("up 1.00 point", "down 1.00 point")
    assert (matrix([]).headlines, matrix([]).note) == ((), "")


@pytest.mark.parametrize(
    ("now", "trend", "note"),
    [
        ("2.00", points(4), "A verdict on what is usual needs twelve complete months; there are four."),
        ("2.00", points(1), "A verdict on what is usual needs twelve complete months; there is one."),
        (
            "2.00",
            points(13, is_provisional=True),
            "A verdict on what is usual needs twelve complete months; there are n",
        ),
        ("2.00", points(12), ""),
        (None, points(24), "January 2023 is not complete, so it has no verdict."),
    ],
)
def test_the_matrix_says_once_why_no_measure_has_a_verdict(now, trend, note):
    found = matrix([a_standing("x", now, points=trend), a_standing("y", now)]).note
    assert (found.startswith(note), bool(found)) == (True, bool(note))
    assert matrix([a_standing("x", "2.00", points=trend, variation="common_cause")]).note == ""


def test_a_trend_states_the_range_of_its_complete_months():
    trend = (*points(4), replace(points(1)[0], month=MONTH, value=Decimal(99), is_provisional=True))
    (headline,) = matrix([a_standing("x", "2.00", points=trend)]).headlines
    assert headline.trend_words == (
        "September 2022 to January 2023: lowest 0 in December 2022, highest 3 in September 2022"
    )
    assert matrix([a_standing("x", "2.00", points=trend[-1:])]).headlines[0].trend_words == ""


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
