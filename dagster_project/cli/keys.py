"""`fcir keys`: list the keys of the vault, or add one."""

from typing import Annotated

import typer

from dagster_project.cli.data_root import start
from dagster_project.cli.options import require_reason
from dagster_project.cli.person import locked_vault
from dagster_project.console import say
from dagster_project.private_key import read_keys
from dagster_project.words import counted

keys = typer.Typer(name="keys", help="List the keys of the vault of people, or add one.", no_args_is_help=True)


@keys.command("list")
def list_keys(context: typer.Context) -> None:
    """List the key files and how many keys each has.

    Examples:
      fcir keys list
    """
    settings = start(debug=bool(context.obj))
    for file, what in ((settings.key_file, "of the vault"), (settings.erased_key_file, "of those erased")):
        say(f"{counted(len(read_keys(file)), 'key')} {what}: {file}")


@keys.command()
def rotate(
    context: typer.Context,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Reason, kept in the record.")] = "",
) -> None:
    """Add a key and hash the vault again under it; rows and figures stay.

    It helps if an old copy of the key file was stolen, and not if a copy of the
    key file was stolen together with the vault. No key may be deleted: every
    identifier passes through all of them.

    Examples:
      fcir keys rotate --reason "the key was copied"
    """
    from dagster_project.privacy.keys import rotate as rotate_keys

    settings = start(debug=bool(context.obj))
    reason = require_reason(reason, "yearly change")
    with locked_vault(settings, "fcir keys rotate") as (people, _):
        count = rotate_keys(settings, people, reason=reason)
    say(f"Keys      {count:,}, in {settings.key_file}. Now copy the file to where you keep copies of keys.", keys=count)
