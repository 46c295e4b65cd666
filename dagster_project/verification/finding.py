"""What a verification found: what is wrong, where, the current state, and the next command."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A fault, or a remark about what could not be verified."""

    place: str
    """File or table."""
    what: str
    """What was found, and what was expected; no value of a row."""
    advice: str
    """What holds meanwhile, and the next command."""
    is_fault: bool = True

    @property
    def calls_for_rebuild(self) -> bool:
        """Whether a rebuild of the warehouse corrects it."""
        return self.advice.endswith(": fcir rebuild")

    def __str__(self) -> str:
        """Return place, what was found, and the advice, as one line."""
        return f"{self.place}: {self.what}. {self.advice}"
