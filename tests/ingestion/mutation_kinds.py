"""The list of mutation kinds: what each applies to, and which of them exclude each other. What they do is not here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.reference.drafts import FORMS, SOURCES, Draft

# Columns come before rows, so that a row gets its fault in a column that the file has.
COLUMNS, ROWS, LAYOUT, BYTES = range(4)


@dataclass(frozen=True)
class Kind:
    """A way in which extracts arrive that are not plain."""

    name: str
    apply: Callable[[Draft], object]
    forms: tuple[str, ...]
    sources: tuple[str, ...]
    slots: frozenset[str]
    """What it takes for itself: two kinds with a common slot do not meet in one file."""
    layer: int

    def fits(self, draft: Draft) -> bool:
        """Whether a draft is of a source and a form that it applies to."""
        return draft.source in self.sources and draft.form in self.forms


KINDS: dict[str, Kind] = {}

Mutation = Callable[[Draft], object]


def enter(
    name: str,
    apply: Mutation,
    *,
    forms: tuple[str, ...] = FORMS,
    sources: tuple[str, ...] = tuple(SOURCES),
    slots: tuple[str, ...] = (),
    layer: int = ROWS,
) -> None:
    """Enter a kind into the list."""
    KINDS[name] = Kind(name, apply, forms, sources, frozenset(slots), layer)


def kind(**applies_to: Any) -> Callable[[Mutation], Mutation]:
    """Enter a function into the list, with the arguments of `enter`; its name is the kind's."""

    def decorate(function: Mutation) -> Mutation:
        enter(function.__name__, function, **applies_to)
        return function

    return decorate
