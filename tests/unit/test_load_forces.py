"""Rows of each load by force in the audit, also of loads that were made before they were counted."""

from dataclasses import replace

import duckdb
import pytest

from dagster_project.warehouse.connection import loading_connection, open_read_only
from dagster_project.warehouse.state import affected_months
from dagster_project.warehouse.tables import ensure_tables
from tests.unit.loading_helpers import HEADER, VISITS, Installation, row


@pytest.fixture
def installation(tmp_path):
    return Installation(tmp_path / "home", header=f"force_code,{HEADER}")


def of(force: str, *cells: object) -> str:
    return f"{force},{row(*cells)}"


def counts(installation: Installation) -> list[tuple[object, ...]]:
    return installation.query(
        "select load_id, force_code, rows_read, rows_loaded, rows_quarantined, rows_repeated from audit.load_force"
        " order by load_id, force_code nulls last"
    )


def test_rows_are_counted_by_force_and_without_a_known_force(installation):
    installation.land(
        "2022-11-01",
        of("kent", "a"),
        of("kent", "a"),
        of("kent", "b", "never"),
        of("KENT", "c", 1),
        of("KENT", "c", 2),
        of("essex", "d", "never"),
        of("atlantis", "e"),
        "essex,f,2022-11-01 10:00,5,x,too,many",
        # An empty cell means the configured force.
        of("", "g"),
    )
    installation.land("2022-11-02")
    installation.run()
    assert counts(installation) == [(1, "essex", 1, 0, 1, 0), (1, "kent", 6, 3, 3, 2), (1, None, 2, 0, 2, 0)]
    assert installation.query("select source_row, force_code from audit.quarantine order by source_row") == [
        (3, "kent"),
        (4, "kent"),
        (5, "kent"),
        (7, "essex"),
        (8, None),
        (9, None),
    ]


def test_rows_of_a_file_without_a_force_column_have_the_configured_force(installation):
    rows = (row("a"), row("b") + ",too,many", row("c", "never"))
    installation.land("2022-11-01", *rows, header=HEADER)
    installation.run()
    assert counts(installation) == [(1, "kent", 3, 1, 2, 0)]


def test_rows_that_describe_forces_count_for_none_and_each_names_its_force(tmp_path):
    force, *others = VISITS.columns
    described = replace(VISITS, columns=(replace(force, is_required=True), *others), describes_forces=True)
    installation = Installation(tmp_path / "home", {"visits": described}, header=f"force_code,{HEADER}")
    installation.land("2022-11-01", of("kent", "a"), of("Essex", "a"), of("", "b"), of("atlantis", "c"))
    installation.land("2022-11-02", row("a"), header=HEADER)
    installation.run()
    assert counts(installation) == [(1, None, 4, 2, 2, 0)]
    quarantined = "select source_row, column_name, reason_code, force_code from audit.quarantine order by source_row"
    assert installation.query(quarantined) == [
        (4, "force_code", "required_empty", None),
        (5, "force_code", "unknown_force", None),
    ]
    assert installation.unresolved_deliveries() == ["2022-11-02 rejected"]


def test_rejected_deliveries_count_no_rows_by_force_and_corrections_do(installation):
    installation.land("2022-11-01", of("kent", "a"))
    installation.land("2022-11-02", of("kent", "a", 5, "2022-11-02"))
    installation.land("2022-11-02", "kent,a", header="force_code,visit_id", suffix="_broken")
    installation.run()
    installation.land("2022-11-01", of("essex", "b"), suffix="_late")
    installation.run()
    statuses = dict(installation.query("select load_id, status from audit.load"))
    loads = {load for load, *_ in counts(installation)}
    assert {status for load, status in statuses.items() if load not in loads} <= {"rejected"}
    assert [(statuses[load], *numbers[:3]) for load, *numbers in counts(installation)] == [
        ("replaced", "kent", 1, 1),
        ("loaded", "kent", 1, 1),
        ("loaded", "essex", 1, 1),
    ]


def test_loads_of_an_earlier_version_are_counted_from_their_rows(installation):
    rows = (of("kent", "a"), of("kent", "b", "never"), of("kent", "a", 6), of("essex", "c"))
    installation.land("2022-11-01", *rows)
    installation.run()
    with duckdb.connect(str(installation.settings.warehouse)) as connection:
        connection.execute("drop table audit.load_force")
        connection.execute("alter table audit.quarantine drop column force_code")
        for _ in range(2):
            ensure_tables(connection, [VISITS])
    # Which force the quarantined rows were of was not kept.
    assert counts(installation) == [(1, "essex", 1, 1, 0, 0), (1, "kent", 1, 1, 0, 0), (1, None, 2, 0, 2, 1)]


def test_a_changed_statement_on_absent_forces_has_everything_built_again(installation):
    installation.land("2022-11-01", of("kent", "a"))
    installation.run()
    with duckdb.connect(str(installation.settings.warehouse)) as connection:
        connection.execute("insert into audit.build_started (project_fingerprint) values ('this')")
        ensure_tables(connection, [VISITS])
        assert connection.execute("select project_fingerprint from audit.build_started").fetchall() == [("this",)]
        ensure_tables(connection, [replace(VISITS, absent_forces_complete=True)])
        assert connection.execute("select project_fingerprint from audit.build_started").fetchall() == []
        assert connection.execute(
            "select absent_forces_complete from audit.contract where source = 'visits'"
        ).fetchall() == [(True,)]


MARKED = """
    select *
    from (values
        ('visits', 'kent', date '2022-10-01', 2000, 33, true, 1.65::decimal(38, 6)),
        ('visits', 'kent', date '2022-11-01', 99, 1, true, 1.010101),
        ('visits', 'kent', date '2022-12-01', 99, 0, false, 0),
        -- None of its rows was loaded.
        ('visits', 'essex', date '2022-11-01', 10, 10, true, 100)
    ) as marks (
        source, force_code, month_start, rows_read, rows_quarantined, is_affected_by_quarantine, share_quarantined
    )
"""


def test_the_months_that_the_last_build_marked_for_quarantined_rows_are_named(installation):
    installation.land("2022-11-01", of("kent", "a"))
    installation.run()

    def named() -> list[str]:
        with open_read_only(installation.settings.warehouse) as connection:
            return [str(month) for month in affected_months(connection)]

    assert named() == [], "nothing is built yet"
    with loading_connection(installation.settings.warehouse) as connection:
        connection.execute(f"create table marts.kpi_completeness_monthly as {MARKED}")
    assert named() == [
        "visits essex 2022-11: 10 of 10 rows quarantined (100.0%)",
        "visits kent 2022-11: 1 of 99 rows quarantined (1.0%)",
        # Half up, as the papers round.
        "visits kent 2022-10: 33 of 2,000 rows quarantined (1.7%)",
    ]
