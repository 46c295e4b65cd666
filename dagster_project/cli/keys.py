"""`fcir keys`: list the pseudonym keys, or rotate the current one."""

from typing import Annotated

import typer

from dagster_project.cli.data_root import start, warn_of_lake
from dagster_project.cli.exits import Exit
from dagster_project.cli.options import require_reason
from dagster_project.cli.person import prepare
from dagster_project.console import aligned, say, warn
from dagster_project.loading.pseudonyms import check_key, earlier_key_file, earlier_keys, known_fingerprint
from dagster_project.publication.space import Need
from dagster_project.settings import Settings
from dagster_project.warehouse.lock import writer_lock
from dagster_project.words import counted
from dagster_project.writing import private_files

keys = typer.Typer(name="keys", help="List the pseudonym keys, or rotate the current one.", no_args_is_help=True)


@keys.command("list")
def list_keys(context: typer.Context) -> None:
    """List the keys with their files and the number of loads that use them. Exit code 1 if a key is missing.

    Examples:
      fcir keys list
    """
    settings = start(debug=bool(context.obj))
    rows = _keys(settings)
    for line in aligned(("key", "use", "loads", "file"), [row[:4] for row in rows], right=("loads",)):
        say(line)
    if any(use == "missing" for _, use, *_ in rows):
        warn("a key is missing: restore its copy, mode 0600; otherwise no person can be found in those loads")
        raise typer.Exit(Exit.DATA)


@keys.command()
def rotate(
    context: typer.Context,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Reason, kept in the record.")] = "",
    keep_missing: Annotated[
        bool,
        typer.Option(
            "--keep-missing",
            help="Keep the pseudonyms, and the key, of values that are no longer in the landing folder.",
        ),
    ] = False,
) -> None:
    """Create a new key and replace every pseudonym in everything that is kept; figures stay.

    The values are read from the landing folder, so this takes as long as
    loading all files.

    Examples:
      fcir keys rotate --reason "the old key was copied"
      fcir keys rotate --reason "yearly change" --keep-missing
    """
    from dagster_project.privacy.rekeying import rotate_key

    settings = start(debug=bool(context.obj))
    reason = require_reason(reason, "yearly change")
    contracts = prepare(settings, "fcir keys rotate")
    need = Need(settings, "fcir keys rotate", is_rewriting=True)
    with writer_lock(settings.lock_file, command="fcir keys rotate"), private_files(), need.required():
        done = rotate_key(settings, contracts, reason=reason, keep_missing=keep_missing)
    say(f"Key       {done.key_id}, in {settings.key_file}: {counted(done.loads, 'load')}", key=done.key_id)
    for key_id, loads in done.kept.items():
        say(f"Kept      {key_id}, in {earlier_key_file(settings.key_file, key_id)}: {counted(loads, 'load')}")
    for key_id in done.removed:
        say(f"Removed   {key_id}: no load uses it")
    for warning in done.warnings():
        warn(warning)
    warn_of_lake(settings)
    say("Now copy the new key to where you keep copies of keys, and delete the copies of removed keys.")
    if done.unread:
        raise typer.Exit(Exit.DATA)


def _keys(settings: Settings) -> list[tuple[str, str, str, str]]:
    """Return id, use, number of loads and file of each key, the current one first."""
    from dagster_project.warehouse.state import reading_audit

    used: dict[str, int] = {}
    with reading_audit(settings.warehouse, settings.lock_file) as connection:
        current = check_key(settings.key_file, known_fingerprint(connection) if connection else None)
        if connection:
            from dagster_project.privacy.person import loads_by_key

            used = loads_by_key(connection)
    earlier = earlier_keys(settings.key_file)
    rows = [(current.key_id, "current", str(settings.key_file))] if current else []
    rows += [(key_id, "earlier", str(earlier_key_file(settings.key_file, key_id))) for key_id in earlier]
    known = {key_id for key_id, *_ in rows}
    rows += [
        (key_id, "missing", str(earlier_key_file(settings.key_file, key_id))) for key_id in used if key_id not in known
    ]
    return [(key_id, use, f"{used.get(key_id, 0):,}", file) for key_id, use, file in rows]
