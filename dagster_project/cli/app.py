"""The operator's command `fcir`: its commands, and how errors end them: with one line and an exit code."""

import atexit
import gc
import logging
import os
import re
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from importlib.metadata import version
from io import TextIOWrapper
from itertools import takewhile
from pathlib import Path
from typing import Annotated

import duckdb
import typer
from typer.main import get_command

from dagster_project.cli.exits import Exit
from dagster_project.cli.signals import describe_command
from dagster_project.console import is_json, print_error, report_as
from dagster_project.errors import OperatorError
from dagster_project.publication.files import pointer_of
from dagster_project.settings import LogFormat, SettingsError, known_forces, read_settings
from dagster_project.warehouse.connection import DatabaseUnreadable
from dagster_project.warehouse.lock import WarehouseLocked
from dagster_project.words import in_shell

# In the order of the help. Each is the function of its name in the module of its name, if no other is named below.
_COMMANDS = (
    "run",
    "publish",
    "paper",
    "check",
    "contract",
    "status",
    "query",
    "measures",
    "tables",
    "trace",
    "record",
    "verify",
    "config",
    "backup",
    "restore",
    "rebuild",
    "sample",
    "ui",
    "docs",
    "open",
    "dbt",
    "dagster",
    "access",
    "erase",
    "purge",
    "keys",
)
_ELSEWHERE = {
    "restore": ("backup", "restore"),
    "open": ("open", "open_page"),
    "dbt": ("tools", "dbt"),
    "dagster": ("tools", "dagster"),
}
# Commands whose arguments are those of another program, `--help` included.
_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def app_of(arguments: Sequence[str] = ()) -> typer.Typer:
    """Return `fcir` with the command that arguments name, or with all commands if they name none.

    The modules of the other commands, a tenth of those of a run, are not imported.
    """
    app = typer.Typer(
        name="fcir",
        help="The warehouse for police contact and crime performance: extracts in, board figures out.",
        invoke_without_command=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    named = next((word for word in arguments if not word.startswith("-")), "")
    for name in [named] if named in _COMMANDS else _COMMANDS:
        module, item = _ELSEWHERE.get(name, (name, name))
        command = getattr(import_module(f"dagster_project.cli.{module}"), item)
        if isinstance(command, typer.Typer):
            app.add_typer(command)
        else:
            app.command(name, context_settings=_PASSED_ON if module == "tools" else None)(command)
    return app


def _options(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version of fcir.")] = False,
) -> None:
    context.obj = debug
    if show_version:
        print(f"fcir {version('fcir')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(Exit.USAGE)


def main() -> None:
    """Prepare this process, and run the command of its arguments; it ends with the exit code of the command."""
    if sys.stdout is None:
        # A shell has closed standard output (>&-).
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - until the process ends
    for stream in (sys.stdout, sys.stderr):
        # A locale without UTF-8 must not end a command.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    _silence_libraries()
    _tune_gc()
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: Sequence[str]) -> int:
    """Run a command in this process; an error is printed as one line on standard error.

    Args:
        arguments: those of `fcir`, without its name.

    Returns:
        The exit code (`cli/exits.py`).

    Raises:
        Exception: an error, after `--debug`.
    """
    # Only the environment decides the format of errors here: the command reports settings that are not valid.
    report_as(LogFormat.JSON if os.environ.get("FCIR_LOG_FORMAT") == LogFormat.JSON else LogFormat.TEXT)
    with suppress(SettingsError, OSError):
        settings = read_settings()
        report_as(settings.log_format)
        folders = [settings.published, settings.published_public, *map(settings.published_force, known_forces())]
        pointers = [pointer_of(folder) for folder in folders]
        describe_command(pointers=pointers, is_json=is_json())
    debug = "--debug" in arguments
    words = [item for item in arguments if item != "--debug"]
    try:
        # Not `app()`, which installs a hook of typer's own for unexpected errors.
        code = get_command(app_of(words))(
            ["--debug", *words] if debug else words, prog_name="fcir", standalone_mode=False
        )
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else Exit.DATA
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        # It is empty for a group of commands without one, whose help is printed.
        fault = error.format_message().rstrip(".") or "A command is missing"
        return _report(f"{fault}. See: {context.command_path if context else 'fcir'} --help", Exit.USAGE)
    except Exception as error:
        if debug:
            raise
        return _report(*_explained(error, words))
    return code or Exit.WELL


def _explained(error: Exception, words: Sequence[str]) -> tuple[str, Exit]:
    """Return the line that explains an error to an operator, and the exit code.

    Args:
        error: what ended the command.
        words: arguments of the command.
    """
    if isinstance(error, WarehouseLocked):
        return str(error), Exit.LOCKED
    if isinstance(error, OperatorError):
        return str(error), Exit.USAGE
    if isinstance(error, DatabaseUnreadable):
        return str(error), Exit.DATA
    if isinstance(error, OSError):
        return f"{_system_message(error)}. {_state_after_error(words)}", Exit.DATA
    if isinstance(error, _database_errors()):
        message = str(error).splitlines()[0].rstrip(".")
        if "sqlite3." in message:
            # Only Dagster uses SQLite, and its files have nothing but the history of runs.
            home = os.environ.get("DAGSTER_HOME", "dagster")
            message += (
                ", in Dagster's files. If they are damaged, move them away; no data are lost: "
                f"mv {in_shell(home)} {in_shell(home + '.old')}"
            )
        return f"{message}. {_state_after_error(words)}", Exit.DATA
    # Its text may quote a cell, so only its type and where it was raised are printed.
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    where = f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
    return f"unexpected {type(error).__name__}{where}. {_state_after_error(words)}", Exit.DATA


def _tune_gc() -> None:
    """Collect garbage rarely, and not at exit. Without this a first load takes a fifth more CPU.

    A run creates a million objects that live until its end. Looking through them takes 1 of the 29 CPU seconds of a
    night; waiting for two million takes 100 MB of memory.
    """
    gc.set_threshold(2_000_000)
    atexit.register(gc.freeze)


def _report(message: str, code: Exit) -> Exit:
    print_error(message, exit_code=int(code))
    return code


def _state_after_error(arguments: Sequence[str]) -> str:
    """Return what holds after any unexpected error, and the next command.

    Publishing is the last step, and its last action is to switch one pointer.
    """
    # Other commands have options that a line cannot repeat, such as a reason of several words.
    words = arguments if arguments[:1] == ["publish"] else takewhile(re.compile("[a-z][a-z-]*").fullmatch, arguments)
    again = " ".join(words) or "run"
    return (
        "What was published before stays, and what was committed is kept. Correct the cause and run again: "
        f"fcir {again} (a traceback: fcir --debug {again})"
    )


def _database_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions of databases. SQLAlchemy takes 0.1 s to import, so it is imported only after an error."""
    from sqlalchemy.exc import SQLAlchemyError

    return SQLAlchemyError, duckdb.Error


def _system_message(error: OSError) -> str:
    """Return the message of the operating system and the file, without the error number."""
    message = error.strerror or str(error) or type(error).__name__
    if isinstance(error, PermissionError) and error.filename:
        message += f"; run as its owner, or give this user access: chmod u+rw {in_shell(error.filename)}"
    return f"{error.filename}: {message[0].lower()}{message[1:]}" if error.filename else message


def _silence_libraries() -> None:
    """Silence the messages of libraries: they are for developers, and operators read the lines of this command."""
    # For a child process of Python, which removes semaphores of dbt after a command was stopped, and warns about it.
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker")
    warnings.filterwarnings("ignore")
    logging.getLogger("dagster").setLevel(logging.ERROR)
