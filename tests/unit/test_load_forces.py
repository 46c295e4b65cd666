"""Rows of each load by force in the audit, also of loads that were made before they were counted."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import pytest
from loading_helpers import HEADER, VISITS, Installation

from dagster_project.warehouse.state import affected_months
from dagster_project.warehouse.tables import ensure_tables

pytestmark = pytest.mark.usefixtures("without_expectations")

WITH_FORCE = f"force_code,{HEADER}"


def counts(installation: Installation) -> list[tuple[object, ...]]:
    return installation.query(
        "select load_id, force_code, rows_read, rows_loaded, rows_quarantined, rows_repeated from audit.load_force"
        " order by load_id, force_code nulls last"
    )


def land(installation: Installation, day: str, *rows: str, header: str = WITH_FORCE, suffix: str = "") -> None:
    installation.land(day, text="\n".join([header, *rows, ""]), suffix=suffix)


def test_rows_are_counted_by_force_and_those_of_no_readable_force_apart(installation):
    land(
        installation,
        "2022-11-01",
        "kent,a,2022-11-01 10:00,5,x",
        "kent,a,2022-11-01 10:00,5,x",
        "kent,b,2022-11-01 10:00,never,x",
        "KENT,c,2022-11-01 10:00,1,x",
        "KENT,c,2022-11-01 10:00,2,x",
        "essex,d,2022-11-01 10:00,never,x",
        "atlantis,e,2022-11-01 10:00,5,x",
        "essex,f,2022-11-01 10:00,5,x,too,many",
        # An empty cell means the configured force.
        ",g,2022-11-01 10:00,5,x",
    )
    land(installation, "2022-11-02")
    installation.run()
    assert counts(installation) == [(1, "essex", 1, 0, 1, 0), (1, "kent", 6, 3, 3, 2), (1, None, 2, 0, 2, 0)]
    assert installation.query("select source_row, force_code from audit.quarantine order by source_row") == [
        (3, "kent"), (4, "kent"), (5, "kent"), (7, "essex"), (8, None), (9, None),
    ]  # fmt: skip


def test_every_row_of_a_file_without_a_force_column_is_of_the_configured_force(installation):
    land(
        installation,
        "2022-11-01",
        "a,2022-11-01 10:00,5,x",
        "b,2022-11-01 10:00,5,x,too,many",
        "c,2022-11-01 10:00,never,x",
        header=HEADER,
    )
    installation.run()
    assert counts(installation) == [(1, "kent", 3, 1, 2, 0)]


def test_a_rejected_delivery_has_no_rows_of_any_force_and_a_correction_has_its_own(installation):
    land(installation, "2022-11-01", "kent,a,2022-11-01 10:00,5,x")
    land(installation, "2022-11-02", "kent,a,2022-11-02 10:00,5,x")
    land(installation, "2022-11-02", "kent,a", header="force_code,visit_id", suffix="_broken")
    installation.run()
    land(installation, "2022-11-01", "essex,b,2022-11-01 10:00,5,x", suffix="_late")
    installation.run()
    statuses = dict(installation.query("select load_id, status from audit.load"))
    assert {status for load, status in statuses.items() if load not in {row[0] for row in counts(installation)}} <= {
        "rejected"
    }
    assert [(statuses[row[0]], *row[1:4]) for row in counts(installation)] == [
        ("replaced", "kent", 1, 1), ("loaded", "kent", 1, 1), ("loaded", "essex", 1, 1),
    ]  # fmt: skip


def test_loads_of_an_earlier_version_are_counted_from_their_rows(installation):
    land(
        installation,
        "2022-11-01",
        "kent,a,2022-11-01 10:00,5,x",
        "kent,b,2022-11-01 10:00,never,x",
        "kent,a,2022-11-01 10:00,6,x",
        "essex,c,2022-11-01 10:00,5,x",
    )
    installation.run()
    with duckdb.connect(str(installation.settings.warehouse)) as connection:
        connection.execute("drop table audit.load_force")
        connection.execute("alter table audit.quarantine drop column force_code")
        for _ in range(2):
            ensure_tables(connection, [VISITS])
    # Which force the quarantined rows were of was not kept.
    assert counts(installation) == [(1, "essex", 1, 1, 0, 0), (1, "kent", 1, 1, 0, 0), (1, None, 2, 0, 2, 1)]


def test_a_contract_that_says_something_else_of_absent_forces_has_everything_built_again(installation):
    land(installation, "2022-11-01", "kent,a,2022-11-01 10:00,5,x")
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


def test_status_names_months_of_which_more_than_one_percent_was_quarantined(installation):
    good = [f"kent,v{number},2022-11-01 10:00,5,x" for number in range(98)]
    land(installation, "2022-11-01", *good, "atlantis,w,2022-11-01 10:00,5,x", "essex,e,2022-11-01 10:00,5,x")
    land(installation, "2022-12-01", *(row.replace("2022-11", "2022-12") for row in [*good, good[0] + "0", good[0]]))
    installation.run()
    with duckdb.connect(str(installation.settings.warehouse), read_only=True) as connection:
        found = [str(month) for month in affected_months(connection)]
    assert found == [
        "visits essex 2022-11: 1 of 2 rows quarantined (50.0%)",
        "visits kent 2022-11: 1 of 99 rows quarantined (1.0%)",
    ]
