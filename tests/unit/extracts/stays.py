"""A contract with every cell type and rule, and rows of text cells judged under it as loading does."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from dagster_project.contracts import CellType, Column, Contract, Identifier
from dagster_project.extracts.rows import faulty_rows_query, good_rows_query, warning_conditions
from dagster_project.loading.people import dry_people
from dagster_project.sql import rows_as_dicts
from tests.unit.small_contracts import small_contract

EXTRACT_DATE = date(2022, 10, 30)

STAYS = small_contract(
    "stays",
    Column("force_code", CellType.TEXT, ""),
    Column("stay_id", CellType.TEXT, "", is_required=True, key_position=1),
    Column("kind", CellType.TEXT, "", is_required=True, values={"Short Stay": "", "long": "", "999": ""}),
    Column("begun_at", CellType.TIMESTAMP, "", is_required=True, utc_offset_from="offset_minutes"),
    Column("offset_minutes", CellType.INTEGER, "", values={"0": "", "60": ""}),
    Column("nights", CellType.INTEGER, "", minimum=1, maximum=1999, maximum_reason="nobody stays for years"),
    Column("waited", CellType.SECONDS, "", minimum=0, default="0"),
    Column(
        "longitude",
        CellType.DECIMAL,
        "",
        precision=9,
        scale=6,
        minimum=Decimal("-8.65"),
        maximum=Decimal("1.77"),
        maximum_reason="the United Kingdom ends there",
    ),
    Column("ended_at", CellType.TIMESTAMP, "", not_before=("begun_at",), required_when={"kind": "long"}),
    Column("booked_at", CellType.TIMESTAMP, "", not_after=("begun_at",)),
    Column("paid_on", CellType.DATE, "", minimum=date(1900, 1, 2), maximum=date(2030, 1, 1), maximum_reason="later"),
    Column("billed_for", CellType.MONTH, ""),
    Column("is_regular", CellType.BOOLEAN, "", default="false"),
    Column("room", CellType.TEXT, "", pattern="[0-9A-Z ]+", pattern_description="digits", max_length=20),
    Column("note", CellType.TEXT, ""),
    Column("desk", CellType.TEXT, "", resembles_personal="desks are named by their telephones"),
    Column("guest", CellType.TEXT, "", identifies=Identifier.REFERENCE),
    Column("passport", CellType.TEXT, "", identifies=Identifier.REFERENCE, is_required=True),
    start_column="begun_at",
    event_column="begun_at",
)

GOOD = {
    "stay_id": "s1",
    "kind": "long",
    "begun_at": "2022-10-29 10:00",
    "ended_at": "2022-10-29 11:00",
    "passport": "P1",
}
"""A row without a fault."""


def judge(
    connection: duckdb.DuckDBPyConnection,
    rows: Iterable[Mapping[str, str | None]],
    *,
    contract: Contract = STAYS,
    serial_days: int = 0,
    extract_date: date = EXTRACT_DATE,
) -> list[dict[str, Any]]:
    """Rows of text cells, judged in one query; cells that are not given are null."""
    listed = list(rows)
    names = ["fault", "fault_detail", "record_column", *(column.name for column in contract.columns)]
    batch = pa.table(
        {
            "source_row": pa.array(range(1, len(listed) + 1), pa.int64()),
            **{name: pa.array([row.get(name) for row in listed], pa.string()) for name in names},
            "load_id": pa.array([7] * len(listed), pa.int64()),
            "extract_date": pa.array([extract_date] * len(listed), pa.date32()),
            "serial_days": pa.array([serial_days] * len(listed), pa.int32()),
        }
    )
    with dry_people().opened() as vault:
        for column in contract.columns:
            if column.identifies:
                cells, forces = batch.column(column.name), batch.column("force_code")
                surrogates = vault.surrogates(cells, column, forces, "kent")
                batch = batch.set_column(batch.schema.get_field_index(column.name), column.name, surrogates)
    connection.register("text_batch", batch)
    good, faulty = good_rows_query(contract, "text_batch"), faulty_rows_query(contract, "text_batch")
    force = {"default_force": "kent", "known_forces": ["kent", "surrey", "essex"]}
    conditions = ", ".join(f"({condition}) as {name}" for name, condition in warning_conditions(contract).items())
    whole = {"fault": None, "fault_column": None, "other_faults": "", "fault_detail": None}
    with_warnings = f"select *, {conditions} from ({good})"
    judged = [whole | row for row in rows_as_dicts(connection.execute(with_warnings, force))]
    judged += rows_as_dicts(connection.execute(faulty, force))
    connection.unregister("text_batch")
    assert len(judged) == len(listed), "every row is good or faulty, and none is both"
    return sorted(judged, key=lambda row: row["source_row"])
