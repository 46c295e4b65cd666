"""Great Expectations run on a candidate load, by SQL push-down. What is expected is in `expectations.py`.

Great Expectations answers yes or no (`BOOLEAN_ONLY`), so that no value of a cell enters its results. For an
expectation that failed it also states the query of the failing rows, and only dates, loads and row numbers
are read from that query.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import duckdb

from dagster_project.contracts import Contract, Severity
from dagster_project.sql import literal, quoted
from dagster_project.validation.expectations import (
    BATCH,
    DELIVERY_IDENTITY,
    ROW_IDENTITY,
    SQL_EXPECTATION,
    Expectation,
    expectations_of,
)
from dagster_project.validation.sparing import import_great_expectations
from dagster_project.warehouse.connection import empty_spill_folder, memory_limit

DELIVERIES_SUFFIX = "__deliveries"

# Enough to find the fault in the extract; the number of all failing rows stands beside them.
_ROWS_SHOWN = 20

_SCHEMA_EXPECTATION = "expect_table_columns_to_match_set"
_COUNTS_NULLS = ("expect_column_values_to_not_be_null", "expect_column_values_to_be_null")
_DIALECT = "duckdb.gx"

# Stands among the names of expectations, which are words, for the number of rows.
_ROWS = "*"

# Hashes of keys are put on disk meanwhile, which takes half the CPU time of being given the memory for all of them.
# Repeated keys among 8 million rows are found with 64 MB a thread, and among 60 million (a file of 4.4 GB) with 256.
_BYTES_A_THREAD = 64_000_000
_SHARE_OF_FILE = 8


class ValidationBroken(RuntimeError):
    """An expectation could not be computed: a fault of the set-up, not of the data.

    The message names source and expectation and the kind of error, never its text, since DuckDB quotes values.
    """


@dataclass(frozen=True)
class Outcome:
    """What came of one expectation."""

    expectation: Expectation
    success: bool
    evaluated: int
    """Rows of the table that was looked at: candidate rows or deliveries."""
    unexpected: int
    """Rows that fail; for an expectation about a whole table all of them."""
    failed_dates: tuple[date, ...]
    """Extract dates that fail, ascending."""
    rows: tuple[tuple[date, int, int], ...]
    """Up to 20 failing rows as (extract_date, load_id, source_row); empty for deliveries and whole tables."""


@dataclass(frozen=True)
class _Table:
    """One of the two tables of a source."""

    schema: str
    name: str
    identity: tuple[str, ...]
    deliveries: str
    """The other table, or this one, in which every extract date has a row."""

    @property
    def relation(self) -> str:
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    def dates(self, connection: duckdb.DuckDBPyConnection) -> tuple[date, ...]:
        """All extract dates, ascending; a valid empty day has a delivery and no rows."""
        query = (
            f"select extract_date from {self.relation} union "  # noqa: S608
            f"select extract_date from {quoted(self.schema)}.{quoted(self.deliveries)} order by extract_date"
        )
        return tuple(day for (day,) in connection.execute(query).fetchall())


def validate(contract: Contract, warehouse: Path, *, schema: str = "incoming") -> tuple[Outcome, ...]:
    """Compare the candidate load of a source, of however many days, with what its contract expects.

    Args:
        contract: the contract of the source.
        warehouse: the DuckDB file; opened read-only, so no connection with other settings may be open in
            this process. None stays open. What does not fit into the memory goes to a folder beside it meanwhile.
        schema: schema of the candidate tables `SOURCE` (rows) and `SOURCE__deliveries` (one row for each
            extract date).

    Returns:
        One outcome for each expectation, in the order of `expectations_of`, but for those that depend on the verdicts
        on earlier days: these are computed in `loading/verdicts.py`. A share that a rule demands (`mostly`) is judged
        for each extract date by itself.

    Raises:
        ContractError: see `expectations_of`.
        ValidationBroken: a table is missing, or an expectation could not be computed.
    """
    expectations = [expectation for expectation in expectations_of(contract) if not expectation.is_in_order]
    # Held open for the whole pass: Great Expectations connects for each query, which is cheap only while
    # the file is open already.
    spill = empty_spill_folder(warehouse)
    with closing(duckdb.connect(str(warehouse), read_only=True)) as connection, _quiet():
        _limit_memory(connection, warehouse, spill)
        tables = _tables(contract, connection, schema)
        outcomes: dict[str, Outcome] = {}
        for table, batch in zip(tables, _batches(warehouse, tables), strict=True):
            on_deliveries = table.identity == DELIVERY_IDENTITY
            of_table = [found for found in expectations if found.on_deliveries == on_deliveries]
            for outcome in _outcomes(contract.source, of_table, table, batch, connection):
                outcomes[outcome.expectation.name] = outcome
    return tuple(outcomes[expectation.name] for expectation in expectations)


def validate_quickly(
    contract: Contract, connection: duckdb.DuckDBPyConnection, *, schema: str = "incoming"
) -> tuple[Outcome, ...] | None:
    """The outcomes of the critical expectations, where their violation counts alone tell that all of them pass.

    Great Expectations takes two seconds to import, and computes nothing else first.

    Args:
        contract: the contract of the source.
        connection: has the candidate tables.
        schema: as for `validate`.

    Returns:
        One outcome for each, all of them passed; None where one may have failed, which `validate` tells.
    """
    critical = [
        expectation
        for expectation in expectations_of(contract)
        if expectation.severity is Severity.CRITICAL and not expectation.is_in_order
    ]
    outcomes: list[Outcome] = []
    for table in _tables(contract, connection, schema):
        on_deliveries = table.identity == DELIVERY_IDENTITY
        of_table = [found for found in critical if found.on_deliveries == on_deliveries]
        counted = [found.suspects for found in of_table if found.type != _SCHEMA_EXPECTATION]
        if None in counted:
            return None
        counts = ", ".join(["count(*)", *(str(aggregate) for aggregate in counted)])
        try:
            rows, *found = connection.execute(f"select {counts} from {table.relation}").fetchall()[0]  # noqa: S608
        except duckdb.Error:
            return None
        if any(found):
            return None
        outcomes.extend(Outcome(expectation, True, int(rows), 0, (), ()) for expectation in of_table)
    return tuple(outcomes)


def _limit_memory(connection: duckdb.DuckDBPyConnection, warehouse: Path, spill: Path) -> None:
    """Hold all connections to the file to what they need; else all that they have read stays in memory too."""
    enough = memory_limit(warehouse, bytes_a_thread=_BYTES_A_THREAD, share_of_file=_SHARE_OF_FILE)
    connection.execute(f"set memory_limit = '{enough}'")
    connection.execute(f"set temp_directory = {literal(str(spill))}")


def _tables(contract: Contract, connection: duckdb.DuckDBPyConnection, schema: str) -> list[_Table]:
    deliveries = contract.source + DELIVERIES_SUFFIX
    tables = [
        _Table(schema, contract.source, ROW_IDENTITY, deliveries),
        _Table(schema, deliveries, DELIVERY_IDENTITY, deliveries),
    ]
    for table in tables:
        found = connection.execute(
            """
            select 1
            from information_schema.columns
            where table_schema = ? and table_name = ? and column_name = 'extract_date'
            """,
            [schema, table.name],
        ).fetchone()
        if found is None:
            raise ValidationBroken(f"{contract.source}: no candidate table {schema}.{table.name} with an extract_date")
    return tables


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Great Expectations from reporting: its log carries tracebacks, and they quote values.

    Its advice to name the schema in the connection does not fit: a DuckDB address carries none.
    """
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="`schema_name` is deprecated", category=DeprecationWarning)
            yield
    finally:
        logger.setLevel(level)


def _batches(warehouse: Path, tables: Sequence[_Table]) -> list[Any]:
    """The tables as Great Expectations sees them, in a context that lives in memory only."""
    import_great_expectations()
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )
    from sqlalchemy import types
    from sqlalchemy.dialects import registry
    from sqlalchemy.pool import NullPool

    from dagster_project.validation.dialect import ReadOnlyDialect

    registry.register(_DIALECT, ReadOnlyDialect.__module__, ReadOnlyDialect.__name__)
    # Without its documentation site, for which it would make a folder.
    context = gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False),
        ),
    )
    source = context.data_sources.add_sql(
        "warehouse",
        # Encoded, or a `$` in the path would begin a variable and a `%` an escape.
        connection_string=f"{_DIALECT.replace('.', '+')}:///{quote(str(warehouse.resolve()))}",
        create_temp_table=False,
        kwargs={"poolclass": NullPool},
    )
    batches = []
    for table in tables:
        asset = source.add_table_asset(table.name, table_name=table.name, schema_name=table.schema)
        batch = asset.get_batch(asset.build_batch_request())
        # Great Expectations chooses the SQL of patterns by the names in this module and knows none for
        # DuckDB; Dremio's functions are the ones that DuckDB has.
        batch.data.execution_engine.dialect_module = SimpleNamespace(**vars(types), DremioDialect=ReadOnlyDialect)
        batches.append(batch)
    return batches


def _outcomes(
    source: str,
    expectations: Sequence[Expectation],
    table: _Table,
    batch: Any,
    connection: duckdb.DuckDBPyConnection,
) -> Iterator[Outcome]:
    asked = {found.name: _at_first(source, found, table) for found in expectations}
    results = _run(source, asked | {_ROWS: _no_suspects(_ROWS, "count(*)")}, table, batch)
    rows = _rows(results.pop(_ROWS), table, connection)
    doubtful = [found for found in expectations if not results[found.name].success]
    if doubtful:
        asked = {found.name: _as_gx(source, found, table) for found in doubtful}
        results |= _run(source, asked, table, batch, result_format=_with_query(table))
    broken = {name for name, result in results.items() if _is_broken(result)}
    is_other_table = any(not results[found.name].success for found in expectations if found.type == _SCHEMA_EXPECTATION)
    if broken and not (is_other_table and _SCHEMA_EXPECTATION not in _types(expectations, broken)):
        kinds = {kind for name in broken for kind in _error_kinds(results[name].exception_info)}
        raise ValidationBroken(
            f"{source}: could not compute {', '.join(sorted(broken))}"
            + (f" ({', '.join(sorted(kinds))})" if kinds else "")
        )
    failed = [found for found in expectations if not results[found.name].success]
    for found in expectations:
        if found.name in broken:
            # The column is not there: nothing was looked at, and the schema's own outcome says why.
            yield Outcome(found, False, 0, 0, table.dates(connection), ())
        elif found not in failed:
            yield Outcome(found, True, rows, 0, (), ())
        else:
            yield _failure(found, table, rows, results[found.name], batch, connection)


def _types(expectations: Iterable[Expectation], names: Iterable[str]) -> set[str]:
    wanted = set(names)
    return {found.type for found in expectations if found.name in wanted}


def _run(
    source: str,
    expectations: Mapping[str, Any],
    table: _Table,
    batch: Any,
    *,
    result_format: str | Mapping[str, Any] = "BOOLEAN_ONLY",
) -> dict[str, Any]:
    """Results of Great Expectations' objects, by the same names."""
    import great_expectations as gx

    suite = gx.ExpectationSuite(name=table.name, expectations=list(expectations.values()))
    validated = batch.validate(suite, result_format=result_format)
    results = {result.expectation_config.meta["name"]: result for result in validated.results}
    missing = expectations.keys() - results.keys()
    if missing:
        raise ValidationBroken(f"{source}: no result for {', '.join(sorted(missing))}")
    return results


def _with_query(table: _Table) -> dict[str, Any]:
    """Format of results that say yes or no, and by which query the failing rows are found."""
    return {
        "result_format": "BOOLEAN_ONLY",
        "return_unexpected_index_query": True,
        "unexpected_index_column_names": list(table.identity),
        "exclude_unexpected_values": True,
        "partial_unexpected_count": 0,
    }


def _at_first(source: str, expectation: Expectation, table: _Table) -> Any:
    """What Great Expectations computes at first: whether rows are suspected, or an expectation by its type."""
    if expectation.suspects is None:
        return _as_gx(source, expectation, table)
    return _no_suspects(expectation.name, expectation.suspects)


def _no_suspects(name: str, aggregate: str) -> Any:
    from dagster_project.validation.suspects import ExpectNoSuspects

    return ExpectNoSuspects(aggregate=aggregate, meta={"name": name})


def _rows(counted: Any, table: _Table, connection: duckdb.DuckDBPyConnection) -> int:
    """Rows of the table: counted with the suspects, unless a column that is not there kept all of them uncounted."""
    if not _is_broken(counted):
        return int(counted.meta["suspects"])
    ((rows,),) = connection.execute(f"select count(*) from {table.relation}").fetchall()  # noqa: S608
    return int(rows)


def _as_gx(source: str, expectation: Expectation, table: _Table) -> Any:
    """An expectation by its type; every share is asked for in full."""
    from great_expectations.exceptions import GreatExpectationsError
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    arguments = {name: value for name, value in expectation.arguments.items() if name != "mostly"}
    if expectation.type == SQL_EXPECTATION:
        # The placeholder in the comment satisfies Great Expectations, which would fill in the name without
        # quotes; a colon would otherwise begin a parameter.
        query = _failing_rows_query(expectation, table).replace("{", "{{").replace("}", "}}")
        arguments["unexpected_rows_query"] = f"/* {BATCH} */ " + query.replace(":", r"\:")
    try:
        return ExpectationConfiguration(
            type=expectation.type,
            kwargs=arguments,
            meta={"name": expectation.name},
            severity=expectation.severity.value,
        ).to_domain_obj()
    except (GreatExpectationsError, ValueError, TypeError) as error:
        raise ValidationBroken(
            f"{source}: {expectation.name} is not an expectation {expectation.type} that can be computed: "
            f"{type(error).__name__}"
        ) from error


def _failing_rows_query(expectation: Expectation, table: _Table) -> str:
    stated: str = expectation.arguments["unexpected_rows_query"]
    return stated.replace(BATCH, table.relation).rstrip("; \t\r\n")


def _is_broken(result: Any) -> bool:
    """Whether an expectation raised: the information is flat, or has one entry for each metric."""
    information = result.exception_info or {}
    return bool(information) and bool(information.get("raised_exception", True))


def _error_kinds(information: Any) -> set[str]:
    """Names of DuckDB's error classes in a traceback; anything else of its text may hold values."""
    words = re.findall(r"\b[A-Z][A-Za-z]+(?:Exception|Error)\b", str(information))
    return {word for word in words if isinstance(getattr(duckdb, word, None), type)}


def _failure(
    expectation: Expectation,
    table: _Table,
    rows: int,
    result: Any,
    batch: Any,
    connection: duckdb.DuckDBPyConnection,
) -> Outcome:
    whole_table = Outcome(expectation, False, rows, rows, table.dates(connection), ())
    if expectation.type == SQL_EXPECTATION:
        query = _failing_rows_query(expectation, table)
    else:
        query = ((result.result or {}).get("unexpected_index_query") or "").rstrip("; \t\r\n")
    if not query:
        return whole_table
    identity = ", ".join(quoted(name) for name in table.identity)
    domain = _domain(expectation, table, batch)
    failing = f"select {identity} from ({query}) as found"  # noqa: S608
    if domain != table.relation:
        failing += f" where ({identity}) in (select ({identity}) from {domain} as domain)"  # noqa: S608
    try:
        counted = connection.execute(
            f"select extract_date, count(*) from ({failing}) as failing group by extract_date"  # noqa: S608
        ).fetchall()
        unexpected: dict[date, int] = dict(counted)
        failed_dates = _failed_dates(expectation, unexpected, domain, connection)
        shown: list[tuple[date, int, int]] = []
        if table.identity == ROW_IDENTITY:
            shown = connection.execute(
                f"select {identity} from ({failing}) as failing order by {identity} limit {_ROWS_SHOWN}"  # noqa: S608
            ).fetchall()
    except duckdb.Error:
        # A type whose query Great Expectations leaves incomplete: no row to show, so every day fails.
        return whole_table
    if not unexpected:
        return whole_table
    return Outcome(
        expectation=expectation,
        success=not failed_dates,
        evaluated=rows,
        unexpected=sum(unexpected.values()),
        failed_dates=failed_dates,
        rows=tuple(shown),
    )


def _domain(expectation: Expectation, table: _Table, batch: Any) -> str:
    """The rows that an expectation is about; Great Expectations' query of failing rows leaves this out."""
    if "row_condition" not in expectation.arguments:
        return table.relation
    engine = batch.data.execution_engine
    conditions = _as_gx("", expectation, table).configuration.get_domain_kwargs()
    selectable = engine.get_domain_records({**conditions, "batch_id": batch.id})
    dialect = engine.engine.dialect
    return f"({selectable.compile(dialect=dialect, compile_kwargs={'literal_binds': True})})"


def _failed_dates(
    expectation: Expectation,
    unexpected: Mapping[date, int],
    domain: str,
    connection: duckdb.DuckDBPyConnection,
) -> tuple[date, ...]:
    """Dates with a failing row, or with more of them than `mostly` allows among the rows that have a value."""
    mostly = float(expectation.arguments.get("mostly", 1))
    if mostly >= 1:
        return tuple(sorted(unexpected))
    column = expectation.arguments.get("column")
    counted = "*" if column is None or expectation.type in _COUNTS_NULLS else quoted(column)
    query = f"select extract_date, count({counted}) from {domain} as domain group by extract_date"  # noqa: S608
    evaluated: dict[date, int] = dict(connection.execute(query).fetchall())
    return tuple(
        day for day, failing in sorted(unexpected.items()) if evaluated[day] - failing < mostly * evaluated[day]
    )
