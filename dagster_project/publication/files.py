"""Files of a publication, which nobody writes again once it is published."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def link(source: Path, target: Path) -> None:
    """Give a published file a second name; a copy where the disk has no links.

    Args:
        source: a file of a publication.
        target: a path that does not exist.
    """
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
