"""Console output of the commands: one line per step or fact, as text for people or JSON for a log collector.

Every module logs to the logger `fcir`; only the command line attaches a handler here, and Dagster attaches its own.
Results that a command returns (a query, a trace) are data and do not go through here.
"""

import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TextIO

from dagster_project.settings import LogFormat

LOGGER = logging.getLogger("fcir")

# Widths of the stage and the name in the line of a step; the longest name is that of a source, 23 characters.
_STAGE, _NAME = 12, 24

_chosen = LogFormat.TEXT


def report_as(log_format: LogFormat) -> None:
    """Set the format of every line that `say` and `print_error` print in this process."""
    global _chosen
    _chosen = log_format


def say(message: str, *, level: str = "info", **fields: object) -> None:
    """Print a line on standard output. Empty lines are printed as text only.

    Level (`info`, `warning` or `error`) and fields (the same facts as values) are for the JSON form only.
    """
    if _chosen is LogFormat.TEXT:
        sys.stdout.write(f"{message}\n")
    elif message:
        sys.stdout.write(_as_json(datetime.now(UTC), level, " ".join(message.split()), fields) + "\n")


def note(message: str, stream: TextIO) -> None:
    """Print a note about the data of a result, on a stream where it does not mix with the data."""
    text = message if _chosen is LogFormat.TEXT else _as_json(datetime.now(UTC), "info", message, {})
    stream.write(f"{text}\n")


def aligned(titles: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str]) -> Iterator[str]:
    """Yield a table without borders as lines. A library would take a second for the rows of a month."""
    widths = [max(map(len, cells)) for cells in zip(titles, *rows, strict=True)]
    for row in [titles, *rows]:
        cells = (
            cell.rjust(width) if title in right else cell.ljust(width)
            for title, cell, width in zip(titles, row, widths, strict=True)
        )
        yield "  ".join(cells).rstrip()


def print_error(message: str, **fields: object) -> None:
    """Print the reason why a command failed, on standard error."""
    text = f"fcir: {message}" if _chosen is LogFormat.TEXT else _as_json(datetime.now(UTC), "error", message, fields)
    sys.stderr.write(f"{text}\n")


def is_json() -> bool:
    """Return whether output is JSON, for a log collector."""
    return _chosen is LogFormat.JSON


def _as_json(moment: datetime, level: str, message: str, fields: Mapping[str, object]) -> str:
    head = {"time": moment.isoformat(timespec="milliseconds"), "level": level, "message": message}
    return json.dumps(head | dict(fields), default=str)


def step_line(stage: str, name: str, message: str) -> str:
    """Return the line of a step: stage, name and message in columns."""
    return f"{stage:<{_STAGE}} {name:<{_NAME}} {message}"


def step(stage: str, name: str, message: str, **fields: object) -> None:
    """Report one finished step.

    Args:
        stage: stage of the run, for example `sources`.
        name: what was done, for example the source.
        message: counts and times in words; never a value of an extract.
        fields: the same facts as values, for the JSON form.
    """
    LOGGER.info("%s", step_line(stage, name, message), extra={"fcir": {"stage": stage, "name": name, **fields}})


def detail(message: str, **fields: object) -> None:
    """Report a detail for the log collector: printed in the JSON form only."""
    if is_json():
        LOGGER.info("%s", message, extra={"fcir": fields})


def progress(stage: str, name: str, done: int, total: int) -> None:
    """Show the progress of a step, on a terminal only: a log records finished steps."""
    if LOGGER.handlers and not is_json() and sys.stderr.isatty():
        end = "\r" if done < total else "\r" + " " * 70 + "\r"
        sys.stderr.write(f"{step_line(stage, name, f'{done:,} of {total:,}')}{end}")
        sys.stderr.flush()


def warn(message: str, **fields: object) -> None:
    """Report something that needs attention but does not stop the command."""
    LOGGER.warning("%s", message, extra={"fcir": fields})


class _Formatter(logging.Formatter):
    """Formatter of records as lines in the chosen format."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a line: as text, with a mark for warnings and errors; as JSON, with time (UTC), level and fields."""
        level, message = record.levelname.lower(), record.getMessage()
        if is_json():
            moment = datetime.fromtimestamp(record.created, UTC)
            return _as_json(moment, level, " ".join(message.split()), getattr(record, "fcir", {}))
        return message if record.levelno <= logging.INFO else f"{level}: {message}"


def report_to_terminal(log_format: LogFormat) -> None:
    """Also send the log of this process to standard output."""
    report_as(log_format)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Formatter())
    LOGGER.handlers = [handler]
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
