"""`fcir trace`: trace a printed figure back to the rows that it was counted from."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from dagster_project.cli.common import Exit
from dagster_project.console import print_error
from dagster_project.errors import UsageError
from dagster_project.extracts.errors import printable
from dagster_project.publication.result_formats import write_csv
from dagster_project.settings import read_settings


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
    from dagster_project.tracing.read import trace_figure
    from dagster_project.tracing.text import document_of, lines_of, records_of

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
        print_error(f"{measure} {month} does not add up: {fault}")
    raise typer.Exit(Exit.DATA if found.faults else Exit.WELL)
