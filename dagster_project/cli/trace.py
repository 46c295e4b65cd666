"""`fcir trace`: trace a printed figure back to the rows that it was counted from."""

import json
import sys
from dataclasses import is_dataclass
from typing import Annotated

import typer

from dagster_project.cli.exits import Exit
from dagster_project.cli.output import AsCsv, require_one_format
from dagster_project.console import print_error
from dagster_project.publication.query import write_csv
from dagster_project.settings import read_settings


def trace(
    measure: Annotated[
        str, typer.Argument(metavar="MEASURE", help="Code or printed name of the measure, or words that only one has.")
    ],
    month: Annotated[str, typer.Argument(metavar="MONTH", help="YYYY-MM.")],
    force: Annotated[str | None, typer.Option("--force", metavar="FORCE", help="Force; default: FCIR_FORCE.")] = None,
    rows: Annotated[bool, typer.Option("--rows", help="List every row that was counted.")] = False,
    as_csv: AsCsv = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Trace a printed figure back to its definition, its sums, and the files and rows behind them.

    Exit code 1 if the figure does not add up. Measures are found as by fcir measures.

    Examples:
      fcir trace calls_999.received 2022-10
      fcir trace "101 calls: % Not Answered" 2022-10
      fcir trace "longest 101 wait" 2022-10
      fcir trace crime.pct_cancelled 2022-10 --rows --csv
    """
    from dagster_project.cli.options import parse_month
    from dagster_project.tracing.read import trace_figure
    from dagster_project.tracing.text import document_of, lines_of, records_of

    require_one_format(as_csv, as_json)
    figure = trace_figure(read_settings(), measure, parse_month(month), force=force, with_rows=rows)
    if as_csv:
        write_csv(*records_of(figure, with_rows=rows), sys.stdout)
    elif as_json:
        print(json.dumps(document_of(figure), default=_plain, indent=2))
    else:
        print("\n".join(lines_of(figure)))
    for fault in figure.faults:
        print_error(f"{figure.figure['measure']} {month} does not add up: {fault}")
    raise typer.Exit(Exit.DATA if figure.faults else Exit.WELL)


def _plain(value: object) -> object:
    return vars(value) if is_dataclass(value) else str(value)
