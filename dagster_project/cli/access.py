"""`fcir access`: report what is held under an identifier."""

from pathlib import Path
from typing import Annotated

import typer

from dagster_project.cli.data_root import start
from dagster_project.cli.person import ask_with_reason, forces_of, locked_vault
from dagster_project.console import say
from dagster_project.errors import UsageError
from dagster_project.warehouse.connection import loading_connection
from dagster_project.writing import private_files


def access(
    context: typer.Context,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Reason, kept in the record.")] = "",
    force: Annotated[
        list[str] | None,
        typer.Option("--force", metavar="FORCE", help="Force of a reference or an operator; may be repeated."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="New file for the report, mode 0600.")
    ] = None,
) -> None:
    """Report what is held under an identifier, for the disclosure officer.

    The command asks for the identifier: a telephone number, an address, a
    reference or an operator, in any usual spelling. The report lists each row
    with its day, its file and its row number, and the files that name the
    person. It also looks among those who were erased.

    Examples:
      fcir access --reason "request 4712" --out report.md
      fcir access --reason "request 4712" < FILE_WITH_THE_IDENTIFIER
    """
    from dagster_project.operations.actions import enter
    from dagster_project.privacy.access import report
    from dagster_project.privacy.person import files_that_name, find_person, rows_of

    settings = start(debug=bool(context.obj))
    if out:
        _require_new(out)
    identifier, reason = ask_with_reason(reason)
    forces = forces_of(settings, force)
    with locked_vault(settings, "fcir access") as (people, contracts):
        person = find_person(people, identifier, forces)
        with loading_connection(settings.warehouse) as connection:
            held = rows_of(connection, contracts, person)
            named = files_that_name(settings, connection, contracts, person, held)
        text = report(settings, person, held, named, reason=reason)
        # Before it is shown: no one sees a report without a row in the record.
        counts = {source.contract.source: len(source.rows) for source in held}
        enter(settings, "access", reason=reason, details={"rows": counts, "has_file": out is not None})
    if out:
        _require_new(out)
        with private_files(), out.open("x", encoding="utf-8") as stream:
            stream.write(text)
        say(f"Report   {out}", report=str(out))
    else:
        print(text, end="")


def _require_new(file: Path) -> None:
    """Check that a file can be a new one.

    Raises:
        UsageError: there is such a file or link, or no such folder.
    """
    if file.is_symlink() or file.exists():
        raise UsageError(f"{file}: there is such a file. Nothing was written. Name another with --out")
    if not file.parent.is_dir():
        raise UsageError(f"{file.parent}: no such folder. Nothing was written. Name another with --out, or create it")
