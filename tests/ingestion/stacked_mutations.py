"""Extracts with one to three mutations each: every kind occurs, and none undoes another."""

from __future__ import annotations

from datetime import date, timedelta

import tests.ingestion.cell_mutations
import tests.ingestion.file_mutations
import tests.ingestion.record_mutations  # noqa: F401 - enters its kinds
from tests.ingestion.mutation_kinds import KINDS, Kind
from tests.reference.drafts import SOURCES, Draft, Drawer, Misfit

FIRST_DAY = date(2022, 3, 20)
_TRIES = 200


def mutated_extracts(seed: int, count: int) -> list[Draft]:
    """Draw mutated extracts, each of another day of its source.

    Args:
        seed: fixes everything.
        count: number of extracts; the rarest kind so far comes first in the next one.
    """
    drawer = Drawer(seed)
    days = dict.fromkeys(SOURCES, FIRST_DAY)
    counts = dict.fromkeys(KINDS, 0)
    drafts = []
    for _ in range(count):
        draft = _mutated(drawer, KINDS[min(counts, key=lambda name: counts[name])], days)
        for name in draft.kinds:
            counts[name] += 1
        days[draft.source] += timedelta(days=1)
        drafts.append(draft)
    return drafts


def _mutated(drawer: Drawer, first: Kind, days: dict[str, date]) -> Draft:
    for _ in range(_TRIES):
        source = drawer.rng.choice(first.sources)
        form = drawer.rng.choice(first.forms)
        draft = drawer.draft(source, form, days[source])
        for kind in sorted([first, *_others(drawer, first, source, form)], key=lambda each: each.layer):
            _apply(draft, kind)
        if first.name in draft.kinds:
            return draft
    raise AssertionError(f"{first.name} fits no draft")


def _others(drawer: Drawer, first: Kind, source: str, form: str) -> list[Kind]:
    """Return up to two kinds that the first does not exclude."""
    taken = set(first.slots)
    chosen: list[Kind] = []
    for kind in drawer.rng.sample(list(KINDS.values()), drawer.rng.randint(0, 8)):
        fits = source in kind.sources and form in kind.forms and kind is not first
        if fits and not kind.slots & taken and len(chosen) < 2:
            chosen.append(kind)
            taken |= kind.slots
    return chosen


def _apply(draft: Draft, kind: Kind) -> None:
    try:
        kind.apply(draft)
    except Misfit:
        return
    draft.kinds.append(kind.name)
