"""What Great Expectations says of a candidate load: an outcome of each expectation, and its result to be kept.

The result is JSON of Great Expectations' own `ExpectationSuiteValidationResult`. It is made of counts, days and row
numbers, so no value of a cell can get into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from dagster_project.contracts import Contract
from dagster_project.validation.violation_counts import Violations


@dataclass(frozen=True, kw_only=True)
class Outcome(Violations):
    """What came of one expectation."""

    success: bool


@dataclass(frozen=True)
class ValidationResult:
    """What came of the expectations of one source in one run."""

    outcomes: tuple[Outcome, ...]
    """In the order of the violations that were validated."""
    document: str
    """JSON of Great Expectations' result, of the release `engine_version`."""


def engine_version() -> str:
    """The release of Great Expectations that writes documents."""
    return version("great-expectations")


def validate(
    contract: Contract, violations: Sequence[Violations], *, run_id: str, is_synthetic: bool
) -> ValidationResult:
    """Have Great Expectations validate the suite of a contract on the violations of its rules.

    Args:
        contract: the contract of the source.
        violations: of each of its expectations that was computed.
        run_id: Dagster run, the name of the run in the result.
        is_synthetic: whether the extracts were made up, which the result states.

    Raises:
        ValidationBroken: Great Expectations could not compute an expectation.
    """
    # Here: it costs two to three CPU seconds to import, and a run without deliveries validates nothing.
    from dagster_project.validation.suite import run_suite

    success, document = run_suite(contract, violations, run_id=run_id, is_synthetic=is_synthetic)
    outcomes = (Outcome(**vars(found), success=success[found.expectation.name]) for found in violations)
    return ValidationResult(tuple(outcomes), document)
