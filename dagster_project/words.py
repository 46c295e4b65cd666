"""Numbers with their nouns, so that every message agrees: "1 delivery", "2 deliveries"."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number and its noun.

    Args:
        number: how many.
        noun: for one, for example `row` or `delivery`; of several words, the last one changes.
        plural: for any other number, where it is not formed by the rule (`-s`, `-y` to `-ies`).

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
    """The verb to a number: `is` or `are`."""
    return "is" if number == 1 else "are"
