"""`fcir access`: report what is held under an identifier."""

from pathlib import Path
from typing import Annotated

import typer

from dagster_project.cli.data_root import start
from dagster_project.cli.person import ask_with_reason, prepare, require_new, write_private
from dagster_project.console import say
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lock import writer_lock
from dagster_project.writing import private_files


def access(
    context: typer.Context,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Reason, kept in the record.")] = "",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="New file for the report, mode 0600.")
    ] = None,
) -> None:
    """Report what is held under an identifier, for the disclosure officer.

    The command asks for the identifier. The report lists each row of the
    warehouse with its non-personal columns, its file and its row number, and
    the publications, files and backups that contain the identifier.

    Examples:
      fcir access --reason "request 4712" --out report.md
      fcir access --reason "request 4712" < FILE_WITH_THE_IDENTIFIER
    """
    from dagster_project.privacy.access import report
    from dagster_project.privacy.erasure import find_person
    from dagster_project.privacy.person import person_of
    from dagster_project.record.store import append
    from dagster_project.recovery.history import save_heads

    settings = start(debug=bool(context.obj))
    if out:
        require_new(out)
    identifier, reason = ask_with_reason(reason)
    contracts = prepare(settings, "fcir access")
    with writer_lock(settings.lock_file, command="fcir access"), private_files():
        with loading_connection(settings.warehouse) as connection:
            person = person_of(settings, connection, identifier)
        found = find_person(settings, contracts, person)
        with loading_connection(settings.warehouse) as connection:
            text, counts = report(settings, connection, contracts, person, found, reason=reason)
            # Before it is written or shown: nobody sees a report without an entry in the record.
            detail = {"rows": counts, "keys": list(person.pseudonyms), "has_file": out is not None}
            append(settings, "access", reason=reason, detail=detail, connection=connection)
            save_heads(settings, connection)
        if out:
            write_private(out, text)
    if out:
        say(f"Report   {out}", report=str(out))
    else:
        print(text, end="")
