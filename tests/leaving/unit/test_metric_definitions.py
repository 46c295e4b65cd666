"""Metrics that are generated from a catalogue, and catalogues that are refused."""

import csv
from pathlib import Path

import pytest
import yaml

from dagster_project.settings import PROJECT_ROOT
from dagster_project.tools.metric_definitions import CatalogueError, metrics_yaml

SEEDS = PROJECT_ROOT / "dbt" / "seeds"


def measure(code: str, **changes: str) -> dict[str, str]:
    """A row of the catalogue: a sum by default."""
    section, _, name = code.partition(".")
    return {
        **{"measure": code, "section": section, "name": name, "label": "L", "unit": "count", "decimals": "0"},
        **{"better": "neither", "owner": "o", "definition": "D", "denominator": "", "is_additive": "true"},
        **{"sources": "s", "factor": "1", "numerator_divisor": "1", "denominator_divisor": "1", **changes},
    }


def metrics_of(
    folder: Path, catalogue: list[dict[str, str]], parts: list[tuple[str, str, str]] = ()
) -> dict[str, dict]:
    """The metrics of a catalogue by name; parts are measure, role and part."""
    seeds = {
        "measure_catalogue.csv": catalogue,
        "measure_parts.csv": [
            {"measure": code, "role": role, "part": part, "weight": "1"} for code, role, part in parts
        ],
    }
    for name, rows in seeds.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0] if rows else ["measure", "role", "part", "weight"])
            writer.writeheader()
            writer.writerows(rows)
    return {metric["name"]: metric for metric in yaml.safe_load(metrics_yaml(folder))["metrics"]}


def of_measure(code: str) -> str:
    return f"{{{{ Dimension('measure_month__measure') }}}} = '{code}'"


def test_a_sum_is_the_numerators_of_its_measure(tmp_path):
    metric = metrics_of(tmp_path, [measure("crime.cancelled.C1")])["crime_cancelled_c1"]
    assert metric["config"]["meta"]["measure"] == "crime.cancelled.C1"
    assert (metric["type"], metric["filter"]) == ("simple", of_measure("crime.cancelled.C1"))
    assert metric["type_params"] == {"measure": "numerator_total"}


def test_a_ratio_is_its_factor_times_the_quotient_of_two_sums(tmp_path):
    row = measure("calls.pct", factor="100", denominator="calls")
    params = metrics_of(tmp_path, [row])["calls_pct"]["type_params"]
    assert params["expr"] == "100 * numerator_total / nullif(denominator_total, 0)"
    assert [one["filter"] for one in params["metrics"]] == [of_measure("calls.pct")] * 2


def test_hours_are_made_of_the_seconds_of_another_measure_since_monthly_hours_are_rounded(tmp_path):
    hours = measure("calls.hours", numerator_divisor="3600")
    per_hour = measure("chats.per_hour", denominator="hours", denominator_divisor="3600")
    parts = [("calls.hours", "numerator", "seconds"), ("chats.per_hour", "numerator", "chats")]
    parts += [("chats.per_hour", "denominator", "busy"), ("calls.mean", "numerator", "seconds")]
    parts += [("chats.held", "denominator", "busy")]
    others = [measure("calls.mean", denominator="calls"), measure("chats.held", denominator="seconds")]
    metrics = metrics_of(tmp_path, [hours, per_hour, *others], parts)
    of_hours, of_per_hour = (metrics[name]["type_params"] for name in ("calls_hours", "chats_per_hour"))
    assert of_hours["expr"] == "numerator_total / 3600"
    assert [one["filter"] for one in of_hours["metrics"]] == [of_measure("calls.mean")]
    assert of_per_hour["expr"] == "3600 * numerator_total / nullif(denominator_total, 0)"
    assert [one["filter"] for one in of_per_hour["metrics"]] == [of_measure("chats.per_hour"), of_measure("chats.held")]


@pytest.mark.parametrize("other", [{"sources": "others"}, {"numerator_divisor": "60"}])
def test_hours_without_the_same_seconds_are_the_hours_of_the_mart(tmp_path, other):
    rows = [measure("calls.hours", numerator_divisor="3600"), measure("calls.mean", **other)]
    parts = [(row["measure"], "numerator", "seconds") for row in rows]
    metric = metrics_of(tmp_path, rows, parts)["calls_hours"]
    assert (metric["type"], metric["filter"]) == ("simple", of_measure("calls.hours"))


def test_a_measure_that_does_not_add_up_and_is_of_no_known_kind_is_refused(tmp_path):
    with pytest.raises(CatalogueError, match=r"calls\.mode_queue_time: it does not add up"):
        metrics_of(tmp_path, [measure("calls.mode_queue_time", is_additive="false")])


def test_two_measures_whose_metrics_would_share_a_name_are_refused(tmp_path):
    with pytest.raises(CatalogueError, match=r"calls\.a_b: another measure"):
        metrics_of(tmp_path, [measure("calls_a.b"), measure("calls.a_b")])
