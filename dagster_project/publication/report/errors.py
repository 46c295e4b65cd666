"""Why a paper cannot be made as asked."""

from __future__ import annotations

from dagster_project.errors import OperatorError


class ReportError(OperatorError, ValueError):
    """A paper that cannot be made; the message says what there is and what to ask for."""


class CommentaryError(OperatorError, ValueError):
    """A commentary that cannot be shown; the message names file, state and what to do."""
