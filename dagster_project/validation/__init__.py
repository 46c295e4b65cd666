"""Validate a candidate load: contract -> expectations -> one query per rule -> Great Expectations -> outcomes.

This is the only package that imports Great Expectations, and only to validate or to write Data Docs. `loading` accepts
and rejects deliveries.
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
