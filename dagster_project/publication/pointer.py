"""The pointer to the current publication, which readers follow. For what is written before the swap: `publish.py`."""

import os
from pathlib import Path

from dagster_project.errors import OperatorError

CURRENT = "current"
"""Name of the pointer; its drafts begin with `.current-`."""


class NotPublished(OperatorError, RuntimeError):
    """Nothing is published yet; the message says how to publish."""


def pointer_of(published: Path) -> Path:
    """Return the link that readers follow to the current publication; it does not exist before the first."""
    return published / CURRENT


def current_publication(published: Path) -> Path:
    """Return the folder that the pointer names.

    Raises:
        NotPublished: nothing is published yet.
    """
    pointer = pointer_of(published)
    if not pointer.exists():
        raise NotPublished(f"{published}: nothing is published yet. Run: fcir run")
    return pointer.resolve()


def point_to(published: Path, name: str) -> None:
    """Swap the pointer to another publication in one step; readers always see the old or the new one."""
    draft = published / f".{CURRENT}-{os.getpid()}"
    draft.unlink(missing_ok=True)
    draft.symlink_to(name)
    draft.replace(pointer_of(published))
