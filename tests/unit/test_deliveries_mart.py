"""`fcir status` reads the audit, and what is published reads the mart of deliveries: both state the same."""

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pytest

from dagster_project.warehouse.connection import dry_connection, insert_rows
from dagster_project.warehouse.roots import LOADS_OF_A_ROOT, root_in_sql
from dagster_project.warehouse.state import newest_attempts, source_states, unresolved_deliveries
from dagster_project.warehouse.tables import ensure_tables
from tests.deliveries_mart import deliveries_sql
from tests.unit.loading_helpers import VISITS

DAYS = 150
ATTEMPTS = ("accepted", "rejected", "withdrawn")


def loads_of_day(draws: random.Random, source: str, day: date, first_load: int) -> list[dict[str, Any]]:
    """The audit of one day: attempts of one or two files, or none; a correction replaces what was accepted before."""
    rows: list[dict[str, Any]] = []
    for attempt in draws.choices(ATTEMPTS, k=draws.randint(0, 4)):
        if attempt == "accepted":
            for row in rows:
                row["status"] = "replaced" if row["status"] in ("loaded", "empty") else row["status"]
        run = f"run {first_load + len(rows)}"
        for _ in range(draws.randint(1, 2)):
            rows.append(
                {
                    "load_id": first_load + len(rows),
                    "source": source,
                    "extract_date": day,
                    "status": draws.choice(("loaded", "empty")) if attempt == "accepted" else "rejected",
                    "reason": draws.choice((None, "a reason", "another")),
                    "withdrawn_at": day if attempt == "withdrawn" else None,
                    "run_id": run,
                }
            )
    if all(row["withdrawn_at"] for row in rows) and draws.random() < 0.5:
        missing = {"load_id": first_load + len(rows), "status": "missing_delivery", "withdrawn_at": None}
        rows.append({"source": source, "extract_date": day, "reason": "no file", "run_id": "run", **missing})
    return rows


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse with random loads of two data roots and two sources, and the mart made from them."""
    draws = random.Random(7)
    with dry_connection() as connection:
        ensure_tables(connection, [VISITS])
        rows: list[dict[str, Any]] = []
        for root in (0, 3):
            load_id = root * LOADS_OF_A_ROOT
            for source in ("visits", "papers"):
                for number in range(DAYS):
                    found = loads_of_day(draws, source, date(2022, 1, 1) + timedelta(number), load_id + 1)
                    load_id += len(found)
                    rows += found
        about = {
            **{"rows_read": 1, "rows_loaded": 1, "rows_quarantined": 0, "is_synthetic": False},
            **{"loaded_at": datetime(2023, 1, 1), "change_seq": 1},  # noqa: DTZ001 (naive UTC, as the column is)
        }
        insert_rows(connection, "audit.load", [row | about for row in rows])
        loads = f"(select *, {root_in_sql('load_id')} as root_number from audit.load)"  # noqa: S608 (own SQL)
        connection.execute(f"create table marts.deliveries as {deliveries_sql(loads)}")
        yield connection


def test_every_state_occurs_with_and_without_an_earlier_delivery_in_the_figures(connection):
    assert connection.execute(
        "select distinct status, is_in_figures from marts.deliveries order by all"
    ).fetchall() == [
        ("empty", True),
        ("loaded", True),
        ("missing", False),
        ("rejected", False),
        ("rejected", True),
        ("withdrawn", False),
    ]


def test_the_mart_counts_days_as_the_status_command_does(connection):
    counted = connection.execute(
        """
        select
            source, root_number, count(*) filter (where is_in_figures), count(*) filter (where status = 'missing'),
            count(*) filter (where status = 'rejected'), max(extract_date) filter (where is_in_figures)
        from marts.deliveries
        group by all
        order by source, root_number
        """
    ).fetchall()
    assert counted == [
        (item.source, item.root_number, item.days_loaded, item.days_missing, item.days_rejected, item.newest)
        for item in source_states(connection)
    ]


def test_the_mart_and_the_status_command_name_the_same_deliveries_that_need_attention(connection):
    named = connection.execute(
        """
        select source, extract_date, root_number, status, reason, load_id
        from marts.deliveries
        where status in ('rejected', 'missing')
        order by status = 'rejected' desc, source, extract_date, root_number
        """
    ).fetchall()
    assert named == [
        (
            item.source,
            item.extract_date,
            item.root_number,
            item.status.removesuffix("_delivery"),
            item.reason,
            item.load_id,
        )
        for item in unresolved_deliveries(connection)
    ]


def test_the_loads_that_count_are_those_of_the_mart(connection):
    accepted = {(row["extract_date"], row["root_number"]) for row in newest_attempts(connection, "visits")}
    listed = connection.execute(
        """
        select extract_date, root_number
        from marts.deliveries
        where source = 'visits' and status not in ('missing', 'withdrawn')
        """
    ).fetchall()
    assert accepted == set(listed)
