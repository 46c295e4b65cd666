"""Page one tells what changed, once, in plain words, and nothing where nothing changed."""

from datetime import date
from decimal import Decimal
from itertools import pairwise
from statistics import median

import pytest

from dagster_project.publication.report.course import Course, fraction_words
from dagster_project.publication.report.display import display
from dagster_project.publication.report.model import months_before
from dagster_project.publication.report.page_one import main_points, part_of_rise
from tests.unit.publication.reports import a_measure

SHARE = a_measure(
    unit="percent", decimals=2, better="lower", topic="101", weight=1.0, clause="{x} of 101 calls were not answered"
)
WAIT = a_measure(
    **{"code": "calls_101.avg_queue_time", "short_label": "Average wait on 101", "unit": "duration", "better": "lower"},
    **{"topic": "101", "weight": 0.9, "clause": "callers to 101 waited {x} on average"},
)
CALLS = a_measure(
    **{"code": "calls_101.received", "short_label": "101 calls received", "is_sum": True, "topic": "volume"},
    **{"weight": 0.8, "clause": "{x} 101 calls were received"},
)
FIRST = date(2021, 2, 1)
QUIET = [30.0, 30.4, 29.8, 30.2, 30.1, 29.7, 30.3, 30.0, 30.2, 29.9, 30.1, 30.2]
CRISIS = [*QUIET, 30.1, 36.0, 44.0, 53.0, 40.0, 29.0]
STATES = {"is_record_high": 1, "is_record_low": -1}


def rows(measure, values, **changes):
    """Months with their verdicts, by the rule of `kpi_measure_verdict` in a few lines."""
    found, before = [], []
    for place, value in enumerate(values):
        month = months_before(FIRST, -place)
        scale = (months_before(month, -1) - month).days if measure.is_sum else 1
        x = value / scale
        steps = [abs(after - now) for now, after in pairwise(before)]
        is_judged = len(before) >= 12
        usual, step = (median(before[-12:]), median(steps)) if is_judged else (0, 0)
        far = abs(x - usual) > 3.145 * step and is_judged and measure.better != "neither"
        since = {
            side: next(
                (
                    item["month_start"]
                    for item, old in reversed([*zip(found, before, strict=True)])
                    if side * (old - x) >= 0
                ),
                None,
            )
            for side in (1, -1)
        }
        is_record = {
            name: is_judged and (since[side] is None or since[side] < months_before(month, 12))
            for name, side in STATES.items()
        }
        verdict = ("worse" if x > usual else "better") if far else None
        year_before = before[-12] if is_judged else 0
        is_off = measure.is_sum and year_before and abs(x / year_before - 1) >= 0.06
        side = 1 if is_record["is_record_high"] else -1 if is_record["is_record_low"] else None
        found.append(
            {
                "month_start": month,
                "value": Decimal(str(value)),
                "display_value": display(Decimal(str(value)), measure.unit, measure.decimals),
                "numerator": Decimal(str(value)) * 10,
                "denominator": None if measure.is_sum else Decimal(1000),
                "usual": Decimal(str(round(usual * scale, 6))) if is_judged else None,
                "usual_step": Decimal(str(round(step * scale, 6))) if is_judged else None,
                "verdict": verdict,
                "is_step": is_judged and abs(x - before[-1]) > 3.865 * step,
                "record_since": since[1] if is_record["is_record_high"] else since[-1],
                "record_side": side if verdict or (is_off and since[side or 1] is None) else None,
                "target": None,
                "is_target_met": None,
                "rest_of_year_state": None,
                "year_like_month": None,
                **is_record,
                **changes,
            }
        )
        before.append(x)
    return found


def papers(*series):
    """The points of each month from the thirteenth on, oldest first: texts, and the rules behind them."""
    told, found = [], []
    made = [(measure, rows(measure, values, **changes)) for measure, values, changes in series]
    for place in range(12, max(len(of) for _, of in made)):
        courses = {measure.code: Course(measure, of[: place + 1]) for measure, of in made}
        month = made[0][1][place]["month_start"]
        points = main_points(courses, month, told)
        told += [event for point in points for event in point]
        found.append([(" ".join(of.text for of in point), *(of.rule.name for of in point)) for point in points])
    return found


def test_a_crisis_its_turn_and_its_end_are_told_once_each():
    quiet, rise, worse, worst, turn, end = papers((SHARE, CRISIS, {}))
    assert quiet == []
    assert rise == [
        (
            "More than one in three (36.00%) of 101 calls were not answered in March, the highest since figures began "
            "in February 2021: up 5.90 points (20%) on February.",
            "worst",
        )
    ]
    assert [point[1:] for paper in (worse, worst, turn, end) for point in paper] == [
        ("worst again",),
        ("worst again",),
        ("turn part",),
        ("turn all", "contrast"),
    ]
    assert turn[0][0] == (
        "40.00% of 101 calls were not answered in June, down 13.00 points (25%) from the peak of 53.00% in "
        "May: 57% of the rise since February (30.10%) has been reversed."
    )
    assert end[0][0].endswith(
        "the share of 101 calls not answered is still worse than a year before: 41.50%, against 29.95%."
    )


def test_another_measure_of_the_topic_and_the_demand_behind_it_follow_in_the_point():
    share = a_measure(**vars(SHARE) | {"volume": CALLS.code})
    calls = [28000.0 - 100 * place for place in range(13)] + [20000.0]
    wait = [60.0, 61, 60, 62, 61, 60, 61, 62, 61, 60, 61, 60, 61, 150]
    paper = papers((share, CRISIS[:14], {}), (WAIT, wait, {}), (CALLS, calls, {}))[1]
    text, *told = paper[0]
    assert told == ["worst", "also worst", "context"]
    assert "Callers to 101 waited 2m 30s on average, the longest on record (1m 1s in February)." in text
    assert text.endswith("Fewer calls came in than a year before: 20,000, down 28%.")


def test_targets_are_told_when_they_are_newly_met_or_cannot_be_met_any_more():
    target = {"target": Decimal(31), "is_target_met": True, "rest_of_year_state": "open"}
    ((near,),) = papers((SHARE, CRISIS[:13], target))
    assert near[1:] == ("near",)
    assert near[0].endswith("in February, only just within the benchmark of under 31%.")
    lost = target | {"is_target_met": False, "rest_of_year_state": "cannot_be_met", "rest_of_year_need": Decimal(-1)}
    found = papers((SHARE, [*CRISIS[:12], 30.1, 30.3, 30.0], lost))
    # Once a year, and the years of these months end and begin between the second and the third.
    assert [[point[1:] for point in paper] for paper in found] == [[("out of reach",)], [], [("out of reach",)]]
    assert found[-1][0][0].endswith("can no longer be met for the year, which stands at 30.00% after 1 month.")


@pytest.mark.parametrize("number", range(13))
def test_a_month_that_is_missing_leaves_the_paper_of_the_next_without_a_point_on_it(number):
    known = rows(SHARE, CRISIS)
    del known[number]
    course = Course(SHARE, known)
    assert course.has(course.before)
    assert main_points({SHARE.code: course}, course.month, []) is not None


@pytest.mark.parametrize(
    ("before", "nth"),
    [
        # Nothing is known of the month before the run; it was below the year before; it prints the same; it was above.
        ([], "at least the seventh"),
        ([29.6], "the seventh"),
        ([30.004], "the seventh"),
        ([30.3], None),
    ],
)
def test_a_run_is_the_seventh_only_if_the_month_before_it_is_known_to_break_it(before, nth):
    year = [*QUIET, *before]
    values = year + [QUIET[(len(year) + number) % 12] + 0.25 for number in range(7)]
    found = [text for text, *_ in papers((SHARE, values, {}))[-1] if "in a row" in text]
    assert [text.split("; it is ")[1].split(" month in a row above")[0] for text in found] == ([nth] if nth else [])


def test_two_more_months_like_january_make_the_year_that_the_marts_say():
    values = [30.0 + number % 2 / 10 for number in range(14)] + [30.5] * 10
    found = papers((SHARE, values, {"year_like_month": Decimal("32.5349")}))[-1]
    assert found[0][0].endswith("like January would make the year 32.53%, against last year's 30.05%.")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        *((15.82, ""), (15.84, "almost one in six"), (16.32, "almost one in six"), (16.34, "about one in six")),
        *((17.01, "more than one in six"), (18.34, ""), (43.9, "more than two in five"), (44.1, ""), (47.4, "")),
        *((47.6, "almost half"), (49.1, "about half"), (50.9, "about half"), (53.27, "more than half"), (9.4, "")),
    ],
)
def test_a_fraction_is_said_only_close_to_it(value, words):
    assert fraction_words(value) == words


@pytest.mark.parametrize(("now", "part"), [(41.2, "44%"), (40.0, "50%"), (30.05, "99%")])
def test_the_part_of_a_rise_is_that_of_the_printed_figures_and_never_all_before_all_is_reversed(now, part):
    assert part_of_rise(30.0, 50.0, now) == part


@pytest.mark.parametrize(("first", "run"), [([True], "4"), ([None], "at least 4"), ([], "at least 4")])
def test_a_target_is_met_for_the_first_time_in_as_many_months_as_are_known(first, run):
    known = [*first, False, False, False, True]
    months = rows(SHARE, [30.0 + number % 2 for number in range(len(known))], target=Decimal(31))
    for row, is_met in zip(months, known, strict=True):
        row["is_target_met"] = is_met
    course = Course(SHARE, months)
    ((event,),) = main_points({SHARE.code: course}, course.month, [])
    assert event.text.endswith(f", and met the benchmark of under 31% for the first time in {run} months.")
