"""What a verification found: what is wrong, where, the current state, and the next command."""

from dataclasses import dataclass

_REBUILD = "What was published stays. Build it again from the landing folder: fcir rebuild"


@dataclass(frozen=True)
class Finding:
    """A fault, or a remark about what could not be verified."""

    place: str
    """File or table."""
    what: str
    """What was found, and what was expected; no value of a row."""
    advice: str
    """What holds meanwhile, and the next command; empty if `what` says it."""
    is_fault: bool = True
    needs_rebuild: bool = False

    def __str__(self) -> str:
        """Return place, what was found, and the advice, as one line."""
        return f"{self.place}: {self.what}{f'. {self.advice}' if self.advice else ''}"


def damage(place: str, what: str, advice: str = _REBUILD) -> Finding:
    """Return a fault that a rebuild corrects."""
    return Finding(place, what, advice, needs_rebuild=True)
