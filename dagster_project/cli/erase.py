"""`fcir erase`: erase a person from everything that the data root and its backups hold."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from dagster_project.cli.data_root import start, warn_of_lake
from dagster_project.cli.exits import Exit
from dagster_project.cli.options import confirm
from dagster_project.cli.person import ask_with_reason, prepare
from dagster_project.console import say, warn
from dagster_project.contracts import Contract
from dagster_project.errors import UsageError
from dagster_project.publication.space import Need
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.lake import has_lake
from dagster_project.warehouse.lock import writer_lock
from dagster_project.words import counted
from dagster_project.writing import private_files

if TYPE_CHECKING:
    # It loads pyarrow, which most commands do without.
    from dagster_project.privacy.findings import Findings
    from dagster_project.privacy.held import HeldRows
    from dagster_project.privacy.retention import Hold


def erase(
    context: typer.Context,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Reason, kept in the record.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Erase without asking for confirmation.")] = False,
    despite_holds: Annotated[
        bool, typer.Option("--despite-holds", help="Erase although rows of the person are on held days.")
    ] = False,
) -> None:
    """Erase a person, found by an identifier: a telephone number, a crime or incident reference, or an operator.

    The command asks for the identifier, lists what is held under it, and asks
    for confirmation. Figures stay. Files in the landing folder are not changed:
    ask the owner of the source system to send them again without the person.
    If retention/holds.csv holds days of the person, the command lists them and
    refuses unless --despite-holds is given.

    Examples:
      fcir erase --reason "request 4711"
      fcir erase --reason "request 4711" --yes < FILE_WITH_THE_IDENTIFIER
    """
    from dagster_project.privacy.erasure import erase as erase_person
    from dagster_project.privacy.erasure import find_person
    from dagster_project.privacy.held import held_rows
    from dagster_project.privacy.person import person_of
    from dagster_project.privacy.values import HIDDEN
    from dagster_project.privacy.vocabulary import require_no_word_of_project

    settings = start(debug=bool(context.obj))
    identifier, reason = ask_with_reason(reason)
    contracts = prepare(settings, "fcir erase", needs_list=False)
    need = Need(settings, "fcir erase", is_rewriting=True)
    with writer_lock(settings.lock_file, command="fcir erase"), private_files(), need.required():
        with loading_connection(settings.warehouse) as connection:
            person = person_of(settings, connection, identifier)
            holds = _holds(settings, contracts)
            held = held_rows(connection, contracts, person, holds)
        require_no_word_of_project(settings, contracts, person)
        found = find_person(settings, contracts, person)
        _show(settings, found)
        if person.suppressed:
            say(f"It was erased before, on {person.suppressed.since[:10]}; later rows already get its substitute.")
        _require_no_hold(settings, held, despite_holds=despite_holds)
        if not yes:
            confirm("erase", "erased")
        _require_same_holds(settings, contracts, holds)
        certificate = erase_person(settings, person, reason=reason, found=found, held=held)
    content = json.loads(certificate.read_text(encoding="utf-8"))
    say(f"Certificate   {certificate}", certificate=str(certificate))
    if found.landing:
        warn(
            "files in the landing folder still contain the identifier. Loading them gives it the substitute. Ask the "
            "owners of the source systems to send them again without it, or delete them"
        )
    if named := [name for name in found.landing if HIDDEN in name]:
        files = counted(len(named), "file")
        warn(
            f"names of {files} in the landing folder have the identifier or look personal: {', '.join(named)}. Rename "
            "them; until then, loading them keeps their names with the substitute"
        )
    warn_of_lake(settings)
    if removed := content["removed_files"]:
        pdfs = sum(file.endswith(".pdf") for file in removed)
        numbers = ((pdfs, "PDF file"), (len(removed) - pdfs, "Word file"))
        warn(
            f"{' and '.join(counted(n, what) for n, what in numbers if n)} of publications had the identifier, or may "
            "show it in a chart, and cannot be rewritten, so they were removed; the certificate lists them. Publish "
            "the current papers again: fcir publish"
        )
    if not content["is_identifier_searched"]:
        warn(
            "the identifier itself was not looked for in clear text: it is so short, or so like a word or a figure, "
            "that other texts have it too. Look for it yourself in commentaries, events and names of files"
        )
    if names := content["remaining"]["names"]:
        files = counted(len(names), "file or folder", "files and folders")
        warn(f"names of {files} have the identifier. Rename them, then run fcir erase again: {', '.join(names)}")
    if not content["is_clean"]:
        warn(f"something is left, or could not be searched; the certificate lists it: {certificate}")
        raise typer.Exit(Exit.DATA)
    places = "the landing folder and the lake" if has_lake(settings) else "the landing folder"
    what = "the identifier or its pseudonyms" if content["is_identifier_searched"] else "its pseudonyms"
    searched = counted(content["remaining"]["searched"], "file")
    say(f"Erased: no byte of {what} was found outside {places}, in {searched} that were searched.")


def _holds(settings: Settings, contracts: Mapping[str, Contract]) -> list["Hold"]:
    """Return the holds in force; an error of the list names this command."""
    from dagster_project.privacy.retention import RetentionError, holds_in_force

    try:
        return holds_in_force(settings, contracts)
    except RetentionError as error:
        raise RetentionError(
            str(error).replace("Nothing was purged", "Nothing was erased").replace("fcir purge", "fcir erase")
        ) from None


def _require_same_holds(settings: Settings, contracts: Mapping[str, Contract], holds: Sequence["Hold"]) -> None:
    """Check that no hold was added, changed or removed, or has ended, while the person was searched for and confirmed.

    Raises:
        UsageError: one was.
        RetentionError: the list of holds cannot be used.
    """
    from dagster_project.privacy.retention import holds_file

    if _holds(settings, contracts) != list(holds):
        raise UsageError(
            f"{holds_file(settings)} has changed since the rows on held days were found. Nothing was erased. See which "
            'rows the new list holds: fcir erase --reason "..."'
        )


def _require_no_hold(settings: Settings, held: Sequence["HeldRows"], *, despite_holds: bool) -> None:
    """List the rows on held days.

    Raises:
        UsageError: there are some, and the command was not told to erase them.
    """
    from dagster_project.privacy.retention import holds_file

    if not held:
        return
    say(f"Rows on days that are held by {holds_file(settings)}:")
    for rows in held:
        say(f"  {rows}")
    if not despite_holds:
        raise UsageError(
            f"{counted(sum(rows.rows for rows in held), 'row')} of the person must be kept, as "
            f"{holds_file(settings)} says. Nothing was erased. Ask who entered the hold. If the hold has ended, "
            "remove its row; if the person is to be erased before it ends, add --despite-holds: the certificate says so"
        )


def _show(settings: Settings, found: "Findings") -> None:
    say(f"Held under the identifier, in {settings.home}:")
    for line in found.lines():
        say(line)
    if found.is_empty:
        warn("nothing is held under this spelling. Compare it with the extracts: it has to be the same")
    if found.spellings:
        warn(
            "files in the landing folder have other spellings of it (rows in brackets). Each is another identifier: "
            "run fcir erase with each"
        )
    if not settings.backups:
        say("No backup folders are configured (FCIR_BACKUPS), so none are searched.")
