"""`fcir contract`: draft what would load the exports of a source system."""

import re
from pathlib import Path
from typing import Annotated

import typer

from dagster_project.cli.check import check_path
from dagster_project.console import say
from dagster_project.contracts import load_contracts
from dagster_project.errors import UsageError
from dagster_project.settings import CONTRACTS, read_settings
from dagster_project.words import counted, in_shell, printable
from dagster_project.writing import write_whole

contract = typer.Typer(
    name="contract", help="Draft the configuration that loads the exports of a source system.", no_args_is_help=True
)


@contract.callback()
def _group() -> None:
    """Draft the configuration that loads the exports of a source system."""


@contract.command()
def draft(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Source, for example call_segments, or a new name.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Some of its exports, in any format.")],
    write: Annotated[bool, typer.Option("--write", help="Write it to the configuration; never over a file.")] = False,
) -> None:
    """Print the configuration that would load exports, with what the files do not tell as questions.

    For a source with a contract: which headings, values and time formats stand
    for what; for a new one, a whole contract. It reads the files and sends
    nothing. Answer the questions in the file, then check it: fcir check.

    Examples:
      fcir contract draft call_segments export_*.csv
      fcir contract draft front_counter_visits visits.xlsx --write
    """
    # Imported here, since it imports the readers.
    from dagster_project.config.draft import draft as drafted
    from dagster_project.extracts.errors import UnreadableExtract

    settings = read_settings()
    if not re.fullmatch("[a-z][a-z0-9_]*", source):
        raise UsageError(f"{printable(source)}: no name of a source; expected lower-case snake case: call_segments")
    for file in files:
        check_path(file)
    try:
        # Without the configuration, whose place the draft would take.
        found = drafted(source, files, load_contracts(CONTRACTS).get(source))
    except UnreadableExtract as error:
        raise UsageError(f"{error}. Nothing was drafted") from None
    if not write:
        print(found.text, end="")
        return
    target = settings.config_folder / "contracts" / found.file_name
    if target.exists():
        raise UsageError(f"{target}: exists and was not changed. Without --write, the draft is printed")
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, found.text.encode())
    say(f"Wrote {target}: {counted(len(found.questions), 'question')} to answer in it.", questions=len(found.questions))
    say(f"Then: fcir check --source {source} {in_shell(files[0])}")
