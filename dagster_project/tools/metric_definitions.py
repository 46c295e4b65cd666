"""The metrics of the semantic layer, written from the catalogue of measures. What they are built on is by hand.

The semantic models (`dbt/models/semantic/_semantic__semantic_models.yml`) say where the sums of all measures are, and
where the calls are as they count. This says which of these a measure is made of, as the seeds have it; `python -m
dagster_project.tools.generate` writes the result into the dbt project.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml

_HEADER = """\
# Written from the seeds measure_catalogue and measure_parts by `python -m dagster_project.tools.generate`; edit those.
"""

# Measures that do not add up, by their name within a section, and what the semantic models have for them. The greatest
# of some months is the greatest of their values; a percentile has to be taken from the calls themselves.
_GREATEST = {"max_queue_time": "greatest_value", "max_concurrent_chats": "greatest_value"}
_PERCENTILES = {"median_queue_time": "median_queue_seconds", "p90_queue_time": "p90_queue_seconds"}

_Row = dict[str, str]
_Parts = dict[tuple[str, str], set[tuple[str, str]]]


class CatalogueError(ValueError):
    """A measure of the catalogue gives no metric; the message names it and says what to do."""


def metric_name(measure: str) -> str:
    """Name of the metric of a measure: `crime.cancelled.C1` gives `crime_cancelled_c1`.

    MetricFlow takes lower-case letters, digits and single underscores. The way back is `config.meta.measure`.
    """
    return measure.replace(".", "_").lower()


def metrics_yaml(seeds: Path) -> str:
    """The dbt YAML file that has one metric for each measure of the catalogue, in its order.

    Args:
        seeds: folder with `measure_catalogue.csv` and `measure_parts.csv`.

    Returns:
        The text of the file.

    Raises:
        CatalogueError: two measures would share a name, or one that does not add up is of a kind that is not known.
    """
    catalogue = _read(seeds / "measure_catalogue.csv")
    parts: _Parts = defaultdict(set)
    for row in _read(seeds / "measure_parts.csv"):
        parts[row["measure"], row["role"]].add((row["part"], row["weight"]))
    metrics: dict[str, dict[str, Any]] = {}
    for row in catalogue:
        name = metric_name(row["measure"])
        if name in metrics:
            raise CatalogueError(f"{row['measure']}: another measure's metric is named {name} too; rename one of them")
        metrics[name] = {
            "name": name,
            # Labels have to differ, and both lines of calls have a measure `Calls Received`.
            "label": f"{row['label']} ({row['measure']})",
            "description": row["definition"],
            "config": {
                "meta": {key: row[key] for key in ("measure", "unit", "better", "owner")}
                | {"decimals": int(row["decimals"])}
            },
            **(_added_up(row, catalogue, parts) if row["is_additive"] == "true" else _not_added_up(row)),
        }
    return _HEADER + yaml.safe_dump({"metrics": list(metrics.values())}, sort_keys=False, width=120)


def _added_up(row: _Row, catalogue: list[_Row], parts: _Parts) -> dict[str, Any]:
    """The sum of a measure, or the quotient of its two sums, each added up over whatever is asked for."""
    of_numerator, numerator_divisor = _rows_of(row, "numerator", catalogue, parts)
    if not row["denominator"] and numerator_divisor == 1:
        return {
            "type": "simple",
            "filter": _of_measure(of_numerator),
            "type_params": {"measure": "numerator_total"},
        }
    inputs = [{"name": "numerator_total", "filter": _of_measure(of_numerator)}]
    top, bottom = int(row["factor"]), str(numerator_divisor)
    if row["denominator"]:
        of_denominator, denominator_divisor = _rows_of(row, "denominator", catalogue, parts)
        inputs.append({"name": "denominator_total", "filter": _of_measure(of_denominator)})
        top *= denominator_divisor
        bottom = f"nullif({_times(numerator_divisor, 'denominator_total')}, 0)"
    return {
        "type": "derived",
        "type_params": {"expr": f"{_times(top, 'numerator_total')} / {bottom}", "metrics": inputs},
    }


def _rows_of(row: _Row, role: str, catalogue: list[_Row], parts: _Parts) -> tuple[str, int]:
    """The measure whose rows hold a sum, and what the sum is still to be divided by.

    The mart's numerators and denominators are in their units. One that was divided for that (seconds to hours) is
    rounded to six decimals each month, and roundings add up: where another measure is made of the same sum undivided,
    its rows are taken.
    """
    divisor = int(row[f"{role}_divisor"])
    if divisor != 1:
        for other in catalogue:
            if (
                other[f"{role}_divisor"] == "1"
                and other["sources"] == row["sources"]
                and parts[other["measure"], role] == parts[row["measure"], role]
            ):
                return other["measure"], divisor
    return row["measure"], 1


def _not_added_up(row: _Row) -> dict[str, Any]:
    """A measure that is no sum and no quotient of sums."""
    if row["name"] in _GREATEST:
        return {
            "type": "simple",
            "filter": _of_measure(row["measure"]),
            "type_params": {"measure": _GREATEST[row["name"]]},
        }
    if row["name"] in _PERCENTILES:
        return {
            "type": "simple",
            # Calls of a month without a delivery came with other months' extracts: they are no figure.
            "filter": [
                _is("reported_call__section", row["section"]),
                "{{ Dimension('measure_month__is_delivered') }}",
            ],
            "type_params": {"measure": _PERCENTILES[row["name"]]},
        }
    raise CatalogueError(
        f"{row['measure']}: it does not add up, and {Path(__file__).name} does not know what it is instead; add "
        f"{row['name']} to _GREATEST or _PERCENTILES there, with a measure of "
        "dbt/models/semantic/_semantic__semantic_models.yml"
    )


def _of_measure(measure: str) -> str:
    return _is("measure_month__measure", measure)


def _is(dimension: str, value: str) -> str:
    return f"{{{{ Dimension('{dimension}') }}}} = '{value}'"


def _times(factor: int, term: str) -> str:
    return term if factor == 1 else f"{factor} * {term}"


def _read(path: Path) -> list[_Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
