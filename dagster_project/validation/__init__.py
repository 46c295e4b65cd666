"""Validation of a candidate load: contract -> expectations -> one query a table -> Great Expectations -> outcomes.

The only package that imports Great Expectations, and only while it validates or writes Data Docs. Accepting or
rejecting a delivery belongs to `loading`.
"""

from dagster_project.validation.expectations import Expectation, expectations_of
from dagster_project.validation.outcomes import Outcome, ValidationResult, validate
from dagster_project.validation.violation_counts import ValidationBroken, Violations, count_violations

__all__ = [
    "Expectation",
    "Outcome",
    "ValidationBroken",
    "ValidationResult",
    "Violations",
    "count_violations",
    "expectations_of",
    "validate",
]
