"""`fcir query`: query the published database, read-only and within limits."""

import os
import signal
import sys
import threading
from itertools import chain
from typing import Annotated

import typer

from dagster_project.child_process import continue_in_child
from dagster_project.cli.exits import Exit
from dagster_project.cli.output import print_in_utf8
from dagster_project.console import print_error
from dagster_project.errors import UsageError
from dagster_project.publication.query import (
    LONGEST_SECONDS,
    SECONDS,
    limit_memory,
    published_query,
    write_csv,
    write_json,
    write_markdown,
    write_table,
)
from dagster_project.settings import read_settings

_SECONDS_TO_PRINT = 0.5


def query(
    sql: Annotated[str, typer.Argument(metavar="SQL")],
    as_csv: Annotated[bool, typer.Option("--csv", help="Print all rows as CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all rows as JSON, one array of objects.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print all rows as a Markdown table.")] = False,
    is_whole: Annotated[bool, typer.Option("--all", help="Print all rows of the table, not the first 200.")] = False,
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            help="Stop the query after this many seconds, at most 3600.",
            show_default="60",
        ),
    ] = SECONDS,
) -> None:
    """Query the published database, read-only. Tables are in the schema marts.

    A table shows the first 200 rows; the other formats have all of them.
    Limits: 60 seconds (--timeout), 1 GB of memory, 2 threads.
    In CSV, text that a spreadsheet would evaluate is prefixed with an apostrophe.
    JSON keeps the exact values.

    Examples:
      fcir query "from kpi_calls_monthly where line = '999'"
      fcir query "show tables"
      fcir query "from fct_call" --csv > calls.csv
    """
    if as_csv + as_json + as_markdown > 1:
        raise UsageError("choose one of --csv, --json and --markdown")
    if not 0 < timeout <= LONGEST_SECONDS:
        raise UsageError(f"--timeout {timeout:g}: expected a number of seconds above 0, at most {LONGEST_SECONDS:g}")
    # DuckDB crashes on some queries, for example on JSON that is nested very deeply.
    if crash := continue_in_child():
        raise UsageError(
            f"the query crashed DuckDB ({crash}); nothing was changed, and what it printed is incomplete. Ask for "
            "less, such as values that are nested less deeply, or open the database in another tool: "
            "docs/analyst_access.md"
        )
    # When the reader of a pipe closes it, end the process at once, as other programs of a pipeline do.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    limit_memory()
    print_in_utf8()
    with published_query(read_settings(), sql, seconds=timeout, end=_end_at_once) as answer:
        if as_csv or as_json or as_markdown:
            write = write_csv if as_csv else write_json if as_json else write_markdown
            write(answer.columns, chain.from_iterable(answer.chunks()), sys.stdout)
        else:
            write_table(answer, sys.stdout, is_whole=is_whole)
        sys.stdout.flush()


def _end_at_once(error: Exception) -> None:
    """End the process from another thread than the blocked one; output that is not yet written is lost."""
    # If standard error is the same full pipe as standard output, the message cannot be written either.
    timer = threading.Timer(_SECONDS_TO_PRINT, os._exit, [int(Exit.USAGE)])
    timer.daemon = True
    timer.start()
    print_error(str(error), exit_code=int(Exit.USAGE))
    os._exit(Exit.USAGE)
