"""Helpers of several commands: exit codes, settings, and parsing of dates and sources."""

import logging
import re
import stat
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from difflib import get_close_matches
from enum import IntEnum

import duckdb
import typer

from dagster_project.cli.damage import find_damage, repair
from dagster_project.console import LOGGER, is_json, report_to_terminal, say
from dagster_project.contracts import Contract, load_contracts
from dagster_project.errors import UsageError
from dagster_project.extracts.personal import looks_personal
from dagster_project.loading.pseudonyms import check_key, known_fingerprint
from dagster_project.settings import CONTRACTS, Settings, read_settings
from dagster_project.warehouse.lock import writer_lock
from dagster_project.words import in_shell
from dagster_project.writing import private_files


class Exit(IntEnum):
    """Exit codes of every command."""

    WELL = 0
    DATA = 1
    """Data was rejected, missing or failed a check; everything else was done."""
    USAGE = 2
    """Wrong use or configuration; nothing was done."""
    LOCKED = 75
    """Another run holds the warehouse (EX_TEMPFAIL of sysexits.h: try again later)."""


def start(*, debug: bool = False) -> Settings:
    """Read the settings, and print the log of this process.

    Raises:
        SettingsError: a setting cannot be used.
    """
    settings = read_settings()
    report_to_terminal(settings.log_format)
    if debug:
        LOGGER.setLevel(logging.DEBUG)
    return settings


def print_warning(message: str, **fields: object) -> None:
    """Print a warning about something that needs attention."""
    say(message if is_json() else f"warning: {message}", level="warning", **fields)


def warn_of_lake(settings: Settings) -> None:
    """Print what remains to be done in the lake, if there is one, after old values were replaced or removed."""
    if not settings.has_lake:
        return
    unused = f". If Spark is no longer used, delete {settings.trial_lake}" if settings.trial_lake.exists() else ""
    print_warning(
        "the lake was not searched and still has the old values. Build it again: FCIR_TARGET=spark fcir run; then "
        f"start the Dagster job compact_lake with days: 0, as docs/privacy.md says{unused}"
    )


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


def named_contracts(sources: Sequence[str]) -> Mapping[str, Contract]:
    """Return the contracts of the named sources, or of all sources if none is named.

    Raises:
        UsageError: a source has no contract.
    """
    contracts = load_contracts(CONTRACTS)
    unknown = [source for source in sources if source not in contracts]
    if unknown:
        near = [name for source in unknown for name in get_close_matches(source, contracts, n=1)]
        hint = f". Did you mean {', '.join(near)}?" if near else ""
        raise UsageError(f"no contract for source {', '.join(unknown)}; known: {', '.join(contracts)}{hint}")
    return {source: contract for source, contract in contracts.items() if not sources or source in sources}


def require_home_folder(settings: Settings) -> None:
    """Check that the data root is a folder or does not exist yet.

    Raises:
        UsageError: it is a file.
    """
    if settings.home.exists() and not settings.home.is_dir():
        raise UsageError(
            f"FCIR_HOME: {settings.home} is a file; nothing was done. Name a folder, an existing or a new one"
        )


def require_usable_key(settings: Settings, connection: duckdb.DuckDBPyConnection | None) -> None:
    """Check that the next run can use the key, even without anything to load: a copy of the key may be lost by then."""
    # A hub takes in pseudonyms and makes none. A change of the key that was killed is finished by the next run.
    if not settings.is_hub and not settings.replacement_intent.exists():
        check_key(settings.key_file, known_fingerprint(connection) if connection else None)


def require_no_hub(settings: Settings, what: str) -> None:
    """Check that the data root loads files itself.

    Args:
        settings: the data root.
        what: what a hub does not do, as the subject of a sentence.

    Raises:
        UsageError: it is a hub.
    """
    if settings.is_hub:
        homes = "".join(f"\n  FCIR_HOME={in_shell(home)}" for home in settings.members)
        raise UsageError(
            f"{settings.home} is a hub (FCIR_MEMBERS), which loads no files: {what}. Nothing was done. Use the data "
            f"root of the force:{homes}"
        )


def warn_of_open_landing(settings: Settings) -> None:
    """Warn of a landing folder that every user of the machine may enter.

    The folder is not changed: source systems write there, through a group or a mount with modes that this project does
    not control.
    """
    if not settings.landing.is_dir() or not (mode := stat.S_IMODE(settings.landing.stat().st_mode)) & 0o007:
        return
    print_warning(
        f"{settings.landing} is open to every user of this machine (mode {mode:04o}), and extracts hold personal "
        f"values; it was not changed. Close it: chmod o= {in_shell(settings.landing)}"
    )


def repair_damage(settings: Settings) -> None:
    """Move damaged files that can be recreated out of the way, with a warning for each.

    Raises:
        WarehouseLocked: another run holds the warehouse.
    """
    if not find_damage(settings):
        return
    with writer_lock(settings.lock_file):
        damaged = repair(settings)
    for damage in damaged:
        print_warning(str(damage))


def finish_killed_replacement(settings: Settings) -> None:
    """Finish a replacement of pseudonyms (`fcir erase`, `fcir keys rotate`) or a purge that was killed, with a warning.

    Raises:
        WarehouseLocked: another run holds the warehouse.
    """
    if not settings.replacement_intent.exists() and not settings.purge_folder.exists():
        return
    # Imported here: it reads files of all kinds, and a run rarely needs it.
    from dagster_project.privacy.unfinished import finish_replacement

    with writer_lock(settings.lock_file), private_files():
        if finished := finish_replacement(settings):
            print_warning(finished)


def require_reason(reason: str, example: str, *, identifier: str = "") -> str:
    """Return what `--reason` says, trimmed, if it does not name a person.

    The record keeps it, and a publication shows the reason for which a delivery was accepted.

    Args:
        reason: the option's value.
        example: a reason that fits the command, for messages.
        identifier: the identifier of the person whom the command is about.

    Raises:
        UsageError: it is empty, or contains the identifier or another personal value.
    """
    text = reason.strip()
    expected = f'and the record keeps it, for example --reason "{example}"'
    if not text:
        raise UsageError(f"--reason is required, {expected}. Nothing was done")
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
