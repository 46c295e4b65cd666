"""The marts of changes, cancellations and maturity against `naive_crimes` on random histories."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from naive_crimes import BANDS, CHANGES, Figures, NaiveCrimes
from random_history import FORCES, History


@pytest.fixture(scope="module")
def crimes(history: History) -> dict[str, NaiveCrimes]:
    return {force: NaiveCrimes(history, force) for force in FORCES}


def published(marts: duckdb.DuckDBPyConnection, mart: str, force: str, key: int) -> Figures:
    """A mart's rows of a force: its first `key` columns after the force to the others."""
    rows = marts.execute(f"select * from marts.{mart} where force_code = ?", [force]).fetchall()  # noqa: S608 - names of ours
    return {row[1 : key + 1]: row[key + 1 :] for row in rows}


def differences(actual: Figures, expected: Figures) -> dict[tuple[Any, ...], Any]:
    """What only one of them has or both have differently."""
    keys = actual.keys() | expected.keys()
    return {key: (actual.get(key), expected.get(key)) for key in keys if actual.get(key) != expected.get(key)}


@pytest.mark.parametrize("force", FORCES)
def test_changes_of_state_equal_the_naive_computation(
    force: str, crimes: dict[str, NaiveCrimes], marts: duckdb.DuckDBPyConnection
) -> None:
    assert differences(published(marts, "kpi_crime_status_monthly", force, 2), crimes[force].changes()) == {}


@pytest.mark.parametrize("force", FORCES)
def test_cancellations_in_detail_equal_the_naive_computation(
    force: str, crimes: dict[str, NaiveCrimes], marts: duckdb.DuckDBPyConnection
) -> None:
    rows = marts.execute(
        "select month_start, counted_by, cancel_code, offence_code, days_band, is_transfer, days_from, cancelled,"
        " days_to_cancel_total, is_provisional, share_of_days_loaded"
        " from marts.kpi_cancellation_detail_monthly where force_code = ?",
        [force],
    ).fetchall()
    assert differences({row[:5]: row[5:] for row in rows}, crimes[force].details()) == {}


@pytest.mark.parametrize("force", FORCES)
def test_cancellations_in_detail_add_up_to_the_measures(force: str, marts: duckdb.DuckDBPyConnection) -> None:
    for counted_by, measure in (("event", "crime.cancelled_crime"), ("cohort", "crime.pct_cohort_cancelled")):
        sums = marts.execute(
            "select month_start, sum(cancelled) from marts.kpi_cancellation_detail_monthly"
            " where force_code = ? and counted_by = ? group by month_start order by month_start",
            [force, counted_by],
        ).fetchall()
        measured = marts.execute(
            "select month_start, numerator from marts.kpi_measure_monthly"
            " where force_code = ? and measure = ? and numerator > 0 order by month_start",
            [force, measure],
        ).fetchall()
        assert sums
        assert sums == measured


@pytest.mark.parametrize("force", FORCES)
def test_net_recorded_crime_equals_the_naive_computation(
    force: str, crimes: dict[str, NaiveCrimes], marts: duckdb.DuckDBPyConnection
) -> None:
    assert differences(published(marts, "kpi_crime_net_monthly", force, 1), crimes[force].net()) == {}


@pytest.mark.parametrize("force", FORCES)
def test_the_maturity_triangle_equals_the_naive_computation(
    force: str, crimes: dict[str, NaiveCrimes], marts: duckdb.DuckDBPyConnection
) -> None:
    assert differences(published(marts, "kpi_crime_maturity", force, 2), crimes[force].maturity()) == {}


@pytest.mark.parametrize("force", FORCES)
def test_expected_net_crime_equals_the_naive_computation(
    force: str, crimes: dict[str, NaiveCrimes], marts: duckdb.DuckDBPyConnection
) -> None:
    assert differences(published(marts, "kpi_crime_expected_net", force, 1), crimes[force].expected()) == {}


def test_the_histories_exercise_every_change_band_and_flag(crimes: dict[str, NaiveCrimes]) -> None:
    changes = {name for one in crimes.values() for (_, name), (count, *_) in one.changes().items() if count}
    assert changes == set(CHANGES)
    bands = {(key[1], key[4]) for one in crimes.values() for key in one.details()}
    assert bands == {(counted_by, band) for counted_by in ("event", "cohort") for band, *_ in BANDS}
    cells = [row for one in crimes.values() for row in one.maturity().values()]
    assert {(row[0] is None, row[1] is None, row[5]) for row in cells} == {
        (False, False, False), (False, False, True), (False, True, False), (True, True, False), (True, True, True),
    }  # fmt: skip
    expected = [row for one in crimes.values() for row in one.expected().values()]
    assert {row[10] for row in expected} == {True, False}
    assert any(row[6] == 0 and row[3] for row in expected), (
        "no month whose known cancellations exceed the expected ones"
    )
    assert any(row[6] and row[6] > 0 for row in expected)
