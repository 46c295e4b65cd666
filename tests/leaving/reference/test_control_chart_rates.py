"""How often a control chart of the marts calls an ordinary figure unusual, and how soon it finds a change.

Simulated: 2,000 series of each kind, 12 to 36 points long, with a fixed seed. The limits below are what the rules
promise (docs/measures.md); a rule that is applied in the wrong place or about the wrong line breaks one of them.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from math import exp

import duckdb
import pyarrow as pa
import pytest

from tests.leaving.reference.chart_series import month_start
from tests.leaving.reference.compiled_project import CompiledProject, build_nodes
from tests.leaving.reference.control_charts import Measure, Month, chart

SERIES = 2000
MOST_POINTS = 36
# Series of each kind whose every signal is computed the plain way as well.
COMPARED = 20
MEASURE = Measure(unit="ratio", better="lower", takes_off=False)

Draw = Callable[[random.Random], float]


def _poisson(mean: float) -> Draw:
    def draw(dice: random.Random) -> float:
        count, product = 0, dice.random()
        while product > exp(-mean):
            count, product = count + 1, product * dice.random()
        return count

    return draw


def _proportion(calls: int, share: float, spread: float) -> Draw:
    """Percentage of many calls, whose chance differs from month to month by `spread` of itself."""

    def draw(dice: random.Random) -> float:
        chance = dice.gauss(share, share * spread)
        return round(dice.gauss(chance, (chance * (1 - chance) / calls) ** 0.5) * 100, 2)

    return draw


# Kind of a stable process, with the share of its points that may carry a signal at most.
STABLE: dict[str, tuple[Draw, float]] = {
    "counts of 35,000": (lambda dice: round(dice.gauss(35_000, 1_500)), 1 / 20),
    "counts of 300": (lambda dice: round(dice.gauss(300, 300**0.5)), 1 / 20),
    "proportions of 30,000": (_proportion(30_000, 0.3, 0.05), 1 / 20),
    "small proportions of 30,000": (_proportion(30_000, 0.012, 0.2), 1 / 20),
    "constants, one in ten a last digit above": (lambda dice: 5.1 if dice.random() < 0.1 else 5.0, 1 / 20),
    "constants, one in three a last digit above": (lambda dice: 5.1 if dice.random() < 1 / 3 else 5.0, 1 / 20),
    "Poisson of mean 1.5": (_poisson(1.5), 1 / 20),
    "3, 4 or 5": (lambda dice: dice.choice((3, 4, 5)), 1 / 20),
    "lognormal of 0.5": (lambda dice: dice.lognormvariate(4, 0.5), 1 / 15),
    "exponential": (lambda dice: dice.expovariate(1 / 60), 1 / 15),
    "lognormal of 1": (lambda dice: dice.lognormvariate(4, 1), 1 / 12),
    "Poisson of mean 0.3": (_poisson(0.3), 1 / 12),
}
# Processes that move by three standard deviations after 12 or more points.
SHIFTED: dict[str, tuple[Draw, float]] = {
    "up": (lambda dice: dice.gauss(100, 1), 3),
    "down": (lambda dice: dice.gauss(100, 1), -3),
    "counts of 300": (lambda dice: round(dice.gauss(300, 300**0.5)), 3 * 300**0.5),
    "proportions": (_proportion(30_000, 0.3, 0.05), -3 * 30 * 0.05),
}
POINTS_AFTER_SHIFT = 8

Values = dict[tuple[str, int], list[Decimal]]


def _exact(value: float) -> Decimal:
    return Decimal(str(round(value, 6)))


@pytest.fixture(scope="module")
def stable() -> Values:
    """Series by kind and number; the lengths are spread evenly."""
    found: Values = {}
    for kind, (draw, _) in STABLE.items():
        dice = random.Random(f"stable {kind}")
        for number in range(SERIES):
            length = 12 + number % (MOST_POINTS - 11)
            found[kind, number] = [_exact(draw(dice)) for _ in range(length)]
    return found


@pytest.fixture(scope="module")
def shifted() -> Values:
    """Series by kind and number, with shifted last points."""
    found: Values = {}
    for kind, (draw, shift) in SHIFTED.items():
        dice = random.Random(f"shifted {kind}")
        for number in range(SERIES):
            before = 12 + number % (MOST_POINTS - 11 - POINTS_AFTER_SHIFT)
            values = [draw(dice) for _ in range(before)]
            values += [draw(dice) + shift for _ in range(POINTS_AFTER_SHIFT)]
            found[f"shifted: {kind}", number] = [_exact(value) for value in values]
    return found


@pytest.fixture(scope="module")
def marts(stable: Values, shifted: Values, project: CompiledProject) -> Iterator[duckdb.DuckDBPyConnection]:
    """The project's charts of all series: one force for each, by kind as the measure."""
    kinds = [*STABLE, *(f"shifted: {kind}" for kind in SHIFTED)]
    rows = [
        (str(number), kind, month_start(place), value)
        for (kind, number), values in (stable | shifted).items()
        for place, value in enumerate(values)
    ]
    columns = [pa.array(column) for column in zip(*rows, strict=True)]
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as warehouse")
        connection.execute("use warehouse")
        for schema in ("measures", "marts", "reference"):
            connection.execute(f"create schema {schema}")
        connection.register("series", pa.table(columns, ["force_code", "measure", "month_start", "value"]))
        connection.execute(
            """
            create table measures.int_measure_monthly as
            select
                force_code, measure, month_start, cast(value as decimal(38, 6)) as value,
                cast(null as decimal(38, 6)) as target, true as is_delivered, false as is_provisional,
                cast(100 as decimal(38, 6)) as share_of_days_loaded, measure as formula_measure
            from series
            """
        )
        connection.execute(
            "create table reference.measure_catalogue (measure text, unit text, better text, chart_type text)"
        )
        connection.executemany(
            "insert into reference.measure_catalogue values (?, ?, ?, 'xmr')",
            [(kind, MEASURE.unit, MEASURE.better) for kind in kinds],
        )
        connection.execute("create table reference.measure_parts (measure text, role text, part text, weight integer)")
        connection.executemany(
            "insert into reference.measure_parts values (?, 'numerator', 'a.part', 1)", [(kind,) for kind in kinds]
        )
        connection.execute(
            "create table reference.control_chart_baselines (force_code text, measure text, valid_from date)"
        )
        build_nodes(connection, [project.by_name[name] for name in ("int_control_chart_limit", "kpi_measure_spc")])
        yield connection


@pytest.mark.parametrize("kind", STABLE)
def test_stable_process_seldom_signals(kind: str, marts: duckdb.DuckDBPyConnection) -> None:
    points, signals = marts.execute(
        "select count(*), count(signal) from marts.kpi_measure_spc where measure = ?", [kind]
    ).fetchall()[0]
    assert points >= SERIES * 12
    assert signals / points <= STABLE[kind][1], f"{signals} of {points} points: {signals / points:.2%}"


@pytest.mark.parametrize("kind", SHIFTED)
def test_shift_of_three_sigma_signals_within_eight_points(kind: str, marts: duckdb.DuckDBPyConnection) -> None:
    worse = SHIFTED[kind][1] > 0
    (found,) = marts.execute(
        """
        select count(distinct force_code)
        from (
            select *, row_number() over (partition by force_code order by month_start desc) as place
            from marts.kpi_measure_spc
            where measure = ?
        )
        where place <= ? and variation = ?
        """,
        [f"shifted: {kind}", POINTS_AFTER_SHIFT, "concerning" if worse else "improving"],
    ).fetchall()[0]
    assert found / SERIES >= 9 / 10, f"{found} of {SERIES}"


def test_sampled_series_equal_plain_computation(
    stable: Values, shifted: Values, marts: duckdb.DuckDBPyConnection
) -> None:
    actual = defaultdict(list)
    for measure, force, signal, variation in marts.execute(
        "select measure, force_code, signal, variation from marts.kpi_measure_spc order by month_start"
    ).fetchall():
        actual[measure, int(force)].append((signal, variation))
    seen = set()
    for (kind, number), values in (stable | shifted).items():
        if number >= COMPARED:
            continue
        months = [
            Month(month_start(place), value, None, True, False, Decimal(100), "a") for place, value in enumerate(values)
        ]
        expected = [(row["signal"], row["variation"]) for row in chart(months, MEASURE, []).values()]
        assert actual[kind, number] == expected, (kind, number)
        seen |= {signal for signal, _ in expected}
    assert seen == {None, "outside_limits", "trend", "two_of_three", "shift"}
