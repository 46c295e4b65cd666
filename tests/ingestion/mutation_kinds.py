"""The list of mutation kinds: where each applies, and which exclude each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.reference.drafts import FORMS, SOURCES, Draft

# Columns change before rows, so that a row gets its fault in a column of the file.
COLUMNS, ROWS, LAYOUT, BYTES = range(4)


@dataclass(frozen=True)
class Kind:
    """A way in which an extract can differ from a plain one."""

    name: str
    apply: Callable[[Draft], object]
    forms: tuple[str, ...]
    sources: tuple[str, ...]
    slots: frozenset[str]
    """Kinds with a common slot exclude each other in a file."""
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
    """Add a kind to the list."""
    KINDS[name] = Kind(name, apply, forms, sources, frozenset(slots), layer)


def kind(**applies_to: Any) -> Callable[[Mutation], Mutation]:
    """Add the decorated function to the list under its name, with the arguments of `enter`."""

    def decorate(function: Mutation) -> Mutation:
        enter(function.__name__, function, **applies_to)
        return function

    return decorate
