"""Secret keys for HMAC-SHA-256 in files that only their owner can read, one key a line."""

import os
from collections.abc import Sequence
from pathlib import Path

from dagster_project.errors import OperatorError
from dagster_project.words import in_shell
from dagster_project.writing import write_whole

KEY_BYTES = 32
# Each rotation adds a line; a file of a million would be something else.
_LARGEST_FILE = 1 << 16


class PrivateKeyError(OperatorError, ValueError):
    """A key file cannot be used; the message says why and what to do."""


def read_keys(file: Path) -> tuple[bytes, ...]:
    """Return the keys of a file with 64 hexadecimal digits a line; none if there is no file.

    Raises:
        PrivateKeyError: a line is not a key, or the file cannot be read, or can be read by others.
    """
    try:
        with file.open(encoding="ascii", errors="replace") as stream:
            if os.fstat(stream.fileno()).st_mode & 0o077:
                raise PrivateKeyError(
                    f"{file}: others may read the keys. Nothing was done. Run: chmod 600 {in_shell(file)}"
                )
            lines = stream.read(_LARGEST_FILE).split()
    except FileNotFoundError:
        return ()
    except PermissionError:
        raise PrivateKeyError(
            f"{file}: this user may not read the keys. Nothing was done. Run as its owner, or: "
            f"chmod 600 {in_shell(file)}"
        ) from None
    except IsADirectoryError:
        lines = [""]
    try:
        keys = tuple(bytes.fromhex(line) for line in lines)
    except ValueError:
        keys = ()
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise PrivateKeyError(
            f"{file}: not a file of keys; expected {2 * KEY_BYTES} hexadecimal digits a line. Nothing was done. "
            f"Restore its copy: install -m 600 COPY_OF_THE_KEYS {in_shell(file)}"
        )
    return keys


def save_keys(file: Path, keys: Sequence[bytes]) -> None:
    """Write keys to a file for its owner only, with its folder; if killed, no incomplete file has that name.

    The caller holds a lock: one process at a time may write the keys.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(file, "".join(f"{key.hex()}\n" for key in keys).encode())
