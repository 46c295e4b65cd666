"""`fcir paper`: write a board paper from the current publication."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from dagster_project.cli.data_root import start
from dagster_project.cli.options import parse_month
from dagster_project.clock import london_today
from dagster_project.console import say
from dagster_project.publication.files import DATABASE, current_publication
from dagster_project.publication.report.model import PAPER_MONTHS, Event, Report
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import reading_connection


def paper(
    month: Annotated[
        str | None, typer.Option("--month", metavar="YYYY-MM", help="Last month; default: the newest complete one.")
    ] = None,
    months: Annotated[int, typer.Option("--months", min=1, max=24, help="Number of months to show.")] = PAPER_MONTHS,
    force: Annotated[str | None, typer.Option("--force", help="Force; default: FCIR_FORCE.")] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the files.")] = Path("paper"),
) -> None:
    """Write a board paper from the current publication: page, PDF, workbook and CSV.

    The publication is not changed.

    Examples:
      fcir paper
      fcir paper --month 2022-10 --months 12 --out october
    """
    # Imported here: charts and typesetting take 0.3 s to import, and no other command needs them.
    from dagster_project.publication.papers import write_paper

    settings = start()
    last = parse_month(month) if month else None
    report = read_report(settings, month=last, length=months, force_code=force or settings.force)
    out.mkdir(parents=True, exist_ok=True)
    for file in write_paper(report, out):
        say(str(file))


def read_report(settings: Settings, *, month: date | None, length: int, force_code: str) -> Report:
    """Read what a board paper shows from the current publication and from what the analysts of the force wrote.

    `month` is the last month shown, as any day in it; by default the newest complete one of the force.

    Raises:
        NotPublished: nothing has been published.
        ReportError: there is no figure for that force and month.
        CommentaryError: the commentary on that month cannot be shown.
    """
    from dagster_project.publication.papers import events_of_forces
    from dagster_project.publication.report.commentary import (
        Commentary,
        commentary_file,
        read_commentary,
        read_defaults,
    )
    from dagster_project.publication.report.queries import default_month, paper_months, read_force
    from dagster_project.publication.report.read import paper_names, report_of

    folder = current_publication(settings.published)
    with reading_connection(folder / DATABASE) as connection:
        months = paper_months(connection).get(force_code, [])
        shown = month.replace(day=1) if month else default_month(months) or london_today().replace(day=1)
        # An unknown force has no commentary, regardless of its spelling: the report rejects it.
        words = Commentary()
        events: Sequence[Event] = ()
        rows = read_force(connection, force_code)
        if months:
            file = commentary_file(settings.commentary, force_code, f"{shown:%Y-%m}")
            front = read_defaults(settings.commentary, force_code)
            words = read_commentary(file, paper_names(rows), front)
            events = events_of_forces(connection, settings.commentary).get(force_code, ())
        return report_of(
            rows,
            month=shown,
            length=length,
            commentary=words,
            events=events,
            publication=folder.resolve().name,
        )
