"""What a rebuild was asked for: kept until it is finished, so that the next command finishes one that was killed."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from dagster_project.settings import Settings
from dagster_project.writing import write_whole


@dataclass(frozen=True)
class Intent:
    """What a rebuild was asked for, kept until it is finished."""

    begun_at: str
    """Time, UTC: the name of the folder that the damaged files are moved to."""
    reason: str
    without_missing: bool
    is_complete: bool = False
    """Whether the new warehouse is complete, so that only files are left to be moved."""
    facts: Mapping[str, object] | None = None
    """What the record of actions will say of it."""


def read_intent(settings: Settings) -> Intent | None:
    """Return what a rebuild that was not finished was asked for; None if there is none."""
    try:
        return Intent(**json.loads(intent_file(settings).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def intent_file(settings: Settings) -> Path:
    """Return the file of the intent."""
    return settings.home / "rebuild" / "intent.json"


def write_intent(settings: Settings, intent: Intent) -> None:
    """Write the intent in one step, in the folder of the rebuild."""
    write_whole(intent_file(settings), json.dumps(asdict(intent)).encode())
