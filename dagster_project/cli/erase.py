"""`fcir erase`: erase a person from the vault."""

from typing import Annotated

import typer

from dagster_project.cli.data_root import start
from dagster_project.cli.options import confirm
from dagster_project.cli.person import ask_with_reason, forces_of, locked_vault
from dagster_project.console import say, warn
from dagster_project.errors import UsageError
from dagster_project.warehouse.connection import loading_connection
from dagster_project.words import counted


def erase(
    context: typer.Context,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Reason, kept in the record.")] = "",
    force: Annotated[
        list[str] | None,
        typer.Option("--force", metavar="FORCE", help="Force of a reference or an operator; may be repeated."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Erase without asking for confirmation.")] = False,
    despite_holds: Annotated[
        bool, typer.Option("--despite-holds", help="Erase although rows of the person are on held days.")
    ] = False,
) -> None:
    """Erase a person, found by an identifier: nothing leads to the rows of the person any more, and figures stay.

    The command asks for the identifier, lists what is held under it, and asks
    for confirmation. Files in the landing folder and texts of analysts that
    name the person are listed, and not changed. If retention/holds.csv holds
    days of the person, the command refuses unless --despite-holds is given.

    Examples:
      fcir erase --reason "request 4711"
      fcir erase --reason "request 4711" --yes < FILE_WITH_THE_IDENTIFIER
    """
    from dagster_project.privacy.access import erased_lines, not_searched_lines
    from dagster_project.privacy.erasure import erase as erase_person
    from dagster_project.privacy.erasure import holds_of
    from dagster_project.privacy.person import files_that_name, find_person, rows_of
    from dagster_project.privacy.retention import holds_in_force

    settings = start(debug=bool(context.obj))
    identifier, reason = ask_with_reason(reason)
    forces = forces_of(settings, force)
    with locked_vault(settings, "fcir erase") as (people, contracts):
        person = find_person(people, identifier, forces)
        with loading_connection(settings.warehouse) as connection:
            held = rows_of(connection, contracts, person)
            named = files_that_name(settings, connection, contracts, person, held)
        rows = {source.contract.source: len(source.rows) for source in held}
        holds = list(holds_of(held, holds_in_force(settings, contracts)))
        identifiers = ", ".join(found.kind for found in person.found) or "none"
        say(f"Held under the identifier, in {settings.home}:")
        say(f"  In the vault  {identifiers}")
        say(f"  Rows          {', '.join(f'{source} {count:,}' for source, count in rows.items()) or 'none'}")
        for line in erased_lines(person, held):
            say(line)
        if holds and not despite_holds:
            raise UsageError(
                f"rows of the person are on days that {settings.home / 'retention' / 'holds.csv'} holds: "
                f"{'; '.join(holds)}. Nothing was erased. Ask who entered the hold; if the person is to be erased "
                "before it ends, add --despite-holds"
            )
        if not yes:
            confirm("erase", "erased")
        gone = erase_person(settings, people, person, reason=reason, rows=rows)
    say(f"Erased       {counted(gone, 'identifier')}; rows and figures are unchanged", identifiers=gone)
    if named.files:
        warn(
            f"{counted(len(named.files), 'file')} still {'names' if len(named.files) == 1 else 'name'} the person. Ask "
            "their owners to send them again without the person, or delete them:"
        )
    for name in named.files:
        say(f"  {name}", file=name)
    say("Not searched:")
    for line in not_searched_lines(named):
        say(f"  {line}")
