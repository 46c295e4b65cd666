"""What came of a validation, written down as Great Expectations writes it. Rendering it belongs to `data_docs.py`.

Made of outcomes, which hold counts and dates and no value of a cell, so that none can get into a document or a page.
Great Expectations is not imported.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from dagster_project.contracts import Contract
from dagster_project.validation.engine import DELIVERIES_SUFFIX, Outcome

# Days of an expectation that failed that are named; all of them are in `audit.expectation_result`.
_DAYS_NAMED = 20

# Whether a table has the right columns is not counted in rows.
_ABOUT_THE_TABLE = "expect_table_"


@dataclass(frozen=True)
class WrittenResult:
    """The result of one suite: the expectations of one of the two tables of a source."""

    suite: str
    """Name of the table that was validated."""
    success: bool
    evaluated: int
    """Expectations that were computed."""
    failed: int
    document: str
    """JSON of Great Expectations' `ExpectationSuiteValidationResult`, of the release `engine_version`."""


def engine_version() -> str:
    """The release of Great Expectations that documents are written for."""
    return version("great-expectations")


def written_results(
    contract: Contract, outcomes: Sequence[Outcome], *, run_id: str, validated_at: datetime, is_synthetic: bool
) -> list[WrittenResult]:
    """The outcomes of a source as the results of its suites.

    Args:
        contract: the contract of the source.
        outcomes: what came of its expectations.
        run_id: Dagster run.
        validated_at: UTC, without zone as the warehouse keeps it.
        is_synthetic: whether the extracts were made up.

    Returns:
        First the result over candidate rows, then the one over deliveries; one without expectations is left out.
        Success is that of the outcomes: a share that a rule demands (`mostly`) is judged for each day by itself.
    """
    written = []
    for suffix, on_deliveries in (("", False), (DELIVERIES_SUFFIX, True)):
        of_table = [outcome for outcome in outcomes if outcome.expectation.on_deliveries == on_deliveries]
        if not of_table:
            continue
        suite = f"{contract.source}{suffix}"
        failed = sum(not outcome.success for outcome in of_table)
        document = {
            "success": not failed,
            "suite_name": suite,
            "suite_parameters": {},
            "results": [_result(outcome) for outcome in of_table],
            "statistics": {
                "evaluated_expectations": len(of_table),
                "successful_expectations": len(of_table) - failed,
                "unsuccessful_expectations": failed,
                "success_percent": 100 * (len(of_table) - failed) / len(of_table),
            },
            "meta": {
                "great_expectations_version": engine_version(),
                "run_id": {"run_name": run_id, "run_time": validated_at.replace(tzinfo=UTC).isoformat()},
                "batch_spec": {"data_asset_name": f"incoming.{suite}", "contract_version": contract.version},
                "is_synthetic": is_synthetic,
            },
            "id": None,
        }
        # A rule may be given a date, which JSON does not know.
        text = json.dumps(document, default=str, sort_keys=True)
        written.append(WrittenResult(suite, not failed, len(of_table), failed, text))
    return written


def _result(outcome: Outcome) -> dict[str, Any]:
    expectation = outcome.expectation
    counts: dict[str, Any] = {}
    if not expectation.type.startswith(_ABOUT_THE_TABLE) and outcome.evaluated:
        counts = {
            "element_count": outcome.evaluated,
            "unexpected_count": outcome.unexpected,
            "unexpected_percent": 100 * outcome.unexpected / outcome.evaluated,
            "partial_unexpected_list": [],
        }
    days = [day.isoformat() for day in outcome.failed_dates]
    if len(days) > _DAYS_NAMED:
        days = [*days[:_DAYS_NAMED], f"and {len(days) - _DAYS_NAMED} more"]
    return {
        "success": outcome.success,
        "expectation_config": {
            "type": expectation.type,
            "kwargs": dict(expectation.arguments),
            "meta": {
                "attributes": {
                    "claim": expectation.name.replace("_", " "),
                    "reason": expectation.description,
                    "dimension": expectation.dimension,
                    "severity": expectation.severity.value,
                    "days": ", ".join(days),
                }
            },
            "severity": expectation.severity.value,
        },
        "result": counts,
        "meta": {},
        "exception_info": {"raised_exception": False, "exception_message": None, "exception_traceback": None},
    }
