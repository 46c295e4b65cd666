"""The operator's command `fcir`: arguments, words on the screen and exit codes. What is done: `operations.py`.

Every command waits for what is imported here: 0.3 s, most of it typer, rich, pydantic and DuckDB. What imports another
large library, or is needed by one command alone, is imported inside a function.
"""

from __future__ import annotations

import atexit
import gc
import json
import logging
import os
import shutil
import signal
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from textwrap import fill
from types import TracebackType
from typing import Annotated, NoReturn

import duckdb
import typer
from rich.console import Console
from rich.table import Table
from typer.main import get_command

from dagster_project.damage import find_damage, publication_damage
from dagster_project.errors import OperatorError, UsageError
from dagster_project.extracts.errors import printable
from dagster_project.loading.deadlines import ExpectedDelivery
from dagster_project.loading.plan import Range
from dagster_project.operations import (
    RunResult,
    State,
    accept_rejected,
    claim_port,
    contracts_of,
    day_of,
    find_work,
    make_paper,
    months_shown,
    open_in_browser,
    open_landing_warning,
    read_state,
    repair_files,
    run_job,
    serve_ui,
    write_data_docs,
    write_dbt_docs,
)
from dagster_project.publication.catalogue import Listing, describe_table, list_measures, list_tables, page_of
from dagster_project.publication.files import FailedRendering, failed_renderings
from dagster_project.publication.pointer import pointer_of
from dagster_project.publication.query import LONGEST_SECONDS, SECONDS, count_matches, limit_memory, published_query
from dagster_project.publication.report.model import PAPER_MONTHS
from dagster_project.publication.result_formats import write_csv, write_json, write_markdown, write_rows, write_table
from dagster_project.reporting import LOGGER, complain, is_json, report_as, report_to_terminal, say
from dagster_project.settings import LogFormat, Settings, SettingsError, read_settings
from dagster_project.signals import describe_command, stop_on_signals
from dagster_project.warehouse.connection import DatabaseUnreadable
from dagster_project.warehouse.lock import WarehouseLocked
from dagster_project.warehouse.state import OutstandingDelivery, SourceState
from dagster_project.words import be, counted


class Exit(IntEnum):
    """Exit codes of every command."""

    WELL = 0
    DATA = 1
    """Data was rejected, missing or failed a check; everything else was done."""
    USAGE = 2
    """Wrong use or configuration; nothing was done."""
    LOCKED = 75
    """Another run holds the warehouse (EX_TEMPFAIL of sysexits.h: try again later)."""


class Edition(StrEnum):
    """Who a publication is for."""

    INTERNAL = "internal"
    PUBLIC = "public"


class Page(StrEnum):
    """What `fcir open` opens."""

    PAPER = "paper"
    SITE = "site"


app = typer.Typer(
    name="fcir",
    help="The warehouse for police contact and crime performance: extracts in, board figures out.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

# Wider than any table; a column is never cut or folded.
_WIDEST = 10_000

# Measures whose definitions are printed in full; of more there is a line each.
_MEASURES_IN_FULL = 3

# Columns of a terminal from which on a list of measures has their definitions.
_WIDE = 140

# Names listed in a summary; the rest is counted.
_LISTED = 12

# What is true after any error that nobody foresaw: publishing is the last step, and its last act is one pointer.
_STANDS = (
    "What was published before stays, and what was committed is kept. See to the cause and run again: fcir run "
    "(a traceback: fcir --debug run)"
)


@app.callback()
def _settings(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    context.obj = debug
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(Exit.USAGE)


@app.command()
def run(
    context: typer.Context,
    from_: Annotated[str | None, typer.Option("--from", metavar="DATE", help="First extract date.")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last extract date.")] = None,
    source: Annotated[list[str] | None, typer.Option("--source", metavar="SOURCE", help="Only this source.")] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", metavar="SOURCE/DAY", help="Load this rejected delivery anyway; needs --reason."),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why it is accepted; kept in the audit.")
    ] = "",
) -> None:
    """Load what is new, changed or was never accepted; build, test, publish.

    Ends with 1 when a delivery is missing or rejected; all else is done.

    Examples:
      fcir run
      fcir run --from 2022-10-01 --to 2022-10-31 --source crimes
      fcir run --accept call_segments/2022-10-30 --reason "telephony was down"
    """
    settings = _start(debug=bool(context.obj))
    if accept and (from_ or to or source):
        raise UsageError("--accept names the delivery by source and day; leave out --from, --to and --source")
    if reason and not accept:
        raise UsageError('--reason belongs to an accepted delivery: fcir run --accept SOURCE/DAY --reason "..."')
    for waiver in accept_rejected(settings, accept, reason) if accept else ():
        say(
            f"{waiver.source} {waiver.extract_date} will be loaded as it is: {waiver.reason}",
            source=waiver.source,
            extract_date=waiver.extract_date,
            reason=waiver.reason,
        )
    wanted = Range(_day("--from", from_), _day("--to", to))
    if wanted.first and wanted.last and wanted.first > wanted.last:
        raise UsageError(f"--from {wanted.first} is after --to {wanted.last}")
    started = time.monotonic()
    work = find_work(settings, wanted=wanted, sources=source or [])
    _repair(settings)
    if not work.is_needed:
        _warn_of_open_landing(settings)
        for warning in work.plan.warnings:
            _warn(warning)
        wanted_sources = contracts_of(source or [])
        held = len(
            {
                (file.source, file.extract_date)
                for file in work.plan.held
                if file.source in wanted_sources and file.extract_date in wanted
            }
        )
        say(
            f"Nothing is new but {counted(held, 'delivery')} that {be(held)} not complete; run again when "
            f"{'it is' if held == 1 else 'they are'}: fcir run"
            if held
            else "Nothing is new: every delivery in the landing folder is loaded, built and published."
        )
        _tell_expected(work.expected)
        _tell_outstanding(work.outstanding)
        failed = _tell_failed(settings.published)
        _tell_publication(settings)
        raise typer.Exit(Exit.DATA if work.outstanding or failed else Exit.WELL)
    # What lies in a source's folder is told with the source.
    of_sources = tuple(f"{name}/" for name in contracts_of([]))
    for warning in work.plan.warnings:
        if not warning.startswith(of_sources):
            _warn(warning)
    result = run_job(settings, "nightly", wanted=wanted, sources=source or [], debug=bool(context.obj))
    _warn_of_open_landing(settings)
    _summarise(settings, result, time.monotonic() - started)


@app.command()
def publish(
    context: typer.Context,
    edition: Annotated[
        Edition, typer.Option("--edition", help="internal: all marts; public: what may leave the force.")
    ] = Edition.INTERNAL,
) -> None:
    """Publish again without reloading, or publish what may leave the force.

    The public edition is published beside the internal one.

    Examples:
      fcir publish
      fcir publish --edition public
    """
    settings = _start(debug=bool(context.obj))
    _repair(settings)
    started = time.monotonic()
    if edition is Edition.PUBLIC:
        result = run_job(settings, "publish_public", debug=bool(context.obj))
        _summarise_public(settings, result, time.monotonic() - started)
    result = run_job(settings, "publish", debug=bool(context.obj))
    _summarise(settings, result, time.monotonic() - started)


@app.command()
def paper(
    month: Annotated[
        str | None, typer.Option("--month", metavar="YYYY-MM", help="Last month; default: the newest complete one.")
    ] = None,
    months: Annotated[int, typer.Option("--months", min=1, max=24, help="How many months it shows.")] = PAPER_MONTHS,
    force: Annotated[str | None, typer.Option("--force", help="Force; default: FCIR_FORCE.")] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the files.")] = Path("paper"),
) -> None:
    """Write a board paper from what is published: page, PDF, workbook and CSV.

    Nothing that is published is changed.

    Examples:
      fcir paper
      fcir paper --month 2022-10 --months 12 --out october
    """
    from dagster_project.tracing import parse_month

    settings = _start()
    made = make_paper(
        settings, out, month=parse_month(month) if month else None, length=months, force_code=force or settings.force
    )
    for file in made:
        say(str(file))


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Extracts to try.")],
    source: Annotated[str | None, typer.Option("--source", metavar="SOURCE", help="Their source.")] = None,
    rows: Annotated[int, typer.Option("--rows", min=0, help="Quarantined rows to show for each file.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines: files, rows, counts and verdicts.")] = False,
) -> None:
    """Say what a run would do with extracts, without loading them: rows, faults, and the verdict on each delivery.

    Files of one source and day are one delivery, with those of that day in the landing folder.
    Ends with 1 when a delivery would be rejected.

    Examples:
      fcir check crimes_2022-10-30.csv
      fcir check export.csv --source crimes --rows 5
    """
    # It imports pyarrow and the readers.
    from dagster_project.check_output import show_check
    from dagster_project.dry_run import check_files

    settings = read_settings()
    if as_json:
        report_as(LogFormat.JSON)
    checked = check_files(settings, files, source=source, shown=rows)
    for delivery in checked:
        show_check(delivery)
    raise typer.Exit(Exit.WELL if all(delivery.verdict.is_accepted for delivery in checked) else Exit.DATA)


@app.command()
def status(
    everything: Annotated[
        bool, typer.Option("--all", help="Every delivery that needs attention, with its whole reason.")
    ] = False,
) -> None:
    """Show, for each source, what is loaded, missing, rejected and quarantined, and what is published.

    While a run holds the warehouse: what runs, at which step, and the state of the last publication.
    Ends with 1 when a delivery is missing or rejected, or a file is damaged or left out, by the state that is shown.
    A delivery that is expected, before the deadline of its source, is not missing.

    Examples:
      fcir status
      fcir status --all
    """
    settings = read_settings()
    state = read_state(settings)
    _warn_of_open_landing(settings)
    # Files that a run is just writing are not damaged; a publication is written before anybody is pointed to it.
    damaged = list(publication_damage(settings)) if state.locked else find_damage(settings)
    for damage in damaged:
        _warn(f"{damage}. Run: fcir run")
    if state.locked:
        _tell_locked(state)
    elif state.killed and state.killed.command.startswith(("fcir run", "fcir publish", "Dagster")):
        _warn(
            f"{state.killed.command} (process {state.killed.pid}, started {_moment(state.killed.since)}) was killed"
            f"{f' while {state.killed.step}' if state.killed.step else ''}. Nothing is half loaded. Run: fcir run",
            killed_at_step=state.killed.step,
        )
    if not state.sources:
        if not state.locked:
            _tell_nothing_loaded(settings, state)
        raise typer.Exit(Exit.DATA if damaged else Exit.WELL)
    if is_json():
        for item in state.sources:
            say(f"{item.source}: {counted(item.days_loaded, 'day')} loaded", **asdict(item))
    else:
        _print_states(state.sources)
    if state.waiting:
        waiting = counted(state.waiting, "delivery")
        say(f"{waiting} in the landing folder {be(state.waiting)} new, changed or rejected. Run: fcir run")
    elif not state.is_published:
        say("What is loaded is not published yet. Run: fcir run")
    _tell_held(state.held)
    # A screen has 24 lines: seven sources with their head and what is published take 12, what is to be done 7.
    listed, width = (None, None) if everything or is_json() else (3, shutil.get_terminal_size((80, 24)).columns)
    _tell_expected(state.expected, 1 if listed else None, width)
    _tell_some([str(source) for source in state.overdue], 2 if listed else None, width, "overdue source")
    if is_json():
        for month in state.affected:
            say(str(month), **asdict(month))
    else:
        texts = [str(month) for month in state.affected]
        name = "month with more than 1 % of its rows quarantined"
        _tell_some(texts, 2 if listed else None, width, name, "fcir status --all")
    _tell_outstanding(state.outstanding, listed=listed, width=width, rest="fcir status --all")
    failed = _tell_failed(settings.published, listed=listed, width=width)
    if not any(damage.file.is_relative_to(settings.published) for damage in damaged):
        _tell_publication(settings, is_short=True)
    raise typer.Exit(Exit.DATA if state.outstanding or damaged or failed else Exit.WELL)


def _tell_locked(state: State) -> None:
    """What holds the warehouse, since when and at which step, and of what the lines below are the state."""
    holder = state.running
    if holder is None:
        say(f"The warehouse cannot be read at present: {state.locked}")
    else:
        step = f": {holder.step} since {_moment(holder.step_since)}" if holder.step else ""
        say(
            f"{holder.command or 'A command'} is running (process {holder.pid}, started {_moment(holder.since)}){step}",
            **asdict(holder),
        )
    say(
        f"Below is the state of the last publication, {state.published_as}; the present one when this has ended."
        if state.published_as
        else "Nothing is published yet. The state of the sources when this has ended: fcir status"
    )


def _moment(instant: datetime) -> str:
    """An instant on this machine's clock, with its date unless it is today's."""
    local = instant.astimezone()
    return f"{local:%H:%M:%S}" if local.date() == datetime.now().astimezone().date() else f"{local:%Y-%m-%d %H:%M:%S}"


def _tell_nothing_loaded(settings: Settings, state: State) -> None:
    if settings.landing.is_dir():
        waiting = counted(state.waiting, "delivery")
        say(
            f"Nothing is loaded yet; {waiting} {'waits' if state.waiting == 1 else 'wait'} in {settings.landing}. "
            "Run: fcir run"
        )
        _tell_held(state.held)
    else:
        say(
            f"Nothing is loaded yet, and there is no landing folder {settings.landing}. Is FCIR_HOME right? In a new "
            "installation make the folder, or write synthetic extracts: fcir sample"
        )


def _tell_held(held: int) -> None:
    if held:
        one = held == 1
        say(
            f"{counted(held, 'delivery')} {be(held)} not complete yet; fcir run takes {'it' if one else 'them'} when "
            f"{'it is' if one else 'they are'}"
        )


def _tell_expected(found: Sequence[ExpectedDelivery], listed: int | None = _LISTED, width: int | None = None) -> None:
    """Deliveries that have not come and need not have: nothing is wrong."""
    shown = found if listed is None else found[:listed]
    for item in shown:
        say(_cut(str(item), width), source=item.source, extract_date=item.extract_date, due=item.due)
    if len(found) > len(shown):
        say(f"  and {counted(len(found) - len(shown), 'more expected delivery')}")


def _tell_some(lines: Sequence[str], listed: int | None, width: int | None, what: str, rest: str = "") -> None:
    """Lines with a margin; those beyond the number that is listed are counted, and what is wider is cut.

    Args:
        lines: what there is.
        listed: how many lines are printed; None: all.
        width: of the screen; None: lines are not cut.
        what: the noun of what is counted, for one of them.
        rest: where the others are, for example a command.
    """
    shown = lines if listed is None else lines[:listed]
    for line in shown:
        say(_cut(line, width))
    if left := len(lines) - len(shown):
        say(f"  and {counted(left, f'more {what}')}{f': {rest}' if rest else ''}")


def _cut(text: str, width: int | None) -> str:
    """A line with a margin, cut where it is wider than the screen."""
    text = f"  {text}"
    return text if width is None or len(text) <= width else f"{text[: width - 1]}…"


def _print_states(sources: tuple[SourceState, ...]) -> None:
    table = _table()
    table.add_column("source", no_wrap=True)
    for title in ("days", "missing", "rejected", "rows", "quarantined", "newest"):
        table.add_column(title, justify="right", no_wrap=True)
    for item in sources:
        table.add_row(
            item.source,
            f"{item.days_loaded:,}",
            f"{item.days_missing:,}",
            f"{item.days_rejected:,}",
            f"{item.rows_loaded:,}",
            f"{item.rows_quarantined:,}",
            str(item.newest or "never"),
        )
    _print(table)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(metavar="SQL")],
    as_csv: Annotated[bool, typer.Option("--csv", help="Print all rows as CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all rows as JSON, one array of objects.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print all rows as a Markdown table.")] = False,
    is_whole: Annotated[bool, typer.Option("--all", help="Print all rows of the table, not the first 200.")] = False,
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout", metavar="SECONDS", help="End the query after so many seconds, 3600 at most.", show_default="60"
        ),
    ] = SECONDS,
) -> None:
    """Answer a query from the published database, read-only. Tables are in the schema marts.

    A table shows the first 200 rows; the other formats have all of them.
    Limits: 60 seconds (--timeout), 1 GB of memory, 2 threads.
    In CSV, text that a spreadsheet would evaluate has an apostrophe in front.
    JSON is exact.

    Examples:
      fcir query "from kpi_calls_monthly where line = '999'"
      fcir query "show tables"
      fcir query "from fct_call" --csv > calls.csv
    """
    if as_csv + as_json + as_markdown > 1:
        raise UsageError("choose one of --csv, --json and --markdown")
    if not 0 < timeout <= LONGEST_SECONDS:
        raise UsageError(f"--timeout {timeout:g}: expected a number of seconds above 0, at most {LONGEST_SECONDS:g}")
    # A reader that goes away ends the process at once, as it ends other programs of a pipeline.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    limit_memory()
    _print_in_utf8()
    with published_query(read_settings(), sql, seconds=timeout, end=_end_at_once) as answer:
        if as_csv or as_json or as_markdown:
            write = write_csv if as_csv else write_json if as_json else write_markdown
            write(answer.columns, chain.from_iterable(answer.chunks()), sys.stdout)
        else:
            write_table(answer, sys.stdout, is_whole=is_whole)
        sys.stdout.flush()


def _print_in_utf8() -> None:
    """Print data in UTF-8 whatever the locale is; a terminal keeps its encoding, and gets escaped what it lacks."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding=None if sys.stdout.isatty() else "utf-8", errors="backslashreplace")


def _end_at_once(error: Exception) -> None:
    """End the process from another thread than the one that is held up; what it has not written yet is lost."""
    complain(str(error), exit_code=int(Exit.USAGE))
    os._exit(Exit.USAGE)


@app.command()
def measures(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="What code, label or definition has in it; default: all.")
    ] = "",
    section: Annotated[str, typer.Option("--section", metavar="SECTION", help="Only this section: calls_999.")] = "",
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one array of objects.")] = False,
) -> None:
    """List the published measures: code, label, unit and definition.

    Up to three measures are shown in full.

    Examples:
      fcir measures
      fcir measures queue --section calls_101
      fcir measures --csv > measures.csv
    """
    _choose_one(as_csv, as_json)
    found = list_measures(read_settings(), text=text, section=section)
    if _printed(found, as_csv=as_csv, as_json=as_json):
        return
    if len(found.rows) > _MEASURES_IN_FULL:
        _list_measures(found)
        return
    for row in found.rows:
        _print_measure(dict(zip(found.columns, row, strict=True)))


@app.command()
def tables(
    name: Annotated[str, typer.Argument(metavar="TABLE", help="Show the columns of this table; default: none.")] = "",
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one array of objects.")] = False,
) -> None:
    """List the published tables with their rows and grain, or the columns of one.

    The grain is the columns by which no two rows are alike.

    Examples:
      fcir tables
      fcir tables kpi_calls_monthly
      fcir tables fct_call --json
    """
    _choose_one(as_csv, as_json)
    settings = read_settings()
    if not name:
        found = list_tables(settings)
        if not _printed(found, as_csv=as_csv, as_json=as_json):
            write_rows(found.columns, found.rows, sys.stdout)
        return
    table = describe_table(settings, name)
    if not _printed(table.columns, as_csv=as_csv, as_json=as_json):
        print(f"{table.name}: {counted(table.rows, 'row')}")
        print(f"{fill(table.description, _text_width())}\n")
        write_rows(table.columns.columns, table.columns.rows, sys.stdout)


@app.command("open")
def open_page(
    page: Annotated[Page, typer.Argument(metavar="PAGE", help="paper or site.")] = Page.PAPER,
) -> None:
    """Open the published board paper or site in the browser, and print where it is.

    Without a display it is only printed.

    Examples:
      fcir open
      fcir open site
    """
    settings = read_settings()
    name = {Page.PAPER: "board_paper.html", Page.SITE: "index.html"}[page]
    file = page_of(settings, name)
    say(str(file), path=str(file))
    open_in_browser(file)


def _choose_one(as_csv: bool, as_json: bool) -> None:
    if as_csv and as_json:
        raise UsageError("choose one of --csv and --json")
    _print_in_utf8()


def _printed(found: Listing, *, as_csv: bool, as_json: bool) -> bool:
    """Print a listing as CSV or JSON where either was asked for; whether it was."""
    if as_csv or as_json:
        (write_csv if as_csv else write_json)(found.columns, found.rows, sys.stdout)
    return as_csv or as_json


def _text_width() -> int:
    """Where a paragraph is broken: at the width of the screen, but no line is longer than one reads with ease."""
    return min(shutil.get_terminal_size((80, 24)).columns, 100)


def _list_measures(found: Listing) -> None:
    """One line for each measure; a definition that a terminal would cut is left out."""
    names = ("measure", "unit", "label", "definition")
    shown = len(names) - (sys.stdout.isatty() and shutil.get_terminal_size().columns < _WIDE)
    places = [found.columns.index(name) for name in names[:shown]]
    rows = [tuple(row[place] for place in places) for row in found.rows]
    write_rows(names[:shown], rows, sys.stdout)
    if sys.stdout.isatty():
        print(f"{counted(len(found.rows), 'measure')}. Definition of one: fcir measures CODE")


def _print_measure(measure: Mapping[str, object]) -> None:
    print(measure["measure"])
    for name, value in measure.items():
        if value is not None and name != "measure":
            text = f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
            shown = fill(text, _text_width(), initial_indent=f"  {name:<12} ", subsequent_indent=" " * 15)
            print(shown)


@app.command()
def trace(
    measure: Annotated[str, typer.Argument(metavar="MEASURE", help="Code of the catalogue: calls_999.received.")],
    month: Annotated[str, typer.Argument(metavar="MONTH", help="YYYY-MM.")],
    force: Annotated[str | None, typer.Option("--force", metavar="FORCE", help="Of which force.")] = None,
    rows: Annotated[bool, typer.Option("--rows", help="List every row of an extract that was counted.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object.")] = False,
) -> None:
    """Go from a printed figure back to its definition, its sums, and the files and rows that they were counted from.

    Ends with 1 when the figure does not add up. Codes: fcir measures

    Examples:
      fcir trace calls_999.received 2022-10
      fcir trace crime.pct_cancelled 2022-10 --rows --csv
    """
    from dagster_project.tracing import trace_figure
    from dagster_project.tracing_text import document_of, lines_of, records_of

    if as_csv and as_json:
        raise UsageError("choose one of --csv and --json")
    found = trace_figure(read_settings(), measure, month, force=force, with_rows=rows)
    if as_csv:
        write_csv(*records_of(found, with_rows=rows), sys.stdout)
    elif as_json:
        print(json.dumps(document_of(found, with_rows=rows), default=str, indent=2))
    else:
        for line in lines_of(found):
            print(line if line.isprintable() else printable(line))
    for fault in found.faults:
        complain(f"{measure} {month} does not add up: {fault}")
    raise typer.Exit(Exit.DATA if found.faults else Exit.WELL)


@app.command()
def sample(
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder; the landing folder.")] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First extract date; 2021-02-01 if not given.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Last extract date; 2023-01-31 if not given.")
    ] = None,
    if_empty: Annotated[
        bool, typer.Option("--if-empty", help="Do nothing when the folder holds something already.")
    ] = False,
) -> None:
    """Write synthetic extracts of two forces, calibrated to the figures of a printed board paper.

    A day has the same files whichever range is asked for. The printed months are August 2022 to January 2023. A file
    SYNTHETIC in the folder marks all that is made from it.

    Examples:
      fcir sample
      fcir sample --out extracts --from 2022-08-01
    """
    from dagster_project.sample import FIRST_DAY, LAST_DAY, write

    settings = read_settings()
    first, last = _day("--from", from_) or FIRST_DAY, _day("--to", to) or LAST_DAY
    for option, day in (("--from", first), ("--to", last)):
        if not FIRST_DAY <= day <= LAST_DAY:
            raise UsageError(f"{option} {day}: the sample has {FIRST_DAY} to {LAST_DAY}")
    if first > last:
        raise UsageError(f"--from {first} is after --to {last}")
    folder = out or settings.landing
    if if_empty and folder.is_dir() and any(folder.iterdir()):
        say(f"{folder} holds extracts already; none were written.")
        return

    def report(month: str, files: int, rows: int) -> None:
        say(f"{'sample':<12} {month:<22} {files:,} files, {rows:,} rows", month=month, files=files, rows=rows)

    try:
        made = write(folder, first=first, last=last, report=report)
    except FileExistsError as error:
        # With a number it is the system's: something on the way to the folder is a file.
        if error.errno:
            raise
        raise UsageError(f"{error} Name it with --out.") from None
    say(f"{made.files:,} synthetic extracts with {sum(made.rows.values()):,} rows are in {folder}.")


@app.command()
def ui(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port on 127.0.0.1.")] = 3000,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Allow no changes and start no runs; for viewers.")
    ] = False,
) -> None:
    """Run the lineage UI and the scheduler on this machine until stopped with Ctrl-C.

    It listens on 127.0.0.1 alone.

    Examples:
      fcir ui
      fcir ui --port 3001 --read-only
    """
    settings = _start()
    claim_port(port)
    if not read_only:
        _repair(settings)
    schedule = "no schedule runs" if read_only else "the nightly schedule runs while it is up"
    say(f"Lineage UI   http://127.0.0.1:{port}   (Ctrl-C stops it; {schedule})")
    raise typer.Exit(serve_ui(settings, port=port, read_only=read_only))


@app.command()
def docs(
    data_docs: Annotated[
        bool, typer.Option("--data-docs", help="Write the results of validation as Great Expectations shows them.")
    ] = False,
) -> None:
    """Write the documentation of all models and columns as one page.

    The pages need no server and no network; where they are is printed.

    Examples:
      fcir docs
      fcir docs --data-docs
    """
    settings = _start()
    if data_docs:
        say(f"Data Docs  {write_data_docs(settings)}")
        return
    _repair(settings)
    say(f"Documentation  {write_dbt_docs(settings)}")


def main() -> None:
    """Run the command; every expected error ends in one line on standard error and its exit code."""
    stop_on_signals(sys.argv[1:])
    if sys.stdout is None:
        # A shell has closed it (>&-).
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - until the process ends
    debug = "--debug" in sys.argv
    if debug:
        sys.argv = [sys.argv[0], "--debug", *(item for item in sys.argv[1:] if item != "--debug")]
    _quieten_libraries()
    _look_for_garbage_less()
    # What is wrong with the settings is told by the command; how to tell it, by the environment alone.
    if not debug:
        sys.excepthook = _say_unexpected
    report_as(LogFormat.JSON if os.environ.get("FCIR_LOG_FORMAT") == LogFormat.JSON else LogFormat.TEXT)
    with suppress(SettingsError, OSError):
        settings = read_settings()
        report_as(settings.log_format)
        pointers = (pointer_of(settings.published), pointer_of(settings.published_public))
        describe_command(pointers=pointers, is_json=is_json())
    try:
        # Not `app()`, which puts typer's own hook in place of the one above.
        code = get_command(app)(prog_name="fcir", standalone_mode=False)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        _fail(f"{error.format_message()} See: {context.command_path if context else 'fcir'} --help", Exit.USAGE)
    except WarehouseLocked as error:
        _fail(error, Exit.LOCKED, debug)
    except OperatorError as error:
        _fail(error, Exit.USAGE, debug)
    except DatabaseUnreadable as error:
        _fail(error, Exit.DATA, debug)
    except OSError as error:
        _fail(f"{_of_the_system(error)}. {_STANDS}", Exit.DATA, debug, error)
    except _errors_of_databases() as error:
        said = str(error).splitlines()[0].rstrip(".")
        # SQLite's own words; the databases of SQLite are Dagster's alone.
        stands = _stands_without_history() if "disk image is malformed" in str(error) else _STANDS
        _fail(f"{said}. {stands}", Exit.DATA, debug, error)
    sys.exit(code or Exit.WELL)


def _look_for_garbage_less() -> None:
    """Have Python look for unused objects rarely, and not at all when it ends.

    A run makes 700,000 objects that live until its end. To look through them took 2.3 of its 29 CPU seconds, and 2 more
    after its last word. With this it takes 1.4 and 0.2, and as much memory at most.
    """
    gc.set_threshold(10_000)
    atexit.register(gc.freeze)


def _fail(said: Exception | str, code: Exit, debug: bool = False, cause: Exception | None = None) -> NoReturn:
    if debug and not isinstance(said, str):
        raise said
    if debug and cause:
        raise cause
    complain(str(said), exit_code=int(code))
    sys.exit(code)


def _say_unexpected(kind: type[BaseException], _error: BaseException, trace: TracebackType | None) -> None:
    """One line for an error that nobody foresaw: its type and where it was raised; its text may quote a cell."""
    while trace and trace.tb_next:
        trace = trace.tb_next
    where = f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
    complain(f"unexpected {kind.__name__}{where}. {_STANDS}", exit_code=int(Exit.DATA))


def _stands_without_history() -> str:
    """What to do about a database of Dagster that was found to be damaged while it was written to."""
    history = read_settings().dagster_home / "history"
    return (
        f"The history of runs in {history} is damaged; the warehouse is not, and what was published before stays. Set "
        f"it aside: mv {history} {history}.damaged, then: fcir run"
    )


def _errors_of_databases() -> tuple[type[Exception], ...]:
    """What databases raise; SQLAlchemy costs 0.1 s to import, so it waits until there is an error to tell apart."""
    from sqlalchemy.exc import SQLAlchemyError

    return SQLAlchemyError, duckdb.Error


def _of_the_system(error: OSError) -> str:
    """What the operating system refused, and of which file; its number is for programmers."""
    said = error.strerror or str(error) or type(error).__name__
    if isinstance(error, PermissionError) and error.filename:
        said += f"; run as its owner, or give this user access: chmod u+rw {error.filename}"
    return f"{error.filename}: {said[0].lower()}{said[1:]}" if error.filename else said


def _quieten_libraries() -> None:
    """Libraries talk to developers; an operator reads the lines of this command."""
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    # For a child process of Python's, which tidies up semaphores of dbt after a command that was stopped, and says so.
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker")
    warnings.filterwarnings("ignore")
    logging.getLogger("dagster").setLevel(logging.ERROR)


def _start(*, debug: bool = False) -> Settings:
    settings = read_settings()
    report_to_terminal(settings.log_format)
    if debug:
        LOGGER.setLevel(logging.DEBUG)
    return settings


def _warn_of_open_landing(settings: Settings) -> None:
    if warning := open_landing_warning(settings):
        _warn(warning)


def _repair(settings: Settings) -> None:
    """Get damaged files out of the way that can be made again."""
    for damage in repair_files(settings):
        _warn(str(damage))


def _warn(message: str, **fields: object) -> None:
    say(message if is_json() else f"warning: {message}", level="warning", **fields)


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    day = day_of(text)
    if day is None:
        raise UsageError(f"{option} {text}: not a date; expected YYYY-MM-DD")
    return day


def _summarise(settings: Settings, result: RunResult, seconds: float) -> None:
    say("")
    for failure in result.failures:
        say(f"failed: {failure}", level="error")
    _tell_expected(result.expected)
    _tell_outstanding(result.outstanding)
    failed = [] if result.failures else _tell_failed(settings.published)
    _tell_publication(settings)
    if result.success:
        say(f"All is well ({seconds:.0f} s).", seconds=round(seconds, 3), success=True)
        raise typer.Exit(Exit.WELL)
    if result.failures:
        end = f"The run failed ({seconds:.0f} s). What was published before stays. See to what failed and run: fcir run"
    else:
        what = " and ".join(
            [*(["the deliveries"] if result.outstanding else []), *(["the files that were left out"] if failed else [])]
        )
        end = f"The run ended as failed ({seconds:.0f} s): all else is published, {what} above are not in it."
    say(end, level="error", seconds=round(seconds, 3), success=False)
    raise typer.Exit(Exit.DATA)


def _summarise_public(settings: Settings, result: RunResult, seconds: float) -> NoReturn:
    say("")
    for failure in result.failures:
        say(f"failed: {failure}", level="error")
    _tell_outstanding(result.outstanding)
    pointer = pointer_of(settings.published_public)
    failed = _tell_failed(settings.published_public, again="fcir publish --edition public") if result.success else []
    if pointer.exists():
        say(f"Published    {pointer.resolve().name} (public edition)")
        for title, name in (("Read first", "README.md"), ("Board paper", "board_paper.html"), ("Tables", "csv")):
            if (pointer / name).exists():
                say(f"{title:<12} {pointer / name}")
    if result.success and not result.outstanding and not failed:
        say(f"All is well ({seconds:.0f} s).")
        raise typer.Exit(Exit.WELL)
    ended = "The edition is published; see the lines above" if result.success else "No edition was published"
    say(f"{ended} ({seconds:.0f} s).")
    raise typer.Exit(Exit.DATA)


def _tell_outstanding(
    found: Sequence[OutstandingDelivery],
    *,
    listed: int | None = _LISTED,
    width: int | None = None,
    rest: str = "fcir status --all",
) -> None:
    shown = found if listed is None else found[:listed]
    for item in shown:
        say(
            _cut(str(item), width),
            source=item.source,
            extract_date=item.extract_date,
            status=item.status,
            load_id=item.load_id,
            files=item.files,
            reason=item.reason,
        )
    if left := len(found) - len(shown):
        say(f"  and {counted(left, 'more delivery')}: {rest}")
    rejected = [item for item in found if item.status == "rejected"]
    if found:
        needs = "needs" if len(found) == 1 else "need"
        following = "Try a file: fcir check FILE; then: fcir run" if rejected else "When the files are there: fcir run"
        say(f"{counted(len(found), 'delivery')} {needs} attention. {following}", deliveries=len(found))
    if acceptable := [item for item in rejected if item.is_acceptable]:
        say(f'Right as it is: fcir run --accept {acceptable[0].name} --reason "..."')


def _tell_failed(
    published: Path, *, listed: int | None = _LISTED, width: int | None = None, again: str = "fcir publish"
) -> list[FailedRendering]:
    """Name the files that the current publication left out; returns them."""
    failed = failed_renderings(published)
    lines = [f"{item['path']} was left out: {item['reason']}" for item in failed]
    manifest = str(pointer_of(published) / "manifest.json")
    shown = failed if listed is None else failed[:listed]
    for item, line in zip(shown, lines, strict=False):
        say(_cut(line, width), file=item["path"], reason=item["reason"])
    if left := len(failed) - len(shown):
        say(f"  and {counted(left, 'more file')} left out: {manifest}")
    if failed:
        say(
            f"{counted(len(failed), 'file')} {be(len(failed))} not published. When the cause is removed "
            f"(docs/runbook.md): {again}"
        )
    return failed


def _tell_publication(settings: Settings, *, is_short: bool = False) -> None:
    """Where to find what is published; the short form leaves out what lies beside the site and is linked by it."""
    pointer = pointer_of(settings.published)
    if not pointer.exists():
        say("Nothing is published yet.")
        return
    _tell("Published", pointer.resolve().name)
    if months := months_shown(settings):
        _tell("Month shown", months)
    files = {"Site": "index.html", "Board paper": "board_paper.html"}
    if not is_short:
        files |= {
            "PDF": "board_paper.pdf",
            "Workbook": "board_paper.xlsx",
            "Database": "fcir.duckdb",
            "Parquet": "parquet",
        }
    for title, name in files.items():
        # What could not be rendered is not there.
        if (pointer / name).exists():
            _tell(title, pointer / name)
    matched, printed = count_matches(settings)
    if printed:
        _tell("Reconciled", f"{matched} of {printed} printed figures reproduced exactly")
    if not is_short:
        _tell("Query", 'fcir query "select * from board_paper"')
        _tell("Lineage UI", "make ui, then http://127.0.0.1:3000")


def _tell(name: str, value: object) -> None:
    say(f"{name:<12} {value}", **{name.lower().replace(" ", "_"): str(value)})


def _table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))


def _print(table: Table) -> None:
    """Print a table as wide as it is: a terminal scrolls or wraps it, a file keeps it."""
    console = Console(highlight=False, width=_WIDEST)
    with console.capture() as captured:
        console.print(table)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))
