"""Send a message to the addresses of a private file, through apprise. What is worth a message is decided elsewhere."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class NotifyFileError(RuntimeError):
    """The file of addresses cannot be used; the message names it and never what is in it."""


@dataclass(frozen=True)
class Sent:
    """How many addresses a message was sent to."""

    reached: int
    failed: int


def send(file: Path, *, title: str, body: str) -> Sent:
    """Send a message to every address of a file.

    Addresses hold passwords and tokens, so nothing of them is logged: neither by this module nor by the libraries.

    Args:
        file: one apprise URL a line; blank lines and lines that begin with # are left out.
        title: one line.
        body: plain text.

    Returns:
        How many addresses took it. One that fails keeps the others from nothing.

    Raises:
        NotifyFileError: the file cannot be read, is open to others, or holds no address.
    """
    addresses = _addresses(file)
    # Here: it is needed once in many days, and costs a tenth of a second.
    import apprise

    reached = 0
    with _silent("apprise", "urllib3", "requests"):
        for address in addresses:
            service = apprise.Apprise()
            if service.add(address) and service.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT):
                reached += 1
    return Sent(reached, len(addresses) - reached)


def _addresses(file: Path) -> list[str]:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise NotifyFileError(f"{file}: cannot be opened: {os.strerror(error.errno or 0)}") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise NotifyFileError(f"{file}: not a regular file; expected one address a line")
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as stream:
        if status.st_mode & 0o077:
            raise NotifyFileError(
                f"{file}: others may read the addresses of alerts. Nothing was sent. chmod 600 {file}"
            )
        lines = [line.strip() for line in stream]
    addresses = [line for line in lines if line and not line.startswith("#")]
    if not addresses:
        raise NotifyFileError(f"{file}: holds no address; expected one apprise URL a line")
    return addresses


@contextmanager
def _silent(*names: str) -> Iterator[None]:
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
