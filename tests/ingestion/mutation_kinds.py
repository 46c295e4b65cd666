"""The list of mutation kinds: what each applies to, and which of them exclude each other. What they do is not here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from draft_extracts import FORMS, SOURCES, Draft

# Columns come before rows, so that a row is spoilt in a column that the file has.
COLUMNS, ROWS, LAYOUT, BYTES = range(4)


@dataclass(frozen=True)
class Kind:
    """A way in which extracts arrive that are not plain."""

    name: str
    apply: Callable[[Draft], None]
    forms: tuple[str, ...]
    sources: tuple[str, ...]
    slots: frozenset[str]
    """What it takes for itself: two kinds with a common slot do not meet in one file."""
    layer: int


KINDS: dict[str, Kind] = {}

Mutation = Callable[[Draft], None]


def kind(
    *,
    forms: tuple[str, ...] = FORMS,
    sources: tuple[str, ...] = tuple(SOURCES),
    slots: tuple[str, ...] = (),
    layer: int = ROWS,
) -> Callable[[Mutation], Mutation]:
    """Enter a function into the list; its name is the kind's."""

    def enter(function: Mutation) -> Mutation:
        name = function.__name__
        KINDS[name] = Kind(name, function, forms, sources, frozenset(slots), layer)
        return function

    return enter
