"""Format numbers as a board paper prints them, by the rule of the dbt macro `display_units`, for limits and axes.

Figures in tables come from the marts together with their text. A test compares the two implementations.
"""

from decimal import ROUND_HALF_UP, Context, Decimal

NOTHING = "\N{EN DASH}"

# Numbers in the marts have up to 38 digits; Python's default context rejects those with more than 28.
_EXACT = Context(prec=80)


def display(value: Decimal | None, unit: str, decimals: int) -> str:
    """Return the text of a number, rounded half up once.

    Args:
        value: percentages 0 to 100, durations in seconds; a dash is returned for None.
        unit: unit of the catalogue; a `duration` has no decimals, `percent` has a percent sign.
        decimals: number of decimals shown.
    """
    if value is None:
        return NOTHING
    if unit == "duration":
        return _duration(value)
    value = rounded(value, decimals)
    # Decimal keeps the sign of a number rounded to zero; a paper prints no minus there.
    text = f"{value if value else abs(value):,}"
    return f"{text}%" if unit == "percent" else text


def own_decimals(value: Decimal) -> int:
    """Return the decimals with which a target or threshold is stated: none for 2.00."""
    return max(0, -int(value.normalize().as_tuple().exponent))


def display_target(target: Decimal, unit: str) -> str:
    """Return the text of a target with its own decimals, `2%`, not those of the measure."""
    return display(target, unit, own_decimals(target))


def rounded(value: Decimal, decimals: int, rounding: str = ROUND_HALF_UP) -> Decimal:
    """Return a number rounded to the given decimals, half up unless another way is given."""
    return value.quantize(Decimal(1).scaleb(-decimals), rounding=rounding, context=_EXACT)


def shortened(name: str) -> str:
    """Return a name on one line of at most 100 characters, which is all that titles and page footers have room for."""
    name = " ".join(name.split())
    return name if len(name) <= 100 else f"{name[:99]}\N{HORIZONTAL ELLIPSIS}"


def in_full(value: Decimal | None) -> str:
    """Return a number with all its digits, as in CSV files: no exponent, no trailing zeros; empty for None."""
    return "" if value is None else format(value.normalize(_EXACT), "f")


def _duration(value: Decimal) -> str:
    whole = int(rounded(value, 0))
    hours, rest = divmod(abs(whole), 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [f"{hours}h"] if hours else []
    if hours or minutes:
        parts.append(f"{minutes}m")
    return ("-" if whole < 0 else "") + " ".join([*parts, f"{seconds}s"])
