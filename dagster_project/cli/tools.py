"""`fcir dbt` and `fcir dagster`: dbt and Dagster on this data root, with its environment and its lock."""

import os
import sys
from collections.abc import Sequence

import typer

from dagster_project.cli.data_root import require_home_folder, start
from dagster_project.console import warn
from dagster_project.errors import UsageError
from dagster_project.settings import Settings, Target
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.history import require_sound_warehouse
from dagster_project.warehouse.lock import writer_lock

# Commands of dbt that open no database, and those that write tables.
_OFFLINE = ("clean", "deps", "init", "list", "ls", "parse")
_WRITING = ("build", "clone", "retry", "run", "run-operation", "seed", "snapshot")


def dbt(context: typer.Context) -> None:
    """Run dbt on this data root, with the arguments of dbt.

    What it builds is not recorded as built and tested; the next run builds on
    it, from scratch if files in dbt/ have changed.

    Examples:
      fcir dbt ls --select +kpi_calls_monthly
      fcir dbt show --select kpi_calls_monthly
      fcir dbt build --select calls
    """
    from dagster_project.transformation.project import run_by_hand

    settings, arguments = start(debug=bool(context.obj)), context.args
    require_home_folder(settings)
    verb = next((item for item in arguments if not item.startswith("-")), "")
    if not verb or "--help" in arguments or verb in _OFFLINE:
        raise typer.Exit(run_by_hand(settings, arguments))
    require_sound_warehouse(settings)
    if not settings.warehouse.exists():
        raise UsageError(f"{settings.warehouse}: nothing is loaded yet. Run: fcir run")
    with writer_lock(settings.lock_file, command=f"fcir dbt {verb}"):
        raise typer.Exit(_build(settings, arguments) if verb in _WRITING else run_by_hand(settings, arguments))


def _build(settings: Settings, arguments: Sequence[str]) -> int:
    """Run a command of dbt that writes tables, so that the next run knows whether it can build on them."""
    from dagster_project.transformation.build import begin_build
    from dagster_project.transformation.project import fingerprint, run_by_hand
    from dagster_project.warehouse.marts import note_written

    if settings.target is Target.SPARK:
        raise UsageError("FCIR_TARGET=spark: tables of the lake are built by a run alone. Run: fcir run")
    _, from_scratch = begin_build(settings, fingerprint(settings))
    if from_scratch:
        warn("Files in dbt/ or the marts file have changed since the last run: what is selected is built from scratch")
        arguments = [*arguments, "--full-refresh"] if arguments[0] in ("build", "run", "seed") else arguments
    code = run_by_hand(settings, arguments)
    if not from_scratch:
        with loading_connection(settings.warehouse) as connection:
            note_written(connection)
    return code


def dagster(context: typer.Context) -> None:
    """Run Dagster's command on this data root, with the arguments of Dagster.

    Examples:
      fcir dagster asset list
      fcir dagster run list
    """
    from dagster_project.cli.jobs import prepare_dagster_home

    settings = start(debug=bool(context.obj))
    if context.args[:1] == ["dev"]:
        raise UsageError(
            "dagster dev starts a scheduler of its own, so two nightly runs would start at 04:15; nothing was started. "
            "The lineage UI with the one scheduler of this data root: fcir ui"
        )
    require_home_folder(settings)
    prepare_dagster_home(settings)
    os.environ |= {"FCIR_HOME": str(settings.home), "FCIR_FORCE": settings.force}
    os.environ.setdefault("DAGSTER_MODULE_NAME", "dagster_project.definitions")
    os.umask(0o077)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-P", "-m", "dagster", *context.args])  # noqa: S606 - own tool
