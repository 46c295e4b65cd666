"""`fcir config`: what the configuration of a force changes, and whether it can be used."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typer

from dagster_project.config.changes import Changes, changes_of
from dagster_project.console import say
from dagster_project.errors import UsageError
from dagster_project.settings import Settings, read_settings

# Rows of one test, and cells of each.
_FAULTS_SHOWN, _CELLS_SHOWN = 5, 4

config = typer.Typer(name="config", help="Show and check the force's own configuration.", no_args_is_help=True)


@config.command()
def show() -> None:
    """Show what the configuration changes: each option and row, and what is shipped in its place.

    Examples:
      fcir config show
    """
    for changes in _changes(read_settings()):
        say(f"{changes.file}  {changes.summary}")
        for line in changes.details:
            say(f"  {line}")


@config.command()
def check() -> None:
    """Check that the configuration can be used: its contracts, the rows of its seeds, and its models.

    Seeds are built and tested apart from the data root, which is not changed.
    Queries of models run with the next run only. Exit code 2 if a file cannot
    be used.

    Examples:
      fcir config check
    """
    settings = read_settings()
    for changes in _changes(settings):
        say(f"{changes.file}  {changes.summary}")
    if faults := _faults_of_seeds(settings):
        raise UsageError("; ".join(faults) + ". Nothing was changed. Correct the files, then: fcir config check")
    say(f"{settings.config_folder} can be used. The next run uses it for what is new: fcir run")


def _changes(settings: Settings) -> list[Changes]:
    if not settings.config_folder.is_dir():
        raise UsageError(
            f"{settings.config_folder}: not there, so everything is as shipped. Begin with a draft of a contract: "
            "fcir contract draft SOURCE FILE"
        )
    return changes_of(settings)


def _faults_of_seeds(settings: Settings) -> list[str]:
    """Return what dbt finds wrong in the seeds; it parses the models of the force on the way."""
    from dagster_project.transformation.build import compiled_rows
    from dagster_project.transformation.project import invoke, parse

    with TemporaryDirectory(prefix="fcir-config-") as folder:
        apart = settings.model_copy(update={"home": Path(folder), "config": settings.config_folder.absolute()})
        chosen = ["--select", "resource_type:seed", "--indirect-selection", "cautious"]
        results = invoke(apart, ["build", *chosen, "--no-write-json"], manifest=parse(apart))
        faults = []
        for result in results.results:
            if str(result.status) == "fail":
                # dbt reports only the number of a test's rows, so the test is run again for what it found.
                rows = compiled_rows(apart, result.node.compiled_code)
                texts = [", ".join(str(cell) for cell in row[:_CELLS_SHOWN]) for row in rows[:_FAULTS_SHOWN]]
                faults.append(f"{_list_of(result.node)}: {'; '.join(texts)}")
            elif str(result.status) == "error":
                faults.append(f"{_list_of(result.node)}: {str(result.message).strip()}")
    return faults


def _list_of(node: Any) -> str:
    """Return the list that a node of dbt is, or tests by which rule."""
    attached = getattr(node, "attached_node", None)
    return f"{attached.split('.')[-1]}.csv ({node.test_metadata.name})" if attached else str(node.name)
