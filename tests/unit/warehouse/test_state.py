"""`fcir status` reads the audit, and what is published reads the mart of deliveries: both state the same."""

import random
from datetime import date, datetime, timedelta
from types import SimpleNamespace

import pytest
from jinja2 import Environment

from dagster_project.settings import DBT_PROJECT
from dagster_project.warehouse.connection import dry_connection, insert_rows
from dagster_project.warehouse.state import (
    affected_figures,
    affected_months,
    newest_attempts,
    quarantined_rows,
    source_states,
    unresolved_deliveries,
)
from dagster_project.warehouse.tables import ensure_tables
from tests.unit.loading.installation import VISITS

DAYS = 150
ATTEMPTS = ("accepted", "rejected", "withdrawn")


def loads_of_day(draws: random.Random, source: str, day: date, first_load: int) -> list[dict]:
    """The audit of one day: attempts of one or two files, or none; a correction replaces what was accepted before."""
    loads: list[dict] = []
    for attempt in draws.choices(ATTEMPTS, k=draws.randint(0, 4)):
        if attempt == "accepted":
            for load in loads:
                load["status"] = "replaced" if load["status"] in ("loaded", "empty") else load["status"]
        run = f"run {first_load + len(loads)}"
        for _ in range(draws.randint(1, 2)):
            status = draws.choice(("loaded", "empty")) if attempt == "accepted" else "rejected"
            withdrawn = day if attempt == "withdrawn" else None
            loads.append({"status": status, "withdrawn_at": withdrawn, "run_id": run, "file_name": f"f{len(loads)}"})
            loads[-1]["reason"] = draws.choice((None, "a reason", "another"))
    if all(load["withdrawn_at"] for load in loads) and draws.random() < 0.5:
        loads.append({"status": "missing_delivery", "withdrawn_at": None, "run_id": "run", "reason": "no file"})
    for number, load in enumerate(loads):
        load |= {"load_id": first_load + number, "source": source, "extract_date": day}
    return loads


@pytest.fixture
def connection():
    """A warehouse with random loads of two sources, and the mart made from them."""
    draws = random.Random(7)
    with dry_connection() as connection:
        ensure_tables(connection, [VISITS])
        loads: list[dict] = []
        for source in ("visits", "papers"):
            for number in range(DAYS):
                loads += loads_of_day(draws, source, date(2022, 1, 1) + timedelta(number), len(loads) + 1)
        about = {
            **{"rows_read": 2, "rows_loaded": 1, "rows_quarantined": 1, "is_synthetic": False},
            **{"loaded_at": datetime(2023, 1, 1), "change_seq": 1, "file_name": None},  # noqa: DTZ001 (naive UTC)
        }
        insert_rows(connection, "audit.load", [about | load for load in loads])
        model = (DBT_PROJECT / "models" / "quality" / "deliveries.sql").read_text(encoding="utf-8")
        context = {
            "dbt": SimpleNamespace(type_string=lambda: "varchar"),
            "source": lambda schema, name: f"{schema}.{name}",
            "joined_text": lambda text: f"string_agg({text}, ', ')",
            "same_columns": lambda left, right, columns: " and ".join(f"{left}.{of} = {right}.{of}" for of in columns),
        }
        connection.execute(f"create table marts.deliveries as {Environment().from_string(model).render(context)}")  # noqa: S701 (SQL)
        yield connection


def test_the_mart_counts_days_as_the_status_command_does(connection):
    counted = connection.execute(
        """
        select
            source, count(*) filter (where is_in_figures), count(*) filter (where status = 'missing'),
            count(*) filter (where status = 'rejected'), max(extract_date) filter (where is_in_figures)
        from marts.deliveries
        group by source
        order by source
        """
    ).fetchall()
    assert counted == [
        (item.source, item.days_loaded, item.days_missing, item.days_rejected, item.newest)
        for item in source_states(connection)
    ]
    states = "select distinct status, is_in_figures from marts.deliveries order by all"
    assert connection.execute(states).fetchall() == [
        *[("empty", True), ("loaded", True), ("missing", False)],
        *[("rejected", False), ("rejected", True), ("withdrawn", False)],
    ]


def test_the_mart_and_the_status_command_name_the_same_deliveries_that_need_attention(connection):
    named = connection.execute(
        """
        select source, extract_date, status, reason, load_id
        from marts.deliveries
        where status in ('rejected', 'missing')
        order by status = 'rejected' desc, source, extract_date
        """
    ).fetchall()
    found = unresolved_deliveries(connection)
    assert named == [
        (item.source, item.extract_date, item.status.removesuffix("_delivery"), item.reason, item.load_id)
        for item in found
    ]
    assert {(item.status, item.is_acceptable, bool(item.files)) for item in found} == {
        ("rejected", True, True),
        ("missing_delivery", False, False),
    }
    assert str(found[-1]).endswith(" missing delivery: no file")


def test_the_loads_that_count_are_those_of_the_mart(connection):
    accepted = {row["extract_date"] for row in newest_attempts(connection, "visits")}
    listed = connection.execute(
        "select extract_date from marts.deliveries where source = 'visits' and status not in ('missing', 'withdrawn')"
    ).fetchall()
    assert accepted == {day for (day,) in listed}


def test_quarantined_rows_and_marked_months_are_listed_worst_first(connection):
    assert affected_months(connection) == [], "nothing is built yet"
    rows = [("a", 3, "x", "r3"), ("a", 2, "x", "r2"), ("a", 9, "y", "r9"), ("b", 1, None, "r1")]
    for load_id, (file, row, column, reason) in enumerate(rows):
        connection.execute(
            "insert into audit.quarantine values (?, 'visits', '2022-01-01', ?, ?, ?, 'code', ?, 'kent', null, null)",
            [load_id, file, row, column, reason],
        )
    found = quarantined_rows(connection, range(4))
    listed = [tuple(item[name] for name in ("file", "column", "rows", "row", "reason")) for item in found]
    assert listed == [("a", "x", 2, 2, "r2"), ("a", "y", 1, 9, "r9"), ("b", None, 1, 1, "r1")]
    assert [item["row"] for item in quarantined_rows(connection, [3])] == [1]
    columns = (
        "source, force_code, month_start, rows_read, rows_quarantined, is_affected_by_quarantine, share_quarantined"
    )
    connection.execute(
        f"""
        create table marts.kpi_completeness_monthly as
        from (values
            ('visits', 'kent', date '2022-10-01', 2000, 33, true, 1.65::decimal(38, 6)),
            ('visits', 'kent', date '2022-11-01', 99, 1, true, 1.010101),
            ('visits', 'kent', date '2022-12-01', 99, 0, false, 0),
            ('visits', 'essex', date '2022-11-01', 10, 10, true, 100)
        ) as marks ({columns})
        """
    )
    assert [str(month) for month in affected_months(connection)] == [
        "visits essex 2022-11: 10 of 10 rows quarantined (100.0%)",
        "visits kent 2022-11: 1 of 99 rows quarantined (1.0%)",
        # Half up, as the papers round.
        "visits kent 2022-10: 33 of 2,000 rows quarantined (1.7%)",
    ]
    columns = "measure, force_code, month_start, is_affected_by_quarantine, share_quarantined, rows_quarantined"
    connection.execute(
        f"""
        create table marts.kpi_measure_monthly as
        from (values
            ('calls.lost', 'kent', date '2022-10-01', true, 0.5, 6, 1.25),
            ('calls.late', 'kent', date '2022-10-01', false, 0.5, 6, null),
            ('crimes.all', 'kent', date '2022-10-01', true, 1.65, 33, null)
        ) as figures ({columns}, value_low)
        """
    )
    (figures,) = affected_figures(connection)
    assert str(figures) == "kent 2022-10: 6 quarantined rows could matter to calls.lost"
