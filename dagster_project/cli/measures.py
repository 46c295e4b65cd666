"""`fcir measures`: the published catalogue of measures."""

import shutil
import sys
from collections.abc import Mapping
from decimal import Decimal
from textwrap import fill
from typing import Annotated

import typer

from dagster_project.cli.output import AsCsv, AsJson, print_as_data, require_one_format, text_width
from dagster_project.publication.catalogue import Listing, list_measures
from dagster_project.publication.query import write_rows
from dagster_project.settings import read_settings
from dagster_project.words import counted

# Maximum number of measures with full definitions; with more, each has one line.
_MEASURES_IN_FULL = 3
# Minimum width of a terminal for a list of measures with definitions.
_WIDE = 140


def measures(
    text: Annotated[
        str,
        typer.Argument(metavar="TEXT", help="A printed name, or words of a name, synonym or definition; default: all."),
    ] = "",
    section: Annotated[
        str, typer.Option("--section", metavar="SECTION", help="Only this section, for example calls_999.")
    ] = "",
    as_csv: AsCsv = False,
    as_json: AsJson = False,
) -> None:
    """List the published measures: code, label, unit and definition.

    Up to three measures are shown in full. Measures are found as by the search of the site, the best match first.

    Examples:
      fcir measures
      fcir measures "abandoned 101 calls"
      fcir measures queue --section calls_101
      fcir measures --csv > measures.csv
    """
    require_one_format(as_csv, as_json)
    listing = list_measures(read_settings(), text=text, section=section)
    if print_as_data(listing, as_csv=as_csv, as_json=as_json):
        return
    if len(listing.rows) > _MEASURES_IN_FULL:
        _list_measures(listing)
        return
    for row in listing.rows:
        _print_measure(dict(zip(listing.columns, row, strict=True)))


def _list_measures(listing: Listing) -> None:
    """Print one line for each measure; definitions are omitted if the terminal would cut them."""
    names = ("measure", "unit", "label", "definition")
    shown = len(names) - (sys.stdout.isatty() and shutil.get_terminal_size().columns < _WIDE)
    indices = [listing.columns.index(name) for name in names[:shown]]
    rows = [tuple(row[index] for index in indices) for row in listing.rows]
    write_rows(names[:shown], [rows], sys.stdout)
    if sys.stdout.isatty():
        print(f"{counted(len(listing.rows), 'measure')}. Definition of one: fcir measures CODE")


def _print_measure(measure: Mapping[str, object]) -> None:
    print(measure["measure"])
    for name, value in measure.items():
        if value is not None and name != "measure":
            text = f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
            print(fill(text, text_width(), initial_indent=f"  {name:<12} ", subsequent_indent=" " * 15))
