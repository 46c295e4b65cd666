"""Ranks, groups and totals of forces computed the slow and plain way: dictionaries, loops, fractions, no SQL.

A second opinion for the models in `dbt/models/national/`; it shares nothing with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

COUNTRY = "England and Wales"
Key = tuple[str, date, str]
"""Measure, month and period."""


@dataclass(frozen=True)
class Figure:
    """A figure of a force for a month and a period, with the sums behind it."""

    force: str
    key: Key
    value: Decimal | None
    numerator: Decimal | None
    denominator: Decimal | None
    is_known: bool
    is_provisional: bool


@dataclass(frozen=True)
class Measure:
    """What the catalogue says of a measure."""

    better: str
    is_additive: bool
    has_denominator: bool
    has_parts: bool
    factor: int = 1
    numerator_divisor: int = 1
    denominator_divisor: int = 1

    @property
    def is_sum(self) -> bool:
        return self.is_additive and not self.has_denominator


@dataclass
class Country:
    """What is known of the forces apart from their figures."""

    regions: Mapping[str, str]
    populations: Mapping[str, Mapping[date, int]]
    groups: Mapping[str, list[tuple[str, date, date | None]]]
    measures: Mapping[str, Measure]
    figures: dict[tuple[str, Key], Figure] = field(default_factory=dict)

    def population(self, force: str, month: date) -> int | None:
        earlier = [day for day in self.populations.get(force, {}) if day <= month]
        return self.populations[force][max(earlier)] if earlier else None

    def complete(self, forces: Iterable[str], key: Key) -> list[Figure]:
        """The figures of territorial forces with complete data, of those named."""
        found = [self.figures[force, key] for force in forces if (force, key) in self.figures]
        return [item for item in found if item.force in self.regions and item.is_known and not item.is_provisional]

    def together(self, forces: Iterable[str], key: Key) -> tuple[Decimal | None, Decimal | None]:
        """The figure of several forces, and its rate per 100,000 people; None where there is none."""
        measure, parts = self.measures[key[0]], self.complete(forces, key)
        if not measure.is_additive or not measure.has_parts or not parts:
            return None, None
        top = sum((Fraction(item.numerator or 0) for item in parts), Fraction(0)) * measure.factor
        top *= measure.denominator_divisor
        bottom = Fraction(measure.numerator_divisor)
        if measure.has_denominator:
            bottom *= sum((Fraction(item.denominator or 0) for item in parts), Fraction(0))
        if not bottom:
            return None, None
        people = [self.population(item.force, key[1]) for item in parts]
        rate = None if not measure.is_sum or None in people else top / bottom * 100_000 / sum(filter(None, people))
        return rounded(top / bottom), rounded(rate)

    def figure_rows(self) -> dict[tuple[str, Key], tuple[Any, ...]]:
        """Of every figure: rate, rank, forces ranked, group value and rate, national value and rate, forces counted."""
        rows = {}
        for (force, key), item in self.figures.items():
            measure = self.measures[key[0]]
            ranked = {}
            for other in self.complete(self.regions, key):
                ranked_value = self.rate(other) if measure.is_sum else other.value
                if ranked_value is not None and measure.has_parts:
                    ranked[other.force] = ranked_value if measure.better == "lower" else -ranked_value
            rank = 1 + sum(1 for other in ranked.values() if other < ranked[force]) if force in ranked else None
            group = [
                member
                for member, first, last in self.groups.get(force, [])
                if first <= key[1] and (last is None or key[1] <= last)
            ]
            has_group = any(self.complete([member], key) for member in group)
            group_figures = self.together([force, *group], key) if has_group else (None, None)
            national = self.together(self.regions, key)
            rows[force, key] = (
                self.rate(item),
                rank,
                len(ranked),
                *group_figures,
                *national,
                len(self.complete(self.regions, key)),
            )
        return rows

    def rate(self, item: Figure) -> Decimal | None:
        measure, people = self.measures[item.key[0]], self.population(item.force, item.key[1])
        if not measure.is_sum or item.value is None or item.numerator is None or people is None:
            return None
        return rounded(Fraction(item.numerator) / measure.numerator_divisor * 100_000 / people)

    def total_rows(self) -> dict[tuple[str, Key], tuple[Any, ...]]:
        """Of every area with a figure: value, rate, complete forces, forces of the area."""
        areas = {COUNTRY: list(self.regions)}
        for force, region in self.regions.items():
            areas.setdefault(region, []).append(force)
        return {
            (area, key): (*self.together(forces, key), len(self.complete(forces, key)), len(forces))
            for area, forces in areas.items()
            for key in {key for force, key in self.figures if force in forces}
        }


def rounded(value: Fraction | None) -> Decimal | None:
    """Half up in the sixth decimal."""
    return None if value is None else Decimal(int(value * 10**6 + Fraction(1, 2))) / 10**6
