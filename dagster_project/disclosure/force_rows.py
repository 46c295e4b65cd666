"""Which rows of a mart the edition of one force contains, as declared in the mart's metadata.

`config.meta.force_edition` of a mart is one of `ForceRows`. A mart that declares nothing is not in the edition. No
edition has the columns `LEFT_OUT`.
"""

from collections.abc import Collection, Sequence
from enum import StrEnum

from dagster_project.disclosure.releases import Release, ReleaseError, Whole

LEFT_OUT = frozenset({"source_row"})
"""Columns that no edition of a force has. A file may have rows of several forces: the gaps between the row numbers of
one force count the rows of the others. A consecutive number instead would not be the place in the file.
"""


class ForceRows(StrEnum):
    """Rows of a mart in the edition of a force."""

    OWN = "own"
    """Rows of the force."""
    OWN_AND_RELEASED = "own_and_released"
    """Rows of the force, and what the public edition has of the others: its rows and its columns."""
    RELEASED = "released"
    """What the public edition contains, even for the force itself: other rows combine figures of several forces."""
    USED_AND_RELEASED = "used_and_released"
    """For a mart without `force_code`: what the public edition contains, and the rows whose grain rows of the force in
    `OWN` marts have.
    """
    ALL = "all"
    """All rows: they say nothing of a force that the public edition does not say."""
    NONE = "none"


_NEED_RELEASE = (ForceRows.OWN_AND_RELEASED, ForceRows.RELEASED, ForceRows.USED_AND_RELEASED)


def force_rows_of(mart: str, columns: Collection[str], stated: object, releases: Sequence[Release]) -> ForceRows:
    """Return which rows of a mart the edition of a force contains; NONE if the mart states nothing.

    Args:
        mart: name of the mart.
        columns: its columns.
        stated: value of `config.meta.force_edition`.
        releases: its public releases.

    Raises:
        ReleaseError: the value is not one of `ForceRows`, or the mart lacks what it needs.
    """
    if stated is None:
        return ForceRows.NONE
    if not isinstance(stated, str) or stated not in list(ForceRows):
        raise ReleaseError(f"{mart}: config.meta.force_edition is {stated!r}; expected {', '.join(ForceRows)}")
    rows = ForceRows(stated)
    if rows in (ForceRows.OWN, ForceRows.OWN_AND_RELEASED) and "force_code" not in columns:
        raise ReleaseError(f"{mart}: force_edition {rows} needs the column force_code")
    if rows in _NEED_RELEASE and whole_release(releases) is None:
        raise ReleaseError(f"{mart}: force_edition {rows} needs a whole release (public:), which names the columns")
    return rows


def whole_release(releases: Sequence[Release]) -> Whole | None:
    """Return the release of a mart at force level; None without one."""
    return next((release for release in releases if isinstance(release, Whole)), None)
