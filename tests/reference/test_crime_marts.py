"""The marts of changes, cancellations and their maturity against `crimes` on many small histories."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from tests.reference.compiled_project import CompiledProject, build_nodes, warehouse
from tests.reference.crimes import BANDS, CHANGES, Figures, NaiveCrimes
from tests.reference.raw_tables import load_history
from tests.reference.worlds import World, draw_world

WORLDS = range(40, 43)
FORCES = 250
# The crimes of these forces are taken together into the first ten of them: their months have dozens of crimes, the
# forces after them few, and those that gave theirs away none at all.
GATHERED = 200
# The columns of each mart's grain after the force.
GRAINS = {
    "kpi_crime_status_monthly": ("month_start", "change"),
    "kpi_cancellation_detail_monthly": ("month_start", "counted_by", "cancel_code", "offence_code", "days_band"),
    "kpi_crime_net_monthly": ("month_start",),
    "kpi_crime_maturity": ("month_start", "months_since"),
    "kpi_crime_expected_net": ("month_start",),
}


@pytest.fixture(scope="module", params=WORLDS)
def world(request: pytest.FixtureRequest) -> World:
    drawn = draw_world(request.param, forces=FORCES)
    for row in drawn.history.rows["crimes"]:
        number = int(row["force_code"].removeprefix("force-"))
        if number < GATHERED:
            row["force_code"] = f"force-{number % 10}"
    return drawn


@pytest.fixture(scope="module")
def naive(world: World) -> dict[str, NaiveCrimes]:
    return {force: NaiveCrimes(world.history, force) for force in world.forces}


@pytest.fixture(scope="module")
def marts(project: CompiledProject, world: World) -> Iterator[duckdb.DuckDBPyConnection]:
    needed = {node.unique_id for mart in GRAINS for node in project.ancestors(mart)}
    with warehouse() as connection:
        load_history(connection, world.history)
        build_nodes(connection, [node for node in project.nodes.values() if node.unique_id in needed])
        yield connection


def contents(marts: duckdb.DuckDBPyConnection, mart: str) -> dict[str, Figures]:
    """Rows of a mart by force: the columns of its grain to the others, in the order of the table."""
    columns = [row[0] for row in marts.execute(f"describe marts.{mart}").fetchall()]
    grain = [columns.index(column) for column in GRAINS[mart]]
    others = [place for place in range(1, len(columns)) if place not in grain]
    found: dict[str, Figures] = defaultdict(dict)
    for row in marts.execute(f"select * from marts.{mart}").fetchall():  # noqa: S608 - names of ours
        found[row[0]][tuple(row[place] for place in grain)] = tuple(row[place] for place in others)
    return found


@pytest.mark.parametrize("mart", GRAINS)
def test_crime_mart_equals_plain_computation(
    mart: str, naive: dict[str, NaiveCrimes], marts: duckdb.DuckDBPyConnection
) -> None:
    found = contents(marts, mart)
    # A force without any event in the world has no rows; the others have them for all months.
    seen = {force for (force,) in marts.execute("select distinct force_code from measures.int_source_day").fetchall()}
    assert len(seen) > 0.99 * FORCES
    assert found.keys() <= seen
    wrong = {}
    for force in seen:
        expected = naive[force].marts[mart]
        for key in found[force].keys() | expected.keys():
            if found[force].get(key) != expected.get(key):
                wrong[force, key] = (found[force].get(key), expected.get(key))
    assert not wrong, f"{len(wrong)} differ: {list(wrong.items())[:3]}"


def test_cancellation_details_add_up_to_measures(marts: duckdb.DuckDBPyConnection) -> None:
    for counted_by, measure in (("event", "crime.cancelled_crime"), ("cohort", "crime.pct_cohort_cancelled")):
        sums = marts.execute(
            "select force_code, month_start, sum(cancelled) from marts.kpi_cancellation_detail_monthly"
            " where counted_by = ? group by all",
            [counted_by],
        ).fetchall()
        measured = marts.execute(
            "select force_code, month_start, numerator from measures.int_measure_monthly"
            " where measure = ? and numerator > 0",
            [measure],
        ).fetchall()
        assert sums
        assert sorted(sums) == sorted(measured)


def test_worlds_cover_every_change_band_and_gap() -> None:
    changes, bands, cells, expectations = set(), set(), set(), set()
    for seed in WORLDS:
        history = draw_world(seed, forces=FORCES).history
        for row in history.rows["crimes"]:
            row["force_code"] = "all"
        rows: dict[str, Any] = NaiveCrimes(history, "all").marts
        changes |= {change for (_, change), (states, *_) in rows["kpi_crime_status_monthly"].items() if states}
        bands |= {(key[1], key[4]) for key in rows["kpi_cancellation_detail_monthly"]}
        cells |= {(row[0] is None, row[1] is None, row[6]) for row in rows["kpi_crime_maturity"].values()}
        expectations |= {(row[6] is None, row[10]) for row in rows["kpi_crime_expected_net"].values()}
    assert changes == set(CHANGES)
    assert bands == {(counted_by, band) for counted_by in ("event", "cohort") for band, *_ in BANDS}
    # Month of recording without a delivery, later month without one, later month complete.
    assert cells == {
        (False, False, False),
        (False, False, True),
        (False, True, False),
        (True, True, False),
        (True, True, True),
    }
    # Without a figure, trial.
    assert {(False, False), (False, True), (True, True)} <= expectations
