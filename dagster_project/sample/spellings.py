"""Spellings of identifiers, as people and systems write them; `extracts/identifiers.py` makes them equal."""

from collections.abc import Callable, Sequence

import numpy as np

from dagster_project.sample.draws import texts
from dagster_project.sample.timeline import Array

_Spelling = Callable[[str], str]

# Of a hundred identifiers, how many are spelled in which way; the others are as they were drawn.
_NUMBERS: Sequence[tuple[int, _Spelling]] = (
    (8, lambda number: f"+44{number[1:]}"),
    (6, lambda number: f"{number[:5]} {number[5:]}"),
    (2, lambda number: f"+44 (0){number[1:5]} {number[5:]}"),
    (2, lambda number: f"tel:+44{number[1:]}"),
    (1, lambda number: f"{number} x2"),
)
_REFERENCES: Sequence[tuple[int, _Spelling]] = ((5, str.lower), (3, lambda reference: f" {reference}"))
_WITHHELD = ("withheld", "anonymous", "0", None)


def spell_numbers(numbers: Array, *, places: Array) -> Array:
    """Return telephone numbers in several spellings.

    Args:
        numbers: British numbers of digits, or None.
        places: whole numbers that decide the spelling.
    """
    return _spell(numbers, _NUMBERS, places)


def spell_withheld(numbers: Array, *, places: Array) -> Array:
    """Replace None by what systems write for a withheld number; arguments as for numbers."""
    withheld = texts(_WITHHELD)[places % len(_WITHHELD)]
    return np.where(numbers == None, withheld, numbers)  # noqa: E711 - elementwise


def spell_references(references: Array, *, places: Array) -> Array:
    """Return references, or None, in several spellings; arguments as for numbers."""
    return _spell(references, _REFERENCES, places)


def _spell(identifiers: Array, spellings: Sequence[tuple[int, _Spelling]], places: Array) -> Array:
    spelled, first = identifiers.copy(), 0
    is_stated = identifiers != None  # noqa: E711 - elementwise
    for share, spelling in spellings:
        chosen = np.flatnonzero((places % 100 >= first) & (places % 100 < first + share) & is_stated)
        spelled[chosen] = texts([spelling(identifier) for identifier in identifiers[chosen]])
        first += share
    return spelled
