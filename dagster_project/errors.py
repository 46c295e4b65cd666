"""What the errors that an operator reads as they are have in common. Each kind is defined where it is raised."""

from __future__ import annotations


class OperatorError(Exception):
    """What was asked is not done, for a reason that an operator can remove; the message is complete and says how.

    Commands show the message alone and end with the exit code of wrong use. It stands apart from its kinds, so that a
    command can catch them all without importing every part of the warehouse.
    """


class UsageError(OperatorError, ValueError):
    """A command was given something that it cannot work with; the message says what it takes."""
