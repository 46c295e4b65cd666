"""An expectation of Great Expectations that is an aggregate over the table. Which aggregates does not belong here.

Great Expectations computes the aggregates of all expectations on a table in one query. Imported on demand, as it costs
two to three CPU seconds.
"""

from __future__ import annotations

from typing import Any, ClassVar

import sqlalchemy
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.core.metric_function_types import MetricPartialFunctionTypes
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_partial
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

_METRIC = "table.suspects"


class TableSuspects(TableMetricProvider):
    """The value of an SQL aggregate over the table."""

    metric_name = _METRIC
    value_keys = ("aggregate",)

    @metric_partial(
        engine=SqlAlchemyExecutionEngine,
        partial_fn_type=MetricPartialFunctionTypes.AGGREGATE_FN,
        domain_type=MetricDomainTypes.TABLE,
    )
    def aggregate(
        cls, metric_domain_kwargs: dict[str, Any], metric_value_kwargs: dict[str, Any], **_: Any
    ) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """The aggregate, for the query of the whole table."""
        return sqlalchemy.literal_column(metric_value_kwargs["aggregate"]), metric_domain_kwargs, {}


class ExpectNoSuspects(BatchExpectation):
    """An expectation that an SQL aggregate over the table is 0.

    What it is stands in the meta of the result, which is all that Great Expectations leaves of a yes or no.
    """

    aggregate: str

    metric_dependencies: ClassVar[tuple[str, ...]] = (_METRIC,)
    success_keys: ClassVar[tuple[str, ...]] = ("aggregate",)

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        return {"success": metrics[_METRIC] == 0, "meta": {"suspects": metrics[_METRIC]}}
