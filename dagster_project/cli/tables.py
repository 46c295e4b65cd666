"""`fcir tables`: the published tables and their columns."""

import sys
from textwrap import fill
from typing import Annotated

import typer

from dagster_project.cli.output import AsCsv, AsJson, print_as_data, require_one_format, text_width
from dagster_project.publication.catalogue import describe_table, list_tables
from dagster_project.publication.query import write_rows
from dagster_project.settings import read_settings
from dagster_project.words import counted


def tables(
    name: Annotated[str, typer.Argument(metavar="TABLE", help="Show the columns of this table; default: none.")] = "",
    as_csv: AsCsv = False,
    as_json: AsJson = False,
) -> None:
    """List the published tables with their row counts and grain, or the columns of one table.

    The grain is the set of columns that identifies a row.

    Examples:
      fcir tables
      fcir tables kpi_calls_monthly
      fcir tables fct_call --json
    """
    require_one_format(as_csv, as_json)
    settings = read_settings()
    if not name:
        listing = list_tables(settings)
        if not print_as_data(listing, as_csv=as_csv, as_json=as_json):
            write_rows(listing.columns, [listing.rows], sys.stdout)
        return
    table = describe_table(settings, name)
    if not print_as_data(table.columns, as_csv=as_csv, as_json=as_json):
        print(f"{table.name}: {counted(table.rows, 'row')}")
        print(f"{fill(table.description, text_width())}\n")
        write_rows(table.columns.columns, [table.columns.rows], sys.stdout)
