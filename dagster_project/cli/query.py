"""`fcir query`: query the published database, read-only and within limits."""

import signal
import sys
import threading
from itertools import chain
from typing import Annotated

import typer

from dagster_project.cli.exits import Exit
from dagster_project.cli.output import print_in_utf8
from dagster_project.cli.signals import leave
from dagster_project.errors import UsageError
from dagster_project.publication.query import (
    limit_memory,
    published_query,
    write_csv,
    write_json,
    write_markdown,
    write_table,
)
from dagster_project.settings import read_settings

# Greatest limit that can be set: a longer query belongs in a tool that reads the file (analyst_access.md).
_LONGEST_SECONDS = 3600.0


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
    ] = 60,
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
    if not 0 < timeout <= _LONGEST_SECONDS:
        raise UsageError(f"--timeout {timeout:g}: expected a number of seconds above 0, at most {_LONGEST_SECONDS:g}")
    # Only the end of its process ends each query: DuckDB cannot be interrupted within a function.
    ended = (
        f"the query took more than {timeout:g} second{'' if timeout == 1 else 's'} (--timeout) and was ended; what it "
        "printed is incomplete. Ask for less, or allow more, up to an hour: "
        f'fcir query --timeout {min(timeout * 5, _LONGEST_SECONDS):g} "..."'
    )
    timer = threading.Timer(timeout, leave, [ended, Exit.USAGE])
    timer.daemon = True
    timer.start()
    # When the reader of a pipe closes it, end the process at once, as other programs of a pipeline do.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    limit_memory()
    print_in_utf8()
    with published_query(read_settings(), sql) as answer:
        if as_csv or as_json or as_markdown:
            write = write_csv if as_csv else write_json if as_json else write_markdown
            write(answer.columns, chain.from_iterable(answer.chunks()), sys.stdout)
        else:
            write_table(answer, sys.stdout, is_whole=is_whole)
        sys.stdout.flush()
