"""Read what a user states in options: days, sources, reasons and confirmations."""

import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from difflib import get_close_matches

import typer

from dagster_project.config import contracts_of
from dagster_project.contracts import Contract
from dagster_project.errors import UsageError
from dagster_project.extracts.personal import looks_personal
from dagster_project.settings import Settings
from dagster_project.words import printable


def day_option(option: str, text: str | None) -> date | None:
    """Return the day of an option such as `--from`; None if it was not given.

    Raises:
        UsageError: the text is not a date.
    """
    if text is None:
        return None
    day = parse_day(text)
    if day is None:
        raise UsageError(f"{option} {text}: not a date; expected YYYY-MM-DD")
    return day


def parse_day(text: str) -> date | None:
    """Return the day of a text as YYYY-MM-DD; None if it is not one."""
    # fromisoformat alone also accepts 20221101 and 2022-W44-2.
    with suppress(ValueError):
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
    return None


def parse_month(text: str) -> date:
    """Return the first day of a month given as `YYYY-MM`.

    Raises:
        UsageError: the text has another format.
    """
    if re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text) and text >= "0001":
        return date.fromisoformat(f"{text}-01")
    raise UsageError(f"{printable(text)}: not a month; expected YYYY-MM")


def named_contracts(settings: Settings, sources: Sequence[str]) -> Mapping[str, Contract]:
    """Return the contracts of the named sources, or of all sources if none is named.

    Raises:
        UsageError: a source has no contract.
    """
    contracts = contracts_of(settings)
    unknown = [source for source in sources if source not in contracts]
    if unknown:
        near = [name for source in unknown for name in get_close_matches(source, contracts, n=1)]
        hint = f". Did you mean {', '.join(near)}?" if near else ""
        raise UsageError(f"no contract for source {', '.join(unknown)}; known: {', '.join(contracts)}{hint}")
    return {source: contract for source, contract in contracts.items() if not sources or source in sources}


def require_reason(reason: str, example: str, *, identifier: str = "") -> str:
    """Return what `--reason` says, trimmed, if it is one line of text that does not name a person.

    The record keeps it, and a publication shows the reason for which a delivery was accepted.

    Args:
        reason: the option's value.
        example: a reason that fits the command, for messages.
        identifier: the identifier of the person whom the command is about.

    Raises:
        UsageError: it is empty, or contains a line break or another character that cannot be printed, the identifier
            or another personal value.
    """
    text = reason.strip()
    expected = f'and the record keeps it, for example --reason "{example}"'
    if not text:
        raise UsageError(f"--reason is required, {expected}. Nothing was done")
    if not text.isprintable():
        # A line of it would pass for one of a report, and a terminal would obey an escape sequence.
        raise UsageError(
            f"--reason contains a line break or another character that cannot be printed, {expected}. Nothing was "
            "done. Write it as one line of text"
        )
    if looks_personal(text) or (identifier and identifier in text):
        raise UsageError(f"--reason contains a personal value, {expected}. Nothing was done. Leave the value out")
    return text


def confirm(word: str, done: str) -> None:
    """Ask for a typed confirmation of what cannot be undone.

    Args:
        word: what has to be typed, for example `erase`.
        done: its participle, for messages, for example `erased`.

    Raises:
        UsageError: it was not given, or there is no terminal to ask at.
    """
    if not sys.stdin.isatty():
        raise UsageError(f"nobody can confirm, because standard input is not a terminal. Nothing was {done}. Add --yes")
    if typer.prompt(f'Type "{word}" to {word} it; this cannot be undone', default="", show_default=False) != word:
        raise UsageError(f"not confirmed. Nothing was {done}")
