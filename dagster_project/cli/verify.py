"""`fcir verify`: compare published files, the warehouse and the record of actions with what was recorded about them."""

import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import typer

from dagster_project.cli.data_root import start
from dagster_project.cli.exits import Exit
from dagster_project.cli.summary import LISTED, print_lines
from dagster_project.config import contracts_of
from dagster_project.console import say, warn
from dagster_project.private_key import PrivateKeyError
from dagster_project.record import store
from dagster_project.record.chain import Anchor
from dagster_project.settings import Settings
from dagster_project.verification.finding import Finding
from dagster_project.warehouse.lock import WarehouseLocked, holder_of
from dagster_project.words import counted, in_shell, printable

_MEGABYTE = 1_000_000


def verify(context: typer.Context) -> None:
    """Verify all kept publications, the warehouse and the record of actions, without changing anything.

    Compares each published file with its manifest, each manifest and each
    certificate with the record, and the rows of the warehouse with its audit
    and their checksums. Exit code 1 if anything differs.

    Examples:
      fcir verify
    """
    from dagster_project.verification.certificates import verify_certificates
    from dagster_project.verification.publications import verify_publications
    from dagster_project.verification.warehouse import verify_warehouse

    settings = start(debug=bool(context.obj))
    started = time.monotonic()
    entries = list(store.read(settings))
    findings, anchors, loads = verify_warehouse(settings, contracts_of(settings))
    verified = verify_publications(settings, entries)
    findings += verified.findings
    findings += verify_certificates(settings, entries)
    findings += _of_record(settings, [*anchors, *verified.anchors])
    faults = [finding for finding in findings if finding.is_fault]
    # Publications are verified without the lock, which would keep a run waiting for minutes.
    if faults and (holder_of(settings.lock_file) or len(list(store.read(settings))) != len(entries)):
        raise WarehouseLocked(
            f"another command changed {settings.home} while it was verified, so what differs may be its work. Nothing "
            "was changed. When it has ended, run again: fcir verify"
        )
    for finding in findings:
        if not finding.is_fault:
            warn(str(finding), place=finding.place)
    fields = [{"place": item.place, "found": item.what, "advice": item.advice} for item in faults]
    print_lines([str(item) for item in faults], None, None, "fault", fields=fields)
    say(
        f"Verified {counted(verified.publications, 'publication')} ({counted(verified.files, 'file')}, "
        f"{verified.bytes // _MEGABYTE:,} MB), {counted(loads, 'load')} of the warehouse and "
        f"{counted(len(entries), 'entry')} of the record in {time.monotonic() - started:.0f} s: "
        f"{counted(len(faults), 'fault') if faults else 'no fault'}.",
        publications=verified.publications,
        files=verified.files,
        loads=loads,
        entries=len(entries),
        faults=len(faults),
    )
    raise typer.Exit(Exit.DATA if faults else Exit.WELL)


def _of_record(settings: Settings, anchors: list[Anchor]) -> list[Finding]:
    """Return what is wrong with the record of actions; the messages are grouped, since one change breaks a chain."""
    advice = (
        "Put the folder back from a backup, or compare with a copy (docs/recovery.md). The next commands continue the "
        'record, and the fault stays visible until a new record begins: fcir record --restart --reason "..."'
    )
    try:
        found = store.faults(settings, anchors)
    except PrivateKeyError as error:
        place, _, rest = str(error).partition(": ")
        what, _, remedy = rest.partition(". ")
        return [Finding(place, what, remedy)]
    shown = [Finding(str(settings.record_file), text, advice) for text in found[:LISTED]]
    if len(found) > LISTED:
        shown.append(
            Finding(str(settings.record_file), f"{counted(len(found) - LISTED, 'more fault')} of this kind", advice)
        )
    return [*shown, *_open_to_others(settings)]


def _open_to_others(settings: Settings) -> Iterator[Finding]:
    """Yield whether other users may read or change the record: the first file, and how many."""
    modes: dict[Path, int] = {}
    for path in [settings.record, *settings.record.iterdir()] if settings.record.is_dir() else []:
        # A command may rename a draft meanwhile; the check of the record reports links in the folder.
        with suppress(FileNotFoundError):
            if (path == settings.record or not path.is_symlink()) and (
                mode := stat.S_IMODE(path.stat().st_mode)
            ) & 0o077:
                modes[path] = mode
    for path, mode in sorted(modes.items())[:1]:
        more = f" (as {len(modes) - 1:,} more in this folder)" if len(modes) > 1 else ""
        yield Finding(
            printable(str(path)),
            f"mode {mode:04o}, so the record is open to other users{more}",
            f"It was not changed. Close it: chmod -R go= {in_shell(settings.record)}/",
        )
