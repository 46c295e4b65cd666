"""Put into words the methods that reproduce printed figures: `method` in the reconciliations consists of codes.

A method is a formula and the steps applied to the months, separated by semicolons: `own; pooled; cut_off`,
`crime.pct_cancelled: n / (d - n)`, `own; mean_of_months; loaded 2022-08 to 2022-10; difference`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from dagster_project.errors import OperatorError

_WEIGHTINGS = ("total", "pooled", "mean_per_month", "mean_of_months", "mean_of_rounded_months")
_STEPS = {
    "difference": "difference of the rounded figures",
    "cut_off": "cut off",
    "cut_off or half_even": "cut off or half to even",
}


@dataclass(frozen=True)
class Quotient:
    """Names in the catalogue of the sums that make up a measure."""

    numerator: str | None
    denominator: str | None
    """None if the measure is a sum."""


def method_in_words(
    method: str,
    *,
    measure: str,
    span: tuple[date | None, date | None],
    quotients: Mapping[str, Quotient],
) -> str | None:
    """Return a method as in `formula`: `mean of rounded months`, `crimes cancelled / crimes recorded, cut off`.

    Args:
        method: steps of the method.
        measure: measure code of the printed figure.
        span: first and last month that the paper states.
        quotients: the sums of each measure of the catalogue.

    Returns:
        The words; None for a sum by the measure's own formula without further steps, which needs no explanation.

    Raises:
        OperatorError: a step is unknown.
    """
    formula, *steps = method.split("; ")
    words = [] if formula == "own" else [_formula(formula, measure, quotients, is_alone=not steps)]
    if words == [None]:
        return None
    for step in steps:
        if step in _WEIGHTINGS:
            words.append(step.replace("_", " "))
        elif step in _STEPS:
            words.append(_STEPS[step])
        else:
            words[-1] = f"{words[-1]}{_months(step, span)}"
    return ", ".join(str(word) for word in words)


def _formula(code: str, measure: str, quotients: Mapping[str, Quotient], *, is_alone: bool) -> str | None:
    """Return the measure's own quotient, the name of another measure, or a quotient that the search found."""
    code, _, searched = code.partition(": ")
    names = quotients[code]
    if searched:
        n, d = names.numerator, names.denominator
        return {
            "n / (d - n)": f"{n} / ({d} less {n})",
            "n / (d + n)": f"{n} / ({d} plus {n})",
            "(d - n) / d": f"({d} less {n}) / {d}",
        }[searched]
    if code != measure:
        return code.partition(".")[2]
    if names.denominator is None:
        return None if is_alone else measure
    return f"{names.numerator} / {names.denominator}"


def _months(step: str, span: tuple[date | None, date | None]) -> str:
    kind, _, months = step.partition(" ")
    match kind:
        case "loaded":
            stated = " to ".join(dict.fromkeys(f"{month:%Y-%m}" for month in span if month))
            return f" over the loaded months {months}, instead of {stated}"
        case "any":
            return f" over {months}, where the paper states no period"
    raise OperatorError(f"step {step!r} of a method is not known; known: {[*_WEIGHTINGS, *_STEPS, 'loaded', 'any']}")
