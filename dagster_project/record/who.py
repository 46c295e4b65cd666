"""Who runs a command: the user of the process, and who logged in before becoming that user. Both are in the record."""

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from dagster_project.words import printable

_LOGIN_UID = Path("/proc/self/loginuid")
# The largest number of 32 bits: a service, or a system whose logins do not set it.
_NO_LOGIN = 4_294_967_295
# Linux allows 32 characters in a name.
_LONGEST_NAME = 64


def user() -> str:
    """Return the login name of this process, from the system and not from variables that its user can set."""
    return _name_of(os.getuid())


def login(uid_file: Path = _LOGIN_UID, environment: Mapping[str, str] = os.environ) -> str:
    """Return who logged in to run this process, for example before `sudo -u fcir`.

    Args:
        uid_file: where the kernel shows the number of the login, which stays the same through `su` and `sudo`, and
            which only root can change.
        environment: variables of the process; `SUDO_USER` counts if there is no such number.

    Returns:
        The login name; with ` (stated)` if it comes from `SUDO_USER`, which the user can set; empty if neither is
        known, as in a service.
    """
    try:
        number = int(uid_file.read_bytes())
    except (OSError, ValueError):
        number = _NO_LOGIN
    if 0 <= number < _NO_LOGIN:
        return _name_of(number)
    stated = environment.get("SUDO_USER", "")
    return f"{printable(stated[:_LONGEST_NAME])} (stated)" if stated else ""


def _name_of(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
