"""Final lines of several commands: what needs attention, what was left out, where the publication is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

import typer

from dagster_project.cli.exits import Exit
from dagster_project.cli.jobs import RunResult
from dagster_project.console import say
from dagster_project.loading.deadlines import ExpectedDelivery
from dagster_project.publication.files import (
    DATABASE,
    MANIFEST,
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
_CODE = re.compile(r" \[\w+\]$")
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
    again, has_files = command if edition else "fcir publish", not result.failures
    failed = print_attention(published, result.expected, result.unresolved, again=again, has_files=has_files)
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
        found = ["deliveries that need attention"] if result.unresolved else []
        found += ["files that were left out"] if failed else []
        end = f"The run ended with {' and '.join(found)} ({seconds:.0f} s): everything else is published."
    say(end, level="error", seconds=round(seconds, 3), success=False)
    raise typer.Exit(Exit.DATA)


@dataclass(frozen=True)
class _LeftOut:
    file: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file} was left out: {self.reason}"


def print_attention(
    published: Path,
    expected: Sequence[ExpectedDelivery],
    unresolved: Sequence[UnresolvedDelivery],
    *,
    others: Mapping[str, Sequence[Any]] = MappingProxyType({}),
    again: str = "fcir publish",
    has_files: bool = True,
    few: int | None = LISTED,
    most: int | None = LISTED,
    width: int | None = None,
) -> bool:
    """Print what is expected, what needs attention, and what to do about it; return whether a file was left out.

    Args:
        published: folder of the publications.
        expected: deliveries that are not yet due.
        unresolved: deliveries that are missing, rejected or incomplete.
        others: more that is listed, by its singular noun.
        again: command that publishes again.
        has_files: whether files that the current publication left out are listed.
        few: maximum number of lines of a kind that is only for information; None: all.
        most: maximum number of deliveries and of files; None: all.
        width: width of the screen, to which lines are cut; None: lines are not cut.
    """
    print_items(expected, "expected delivery", few, width)
    for what, items in others.items():
        print_items(items, what, few, width, "fcir status --all")
    print_items(unresolved, "delivery", most, width, "fcir status --all")
    rejected = [item for item in unresolved if item.status == "rejected"]
    if unresolved:
        needs = "needs" if len(unresolved) == 1 else "need"
        following = "Try a file: fcir check FILE; then: fcir run" if rejected else "When the files are there: fcir run"
        say(f"{counted(len(unresolved), 'delivery')} {needs} attention. {following}", deliveries=len(unresolved))
    if acceptable := [item for item in unresolved if item.is_acceptable]:
        say(f'To accept one: fcir run --accept {acceptable[0].name} --reason "..."')
    failed = [_LeftOut(item["path"], item["reason"]) for item in failed_renderings(published)] if has_files else []
    print_items(failed, "file", most, width, str(pointer_of(published) / MANIFEST))
    if failed:
        say(
            f"{counted(len(failed), 'file')} {be(len(failed))} not published. After correcting the cause "
            f"(docs/runbook.md): {again}"
        )
    return bool(failed)


def print_items(items: Sequence[Any], what: str, listed: int | None, width: int | None = None, rest: str = "") -> None:
    """Print dataclasses as lines with a margin, and their fields in the JSON form.

    Args:
        items: what is printed.
        what: singular noun for the lines beyond the maximum number, which are counted.
        listed: maximum number of lines; None: all.
        width: width of the screen, to which lines are cut, but for a code at the end; None: lines are not cut.
        rest: where to find the others, for example a command.
    """
    for item in items[:listed]:
        text = f"  {item}"
        if width is not None and len(text) > width:
            # The code, by which a reason is looked up, is at its end.
            code = _CODE.search(text)
            end = f"…{code[0] if code else ''}"
            text = text[: max(width - len(end), 0)] + end
        say(text, **asdict(item))
    if left := len(items[listed:]) if listed is not None else 0:
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


def count_matches(settings: Settings) -> tuple[int, int, bool]:
    """Return how many printed figures the current publication reproduces, of how many, and whether it is a sample."""
    with reading_connection(current_publication(settings.published) / DATABASE) as connection:
        [counts] = connection.execute(
            """
            select
                count(*) filter (where verdict in ('match', 'match_other_formula')),
                count(*),
                (select coalesce(bool_or(is_synthetic), false) from marts.load_audit)
            from marts.reconciliation
            """
        ).fetchall()
        return counts


def print_fact(name: str, value: object) -> None:
    """Print a value with its name, which is the key in the JSON form."""
    say(f"{name:<12} {value}", **{name.lower().replace(" ", "_"): str(value)})
