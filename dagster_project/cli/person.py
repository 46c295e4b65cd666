"""What commands about a person share: the identifier, which is never an argument, and the vault under the lock."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from dagster_project.cli.data_root import require_home_folder
from dagster_project.cli.options import require_reason
from dagster_project.config import contracts_of
from dagster_project.contracts import Contract
from dagster_project.errors import UsageError
from dagster_project.settings import Settings, check_force
from dagster_project.warehouse.lock import writer_lock
from dagster_project.writing import private_files

if TYPE_CHECKING:
    # It loads pyarrow, which most commands do without.
    from dagster_project.loading.people import People

_EXAMPLE = "request 4711"


def ask_for_identifier() -> str:
    """Return the identifier, from a prompt without echo, or from standard input if that is not a terminal.

    Arguments of a command are in the list of processes and in the history of the shell.

    Raises:
        UsageError: none is given, or more than one line.
    """
    if sys.stdin.isatty():
        return str(typer.prompt("Identifier, in any spelling", hide_input=True))
    try:
        lines = [line for line in sys.stdin.buffer.read().decode().splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise UsageError(
            "standard input is not UTF-8, expected one line: the identifier. Nothing was done. Convert it: iconv -f "
            "WINDOWS-1252 -t UTF-8"
        ) from None
    if len(lines) != 1:
        raise UsageError(f"standard input has {len(lines)} lines, expected one: the identifier. Nothing was done")
    return lines[0]


def ask_with_reason(reason: str) -> tuple[str, str]:
    """Return the identifier that is asked for, and the reason, checked before and against it.

    Raises:
        UsageError: there is no reason, it contains the identifier, or not one identifier is given.
    """
    require_reason(reason, _EXAMPLE)
    identifier = ask_for_identifier()
    return identifier, require_reason(reason, _EXAMPLE, identifier=identifier.strip())


def forces_of(settings: Settings, forces: list[str] | None) -> list[str]:
    """Return the forces whose references and operators are asked for: by default the force of the data root.

    Raises:
        UsageError: one is not in the list of forces.
    """
    try:
        return [check_force(force) for force in forces or [settings.force]]
    except ValueError as error:
        raise UsageError(f"--force: {error}. Nothing was done") from None


@contextmanager
def locked_vault(settings: Settings, command: str) -> Iterator[tuple["People", Mapping[str, Contract]]]:
    """Hold the writer lock, and yield the vault and all contracts.

    Args:
        settings: the data root.
        command: the command, for messages.

    Raises:
        UsageError: nothing is loaded yet.
        DatabaseUnreadable: the warehouse is damaged, or not the one of this data root.
        WarehouseLocked: a run holds the warehouse.
        PeopleError: the vault or its keys are missing, of another data root, or older than the warehouse.
    """
    from dagster_project.loading.people import people_for_loading
    from dagster_project.warehouse.connection import loading_connection
    from dagster_project.warehouse.history import require_sound_warehouse

    require_home_folder(settings)
    require_sound_warehouse(settings)
    if not settings.warehouse.exists():
        raise UsageError(f"{settings.warehouse}: nothing is loaded yet. Nothing was done. Run: fcir run")
    with writer_lock(settings.lock_file, command=command), private_files():
        with loading_connection(settings.warehouse) as connection:
            people = people_for_loading(settings, connection)
        yield people, contracts_of(settings)
