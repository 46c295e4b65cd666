"""Errors that prevent a paper or its commentary."""

from __future__ import annotations

from dagster_project.errors import OperatorError


class ReportError(OperatorError, ValueError):
    """The paper cannot be made; the message says what exists and what to request."""


class CommentaryError(OperatorError, ValueError):
    """The commentary cannot be shown; the message names the file, its state and what to do."""
