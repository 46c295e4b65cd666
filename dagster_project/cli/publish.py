"""`fcir publish`: publish again without reloading, or publish what may leave the force."""

import time
from enum import StrEnum
from typing import Annotated

import typer

from dagster_project.cli.common import repair_damage, start
from dagster_project.cli.jobs import run_job
from dagster_project.cli.summary import end_with_summary


class Edition(StrEnum):
    """Who a publication is for."""

    INTERNAL = "internal"
    PUBLIC = "public"


def publish(
    context: typer.Context,
    edition: Annotated[
        Edition, typer.Option("--edition", help="internal: all marts; public: what may leave the force.")
    ] = Edition.INTERNAL,
) -> None:
    """Publish again without reloading, or publish what may leave the force.

    The public edition has a folder of its own, published_public.

    Examples:
      fcir publish
      fcir publish --edition public
    """
    settings = start(debug=bool(context.obj))
    repair_damage(settings)
    started = time.monotonic()
    is_public = edition is Edition.PUBLIC
    result = run_job(settings, "publish_public" if is_public else "publish", debug=bool(context.obj))
    end_with_summary(settings, result, time.monotonic() - started, is_public=is_public)
