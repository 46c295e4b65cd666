"""`fcir docs`: models and columns as one dbt page, sources as pages for their owners, results as Data Docs."""

from pathlib import Path
from typing import Annotated

import typer

from dagster_project.cli.data_root import start
from dagster_project.config import contracts_of
from dagster_project.console import say
from dagster_project.errors import UsageError
from dagster_project.settings import Settings
from dagster_project.transformation.project import write_docs
from dagster_project.warehouse.lock import writer_lock
from dagster_project.warehouse.state import reading_audit


def docs(
    data_docs: Annotated[
        bool, typer.Option("--data-docs", help="Write the validation results as Great Expectations Data Docs.")
    ] = False,
    sources: Annotated[
        bool, typer.Option("--sources", help="Write a page for the owner of each source: what to deliver.")
    ] = False,
) -> None:
    """Write the documentation of all models and columns as one page.

    The pages need no server and no network; the command prints their path.

    Examples:
      fcir docs
      fcir docs --data-docs
      fcir docs --sources
    """
    settings = start()
    if sources:
        # Imported here, since only this needs the templates.
        from dagster_project.tools.source_pages import write_source_pages

        for page in write_source_pages(contracts_of(settings), settings.home / "sources"):
            say(f"Source  {page}")
        return
    if data_docs:
        say(f"Data Docs  {write_data_docs(settings)}")
        return
    with writer_lock(settings.lock_file, command="fcir docs"):
        say(f"Documentation  {write_docs(settings)}")


def write_data_docs(settings: Settings) -> Path:
    """Write the stored validation results as the Data Docs of Great Expectations.

    Raises:
        UsageError: no results are stored.
        WarehouseLocked: a run is loading.
    """
    from dagster_project.validation.outcomes import engine_version

    documents: list[tuple[str]] = []
    with reading_audit(settings.warehouse, settings.lock_file) as connection:
        if connection:
            documents = connection.execute(
                """
                select document
                from audit.suite_result
                where engine_version = ?
                order by validated_at desc, run_id desc, source
                """,
                [engine_version()],
            ).fetchall()
    if not documents:
        raise UsageError(
            f"no result of Great Expectations {engine_version()} is stored; load deliveries first: fcir run"
        )
    # Imported here, since it imports Great Expectations.
    from dagster_project.validation.data_docs import write_data_docs as write

    return write([document for (document,) in documents], settings.home / "data_docs")
