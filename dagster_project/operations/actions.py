"""The record of actions: who ran, published, accepted, looked up, erased, purged, rotated or rebuilt, when and why.

An action is a row of `audit.action`, inserted in the transaction of what it records, and then a line for syslog, where
the account that runs fcir cannot change it. No command changes a row; who can write the data root can.
"""

import json
import logging
import os
import pwd
import socket
from collections.abc import Mapping
from datetime import UTC
from importlib.metadata import version
from logging.handlers import SysLogHandler
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.clock import utc_now
from dagster_project.settings import Settings
from dagster_project.sql import rows_as_dicts
from dagster_project.warehouse.connection import loading_connection, transaction
from dagster_project.warehouse.history import save_history
from dagster_project.words import printable

# The number of the login, which stays the same through `su` and `sudo`, and which only root can change.
_LOGIN_UID = Path("/proc/self/loginuid")
# The largest number of 32 bits: a service, or a system whose logins do not set it.
_NO_LOGIN = 4_294_967_295


def record(
    connection: duckdb.DuckDBPyConnection,
    action: str,
    *,
    outcome: str = "done",
    reason: str = "",
    details: Mapping[str, object] | None = None,
) -> str:
    """Record an action of this process.

    Args:
        connection: a loading connection to the warehouse, in the transaction of what is recorded.
        action: a verb, such as `run` or `erase`.
        outcome: how it ended.
        reason: what the operator stated.
        details: counts and names; nothing that leads to a person.

    Returns:
        The line for syslog, which the caller sends when what it records holds.
    """
    row = {
        "acted_at": utc_now().replace(tzinfo=None),
        "action": action,
        "outcome": outcome,
        # From the system, not from variables that the user can set.
        "user_name": _name_of(os.getuid()),
        "login": login(),
        "host": socket.gethostname(),
        "version": version("fcir"),
        "reason": reason,
        "details": json.dumps(details or {}, ensure_ascii=False, default=str),
    }
    places = ", ".join(f"${name}" for name in row)
    connection.execute(f"insert into audit.action ({', '.join(row)}) values ({places})", row)
    return json.dumps(row, ensure_ascii=False, default=str)


def enter(settings: Settings, action: str, **stated: Any) -> None:
    """Record an action that changes no table, in a transaction of its own, then send it to syslog and copy the audit.

    Args:
        settings: the data root; the caller holds the writer lock and no connection.
        action: as for `record`.
        stated: `outcome`, `reason` and `details`, as for `record`.
    """
    with loading_connection(settings.warehouse) as connection, transaction(connection):
        line = record(connection, action, **stated)
    send(line)
    save_history(settings)


def actions(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return all recorded actions, oldest first; `acted_at` in UTC, `details` as a dictionary."""
    rows = rows_as_dicts(connection.execute("from audit.action order by acted_at, rowid"))
    return [
        row | {"acted_at": row["acted_at"].replace(tzinfo=UTC), "details": json.loads(row["details"])} for row in rows
    ]


def send(line: str, syslog: Path = Path("/dev/log")) -> None:
    """Send the line of an action to the system's log; nothing is sent where there is none."""
    if not syslog.exists():
        return
    try:
        handler = SysLogHandler(str(syslog), SysLogHandler.LOG_USER)
    except OSError:
        # Nothing listens: the row is in the warehouse.
        return
    handler.ident = "fcir: "
    handler.emit(logging.LogRecord("fcir", logging.INFO, "", 0, "%s", (line,), None))
    handler.close()


def login() -> str:
    """Return who logged in to run this process, for example before `sudo -u fcir`; empty if unknown, as in a service.

    ` (stated)` says that the name comes from `SUDO_USER`, which the user can set.
    """
    try:
        number = int(_LOGIN_UID.read_bytes())
    except (OSError, ValueError):
        number = _NO_LOGIN
    if 0 <= number < _NO_LOGIN:
        return _name_of(number)
    stated = os.environ.get("SUDO_USER", "")
    return f"{printable(stated)} (stated)" if stated else ""


def _name_of(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
