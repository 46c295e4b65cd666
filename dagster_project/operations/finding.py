"""What a verification found: what is wrong, where, the current state, and the next command."""

from dataclasses import dataclass
from enum import StrEnum


class Cure(StrEnum):
    """What corrects a fault, where a command decides by it."""

    REBUILD = "What was published stays. Build it again from the landing folder: fcir rebuild"


@dataclass(frozen=True)
class Finding:
    """A fault, or a remark about what could not be verified."""

    place: str
    """File or table."""
    what: str
    """What was found, and what was expected; no value of a row."""
    advice: str = ""
    """What holds meanwhile, and the next command; empty if `what` or the `cure` says it."""
    is_fault: bool = True
    cure: Cure | None = None

    def __str__(self) -> str:
        """Return place, what was found, and the advice, as one line."""
        advice = self.advice or self.cure
        return f"{self.place}: {self.what}{f'. {advice}' if advice else ''}"
