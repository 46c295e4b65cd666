"""What a run says while it goes on: one line per step, as text for a person or as JSON for a log collector.

Every module logs to the logger `fcir`; only the command line attaches a handler here, and Dagster attaches its own.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from dagster_project.settings import LogFormat

LOGGER = logging.getLogger("fcir")


def step(stage: str, name: str, message: str, **fields: object) -> None:
    """Report one finished step.

    Args:
        stage: stage of the run, for example `sources`.
        name: what was done, for example the source.
        message: counts and times in words; never a value of an extract.
        fields: the same as values, for the JSON form.
    """
    LOGGER.info("%-12s %-22s %s", stage, name, message, extra={"fcir": {"stage": stage, "name": name, **fields}})


def progress(stage: str, name: str, done: int, total: int) -> None:
    """Show how far a step is, on a terminal only: a log keeps what was finished, not how it crept on."""
    if LOGGER.handlers and sys.stderr.isatty():
        end = "\r" if done < total else "\r" + " " * 70 + "\r"
        sys.stderr.write(f"{stage:<12} {name:<22} {done:,} of {total:,}{end}")
        sys.stderr.flush()


def warn(message: str) -> None:
    """Report something that a person should look at, although the run goes on."""
    LOGGER.warning("%s", message)


class _JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON: time (UTC), level, message and the fields of a step."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields: dict[str, object] = {"time": moment, "level": record.levelname.lower(), "message": record.getMessage()}
        fields |= getattr(record, "fcir", {})
        return json.dumps(fields, default=str)


class _TextFormatter(logging.Formatter):
    """The message; warnings and errors are marked."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line for a person."""
        mark = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        return f"{mark}{record.getMessage()}"


def report_to_terminal(log_format: LogFormat) -> None:
    """Send the lines of this process to standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_JsonFormatter() if log_format is LogFormat.JSON else _TextFormatter())
    LOGGER.handlers = [handler]
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
