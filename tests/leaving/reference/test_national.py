"""Ranks, groups and totals against plain Python: of 45 drawn forces, and of the sample."""

from __future__ import annotations

import csv
import random
from dataclasses import astuple
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from dagster_project.settings import DBT_PROJECT
from tests.leaving.reference.compiled_project import CompiledProject, build_nodes, insert, warehouse
from tests.leaving.reference.national import Country, Figure, Measure

BUILT = ("int_national_figure", "national_totals", "national_figures")
COLUMNS = (
    *("force_code", "measure", "month_start", "period", "value", "numerator", "denominator"),
    *("is_known", "is_provisional"),
)


def seed(name: str) -> list[dict[str, str]]:
    with (DBT_PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def catalogue() -> dict[str, Measure]:
    with_parts = {row["measure"] for row in seed("measure_parts")}
    return {
        row["measure"]: Measure(
            row["better"],
            row["is_additive"] == "true",
            bool(row["denominator"]),
            row["measure"] in with_parts,
            int(row["factor"]),
            int(row["numerator_divisor"]),
            int(row["denominator_divisor"]),
        )
        for row in seed("measure_catalogue")
    }


def as_published() -> Country:
    """The forces as the seeds know them."""
    populations: dict[str, dict[date, int]] = {}
    for row in seed("force_populations"):
        day = date.fromisoformat(row["reference_date"])
        populations.setdefault(row["force_code"], {})[day] = int(row["population"])
    groups: dict[str, list[Any]] = {}
    for row in seed("similar_forces"):
        last = date.fromisoformat(row["valid_to"]) if row["valid_to"] else None
        groups.setdefault(row["force_code"], []).append(
            (row["similar_force_code"], date.fromisoformat(row["valid_from"]), last)
        )
    return Country(
        {row["force_code"]: row["region"] for row in seed("police_force_areas")}, populations, groups, catalogue()
    )


def assert_equal(connection: duckdb.DuckDBPyConnection, country: Country, marts: str) -> None:
    """Compare both tables with the plain computation, row for row."""
    connection.execute(f"use {marts}")
    figures = connection.execute(
        "select force_code, (measure, month_start, period), per_100_000, force_rank, forces_ranked, group_value, "
        "group_per_100_000, national_value, national_per_100_000, national_forces_complete from national_figures"
    ).fetchall()
    assert {(row[0], tuple(row[1])): row[2:] for row in figures} == country.figure_rows()
    totals = connection.execute(
        "select area, (measure, month_start, period), value, per_100_000, forces_complete, forces_in_area "
        "from national_totals"
    ).fetchall()
    assert {(row[0], tuple(row[1])): row[2:] for row in totals} == country.total_rows()
    # A null always comes with its reason, and a reason with a null.
    assert connection.execute(
        """
        select count(*)
        from national_figures
        where (force_rank is null) <> (rank_reason is not null)
            or (group_value is null) <> (group_reason is not null)
            or (national_value is null) <> (national_reason is not null)
        """
    ).fetchone() == (0,)


@pytest.mark.parametrize("number", range(3))
def test_drawn_forces_equal_plain_computation(project: CompiledProject, number: int) -> None:
    draw = random.Random(number)
    country = as_published()
    forces = [row["force_code"] for row in seed("police_forces")]
    days = [date(2019, 6, 30), date(2020, 6, 30), date(2021, 6, 30)]
    country.populations = {
        force: {day: draw.randrange(1_000, 9_000_000) for day in days if draw.random() < 0.8}
        for force in country.regions
        if draw.random() < 0.95
    }
    country.groups = {
        force: [
            (other, date(2020, 7, 1), draw.choice([None, None, date(2021, 6, 30)]))
            for other in draw.sample(sorted(set(country.regions) - {force}), draw.randrange(1, 8))
        ]
        for force in country.regions
        if draw.random() < 0.7
    }
    for measure, stated in country.measures.items():
        for month in (date(2020, 6, 1), date(2021, 2, 1), date(2021, 7, 1)):
            for period in ("month", "fytd"):
                for force in forces:
                    if draw.random() < 0.9:
                        drawn = _draw_figure(draw, force, (measure, month, period), stated)
                        country.figures[force, drawn.key] = drawn
    with warehouse() as connection:
        build_nodes(connection, project.ancestors("national_figures"))
        _fill(connection, country)
        build_nodes(connection, [project.by_name[name] for name in BUILT])
        assert_equal(connection, country, "warehouse.marts")


def _draw_figure(draw: random.Random, force: str, key: tuple[str, date, str], measure: Measure) -> Figure:
    is_known = draw.random() < 0.95
    # Few values, so that forces tie.
    numerator = Decimal(draw.randrange(0, 40)) if measure.is_additive and is_known else None
    denominator = Decimal(draw.choice([0, 40, 80])) if numerator is not None and measure.has_denominator else None
    value = Decimal(draw.randrange(0, 40)) if is_known else None
    if numerator is not None:
        bottom = measure.numerator_divisor * (denominator if denominator is not None else 1)
        top = numerator * measure.factor * measure.denominator_divisor
        value = (top / bottom).quantize(Decimal("0.000001"), "ROUND_HALF_UP") if bottom else None
    return Figure(force, key, value, numerator, denominator, is_known, draw.random() < 0.1)


def _fill(connection: duckdb.DuckDBPyConnection, country: Country) -> None:
    for table in ("reference.force_populations", "reference.similar_forces"):
        connection.execute(f"truncate {table}")
    figures = [
        dict(zip(COLUMNS, (item.force, *item.key, *astuple(item)[2:]), strict=True))
        for item in country.figures.values()
    ]
    insert(connection, "measures.int_measure_period", figures)
    populations = [
        {"force_code": force, "reference_date": day, "population": people}
        for force, dated in country.populations.items()
        for day, people in dated.items()
    ]
    insert(connection, "reference.force_populations", populations)
    members = [
        {"force_code": force, "similar_force_code": member, "valid_from": first, "valid_to": last}
        for force, group in country.groups.items()
        for member, first, last in group
    ]
    insert(connection, "reference.similar_forces", members)


def test_the_sample_equals_plain_computation(sample) -> None:
    country = as_published()
    with duckdb.connect() as connection:
        connection.execute(f"attach '{sample.home / 'warehouse.duckdb'}' as warehouse (read_only)")
        connection.execute(f"attach '{sample.home / 'marts.duckdb'}' as fcir (read_only)")
        rows = connection.execute(
            f"select {', '.join(COLUMNS)} from warehouse.measures.int_measure_period where period in ('month', 'fytd')"
        ).fetchall()
        for row in rows:
            country.figures[row[0], row[1:4]] = Figure(row[0], row[1:4], *row[4:])
        assert len(country.figures) > 1_000
        assert_equal(connection, country, "fcir.marts")


def test_every_territorial_force_has_an_area_and_a_population() -> None:
    """43 areas, and populations that add up to the published ones of England and Wales."""
    areas = {row["force_code"] for row in seed("police_force_areas")}
    assert len(areas) == 43
    assert {row["force_code"] for row in seed("police_forces")} - areas == {"btp", "northern-ireland", "scotland"}
    for day, people in (("2019-06-30", 59_439_840), ("2020-06-30", 59_719_724)):
        found = {
            row["force_code"]: int(row["population"])
            for row in seed("force_populations")
            if row["reference_date"] == day
        }
        assert (set(found), sum(found.values())) == (areas, people)
