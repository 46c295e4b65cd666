"""`fcir verify`: compare published files and the warehouse with what was recorded about them."""

import time

import typer

from dagster_project.cli.data_root import start
from dagster_project.cli.exits import Exit
from dagster_project.cli.summary import print_items
from dagster_project.config import contracts_of
from dagster_project.console import say, warn
from dagster_project.settings import Settings
from dagster_project.warehouse.lock import WarehouseLocked, holder_of
from dagster_project.words import counted

_MEGABYTE = 1_000_000


def verify(context: typer.Context) -> None:
    """Verify all kept publications and the warehouse, without changing anything.

    Compares each published file with its manifest, the rows of the warehouse
    with its audit and their checksums, the marts with the last build, and the
    vault with the warehouse. Exit code 1 if anything differs.

    Examples:
      fcir verify
    """
    raise typer.Exit(report_differences(start(debug=bool(context.obj))))


def report_differences(settings: Settings) -> Exit:
    """Verify the publications and the warehouse of a data root, print what differs, and return the exit code.

    Raises:
        WarehouseLocked: another command changes the data root.
    """
    from dagster_project.operations.published import verify_publications
    from dagster_project.operations.verify import verify_warehouse

    started = time.monotonic()
    findings, loads = verify_warehouse(settings, contracts_of(settings))
    verified = verify_publications(settings)
    findings += verified.findings
    faults = [finding for finding in findings if finding.is_fault]
    # Publications are verified without the lock, which would keep a run waiting for minutes.
    if faults and holder_of(settings.lock_file):
        raise WarehouseLocked(
            f"another command changed {settings.home} while it was verified, so what differs may be its work. Nothing "
            "was changed. When it has ended, run again: fcir verify"
        )
    for finding in findings:
        if not finding.is_fault:
            warn(str(finding), place=finding.place)
    print_items(faults, "fault", None)
    say(
        f"Verified {counted(verified.publications, 'publication')} ({counted(verified.files, 'file')}, "
        f"{verified.bytes // _MEGABYTE:,} MB) and {counted(loads, 'load')} of the warehouse in "
        f"{time.monotonic() - started:.0f} s: {counted(len(faults), 'fault') if faults else 'no fault'}.",
        publications=verified.publications,
        files=verified.files,
        loads=loads,
        faults=len(faults),
    )
    return Exit.DATA if faults else Exit.WELL
