"""The matrix and the main points follow from the figures by rule, and say nothing that the figures do not show."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from dagster_project.publication.icons import ICONS, icon, trend_line
from dagster_project.publication.report.display import display
from dagster_project.publication.report.exceptions import no_exceptions
from dagster_project.publication.report.headlines import Reading, Standing, change, matrix
from dagster_project.publication.report.main_points import MOST_POINTS, caveat, main_points
from dagster_project.publication.report.model import Figure, Point
from tests.publication.reports import a_measure
from tests.reference.control_charts import is_target_met

MONTH, BEFORE, YEAR_BEFORE = date(2023, 1, 1), date(2022, 12, 1), date(2022, 1, 1)


def reading(value: str | None, unit: str, month: date, per_day: str | None = None) -> Reading | None:
    if value is None:
        return None
    decimals = 2 if unit == "percent" else 0
    return Reading(month, Decimal(value), display(Decimal(value), unit, decimals), per_day and Decimal(per_day))


def a_standing(
    name: str, now: str | None, before: str | None = None, year: str | None = None, *, unit: str = "percent", **changes
) -> Standing:
    measure = a_measure(
        code=f"calls.{name}", short_label=f"Share {name}", unit=unit, decimals=2 if unit == "percent" else 0
    )
    measure = replace(measure, better=changes.pop("better", "lower"))
    current = reading(now, unit, MONTH)
    changes = {
        "is_target_met": is_target_met(current and current.value, changes.get("target"), measure.better),
        **changes,
    }
    made = Standing(
        measure=measure,
        month=MONTH,
        figure=Figure(current.text if current else "-", current and current.value, is_provisional=False),
        now=current,
        month_before=reading(before, unit, BEFORE),
        year_before=reading(year, unit, YEAR_BEFORE),
    )
    return replace(made, **changes)


def limits(**changes) -> dict[str, object]:
    return {"mean": Decimal(5), "lower_limit": Decimal(3), "upper_limit": Decimal(7), **changes}


WORSE = limits(variation="concerning", signal="outside_limits")


def test_points_come_worst_first_and_name_a_measure_once():
    points = main_points(
        [
            a_standing("a", "2.00", "2.10", "1.00"),
            a_standing("b", "9.00", "5.00", "5.00", **WORSE),
            a_standing("c", "3.00", "2.00", "1.00", target=Decimal(2), **WORSE),
            a_standing("d", "4.00", "1.00", "3.00", target=Decimal(2)),
            a_standing("e", "1.00", "2.00", "1.00"),
        ],
        "Data are missing.",
    )
    assert points == (
        "Share d stood at 4.00% in January 2023, up from 1.00% in December 2022, and missed the benchmark of under 2%.",
        "Share c stood at 3.00% in January 2023, up from 2.00% in December 2022, and missed the benchmark of under 2%. "
        "The month is also worse than usual: above the usual range of 3.00% to 7.00%.",
        "Share b stood at 9.00% in January 2023, up from 5.00% in December 2022, which is worse than usual: above the "
        "usual range of 3.00% to 7.00%.",
        "Share a rose by 1.00 point, from 1.00% in January 2022 to 2.00% in January 2023, the next largest change "
        "from last year.",
        "Data are missing.",
    )


def test_the_largest_change_is_relative_to_the_earlier_figure():
    small, large = a_standing("small", "0.50", "1.00"), a_standing("large", "55.00", "50.00")
    (point,) = main_points([large, small])
    assert point == (
        "Share small fell by 0.50 points, from 1.00% in December 2022 to 0.50% in January 2023, the largest change "
        "from the month before."
    )


def test_of_equal_candidates_the_first_in_the_paper_counts():
    points = main_points([a_standing(name, "2.00", "1.00") for name in ("first", "second")])
    assert [point.split()[1] for point in points] == ["first"]


def test_a_caveat_is_never_crowded_out():
    missed = [a_standing(str(number), "3.00", target=Decimal(2)) for number in range(9)]
    assert len(main_points(missed)) == MOST_POINTS
    points = main_points(missed, "Data are missing.")
    assert (len(points), points[-1]) == (MOST_POINTS, "Data are missing.")


@pytest.mark.parametrize(
    "standing",
    [
        a_standing("no month to compare with", "2.00"),
        a_standing("the same text", "2.001", "2.002", "1.999"),
        a_standing("not complete", None, "2.00", "1.00", target=Decimal(2), variation="concerning"),
        a_standing("another formula", "2.00", "1.00", formula_changes=(MONTH,)),
        a_standing("from nothing", "2.00", "0.00"),
    ],
)
def test_nothing_is_said_of_figures_that_cannot_be_compared(standing):
    assert main_points([standing]) == ()


def test_a_rise_that_comes_from_a_longer_month_is_no_change():
    longer = a_standing("x", "3000", unit="count", better="neither")
    longer = replace(
        longer,
        now=reading("3000", "count", MONTH, "96.8"),
        month_before=replace(reading("2900", "count", date(2022, 11, 1), "96.9"), pct_change=Decimal("3.448276")),
    )
    assert main_points([longer]) == ()
    assert change(longer.now, longer.month_before, longer.measure).text == "up 100 (3.4%), but down per day"


@pytest.mark.parametrize(
    ("value", "better", "is_missed"),
    [
        ("2.00", "lower", True),
        ("1.99", "lower", False),
        ("2.00", "higher", True),
        ("2.01", "higher", False),
        ("9.00", "neither", False),
    ],
)
def test_a_figure_equal_to_its_target_misses_it(value, better, is_missed):
    standing = a_standing("x", value, better=better, target=Decimal(2))
    assert standing.is_missed == is_missed
    words = matrix([standing]).headlines[0].target
    side = "under" if better == "lower" else "over"
    assert words == ("" if better == "neither" else f"{side} 2%: {'missed' if is_missed else 'met'}")


def test_whether_a_target_is_missed_is_what_the_chart_says():
    standing = a_standing("x", "1.00", target=Decimal(2), is_target_met=False)
    assert standing.is_missed
    assert not replace(standing, now=None).is_missed


def test_a_publication_that_does_not_say_whether_a_target_is_met_is_not_judged():
    standing = a_standing("x", "1.00", target=Decimal(2), is_target_met=None)
    assert matrix([standing]).headlines[0].target == "under 2%"
    assert "No target is missed" not in no_exceptions([standing])


@pytest.mark.parametrize(
    ("unit", "now", "before", "pct_change", "text"),
    [
        ("count", "30459", "28681", "6.199226", "up 1,778 (6.2%)"),
        ("count", "5", "8", "-37.5", "down 3 (37.5%)"),
        ("count", "5", "0", None, "up 5"),
        ("percent", "0.822756", "1.354569", None, "down 0.53 points"),
        ("percent", "2.004", "1.004", None, "up 1.00 point"),
        ("percent", "2.001", "2.004", None, "no change"),
        ("duration", "154.4", "208.2", None, "down 54s"),
        ("duration", "71", "10", None, "up 1m 1s"),
    ],
)
def test_a_change_is_the_difference_of_the_printed_figures_and_its_share_that_of_the_mart(
    unit, now, before, pct_change, text
):
    standing = a_standing("x", now, before, unit=unit)
    earlier = replace(standing.month_before, pct_change=pct_change and Decimal(pct_change))
    found = change(standing.now, earlier, standing.measure)
    assert found.text == text
    assert found.arrow == {"up": "\u25b2", "do": "\u25bc", "no": "="}[text[:2]]


@pytest.mark.parametrize(
    ("assurance", "words"),
    [("consistently_meets", "Consistently met"), ("consistently_misses", "Consistently missed")],
)
def test_limits_on_one_side_of_a_target_are_consistent(assurance, words):
    (headline,) = matrix([a_standing("x", "4.00", target=Decimal(6), assurance=assurance)]).headlines
    assert headline.assurance.text == words


def test_limits_on_both_sides_of_a_target_do_not_deny_that_every_month_has_met_it():
    standing = a_standing("x", "4.00", target=Decimal(6), assurance="hit_and_miss", **limits(variation="common_cause"))
    (headline,) = matrix([standing]).headlines
    assert headline.target == "under 6%: met"
    assert (headline.assurance.text, headline.assurance.meaning) == (
        "May be met or missed",
        "a month could meet the target or miss it",
    )


def test_columns_without_a_figure_are_left_out():
    bare = matrix([a_standing("x", "2.00", "1.00")])
    assert [name for name, _ in bare.columns] == ["label", "figure", "month_change", "trend"]
    full = matrix([a_standing("x", "2.00", "1.00", "3.00", target=Decimal(2), variation="common_cause")])
    assert dict(full.columns) == {
        "label": "Measure",
        "figure": "Jan 2023",
        "month_change": "Change on Dec 2022",
        "year_change": "Change on Jan 2022",
        "trend": "Trend",
        "variation": "Variation",
        "target": "Target",
    }
    assert matrix([]).headlines == ()


def test_fewer_than_twelve_months_give_no_verdict_and_say_so_once():
    points = tuple(
        Point(date(2022, month, 1), Decimal(month), str(month), is_provisional=month == 9, signal=None)
        for month in range(8, 13)
    )
    found = matrix([a_standing("x", "2.00", "1.00", points=points)])
    assert found.note == "A verdict on what is usual needs twelve complete months; there are four."
    assert matrix([a_standing("x", "2.00", "1.00", points=())]).note.endswith("there are none.")
    assert (found.headlines[0].variation, found.headlines[0].assurance) == (None, None)
    assert found.headlines[0].trend_words == (
        "August 2022 to December 2022: lowest 8 in August 2022, highest 12 in December 2022"
    )


def test_an_unfinished_month_has_no_verdict_however_many_months_are_complete():
    points = tuple(
        Point(
            date(2021 + month // 12, month % 12 + 1, 1), Decimal(month), str(month), is_provisional=False, signal=None
        )
        for month in range(24)
    )
    found = matrix([a_standing("x", None, points=points)])
    assert found.note == "January 2023 is not complete, so it has no verdict."
    assert matrix([a_standing("x", "2.00", points=points)]).note == ""


@pytest.mark.parametrize(
    ("variation", "better", "value", "icon_name", "words"),
    [
        ("common_cause", "lower", "5.00", "usual", "No unusual change"),
        ("improving", "lower", "1.00", "better_low", "Better than usual"),
        ("improving", "higher", "9.00", "better_high", "Better than usual"),
        ("concerning", "lower", "9.00", "worse_high", "Worse than usual"),
        ("concerning", "higher", "1.00", "worse_low", "Worse than usual"),
        ("unusual", "neither", "9.00", "unusual_high", "Unusually high"),
        ("unusual", "neither", "1.00", "unusual_low", "Unusually low"),
    ],
)
def test_an_icon_says_on_which_side_a_month_lies(variation, better, value, icon_name, words):
    standing = a_standing("x", value, better=better, **limits(variation=variation, signal="outside_limits"))
    verdict = matrix([standing]).headlines[0].variation
    assert (verdict.icon, verdict.text) == (icon_name, words)


def test_every_icon_differs_without_its_colour():
    shapes = {name: icon(name) for name in ICONS}
    for colour in ("#12436D", "#A33A00", "#6B2C91", "#6f777b"):
        shapes = {name: drawn.replace(colour, "black") for name, drawn in shapes.items()}
    assert len(set(shapes.values())) == len(ICONS)


def test_a_trend_line_breaks_where_the_chart_does():
    months = [Point(date(2022, month, 1), Decimal(month), str(month), False, None) for month in range(1, 7)]
    months[2] = replace(months[2], is_provisional=True)
    months[5] = replace(months[5], is_after_gap=True)
    drawn = trend_line(months)
    assert (drawn.count("L"), drawn.count("M"), drawn.count('fill="#fff"')) == (2, 4, 1)
    assert trend_line(()) == ""
    months[4] = replace(months[4], is_after_change=True)
    assert trend_line(months).count("L") == 1
    level = trend_line([replace(point, value=Decimal(1)) for point in months])
    assert "nan" not in level


def test_the_caveat_names_what_limits_the_figures():
    fine, limited = a_standing("x", "1.00"), a_standing("y", "1.00", remark="Provisional: 30 of 31 days")
    changed = a_standing("z", "1.00", formula_changes=(date(2022, 11, 1),))
    months = [date(2022, 8, 1), MONTH]
    assert caveat([fine], months) == ""
    assert caveat([fine, limited, changed], months) == (
        "Data behind these figures are missing or could not be used: share y."
    )
    assert caveat([limited] * 4, months) == (
        "Data behind 4 of the 4 headline figures are missing or could not be used."
    )
    assert caveat([fine, changed], months) == (
        "Share z has used a different formula since November 2022; figures before and after cannot be compared."
    )
    assert caveat([fine, changed], [date(2022, 11, 1), MONTH]) == ""
    missing = "Nothing was delivered for January 2023 from: call segments and live chats."
    assert caveat([fine], months, ["call_segments", "live_chats"]) == missing
    assert caveat([fine, limited], months, ["call_segments", "live_chats"]) == (
        f"{missing} Data behind these figures are missing or could not be used: share y."
    )
