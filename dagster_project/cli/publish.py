"""`fcir publish`: publish again without reloading, or publish an edition for the public or for one force."""

import time
from enum import StrEnum
from typing import Annotated

import typer

from dagster_project.cli.data_root import start
from dagster_project.cli.jobs import run_job
from dagster_project.cli.summary import FORCE_FILES, PUBLIC_FILES, EditionSummary, end_with_summary
from dagster_project.settings import check_force


class Edition(StrEnum):
    """Who a publication is for."""

    INTERNAL = "internal"
    PUBLIC = "public"
    FORCE = "force"


def publish(
    context: typer.Context,
    edition: Annotated[
        Edition,
        typer.Option(
            "--edition",
            help="internal: all marts; public: what may leave the force; force: the detail of one force, and what "
            "is public of the others.",
        ),
    ] = Edition.INTERNAL,
    force: Annotated[
        str | None, typer.Option("--force", metavar="FORCE", help="Force whose edition --edition force publishes.")
    ] = None,
) -> None:
    """Publish again without reloading, or publish an edition for the public or for one force.

    The public edition is in the folder published_public, and the edition of a
    force in published_force/FORCE.

    Examples:
      fcir publish
      fcir publish --edition public
      fcir publish --edition force --force kent
    """
    if (edition is Edition.FORCE) != (force is not None):
        raise typer.BadParameter("--edition force and --force FORCE go together", context)
    if force:
        try:
            check_force(force)
        except ValueError as error:
            raise typer.BadParameter(f"--force: {error}", context) from None
    settings = start(debug=bool(context.obj))
    started = time.monotonic()
    job = "publish" if edition is Edition.INTERNAL else f"publish_{edition}"
    result = run_job(settings, job, force=force, debug=bool(context.obj))
    again = f"fcir publish --edition {edition}"
    shown = None
    if edition is Edition.PUBLIC:
        shown = EditionSummary("public edition", settings.published_public, again, PUBLIC_FILES)
    elif force:
        folder = settings.published_force(force)
        shown = EditionSummary(f"edition of {force}", folder, f"{again} --force {force}", FORCE_FILES)
    end_with_summary(settings, result, time.monotonic() - started, edition=shown)
