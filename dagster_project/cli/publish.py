"""`fcir publish`: publish again without reloading, or publish what may leave the force."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Annotated, NoReturn

import typer

from dagster_project.cli.common import Exit, repair_damage, start
from dagster_project.cli.jobs import RunResult, run_job
from dagster_project.cli.summary import end_with_summary, print_failed_files, print_outstanding
from dagster_project.console import say
from dagster_project.publication.pointer import pointer_of
from dagster_project.settings import Settings


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

    The public edition is published beside the internal one.

    Examples:
      fcir publish
      fcir publish --edition public
    """
    settings = start(debug=bool(context.obj))
    repair_damage(settings)
    started = time.monotonic()
    if edition is Edition.PUBLIC:
        result = run_job(settings, "publish_public", debug=bool(context.obj))
        _end_with_public_summary(settings, result, time.monotonic() - started)
    result = run_job(settings, "publish", debug=bool(context.obj))
    end_with_summary(settings, result, time.monotonic() - started)


def _end_with_public_summary(settings: Settings, result: RunResult, seconds: float) -> NoReturn:
    say("")
    for failure in result.failures:
        say(f"failed: {failure}", level="error")
    print_outstanding(result.outstanding)
    pointer = pointer_of(settings.published_public)
    failed = (
        print_failed_files(settings.published_public, again="fcir publish --edition public") if result.success else []
    )
    if pointer.exists():
        say(f"Published    {pointer.resolve().name} (public edition)")
        for title, name in (("Read first", "README.md"), ("Board paper", "board_paper.html"), ("Tables", "csv")):
            if (pointer / name).exists():
                say(f"{title:<12} {pointer / name}")
    if result.success and not result.outstanding and not failed:
        say(f"All is well ({seconds:.0f} s).")
        raise typer.Exit(Exit.WELL)
    ended = "The edition is published; see the lines above" if result.success else "No edition was published"
    say(f"{ended} ({seconds:.0f} s).")
    raise typer.Exit(Exit.DATA)
