"""dagster-dbt's resource, without what costs a run 10 CPU seconds. `__main__.py` is the process that it starts."""

import sys
from contextlib import redirect_stdout
from importlib.metadata import version
from typing import Any

from dagster import AssetExecutionContext
from dagster_dbt import DbtCliResource
from packaging.version import Version

from dagster_project.settings import DBT_PROJECT, Settings
from dagster_project.transformation.project import LOG, environment, target_path


class Dbt(DbtCliResource):
    """`DbtCliResource` without a second adapter, which opens the database in this process, and without `dbt --version`.

    Both are private names of dagster-dbt; `tests/dagster/test_dbt.py` checks that they exist.
    """

    def _initialize_dbt_core_adapter(self, args: Any) -> Any:  # noqa: ARG002 - of dagster-dbt
        return None

    @property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))


def run_dbt(settings: Settings, arguments: list[str], context: AssetExecutionContext | None = None) -> list[Any]:
    """Run dbt for a data root to its end, with its messages in a file: dagster-dbt prints each of them.

    Args:
        settings: the data root; also those from a `.env` file hold for the process of dbt.
        arguments: those of dbt.
        context: of a `dbt_assets` definition; None: without Dagster.

    Returns:
        The events of dagster-dbt. An exit code is no error here: the file of results says what failed.
    """
    folder = target_path(settings)
    variables = {
        "FCIR_HOME": str(settings.home),
        "FCIR_CONFIG": str(settings.config_folder.resolve()),
        "FCIR_TARGET": settings.target.value,
        "FCIR_SPARK_HOST": settings.spark_host,
        "FCIR_SPARK_PORT": str(settings.spark_port),
    }
    dbt = Dbt(
        project_dir=str(DBT_PROJECT),
        profiles_dir=str(DBT_PROJECT),
        target=settings.target.value,
        dbt_executable=sys.executable,
        global_config_flags=["-P", "-m", "dagster_project.transformation"],
    )
    with environment(variables), (folder / LOG).open("w", encoding="utf-8") as log, redirect_stdout(log):
        run = dbt.cli(arguments, context=context, raise_on_error=False, target_path=folder)
        return list(run.stream() if context else run.stream_raw_events())
