"""Validation of the candidate load: what a contract expects, and Great Expectations computing it.

The only package that imports Great Expectations, and only while it validates. Accepting or rejecting a
delivery by the outcome belongs to `loading`.
"""

from dagster_project.validation.engine import Outcome, ValidationBroken, validate
from dagster_project.validation.expectations import Expectation, expectations_of

__all__ = ["Expectation", "Outcome", "ValidationBroken", "expectations_of", "validate"]
