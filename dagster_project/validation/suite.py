"""Build and run the suite of a contract in Great Expectations. Imported on demand: the import takes 2.5 CPU seconds.

The batch is a data frame with one row for each rule: the violations that DuckDB counted with one query for each table.
The built-in expectation types would query the table again for each expectation.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import great_expectations as gx
import pandas as pd
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.data_context import EphemeralDataContext
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

from dagster_project.contracts import Contract
from dagster_project.validation.expectations import Expectation
from dagster_project.validation.violation_counts import ValidationBroken, Violations
from dagster_project.words import listed

_METRIC = "table.violations_of_rule"

# How many days a result names; `audit.expectation_result` has all of them.
_DAYS_NAMED = 20


class TableViolationsOfRule(TableMetricProvider):
    """Metric: the row of a rule in a data frame of violations."""

    metric_name = _METRIC
    value_keys = ("rule",)

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(
        cls,
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        **_: Any,
    ) -> dict[str, Any]:
        frame, _domain, _accessor = execution_engine.get_compute_domain(
            metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE
        )
        row: dict[str, Any] = frame.loc[metric_value_kwargs["rule"]].to_dict()
        return row


class ExpectNoUnexpectedRows(BatchExpectation):
    """An expectation that no delivery of a load has more rows that break a rule than the rule allows."""

    rule: str
    unexpected_rows_query: str | None = None

    metric_dependencies: ClassVar[tuple[str, ...]] = (_METRIC,)
    success_keys: ClassVar[tuple[str, ...]] = ("rule", "unexpected_rows_query")

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        found = metrics[_METRIC]
        days = found["failed_in_words"]
        evaluated, unexpected = int(found["evaluated"]), int(found["unexpected"])
        return {
            "success": not days,
            "result": {
                "observed_value": listed(days, _DAYS_NAMED) or f"{unexpected:,} of {evaluated:,} rows",
                "element_count": evaluated,
                "unexpected_count": unexpected,
                "unexpected_percent": 100 * unexpected / evaluated if evaluated else 0,
                "unexpected_index_list": [
                    {"extract_date": str(day), "load_id": load, "source_row": row} for day, load, row in found["rows"]
                ],
            },
        }


def memory_context() -> EphemeralDataContext:
    """Return a context that is in memory only and sends no analytics to the makers of Great Expectations."""
    return gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            # Without the documentation site, for which it would create a folder.
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False),
        ),
    )


def run_suite(
    contract: Contract, violations: Sequence[Violations], *, run_id: str, is_synthetic: bool
) -> tuple[Mapping[str, bool], str]:
    """Validate the suite of a contract on the violations of its rules.

    Returns:
        Whether each expectation succeeded, by name, and JSON of the result.

    Raises:
        ValidationBroken: Great Expectations could not compute an expectation.
    """
    context = memory_context()
    suite = context.suites.add(
        gx.ExpectationSuite(contract.source, expectations=[_as_gx(found.expectation) for found in violations])
    )
    batch = (
        context.data_sources.add_pandas("warehouse")
        .add_dataframe_asset(f"incoming.{contract.source}")
        .add_batch_definition_whole_dataframe("candidate")
    )
    validation = context.validation_definitions.add(
        gx.ValidationDefinition(name=contract.source, data=batch, suite=suite)
    )
    result = validation.run(
        batch_parameters={"dataframe": _frame(violations)}, run_id=gx.RunIdentifier(run_name=run_id)
    )
    # Data Docs read the name of the asset from here.
    result.meta["batch_spec"] = {"data_asset_name": f"incoming.{contract.source}"}
    result.meta |= {"contract_version": contract.version, "is_synthetic": is_synthetic}
    if broken := [item for item in result.results if item.exception_info.get("raised_exception", True)]:
        names = ", ".join(item.expectation_config.kwargs["rule"] for item in broken)
        raise ValidationBroken(
            f"{contract.source}: Great Expectations could not compute {names}. Nothing of the source was accepted. "
            "This is a fault of fcir: please report it with the output of fcir --debug run"
        )
    success = {item.expectation_config.kwargs["rule"]: bool(item.success) for item in result.results}
    return success, json.dumps(result.to_json_dict(), sort_keys=True)


def _as_gx(expectation: Expectation) -> ExpectNoUnexpectedRows:
    rows, claim = expectation.unexpected_rows, expectation.name.replace("_", " ")
    return ExpectNoUnexpectedRows(
        rule=expectation.name,
        unexpected_rows_query=rows.query if rows else None,
        description=f"{claim} ({expectation.severity.value}, {expectation.dimension}): {expectation.description}",
        notes=f"`{rows.query}`" if rows else "Depends on the verdicts on earlier days.",
        severity=expectation.severity.value,
        meta={"dimension": expectation.dimension},
    )


def _frame(violations: Sequence[Violations]) -> pd.DataFrame:
    """Return a data frame with one row for each rule, indexed by name."""
    columns = ("evaluated", "unexpected", "failed_in_words", "rows")
    return pd.DataFrame(
        {name: pd.Series([getattr(found, name) for found in violations], dtype=object) for name in columns}
    ).set_index(pd.Index([found.expectation.name for found in violations]))
