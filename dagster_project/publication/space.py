"""Check the free disk space before a command writes to it."""

import shutil
from pathlib import Path

from dagster_project.errors import OperatorError
from dagster_project.publication.files import pointer_of
from dagster_project.settings import Settings

_MEGABYTE = 1_000_000
# Artefacts of dbt (29 MB), pages (17 MB), Dagster's events of a run (14 MB), two empty databases with their tables.
_FIXED_BYTES = 100 * _MEGABYTE


class NotEnoughSpace(OperatorError, RuntimeError):
    """The disk has less free space than a command may need; the message has both sizes."""


def require_space(settings: Settings, command: str, published: Path) -> None:
    """Check that the disk has space for another copy of the databases and of the newest publication.

    Args:
        settings: location of the data.
        command: the command, for the message.
        published: folder of the publications to which the command adds one.

    Raises:
        NotEnoughSpace: the disk has less.
    """
    files = [settings.warehouse, settings.marts, *pointer_of(published).rglob("*")]
    needed = _FIXED_BYTES + sum(file.lstat().st_size for file in files if file.is_file())
    folder = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise NotEnoughSpace(
            f"the disk of {settings.home} has {free / _MEGABYTE:,.0f} MB free, but {command} needs about "
            f"{needed / _MEGABYTE:,.0f} MB. Nothing was done, and what was published before stays. Free some space "
            f"(docs/runbook.md, Full disk), then: {command}"
        )
