"""Secret keys for HMAC-SHA-256 in files that only their owner can read."""

import os
import secrets
from pathlib import Path

from dagster_project.errors import OperatorError
from dagster_project.words import in_shell
from dagster_project.writing import write_whole

KEY_BYTES = 32


class PrivateKeyError(OperatorError, ValueError):
    """A key file cannot be used; the message says why and what to do."""


def read_key(file: Path, *, name: str = "key", remedy: str = "") -> bytes | None:
    """Return the key of a file with 64 hexadecimal digits; None if there is no file.

    Args:
        file: the file.
        name: what messages call the key.
        remedy: what messages advise if it is not a key; by default to put its copy back.

    Raises:
        PrivateKeyError: it is not a key, cannot be read, or can be read by others.
    """
    try:
        with file.open(encoding="ascii", errors="replace") as stream:
            if os.fstat(stream.fileno()).st_mode & 0o077:
                raise PrivateKeyError(
                    f"{file}: others may read the {name}. Nothing was done. Run: chmod 600 {in_shell(file)}"
                )
            text = stream.read(4 * KEY_BYTES).strip()
    except FileNotFoundError:
        return None
    except PermissionError:
        raise PrivateKeyError(
            f"{file}: this user may not read the {name}. Nothing was done. Run as its owner, or: "
            f"chmod 600 {in_shell(file)}"
        ) from None
    except IsADirectoryError:
        text = ""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        remedy = remedy or f"Nothing was done. Restore its copy: install -m 600 COPY_OF_THE_KEY {in_shell(file)}"
        raise PrivateKeyError(f"{file}: not a {name}; expected {2 * KEY_BYTES} hexadecimal digits. {remedy}")
    return key


def read_or_create_key(file: Path) -> bytes:
    """Return the key of a file; create it, with its folder, if there is none. Errors are those of `read_key`."""
    if key := read_key(file):
        return key
    key = secrets.token_bytes(KEY_BYTES)
    save_key(file, key)
    return key


def save_key(file: Path, key: bytes) -> None:
    """Write a key to a file for its owner only, with its folder; if killed, no incomplete key has that name.

    The caller holds a lock: one process at a time may write the key.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(file, f"{key.hex()}\n".encode())
