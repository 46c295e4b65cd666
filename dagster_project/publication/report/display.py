"""Numbers as a board paper prints them: the same rule as the dbt macro `display_units`, for limits and axes.

Figures of tables come from the marts with their text. A test holds the two rules against each other.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal

NOTHING = "\N{EN DASH}"

# The marts' numbers have up to 38 digits, of which Python's default of 28 would refuse the rest.
_EXACT = Context(prec=80)


def display(value: Decimal | None, unit: str, decimals: int) -> str:
    """The text of a number, rounded half up once.

    Args:
        value: percentages 0 to 100, durations in seconds; None gives a dash.
        unit: unit of the catalogue; a `duration` has no decimals, `percent` a percent sign.
        decimals: decimals shown.
    """
    if value is None:
        return NOTHING
    if unit == "duration":
        return _duration(value)
    value = rounded(value, decimals)
    # Decimal keeps the sign of what was rounded to zero; a paper prints no minus there.
    text = f"{value if value else abs(value):,}"
    return f"{text}%" if unit == "percent" else text


def rounded(value: Decimal, decimals: int) -> Decimal:
    """A number rounded half up to so many decimals."""
    return value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP, context=_EXACT)


def shortened(name: str) -> str:
    """A name on one line of at most 100 characters; a title and the foot of every page hold no more."""
    name = " ".join(name.split())
    return name if len(name) <= 100 else f"{name[:99]}\N{HORIZONTAL ELLIPSIS}"


def in_full(value: Decimal | None) -> str:
    """A number with all its digits, as a CSV file has it: no exponent, no zeros at the end; nothing for None."""
    return "" if value is None else format(value.normalize(_EXACT), "f")


def _duration(value: Decimal) -> str:
    whole = int(rounded(value, 0))
    hours, rest = divmod(abs(whole), 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [f"{hours}h"] if hours else []
    if hours or minutes:
        parts.append(f"{minutes}m")
    return ("-" if whole < 0 else "") + " ".join([*parts, f"{seconds}s"])
