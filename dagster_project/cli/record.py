"""`fcir record`: the record of actions."""

import json
import sys
from collections import deque
from typing import Annotated

import typer

from dagster_project.cli.common import start
from dagster_project.cli.output import print_in_utf8
from dagster_project.console import aligned, say
from dagster_project.record.store import read
from dagster_project.words import counted

_NEWEST = 20


def record(
    show_all: Annotated[bool, typer.Option("--all", help="All entries, not only the newest 20.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Export all entries as JSON Lines.")] = False,
) -> None:
    """Show who ran, published, accepted, looked up or erased what, when and why.

    The entries are chained with a key: fcir verify finds each that was changed or removed.

    Examples:
      fcir record
      fcir record --json > record.jsonl
    """
    settings = start()
    if as_json:
        print_in_utf8()
        for entry in read(settings):
            sys.stdout.write(json.dumps(entry, ensure_ascii=False) + "\n")
        return
    newest = deque(read(settings), maxlen=None if show_all else _NEWEST)
    if not newest:
        say(f"Nothing is recorded yet in {settings.record_file}. The first run begins the record: fcir run")
        return
    titles = ("seq", "at (UTC)", "action", "outcome", "user", "host", "version", "details")
    rows = [
        (
            str(entry["seq"]),
            entry["at"][:19].replace("T", " "),
            *(str(entry[name]) for name in ("action", "outcome", "user", "host", "version")),
            _details(entry["reason"], entry["detail"]),
        )
        for entry in newest
    ]
    for line, entry in zip(aligned(titles, rows, right=["seq"]), [{}, *newest], strict=True):
        say(line, **entry)
    if newest[0]["seq"] > 1 and not show_all:
        say(f"{counted(newest[0]['seq'] - 1, 'earlier entry', 'earlier entries')}: fcir record --all")


def _details(reason: str, facts: dict[str, object]) -> str:
    """Return the reason and the facts of an entry on one line."""
    shown = [
        f"{name} {', '.join(map(str, value)) if isinstance(value, list) else value}" for name, value in facts.items()
    ]
    return "; ".join(" ".join(text.split()) for text in [reason, *shown] if text)
