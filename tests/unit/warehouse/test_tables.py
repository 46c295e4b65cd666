"""Raw tables and their contracts: new columns, other types, and columns that become personal or clear."""

from dataclasses import replace
from decimal import Decimal

import pytest

from dagster_project.contracts import CellType, Column
from dagster_project.warehouse import tables
from dagster_project.warehouse.connection import WAREHOUSE, dry_connection
from dagster_project.warehouse.tables import TableMismatch, ensure_tables
from tests.unit.loading.installation import VISITS

*OTHERS, VISITOR = VISITS.columns
CLEAR = (*OTHERS, replace(VISITOR, identifies=None))


def with_columns(*columns: Column):
    return replace(VISITS, columns=columns)


@pytest.fixture
def connection():
    with dry_connection() as connection:
        ensure_tables(connection, [VISITS])
        connection.execute("insert into raw.visits (visit_id, minutes) values ('v', 5)")
        yield connection


def test_a_raw_table_has_the_columns_of_its_contract_and_gains_new_ones(connection):
    assert tables.column_types(connection, WAREHOUSE, "raw", "visits") == {
        **{"force_code": "varchar", "visit_id": "varchar", "begun_at": "timestamp", "minutes": "bigint"},
        **{"visitor": "bigint", "is_dst_ambiguous": "boolean", "extract_date": "date"},
        **{"load_id": "bigint", "source_row": "bigint"},
    }
    ensure_tables(connection, [with_columns(*VISITS.columns, Column("is_new", CellType.BOOLEAN, ""))])
    assert connection.execute("select visit_id, is_new from raw.visits").fetchall() == [("v", None)]


def test_a_column_that_changes_its_type_or_is_personal_no_more_is_refused_and_nothing_is_changed(connection):
    texts = with_columns(*(replace(column, cell_type=CellType.TEXT) for column in VISITS.columns))
    with pytest.raises(TableMismatch, match=r"raw\.visits\.begun_at is timestamp, its contract states varchar"):
        ensure_tables(connection, [texts])
    with pytest.raises(
        TableMismatch, match=r"raw\.visits\.visitor is bigint, its contract states varchar.*fcir rebuild"
    ):
        ensure_tables(connection, [with_columns(*CLEAR)])
    assert connection.execute("select visit_id, minutes from raw.visits").fetchall() == [("v", 5)]


@pytest.mark.parametrize(
    ("change", "recorded"),
    [({"volume_floor": 0.3}, (Decimal("0.3"), None)), ({"identity_days": 7}, (Decimal("0.65"), 7))],
)
def test_a_changed_statement_on_volume_or_events_has_everything_built_again(connection, change, recorded):
    connection.execute("insert into audit.build_started (project_fingerprint) values ('this')")
    started = "select project_fingerprint from audit.build_started"
    ensure_tables(connection, [VISITS])
    assert connection.execute(started).fetchall() == [("this",)]
    ensure_tables(connection, [replace(VISITS, **change)])
    assert connection.execute(started).fetchall() == []
    assert connection.execute("from audit.contract").fetchall() == [("visits", *recorded)]
