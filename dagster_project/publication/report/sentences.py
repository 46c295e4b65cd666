"""Write sentences on figures by rules: course, highest and lowest, target, previous year.

They state nothing that the table next to them does not show: they quote its texts, and never call one of two figures
with the same text higher. Only the control chart decides whether a month is unusual (`kpi_measure_spc_as_of`), from 12
points on; with fewer, sentences only state facts. Months with a missing day are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from dagster_project.publication.report.display import display, display_target
from dagster_project.publication.report.model import Figure, Measure, listed, long_month, short_month

SIGNAL_WORDS = {
    "outside_limits": "outside the limits",
    "trend": "seven in a row in one direction",
    "two_of_three": "two of three near a limit",
    "shift": "seven in a row on one side of the median",
}
VARIATION_WORDS = {
    "common_cause": "No unusual change",
    "improving": "Better than usual",
    "concerning": "Worse than usual",
    "unusual": "Unusual",
}
POINTS_NEEDED = 12
"""Points that a control chart needs for a verdict, as words state them; a test compares them with the macro
`control_chart_least_points`. Whether a chart has enough is its column `is_trial`."""

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


@dataclass(frozen=True)
class Month:
    """One complete month of a measure."""

    month: date
    value: Decimal
    text: str
    per_day: Decimal | None
    """For sums, the value divided by the days of the month."""
    target: Decimal | None
    is_target_met: bool | None
    """None without a target, or where neither direction is better."""
    signal: str | None
    variation: str | None = None


@dataclass(frozen=True)
class Series:
    """A measure over the months of a paper, with its control chart as of the last of them."""

    measure: Measure
    months: tuple[Month, ...]
    left_out: tuple[date, ...]
    """Months without a figure or with a missing day."""
    points: int
    """Number of points in the chart since its last baseline."""
    is_trial: bool
    """Whether these are too few for a verdict; also without a chart."""
    baseline_start: date | None
    """First month that the limits are computed from; None without a chart."""
    lower_limit: Decimal | None
    upper_limit: Decimal | None
    variation: str | None
    """Verdict on the newest month of the chart that has one."""
    assurance: str | None
    year_to_date: Figure
    year_to_date_before: Figure
    formula_changed: date | None = None
    """First day of the newest formula, if months of the chart have another one; its limits start again there."""
    judged_month: date | None = None
    """Month of the verdict."""

    @property
    def lacks_points(self) -> bool:
        """Whether a control chart has no verdict only because it has too few points."""
        return self.measure.chart_type == "xmr" and self.formula_changed is None and self.is_trial

    @property
    def is_judged(self) -> bool:
        """Whether the chart has enough points, and limits, to show the usual range."""
        return not self.is_trial and self.upper_limit is not None


def sentences(series: Series, *, counts_points: bool = True) -> str:
    """Describe the figures of a measure in one paragraph.

    Args:
        series: the measure over the months of a paper.
        counts_points: whether to say how many months a verdict lacks.
    """
    if series.measure.chart_type == "cohort":
        # Months of different ages cannot be compared.
        parts = [_left_out(series)]
    else:
        parts = [
            _change(series),
            _extremes(series),
            _other_formula(series),
            _points_missing(series) if counts_points else "",
            _against_target(series),
            _against_year_before(series),
            _left_out(series),
        ]
    return " ".join(sentence for sentence in parts if sentence)


def finding(series: Series) -> str:
    """Say in a few words what the control chart shows: `January 2023: no unusual change`."""
    if series.measure.chart_type == "none":
        return "Not judged: a monthly maximum"
    if series.measure.chart_type == "cohort":
        return "Not judged: recent months are still maturing"
    if series.formula_changed and series.is_trial:
        return f"Not judged: different formula since {long_month(series.formula_changed)}"
    if series.lacks_points:
        return f"No verdict yet: {series.points} of {POINTS_NEEDED} months"
    if series.variation is None:
        return "Month not complete"
    if series.upper_limit is None and series.variation == "common_cause":
        return "No limits: hardly any month differs from the one before"
    month = f"{long_month(series.judged_month)}: " if series.judged_month else ""
    words = VARIATION_WORDS[series.variation]
    return f"{month}{words[:1].lower()}{words[1:]}" if month else words


def target_label(measure: Measure, target: Decimal | None) -> str:
    """Return `2% benchmark`, with the target's own decimals; empty without a target."""
    return "" if target is None else f"{display_target(target, measure.unit)} {measure.target_kind}"


def number_word(number: int) -> str:
    """Return `six`; digits from 13 on."""
    return _NUMBERS[number] if number < len(_NUMBERS) else str(number)


def _change(series: Series) -> str:
    if not series.months and series.year_to_date.value is None:
        return "No figure for the year to date: nothing was delivered, or there is nothing to divide by."
    if len(series.months) < 2:
        return "There are too few complete months to detect a change."
    first, last = series.months[0], series.months[-1]
    signals = [month for month in series.months if month.signal]
    if signals:
        return f"{_course(series.months)} {_unusual(signals)}"
    # Limits computed from a baseline do not apply to the months before it.
    if series.is_judged and series.baseline_start is not None and series.baseline_start <= first.month:
        limits = " to ".join(
            display(limit, series.measure.unit, series.measure.decimals)
            for limit in (series.lower_limit, series.upper_limit)
        )
        return (
            f"No unusual change: {first.text} in {long_month(first.month)} and {last.text} in "
            f"{long_month(last.month)} are within the usual range ({limits})."
        )
    return _course(series.months)


def _unusual(signals: Sequence[Month]) -> str:
    """List the months with a signal, by verdict and rule."""
    by_verdict: dict[str, dict[str, list[str]]] = {}
    for month in signals:
        verdict = VARIATION_WORDS[month.variation or "unusual"]
        rule = SIGNAL_WORDS[str(month.signal)]
        by_verdict.setdefault(verdict, {}).setdefault(rule, []).append(short_month(month.month))
    return " ".join(
        f"{verdict}: {listed([f'{listed(months)} ({rule})' for rule, months in by_rule.items()])}."
        for verdict, by_rule in by_verdict.items()
    )


def _course(months: Sequence[Month]) -> str:
    """Describe the course from the first month to the last, by way of the month that lies furthest outside both."""
    first, last = months[0], months[-1]
    low, high = sorted((first.value, last.value))
    beyond = [
        (max(month.value - high, low - month.value), month)
        for month in months[1:-1]
        if (month.value > high or month.value < low) and month.text not in (first.text, last.text)
    ]
    if beyond:
        turn = max(beyond, key=lambda item: item[0])[1]
        if _differ_by_day(first, turn) is None and _differ_by_day(turn, last) is None:
            rises = turn.value > first.value
            return (
                f"{'Rose' if rises else 'Fell'} from {first.text} in {long_month(first.month)} to {turn.text} in "
                f"{long_month(turn.month)}, then {'fell' if rises else 'rose'} to {last.text} in "
                f"{long_month(last.month)}."
            )
    return _direction(first, last)


def _direction(first: Month, last: Month) -> str:
    ends = f"from {first.text} in {long_month(first.month)} to {last.text} in {long_month(last.month)}"
    if first.text == last.text:
        return f"The same in {long_month(first.month)} and {long_month(last.month)}: {last.text}."
    by_day = _differ_by_day(first, last)
    if by_day:
        return f"Went {ends}; {by_day}, since the months differ in length."
    return f"{'Rose' if last.value > first.value else 'Fell'} {ends}."


def _differ_by_day(first: Month, last: Month) -> str | None:
    """Describe the change of a sum per day, as printed, if it is not that of the sum; otherwise None."""
    if first.per_day is None or last.per_day is None:
        return None
    days = [display(month.per_day, "count", 1) for month in (first, last)]
    if days[0] == days[1]:
        return f"a day it was the same ({days[0]})"
    if (last.per_day > first.per_day) == (last.value > first.value):
        return None
    return f"a day it {'rose' if last.per_day > first.per_day else 'fell'} ({' to '.join(days)})"


def _extremes(series: Series) -> str:
    if len(series.months) < 2 or len({month.text for month in series.months}) == 1:
        return ""
    ends = []
    for word, pick in (("Highest", max), ("lowest", min)):
        text = pick(series.months, key=lambda month: month.value).text
        months = [long_month(month.month) for month in series.months if month.text == text]
        ends.append(f"{word} in {listed(months)} ({text})")
    return f"{', '.join(ends)}."


def _other_formula(series: Series) -> str:
    if series.formula_changed is None:
        return ""
    return f"Months before {long_month(series.formula_changed)} use a different formula and are not compared."


def _points_missing(series: Series) -> str:
    if not series.lacks_points:
        return ""
    verb = "is" if series.points == 1 else "are"
    return f"There {verb} {series.points} of the {POINTS_NEEDED} months that a verdict needs."


def _against_target(series: Series) -> str:
    judged = [month for month in series.months if month.is_target_met is not None]
    if not judged:
        return ""
    missed = [month for month in judged if not month.is_target_met]
    targets = {month.target for month in judged}
    kind = series.measure.target_kind.capitalize()
    name = target_label(series.measure, targets.pop()) if len(targets) == 1 else kind
    whole = f"{'complete ' if series.left_out else ''}month{'' if len(judged) == 1 else 's'}"
    if not missed:
        met = f"{name} met in {f'all {number_word(len(judged))}' if len(judged) > 1 else 'the one'} {whole}"
    elif len(missed) == len(judged):
        met = f"{name} met in none of the {number_word(len(judged))} {whole}"
    else:
        months = listed([long_month(month.month) for month in missed])
        met = f"{name} met in {len(judged) - len(missed)} of {len(judged)} {whole}, not in {months}"
    return f"{met}{_reliability(series.assurance, len(missed), len(judged))}."


def _reliability(assurance: str | None, missed: int, judged: int) -> str:
    """Say what the chart shows for future months, worded so that it does not contradict the past months."""
    if assurance is None:
        return ""
    if assurance == "consistently_meets":
        return (
            "; the chart shows that it is met unless something unusual happens"
            if missed
            else "; the chart shows that it is met reliably"
        )
    if assurance == "consistently_misses":
        return (
            "; the chart shows that it will not be met without a change"
            if missed == judged
            else "; the chart shows that it is missed unless something unusual happens"
        )
    if not missed:
        return "; the chart does not yet show that it will be met reliably"
    if missed == judged:
        return "; the chart does not rule out that it will be met"
    return "; the chart shows that it could be met in some months and missed in others"


def _against_year_before(series: Series) -> str:
    now, before = series.year_to_date, series.year_to_date_before
    if series.formula_changed or now.value is None or before.value is None:
        return ""
    if now.is_provisional or before.is_provisional:
        return ""
    if now.text == before.text:
        return f"The year to date is the same as a year earlier: {now.text}."
    side = "higher" if now.value > before.value else "lower"
    return f"The year to date is {side} than a year earlier: {now.text}, compared with {before.text}."


def _left_out(series: Series) -> str:
    left = [long_month(month) for month in series.left_out]
    return f"Left out because days are missing: {listed(left)}." if left and series.months else ""
