"""A contract, and candidate tables of rows and deliveries in memory, for tests of validation. No tests here."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import duckdb

from dagster_project.contracts import CellType, Column, Contract, Identifier, Rule, Severity
from dagster_project.loading.delivery_facts import FINDINGS
from dagster_project.validation import Violations, count_violations
from dagster_project.warehouse.connection import insert_rows
from dagster_project.warehouse.tables import raw_columns
from tests.unit.small_contracts import small_contract

FIRST, SECOND, THIRD = date(2022, 10, 29), date(2022, 10, 30), date(2022, 10, 31)

VISITS = small_contract(
    "visits",
    Column("force_code", CellType.TEXT, ""),
    Column("visit_id", CellType.TEXT, "", is_required=True, key_position=1),
    Column("kind", CellType.TEXT, "", values={"it's {new}: 5% a:b": "", "old": ""}),
    Column("minutes", CellType.INTEGER, ""),
    Column("length", CellType.SECONDS, "", minimum=0),
    Column("began", CellType.TIMESTAMP, "", utc_offset_from="minutes"),
    Column("ended", CellType.TIMESTAMP, "", not_before=("began",), required_when={"kind": "old"}),
    Column("caller", CellType.TEXT, "", identifies=Identifier.REFERENCE),
    start_column="began",
    event_column="began",
    delivery_measures={"mean_length": "avg(length)"},
)
GOOD_ROW: dict[str, Any] = {
    **{"extract_date": SECOND, "load_id": 7, "source_row": 2, "force_code": "kent", "visit_id": "v1", "kind": "old"},
    **{"minutes": 60, "length": 60, "began": "2022-10-30 10:00:00", "ended": "2022-10-30 10:05:00"},
    **{"caller": 12, "is_dst_ambiguous": None},
}
COUNTS = (
    *("faulty_rows", "rows_quarantined", "superseded_rows", "rows_outside_day", "rows_of_other_days"),
    *("rows_after_extract_date", "rows_long_before_extract_date", "offset_disagreements", "rows_without_force"),
    *("rows_repeated", "keys_before", "keys_lost", *FINDINGS),
)
GOOD_DELIVERY: dict[str, Any] = {
    **{"extract_date": SECOND, "force_code": None, "rows_read": 100, "rows_loaded": 100, "rows_on_time": 100},
    **{"expected_rows": 100, "volume_ratio": 1.0},
    **dict.fromkeys(COUNTS, 0),
    "mean_length": 12.5,
}


def ruled(kind: str, *, on_deliveries: bool = False, name: str = "a_rule", **arguments: Any) -> Contract:
    """The contract of visits with one rule."""
    rule = Rule(name, "A reason.", "accuracy", Severity.WARNING, on_deliveries, kind, arguments)
    return replace(VISITS, rules=(rule,))


def candidate(
    contract: Contract = VISITS, rows: Sequence[Mapping] = (), deliveries: Sequence[Mapping] = ()
) -> duckdb.DuckDBPyConnection:
    """A database with good rows and deliveries of three days, further rows, and other deliveries in place of those."""
    connection = duckdb.connect()
    connection.execute("create schema incoming")
    kinds = {**dict.fromkeys([*GOOD_DELIVERY, *contract.delivery_measures], "double"), "extract_date": "date"}
    for part, columns in (("", raw_columns(contract)), ("__deliveries", kinds)):
        listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        connection.execute(f'create table "incoming"."{contract.source}{part}" ({listed})')
    if contract.columns == VISITS.columns:
        days = [{"extract_date": day} for day in (FIRST, SECOND, THIRD)]
        by_day = {delivery["extract_date"]: delivery for delivery in (*days, *deliveries)}
        for part, good, changes in (("", GOOD_ROW, [*days, *rows]), ("__deliveries", GOOD_DELIVERY, by_day.values())):
            insert_rows(connection, f'"incoming"."{contract.source}{part}"', [good | change for change in changes])
    return connection


def count(contract: Contract = VISITS, **more: Sequence[Mapping]) -> dict[str, Violations]:
    """Violations of each expectation by its name, in a candidate."""
    with candidate(contract, **more) as connection:
        return {found.expectation.name: found for found in count_violations(contract, connection)}
