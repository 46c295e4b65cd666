"""Exit codes of every command."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command."""

    WELL = 0
    DATA = 1
    """Data was rejected, missing or failed a check; everything else was done."""
    USAGE = 2
    """Wrong use or configuration; nothing was done."""
    LOCKED = 75
    """Another run holds the warehouse (EX_TEMPFAIL of sysexits.h: try again later)."""
