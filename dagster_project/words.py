"""Numbers with their nouns, so that every message agrees: "1 delivery", "2 deliveries"."""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun.

    Args:
        number: the count.
        noun: the singular, for example `row` or `delivery`; in a phrase, the last word changes.
        plural: the plural, if it is not regular (`-s`, or `-y` to `-ies`).

    Returns:
        For example `1 delivery`, `2,400 rows`.
    """
    if number == 1:
        return f"1 {noun}"
    if plural is None:
        has_ies = noun.endswith("y") and noun[-2:-1] not in "aeiou"
        plural = f"{noun[:-1]}ies" if has_ies else f"{noun}s"
    return f"{number:,} {plural}"


def be(number: int) -> str:
    """Return the verb for a number: `is` or `are`."""
    return "is" if number == 1 else "are"
