"""Generate the metrics of the semantic layer from the catalogue of measures. Semantic models are maintained by hand.

The semantic models (`dbt/models/semantic/_semantic__semantic_models.yml`) define where the sums of all measures and the
counted calls are. This module derives from the seeds which of these make up each measure; `python -m
dagster_project.tools.generate` writes the result into the dbt project.
"""

import csv
from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml

_HEADER = """\
# Written from the seeds measure_catalogue and measure_parts by `python -m dagster_project.tools.generate`; edit those.
"""

# Measures that are not additive, by their name within a section, with their column in the semantic models. The maximum
# over several months is the maximum of their values; a percentile must be computed from the calls themselves.
_GREATEST = {"max_queue_time": "greatest_value", "max_concurrent_chats": "greatest_value"}
_PERCENTILES = {"median_queue_time": "median_queue_seconds", "p90_queue_time": "p90_queue_seconds"}

_MEASURE = "measure_month__measure"

_Row = dict[str, str]
_Parts = dict[tuple[str, str], set[tuple[str, str]]]


class CatalogueError(ValueError):
    """A measure of the catalogue cannot be made a metric; the message names it and says what to do."""


def metric_name(measure: str) -> str:
    """Return the name of a measure's metric: `crime_cancelled_c1` for `crime.cancelled.C1`.

    MetricFlow accepts lower-case letters, digits and single underscores. `config.meta.measure` contains the original
    code.
    """
    return measure.replace(".", "_").lower()


def metrics_yaml(seeds: Path) -> str:
    """Return the dbt YAML file with one metric for each measure of the catalogue, in its order.

    Args:
        seeds: folder with `measure_catalogue.csv` and `measure_parts.csv`.

    Raises:
        CatalogueError: two measures would share a name, or a non-additive measure is of an unknown kind.
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
            # Labels must be unique, and both call lines have a measure `Calls Received`.
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
    """Return the sum of a measure, or the ratio of its two sums, each aggregated by the requested dimensions."""
    of_numerator, numerator_divisor = _rows_of(row, "numerator", catalogue, parts)
    if not row["denominator"] and numerator_divisor == 1:
        return {
            "type": "simple",
            "filter": _is(_MEASURE, of_numerator),
            "type_params": {"measure": "numerator_total"},
        }
    inputs = [{"name": "numerator_total", "filter": _is(_MEASURE, of_numerator)}]
    top, bottom = int(row["factor"]), str(numerator_divisor)
    if row["denominator"]:
        of_denominator, denominator_divisor = _rows_of(row, "denominator", catalogue, parts)
        inputs.append({"name": "denominator_total", "filter": _is(_MEASURE, of_denominator)})
        top *= denominator_divisor
        bottom = f"nullif({_times(numerator_divisor, 'denominator_total')}, 0)"
    return {
        "type": "derived",
        "type_params": {"expr": f"{_times(top, 'numerator_total')} / {bottom}", "metrics": inputs},
    }


def _rows_of(row: _Row, role: str, catalogue: list[_Row], parts: _Parts) -> tuple[str, int]:
    """Return the measure whose rows contain a sum, and the divisor still to be applied.

    The mart's numerators and denominators are in their final units. Those that were divided (seconds to hours) are
    rounded to six decimals each month, and rounding errors add up. If another measure has the same sum undivided, its
    rows are used.
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
    """Return the metric of a measure that is neither a sum nor a ratio of sums."""
    if row["name"] in _GREATEST:
        return {
            "type": "simple",
            "filter": _is(_MEASURE, row["measure"]),
            "type_params": {"measure": _GREATEST[row["name"]]},
        }
    if row["name"] in _PERCENTILES:
        return {
            "type": "simple",
            # Calls of a month without a delivery came with the extracts of other months: they do not make a figure.
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


def _is(dimension: str, value: str) -> str:
    return f"{{{{ Dimension('{dimension}') }}}} = '{value}'"


def _times(factor: int, term: str) -> str:
    return term if factor == 1 else f"{factor} * {term}"


def _read(path: Path) -> list[_Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
