"""`fcir sample`: synthetic extracts."""

from pathlib import Path
from typing import Annotated

import typer

from dagster_project.cli.options import day_option
from dagster_project.console import say, step_line
from dagster_project.errors import UsageError
from dagster_project.settings import read_settings


def sample(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder for the extracts; default: the landing folder.")
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First extract date; default: 2021-02-01.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Last extract date; default: 2023-01-31.")
    ] = None,
    if_empty: Annotated[bool, typer.Option("--if-empty", help="Do nothing if the folder is not empty.")] = False,
) -> None:
    """Write synthetic extracts of two forces, calibrated to the figures in a printed board paper.

    A day has the same files whatever the range. The printed months are August
    2022 to January 2023. The file SYNTHETIC in the folder marks everything
    computed from these extracts as synthetic. Without --out, commentary,
    events and config/publication.yaml are written too, if there are none.

    Examples:
      fcir sample
      fcir sample --out extracts --from 2022-08-01
    """
    from dagster_project.sample import FIRST_DAY, LAST_DAY, write, write_words

    settings = read_settings()
    first, last = day_option("--from", from_) or FIRST_DAY, day_option("--to", to) or LAST_DAY
    folder = out or settings.landing
    if if_empty and folder.is_dir() and any(folder.iterdir()):
        say(f"{folder} is not empty; nothing was written.")
        return

    def report(month: str, files: int, rows: int) -> None:
        say(step_line("sample", month, f"{files:,} files, {rows:,} rows"), month=month, files=files, rows=rows)

    try:
        summary = write(folder, first=first, last=last, report=report)
    except FileExistsError as error:
        # An error with a number is from the system: a part of the path to the folder is a file.
        if error.errno:
            raise
        raise UsageError(f"{error} Name it with --out.") from None
    say(f"{summary.files:,} synthetic extracts with {sum(summary.rows.values()):,} rows are in {folder}.")
    # Extracts in another folder are not for the papers of this data root.
    for written in write_words(settings.home) if out is None else []:
        say(f"What people might have written for the sample is in {written}.")
