"""Raw tables and their contracts: new columns, other types, and columns that become personal or clear."""

from dataclasses import replace

import pytest

from dagster_project.contracts import CellType, Column
from dagster_project.warehouse import tables
from dagster_project.warehouse.connection import WAREHOUSE, dry_connection
from dagster_project.warehouse.tables import TableMismatch, ensure_tables
from tests.unit.loading.installation import VISITS

*OTHERS, VISITOR = VISITS.columns
CLEAR = (*OTHERS, replace(VISITOR, is_personal=False))
GUEST = replace(VISITOR, name="guest", aliases=("Minutes spent", "minutes"))


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
        **{"visitor": "varchar", "is_dst_ambiguous": "boolean", "extract_date": "date"},
        **{"load_id": "bigint", "source_row": "bigint"},
    }
    ensure_tables(connection, [with_columns(*VISITS.columns, Column("is_new", CellType.BOOLEAN, ""))])
    assert connection.execute("select visit_id, is_new from raw.visits").fetchall() == [("v", None)]


def test_a_column_that_changes_its_type_is_refused_and_nothing_is_changed(connection):
    texts = with_columns(*(replace(column, cell_type=CellType.TEXT) for column in VISITS.columns))
    with pytest.raises(TableMismatch, match=r"raw\.visits\.begun_at is timestamp, its contract states varchar"):
        ensure_tables(connection, [texts])
    assert connection.execute("select visit_id, minutes from raw.visits").fetchall() == [("v", 5)]


@pytest.mark.parametrize(
    ("before", "after"), [(VISITS.columns, CLEAR), (CLEAR, VISITS.columns)], ids=["clear", "personal"]
)
def test_a_column_that_becomes_personal_or_clear_is_refused_while_it_has_values(before, after):
    before, without, after = with_columns(*before), with_columns(*OTHERS), with_columns(*after)
    with dry_connection() as connection:
        for contract in (before, after, before):
            ensure_tables(connection, [contract])
        connection.execute("insert into raw.visits (visitor) values ('Jane')")
        # A contract that leaves the column out in between does not hide it.
        ensure_tables(connection, [without])
        for _ in range(2):
            with pytest.raises(TableMismatch, match=r"raw\.visits\.visitor has .* Nothing was changed.* fcir rebuild"):
                ensure_tables(connection, [after])
        ensure_tables(connection, [before])


def test_values_under_an_earlier_name_are_found_when_a_column_becomes_personal(connection):
    others = [column for column in OTHERS if column.name != "minutes"]
    with pytest.raises(TableMismatch, match=r"raw\.visits\.minutes has clear values.* fcir rebuild"):
        ensure_tables(connection, [with_columns(*others, GUEST)])


def test_columns_that_were_personal_stay_noted_under_their_earlier_names(connection):
    renamed = with_columns(*OTHERS, replace(VISITOR, name="guest", aliases=("visitor",)))
    ensure_tables(connection, [renamed])
    noted = [("visits", "guest"), ("visits", "visitor")]
    assert tables.noted_personal_columns(connection, WAREHOUSE) == noted
    assert sorted(tables.personal_columns(connection, WAREHOUSE, [renamed])) == noted


def test_a_changed_statement_on_absent_forces_has_everything_built_again(connection):
    connection.execute("insert into audit.build_started (project_fingerprint) values ('this')")
    started = "select project_fingerprint from audit.build_started"
    ensure_tables(connection, [VISITS])
    assert connection.execute(started).fetchall() == [("this",)]
    ensure_tables(connection, [replace(VISITS, absent_forces_complete=True)])
    assert connection.execute(started).fetchall() == []
    assert connection.execute("select absent_forces_complete from audit.contract").fetchall() == [(True,)]
