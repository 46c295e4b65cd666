"""Base classes of the errors that are shown to operators. Each kind is defined where it is raised."""


class OperatorError(Exception):
    """The request failed for a reason that an operator can fix; the message is complete and says how.

    Commands print only the message and exit with the code for wrong use. The class is in a separate module so that a
    command can catch every kind without importing all of the warehouse.
    """


class UsageError(OperatorError, ValueError):
    """A command was given an invalid argument; the message says what it accepts."""
