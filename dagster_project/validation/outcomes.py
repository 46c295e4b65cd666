"""Results of Great Expectations for a candidate load: an outcome for each expectation, and a document to keep.

The document is JSON of Great Expectations' `ExpectationSuiteValidationResult`. It is built from counts, days and row
numbers, so it cannot contain the value of a cell.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from types import ModuleType

from dagster_project.contracts import Contract
from dagster_project.validation.violation_counts import Violations


@dataclass(frozen=True, kw_only=True)
class Outcome(Violations):
    """The outcome of one expectation."""

    success: bool


@dataclass(frozen=True)
class ValidationResult:
    """The outcomes of all expectations of one source in one run."""

    outcomes: tuple[Outcome, ...]
    """In the order of the violations that were validated."""
    document: str
    """JSON of Great Expectations' result, as written by release `engine_version`."""


def engine_version() -> str:
    """Return the release of Great Expectations that writes documents."""
    return version("great-expectations")


@contextmanager
def _left_out(*modules: str) -> Iterator[None]:
    """Import without these modules, each of which is empty meanwhile.

    Great Expectations imports them for expectations of distributions, which no contract has: another CPU second.
    """
    new = {name: ModuleType(name) for name in modules if name not in sys.modules}
    sys.modules.update(new)
    try:
        yield
    finally:
        for name in new:
            del sys.modules[name]


def validate(
    contract: Contract, violations: Sequence[Violations], *, run_id: str, is_synthetic: bool
) -> ValidationResult:
    """Validate the suite of a contract with Great Expectations, on the violations of its rules.

    Args:
        contract: the contract of the source.
        violations: violations of each expectation that was computed.
        run_id: Dagster run; it is the name of the run in the result.
        is_synthetic: whether the extracts are synthetic, which the result states.

    Raises:
        ValidationBroken: Great Expectations could not compute an expectation.
    """
    # Imported here, because it takes a CPU second, and a run without deliveries validates nothing.
    with _left_out("altair", "scipy.stats"):
        from dagster_project.validation.suite import run_suite

    success, document = run_suite(contract, violations, run_id=run_id, is_synthetic=is_synthetic)
    outcomes = (Outcome(**vars(found), success=success[found.expectation.name]) for found in violations)
    return ValidationResult(tuple(outcomes), document)
