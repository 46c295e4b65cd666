"""`fcir record`: the record of actions."""

import json
import sys
from typing import Annotated

import typer

from dagster_project.cli.data_root import start
from dagster_project.cli.output import print_in_utf8
from dagster_project.console import aligned, say
from dagster_project.operations.actions import actions
from dagster_project.warehouse.state import reading_audit
from dagster_project.words import counted

_NEWEST = 20
_WHO = ("user_name", "login", "host", "version")


def record(
    context: typer.Context,
    show_all: Annotated[bool, typer.Option("--all", help="Show all actions, not only the newest 20.")] = False,
    export: Annotated[bool, typer.Option("--export", help="Export all actions as JSON Lines.")] = False,
) -> None:
    """Show who ran, published, accepted, looked up, erased, purged, rotated or rebuilt, when and why.

    Each action is also a line in syslog, where the account that runs fcir
    cannot change it.

    Examples:
      fcir record
      fcir record --export > record.jsonl
    """
    settings = start(debug=bool(context.obj))
    with reading_audit(settings.warehouse, settings.lock_file) as connection:
        every = actions(connection) if connection else []
    if export:
        print_in_utf8()
        for row in every:
            sys.stdout.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
        return
    if not every:
        say(f"Nothing is recorded yet in {settings.warehouse}. The first run begins the record: fcir run")
        return
    newest = every if show_all else every[-_NEWEST:]
    rows = [
        (
            f"{row['acted_at']:%Y-%m-%d %H:%M:%S}",
            *(str(row[name]) for name in ("action", "outcome", *_WHO)),
            _details(row["reason"], row["details"]),
        )
        for row in newest
    ]
    titles = ("at (UTC)", "action", "outcome", "user", *_WHO[1:], "details")
    for line, fields in zip(aligned(titles, rows, right=()), [{}, *newest], strict=True):
        say(line, **fields)
    if len(every) > len(newest):
        say(f"{counted(len(every) - len(newest), 'earlier action')}: fcir record --all")


def _details(reason: str, facts: dict[str, object]) -> str:
    """Return the reason and the facts of an action on one line."""
    shown = [f"{name} {_in_words(value)}" for name, value in facts.items()]
    return "; ".join(" ".join(text.split()) for text in [reason, *shown] if text)


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
