"""What commands about a person share: the identifier, which is never an argument, and a private file for the answer."""

import sys
from pathlib import Path

import typer

from dagster_project.cli.data_root import erase_restored_people, finish_killed_replacement
from dagster_project.cli.options import require_reason
from dagster_project.cli.run import finish_interrupted_rebuild
from dagster_project.config import contracts_of
from dagster_project.contracts import Contract
from dagster_project.errors import UsageError
from dagster_project.settings import Settings
from dagster_project.warehouse.lock import writer_lock
from dagster_project.writing import private_files

_EXAMPLE = "request 4711"


def ask_for_identifier() -> str:
    """Return the identifier, from a prompt without echo, or from standard input if that is not a terminal.

    Arguments of a command are in the list of processes and in the history of the shell.

    Raises:
        UsageError: none is given, or more than one line.
    """
    if sys.stdin.isatty():
        return str(typer.prompt("Identifier, as extracts have it", hide_input=True))
    try:
        lines = [line for line in sys.stdin.buffer.read().decode().splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise UsageError(
            "standard input is not UTF-8, expected one line: the identifier, as extracts have it. Nothing was done. "
            "Convert it: iconv -f WINDOWS-1252 -t UTF-8"
        ) from None
    if len(lines) != 1:
        raise UsageError(
            f"standard input has {len(lines)} lines, expected one: the identifier, as extracts have it. Nothing was "
            "done"
        )
    return lines[0]


def ask_with_reason(reason: str) -> tuple[str, str]:
    """Return the identifier that is asked for, and the reason, checked before and against it.

    Raises:
        UsageError: there is no reason, it contains the identifier, or not one identifier is given.
    """
    # It loads pyarrow, which most commands do without.
    from dagster_project.extracts.pieces import BLANKS

    require_reason(reason, _EXAMPLE)
    identifier = ask_for_identifier()
    return identifier, require_reason(reason, _EXAMPLE, identifier=identifier.strip(BLANKS))


def prepare(settings: Settings, command: str, *, needs_list: bool = True) -> dict[str, Contract]:
    """Finish a killed rebuild or replacement, bring the audit tables up to date, and return all contracts.

    A warehouse that a killed rebuild has completed would otherwise come into its place with the key of before.

    Args:
        settings: the data root.
        command: the command, for messages.
        needs_list: false for a command that writes the list of erased people, also in place of one that is lost.

    Raises:
        UsageError: nothing is loaded yet.
        DatabaseUnreadable: the warehouse is damaged, or missing although there is a copy of its audit.
        RowsMissing: a killed rebuild cannot be finished.
        WarehouseLocked: a run holds the warehouse.
        PseudonymKeyError: the key cannot be used, is lost, or does not belong to the warehouse.
        SuppressionError: the list of erased people cannot be used, or is missing although it is needed.
    """
    # It loads pyarrow, which most commands do without.
    from dagster_project.loading.pipeline import load_or_create_key
    from dagster_project.loading.suppression import PseudonymsUnknown, SuppressionMissing

    finish_interrupted_rebuild(settings)
    if not settings.warehouse.exists():
        raise UsageError(f"{settings.warehouse}: nothing is loaded yet. Nothing was done. Run: fcir run")
    contracts = dict(contracts_of(settings))
    with writer_lock(settings.lock_file, command=command), private_files():
        finish_killed_replacement(settings)
        try:
            load_or_create_key(settings, contracts)
            erase_restored_people(settings)
        except (SuppressionMissing, PseudonymsUnknown):
            if needs_list:
                raise
    return contracts


def require_new(file: Path) -> None:
    """Check that a file can be a new one.

    Raises:
        UsageError: there is such a file or link, or no such folder.
    """
    if file.is_symlink() or file.exists():
        raise UsageError(f"{file}: there is such a file. Nothing was written. Name another with --out")
    if not file.parent.is_dir():
        raise UsageError(f"{file.parent}: no such folder. Nothing was written. Name another with --out, or create it")


def write_private(file: Path, text: str) -> None:
    """Write a text to a new file that only its owner can read.

    Raises:
        UsageError: there is such a file or link, or no such folder.
    """
    require_new(file)
    # Not through a link that somebody has put there meanwhile.
    with private_files(), file.open("x", encoding="utf-8") as stream:
        stream.write(text)
