"""Output of data in one format, as table, CSV or JSON, in UTF-8."""

import shutil
import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from dagster_project.errors import UsageError
from dagster_project.publication.catalogue import Listing
from dagster_project.publication.query import write_csv, write_json

AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one array of objects.")]


def require_one_format(as_csv: bool, as_json: bool) -> None:
    """Prepare standard output for data.

    Raises:
        UsageError: two formats are requested.
    """
    if as_csv and as_json:
        raise UsageError("choose one of --csv and --json")
    print_in_utf8()


def print_in_utf8() -> None:
    """Print data in UTF-8 regardless of the locale; a terminal keeps its encoding, with missing characters escaped."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding=None if sys.stdout.isatty() else "utf-8", errors="backslashreplace")


def print_as_data(listing: Listing, *, as_csv: bool, as_json: bool) -> bool:
    """Print a listing as CSV or JSON if requested; return whether it was."""
    if as_csv or as_json:
        (write_csv if as_csv else write_json)(listing.columns, listing.rows, sys.stdout)
    return as_csv or as_json


def text_width() -> int:
    """Return the width for paragraphs: that of the screen, up to a line length that is easy to read."""
    return min(shutil.get_terminal_size((80, 24)).columns, 100)
