"""The pointer to the current publication, which readers follow. What is written before it is swapped: `publish.py`."""

from __future__ import annotations

import os
from pathlib import Path

from dagster_project.errors import OperatorError

CURRENT = "current"
"""Name of the pointer; drafts of it are named after it."""


class NotPublished(OperatorError, RuntimeError):
    """There is no publication to read; the message says how to make one."""


def pointer_of(published: Path) -> Path:
    """The link that readers follow to the current publication; there is none before the first."""
    return published / CURRENT


def current_publication(published: Path) -> Path:
    """The folder that readers are pointed to.

    Raises:
        NotPublished: nothing was published yet.
    """
    pointer = pointer_of(published)
    if not pointer.exists():
        raise NotPublished(f"{published}: nothing is published yet. Run: fcir run")
    return pointer.resolve()


def point_to(published: Path, name: str) -> None:
    """Swap the pointer to another publication in one step; readers see the old or the new, never neither."""
    draft = published / f".{CURRENT}-{os.getpid()}"
    draft.unlink(missing_ok=True)
    draft.symlink_to(name)
    draft.replace(pointer_of(published))
