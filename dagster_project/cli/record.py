"""`fcir record`: the record of actions."""

import json
import sys
from collections import deque
from typing import Annotated

import typer

from dagster_project.cli.data_root import start
from dagster_project.cli.exits import Exit
from dagster_project.cli.options import require_reason
from dagster_project.cli.output import print_in_utf8
from dagster_project.config import contracts_of
from dagster_project.console import aligned, print_error, say
from dagster_project.errors import UsageError
from dagster_project.record.chain import WHO, who_of
from dagster_project.record.store import faults, is_missing, read
from dagster_project.record.store import restart as restart_record
from dagster_project.settings import Settings
from dagster_project.warehouse.lock import writer_lock
from dagster_project.words import counted, in_shell

_NEWEST = 20


def record(
    context: typer.Context,
    show_all: Annotated[bool, typer.Option("--all", help="Show all entries, not only the newest 20.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Export all entries as JSON Lines.")] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Move a record with faults aside, and begin a new one that says so.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Reason for --restart.")] = "",
) -> None:
    """Show who ran, published, accepted, looked up or erased what, when and why.

    The entries form a keyed hash chain: fcir verify finds any that were changed
    or removed. Exit code 1 if the record is missing.

    Examples:
      fcir record
      fcir record --json > record.jsonl
      fcir record --restart --reason "the disk of the record was lost"
    """
    settings = start(debug=bool(context.obj))
    if restart:
        _restart(settings, reason)
        return
    if is_missing(settings):
        print_error(
            f"{settings.record_file} is missing or empty, although actions were recorded in it. Nothing was changed. "
            f"Put it back from a backup: install -m 600 COPY {in_shell(settings.record_file)} or, without one, begin "
            'a new record that says so: fcir record --restart --reason "..."',
            exit_code=int(Exit.DATA),
        )
        raise typer.Exit(Exit.DATA)
    if as_json:
        print_in_utf8()
        for entry in read(settings):
            sys.stdout.write(json.dumps(entry, ensure_ascii=False) + "\n")
        return
    newest = deque(read(settings), maxlen=None if show_all else _NEWEST)
    if not newest:
        say(f"Nothing is recorded yet in {settings.record_file}. The first run begins the record: fcir run")
        return
    titles = ("seq", "at (UTC)", "action", "outcome", *WHO, "details")
    rows = [
        (
            str(entry["seq"]),
            entry["at"][:19].replace("T", " "),
            *(str(value) for value in (entry["action"], entry["outcome"], *who_of(entry).values())),
            _details(entry["reason"], entry["detail"]),
        )
        for entry in newest
    ]
    for line, entry in zip(aligned(titles, rows, right=["seq"]), [{}, *newest], strict=True):
        say(line, **entry)
    if newest[0]["seq"] > 1 and not show_all:
        say(f"{counted(newest[0]['seq'] - 1, 'earlier entry', 'earlier entries')}: fcir record --all")


def _restart(settings: Settings, reason: str) -> None:
    """Begin a new record, with the hashes of the manifests that the record before does not contradict."""
    # They load pyarrow and read everything that is kept, which showing the record does without.
    from dagster_project.privacy.replacing import record_manifests
    from dagster_project.verification.publications import manifests_of, verify_publications
    from dagster_project.verification.warehouse import verify_warehouse

    reason = require_reason(reason, "the disk of the record was lost")
    with writer_lock(settings.lock_file, command="fcir record --restart"):
        entries = list(read(settings))
        _, anchors, _ = verify_warehouse(settings, contracts_of(settings))
        anchors += verify_publications(settings, entries).anchors
        if not faults(settings, anchors):
            raise UsageError(
                f"{settings.record_file} has no fault; nothing was done. Verify everything that is kept: fcir verify"
            )
        aside = restart_record(settings, anchors, reason=reason)
        manifests = list(manifests_of(settings, entries))
        record_manifests(settings, [folder for folder, is_as_recorded in manifests if is_as_recorded is not False])
    say(f"A new record begins in {settings.record_file}.")
    if aside:
        say(f"The one before is {aside}: keep it for the investigation.")
    for folder in (folder for folder, is_as_recorded in manifests if is_as_recorded is False):
        say(f"{folder}: its manifest is not the one that was recorded, so it is not in the new record: fcir verify")


def _details(reason: str, facts: dict[str, object]) -> str:
    """Return the reason and the facts of an entry on one line."""
    shown = [f"{name} {_in_words(value)}" for name, value in facts.items()]
    return "; ".join(" ".join(text.split()) for text in [reason, *shown] if text)


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
