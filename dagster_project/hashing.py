"""Hashes of files."""

import hashlib
import os
import stat
from pathlib import Path


def sha256_of(path: Path, *, largest: int | None = None) -> str:
    """Return the hash of a regular file's content, in hexadecimal; links are not followed, pipes do not block.

    Args:
        path: the file.
        largest: how many bytes it may have; None: any number.

    Raises:
        OSError: the file cannot be read, is not a regular file, or is larger.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode) or (largest is not None and state.st_size > largest):
        os.close(descriptor)
        raise OSError("not a regular file, or too large")
    with os.fdopen(descriptor, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
