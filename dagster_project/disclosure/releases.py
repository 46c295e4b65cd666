"""Releases as declared in a mart's metadata. Anything not declared is not released.

`config.meta.public` of a mart is a list of releases, empty for a mart that is not released. `release: whole` are
figures at force level: all columns but the `private` ones or, where most are private, the named `columns`.
`release: controlled` are counts by one dimension below that level.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_FIXED = ("force_code", "month_start")

_WHOLE = {"release", "private", "columns", "where"}
_CONTROLLED = {"release", "table", "about", "groups", "dimensions", "counts", "within", "where"}


class ReleaseError(ValueError):
    """A mart's release is not valid; the message names the mart and the expected value."""


@dataclass(frozen=True)
class Whole:
    """A mart at force level: these columns of these rows, unchanged."""

    mart: str
    columns: tuple[str, ...]
    where: str | None

    @property
    def table(self) -> str:
        """Name in the public edition."""
        return self.mart


@dataclass(frozen=True)
class Controlled:
    """Protected counts of a mart, by one breakdown of a force's month."""

    mart: str
    table: str
    """Name in the public edition."""
    about: str
    groups: tuple[str, ...]
    """Columns in addition to force and month for which exact totals are published (for example the line of a call)."""
    dimensions: tuple[str, ...]
    """Columns that identify a cell; the counts are summed over all other columns of the mart."""
    counts: tuple[str, ...]
    within: Mapping[str, str] = field(default_factory=dict)
    """Each count to the count that includes it."""
    where: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """Columns that identify a row."""
        return (*_FIXED, *self.groups, *self.dimensions)

    @property
    def totals(self) -> tuple[str, ...]:
        """For each count, the column with the exact total of its group when the month was first published."""
        return tuple(f"{count}_of_force" for count in self.counts)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of the public table."""
        return (*self.keys, *self.counts, *self.totals)


Release = Whole | Controlled


def releases_of(mart: str, columns: Iterable[str], stated: object) -> tuple[Release, ...]:
    """Return the releases of a mart.

    `stated` is the value of `config.meta.public`; None means that the mart is not released.

    Raises:
        ReleaseError: the value is not valid.
    """
    if stated is None:
        return ()
    if not isinstance(stated, list):
        raise ReleaseError(f"{mart}: config.meta.public is not a list; expected releases, or [] for none")
    return tuple(_release(mart, tuple(columns), item) for item in stated)


def check_releases(releases: Sequence[Release]) -> None:
    """Check that releases can be published together.

    Raises:
        ReleaseError: two tables have the same name, or two controlled tables share a dimension, so that one could be
            subtracted from the other.
    """
    tables = [release.table for release in releases]
    if twice := sorted({name for name in tables if tables.count(name) > 1}):
        raise ReleaseError(f"public table {', '.join(twice)}: named by two releases; give one another name (table:)")
    controlled = [release for release in releases if isinstance(release, Controlled)]
    for place, one in enumerate(controlled):
        for other in controlled[place + 1 :]:
            shared = set(one.dimensions) & set(other.dimensions)
            if shared:
                raise ReleaseError(
                    f"{one.table} and {other.table}: both by {', '.join(sorted(shared))}; two tables with a dimension "
                    "in common can be subtracted from each other. Keep one of them"
                )


def _release(mart: str, columns: tuple[str, ...], item: Any) -> Release:
    kind = item.get("release") if isinstance(item, dict) else None
    known = {"whole": _WHOLE, "controlled": _CONTROLLED}.get(str(kind))
    if known is None:
        raise ReleaseError(f"{mart}: config.meta.public has a release of kind {kind!r}; expected whole or controlled")
    if unknown := set(item) - known:
        raise ReleaseError(f"{mart}: {', '.join(sorted(unknown))} in a release; expected {', '.join(sorted(known))}")
    if kind == "whole":
        if ("private" in item) == ("columns" in item):
            raise ReleaseError(f"{mart}: a whole release names its private columns ([] for none) or its columns")
        private = _names(mart, "private", item.get("private"), columns)
        named = _names(mart, "columns", item.get("columns"), columns)
        return Whole(mart, named or tuple(name for name in columns if name not in private), item.get("where"))
    dimensions = _names(mart, "dimensions", item.get("dimensions"), columns)
    counts = _names(mart, "counts", item.get("counts"), columns)
    groups = _names(mart, "groups", item.get("groups"), columns)
    within = dict(item.get("within") or {})
    if not dimensions or not counts or not item.get("about"):
        raise ReleaseError(f"{mart}: a controlled release names about, dimensions and counts")
    if not set(_FIXED) <= set(columns) or set(_FIXED) & {*dimensions, *groups}:
        raise ReleaseError(f"{mart}: a controlled release is by force_code and month_start and by other dimensions")
    if "is_provisional" not in columns:
        raise ReleaseError(f"{mart}: a controlled release is of a mart that says which months are provisional")
    if not set(within) | set(within.values()) <= set(counts):
        raise ReleaseError(f"{mart}: within names {within}; expected counts of the same release")
    table = str(item.get("table") or mart)
    return Controlled(mart, table, str(item["about"]), groups, dimensions, counts, within, item.get("where"))


def _names(mart: str, what: str, stated: Any, columns: Sequence[str]) -> tuple[str, ...]:
    names = tuple(stated or ())
    if unknown := [name for name in names if name not in columns]:
        raise ReleaseError(f"{mart}: {what} of a release name {', '.join(unknown)}, which are not columns of it")
    return names
