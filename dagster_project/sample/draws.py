"""Random numbers with distributions as in control rooms, and exact sums. Knows no source and no calendar."""

from collections.abc import Sequence

import numpy as np

from dagster_project.sample.timeline import Array


def fit_sum(values: Array, *, total: int, minimum: int = 0) -> Array:
    """Scale values to whole numbers that add up to exactly `total`, with none below `minimum`.

    Rounding the running sum, not each value, keeps every value within 1 of its share and the sum exact.

    The values are not negative, and not all zero.

    Raises:
        ValueError: the total is too small for the minimum.
    """
    rest = total - minimum * len(values)
    if rest < 0:
        raise ValueError(f"{len(values)} values of at least {minimum} cannot add up to {total}")
    running = np.floor(np.cumsum(values * (rest / values.sum())) + 0.5).astype(np.int64)
    running = np.minimum(running, rest)
    running[-1] = rest
    return np.diff(running, prepend=0) + minimum


def lognormal(rng: np.random.Generator, count: int, *, median: float | Array, sigma: float, most: float) -> Array:
    """Draw skewed positive values: many near the median, few far above, none above `most`."""
    return np.minimum(median * np.exp(sigma * rng.standard_normal(count)), most)


def choose(rng: np.random.Generator, count: int, *, of: Sequence[str | None], weights: Sequence[float]) -> Array:
    """Draw `count` texts with the given weights, as an object array."""
    share = np.cumsum(np.array(weights, dtype=float))
    return texts(of)[np.searchsorted(share / share[-1], rng.random(count), side="right")]


def texts(values: Sequence[str | None]) -> Array:
    """Return the values as an object array, which keeps None."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def where_true(mask: Array, values: Array) -> Array:
    """Return the values as an object array, with None where the mask is false."""
    kept = values.astype(object)
    kept[~mask] = None
    return kept


def weighted_sample(rng: np.random.Generator, weight: Array, *, count: int) -> Array:
    """Draw `count` positions without replacement, in proportion to their weights; return a mask."""
    # Efraimidis and Spirakis (2006): the largest u ** (1 / w) are such a sample.
    order = np.argsort(np.log(rng.random(len(weight))) / weight, kind="stable")
    chosen = np.zeros(len(weight), dtype=bool)
    chosen[order[len(weight) - count :]] = True
    return chosen


def split(rng: np.random.Generator, totals: Array, *, unit: int) -> Array:
    """Split each total at random into a multiple of `unit` and the rest; return the first part."""
    return (totals * rng.uniform(0.15, 0.85, len(totals)) / unit).astype(np.int64) * unit
