"""Final lines of several commands: what needs attention, what was left out, where the publication is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import typer

from dagster_project.cli.exits import Exit
from dagster_project.cli.jobs import RunResult
from dagster_project.console import say
from dagster_project.loading.deadlines import ExpectedDelivery
from dagster_project.publication.catalogue import count_matches
from dagster_project.publication.files import (
    DATABASE,
    MANIFEST,
    FailedRendering,
    current_publication,
    failed_renderings,
    pointer_of,
)
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import reading_connection
from dagster_project.warehouse.state import UnresolvedDelivery
from dagster_project.words import CALIBRATED, be, counted

# Maximum number of names listed in a summary; the others are counted.
LISTED = 12
_PAGES = {"Site": "index.html", "Board paper": "board_paper.html"}
_FILES = {"PDF": "board_paper.pdf", "Workbook": "board_paper.xlsx", "Database": DATABASE, "Parquet": "parquet"}


PUBLIC_FILES = {"Read first": "index.html", "Board paper": "board_paper.html", "Tables": "csv"}
FORCE_FILES = {"Database": DATABASE, "Parquet": "parquet"}


@dataclass(frozen=True)
class EditionSummary:
    """What the summary of a command says of the edition that it published."""

    title: str
    published: Path
    """Folder of the editions of this kind, with the pointer to the current one."""
    command: str
    """Command that publishes it again."""
    files: Mapping[str, str]
    """Files that are listed, by title."""


def end_with_summary(
    settings: Settings,
    result: RunResult,
    seconds: float,
    *,
    edition: EditionSummary | None = None,
) -> NoReturn:
    """Print the result of a job, what needs attention and where the publication is, and end the command.

    `edition` is what the job published if it was not the internal publication.
    """
    published = edition.published if edition else settings.published
    command = edition.command if edition else "fcir run"
    say("")
    for failure in result.failures:
        say(f"failed: {failure}", level="error")
    print_expected(result.expected)
    print_unresolved(result.unresolved)
    failed = []
    if not result.failures:
        failed = print_failed_files(published, again=command if edition else "fcir publish")
    if edition:
        _print_edition(edition)
    else:
        print_publication(settings)
    if result.success and not result.unresolved and not failed:
        say(f"All is well ({seconds:.0f} s).", seconds=round(seconds, 3), success=True)
        raise typer.Exit(Exit.WELL)
    if result.failures:
        end = f"The run failed ({seconds:.0f} s). {'No edition was published. ' if edition else ''}"
        end += f"What was published before stays. Correct the cause and run: {command}"
    else:
        missing = ["the deliveries"] if result.unresolved else []
        missing += ["the files that were left out"] if failed else []
        but = " and ".join(missing)
        end = f"The run ended as failed ({seconds:.0f} s): everything except {but} above is published."
    say(end, level="error", seconds=round(seconds, 3), success=False)
    raise typer.Exit(Exit.DATA)


def print_unresolved(
    found: Sequence[UnresolvedDelivery], *, listed: int | None = LISTED, width: int | None = None
) -> None:
    """Print the deliveries that need attention, and what to do about them."""
    names = ("source", "extract_date", "status", "load_id", "files", "reason")
    print_lines(list(map(str, found)), listed, width, "delivery", "fcir status --all", _fields(found, names))
    rejected = [item for item in found if item.status == "rejected"]
    if found:
        needs = "needs" if len(found) == 1 else "need"
        following = "Try a file: fcir check FILE; then: fcir run" if rejected else "When the files are there: fcir run"
        say(f"{counted(len(found), 'delivery')} {needs} attention. {following}", deliveries=len(found))
    if acceptable := [item for item in rejected if item.is_acceptable]:
        say(f'To accept it: fcir run --accept {acceptable[0].name} --reason "..."')


def print_failed_files(
    published: Path, *, listed: int | None = LISTED, width: int | None = None, again: str = "fcir publish"
) -> list[FailedRendering]:
    """Print the files that the current publication left out, and return them."""
    failed = failed_renderings(published)
    lines = [f"{item['path']} was left out: {item['reason']}" for item in failed]
    fields = [{"file": item["path"], "reason": item["reason"]} for item in failed]
    print_lines(lines, listed, width, "file", str(pointer_of(published) / MANIFEST), fields)
    if failed:
        say(
            f"{counted(len(failed), 'file')} {be(len(failed))} not published. After correcting the cause "
            f"(docs/runbook.md): {again}"
        )
    return failed


def print_expected(found: Sequence[ExpectedDelivery], listed: int | None = LISTED, width: int | None = None) -> None:
    """Print the deliveries that are expected but not yet due."""
    fields = _fields(found, ("source", "extract_date", "due"))
    print_lines(list(map(str, found)), listed, width, "expected delivery", fields=fields)


def _fields(items: Sequence[object], names: Sequence[str]) -> list[dict[str, Any]]:
    return [{name: getattr(item, name) for name in names} for item in items]


def print_lines(
    lines: Sequence[str],
    listed: int | None,
    width: int | None,
    what: str,
    rest: str = "",
    fields: Sequence[Mapping[str, Any]] | None = None,
) -> None:
    """Print lines with a margin. Lines beyond the maximum number are counted, and lines that are too wide are cut.

    Args:
        lines: the lines.
        listed: maximum number of lines; None: all.
        width: width of the screen; None: lines are not cut.
        what: singular noun for the counted lines.
        rest: where to find the others, for example a command.
        fields: the facts of each line as values, for the JSON form.
    """
    for line, values in zip(lines[:listed], fields or [{}] * len(lines), strict=False):
        text = f"  {line}"
        say(text if width is None or len(text) <= width else f"{text[: width - 1]}…", **values)
    if left := len(lines[listed:]) if listed is not None else 0:
        say(f"  and {counted(left, f'more {what}')}{f': {rest}' if rest else ''}")


def print_publication(settings: Settings, *, is_short: bool = False) -> None:
    """Print the location of the publication; the short form omits files that the site links to."""
    pointer = pointer_of(settings.published)
    if not pointer.exists():
        say("Nothing is published yet.")
        return
    print_fact("Published", pointer.resolve().name)
    if months := months_shown(settings):
        print_fact("Month shown", months)
    _print_files(pointer, _PAGES if is_short else _PAGES | _FILES)
    matched, printed, is_sample = count_matches(settings)
    if printed:
        calibrated = f"; {CALIBRATED}" if is_sample else ""
        print_fact("Reconciled", f"{matched} of {printed} printed figures reproduced exactly{calibrated}")
    if not is_short:
        print_fact("Query", 'fcir query "from board_paper order by month_start desc, sort_order"')
        print_fact("Lineage UI", "make ui, then http://127.0.0.1:3000")


def _print_edition(edition: EditionSummary) -> None:
    pointer = pointer_of(edition.published)
    if pointer.exists():
        print_fact("Published", f"{pointer.resolve().name} ({edition.title})")
        _print_files(pointer, edition.files)


def _print_files(folder: Path, files: Mapping[str, str]) -> None:
    for title, name in files.items():
        # Files that could not be rendered do not exist.
        if (folder / name).exists():
            print_fact(title, folder / name)


def months_shown(settings: Settings) -> str:
    """Return the month that the publication shows first, and the months that are still running.

    Returns:
        For example `January 2023 (newest complete); so far February 2023: 1 of 28 days`. Empty if the force has no
        month.
    """
    from dagster_project.publication.report.model import long_month
    from dagster_project.publication.report.queries import paper_months

    with reading_connection(current_publication(settings.published) / DATABASE) as connection:
        months = paper_months(connection).get(settings.force, [])
    shown = next((item for item in months if item.is_default), None)
    if shown is None:
        return ""
    text = f"{long_month(shown.month)} ({shown.coverage or 'newest complete'})"
    running = [
        f"{long_month(item.month)}: {item.coverage} delivered by every source" for item in months if item.is_running
    ]
    return f"{text}; so far {', '.join(running)}" if running else text


def print_fact(name: str, value: object) -> None:
    """Print a value with its name, which is the key in the JSON form."""
    say(f"{name:<12} {value}", **{name.lower().replace(" ", "_"): str(value)})
