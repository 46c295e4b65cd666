"""The national table of 999 call answering: every force by month. The forces of the sample have its calls."""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dagster_project.sample.forces import FORCES
from dagster_project.sample.targets import Targets
from dagster_project.settings import known_forces

FIRST_MONTH = "2021-11"
"""The first month that was published nationally."""

# Residents of the area of each force: mid-2020 estimates of the ONS (MYE2, published 2021), in England and Wales summed
# over the local authorities. The British Transport Police have none, and are given the calls of a small force.
_POPULATIONS = Path(__file__).parent / "force_populations.csv"
# All forces of the United Kingdom get about 12 million calls a year.
_CALLS_PER_RESIDENT = 0.0155
# Means of the published months lie between 5 and 40 seconds.
_MEAN_SECONDS, _FASTEST, _SLOWEST = 11.0, 4.5, 60.0
# The clock of BT starts before a call enters the queue of a force.
_BEFORE_THE_QUEUE = 1.6
_TAKEN = ("received", "avg_queue_time")


def draw_national_call_answering(rng: np.random.Generator, targets: Mapping[str, Targets]) -> list[dict[str, str]]:
    """Draw the rows of all forces, by month and force.

    Args:
        rng: the stream of draws.
        targets: the figures of each force of the sample; its calls are the calls to 999 that it received, and its mean
            is its queuing time and the seconds before.
    """
    months = [month for month in targets[FORCES[0].code].months if month >= FIRST_MONTH]
    own = {force: {name: _by_month(of_force, name) for name in _TAKEN} for force, of_force in targets.items()}
    kent = own[FORCES[0].code]["received"]
    usual = np.mean([kent[month] for month in months])
    populations = _populations()
    rows = []
    for force in known_forces():
        calls_a_month = populations[force] * _CALLS_PER_RESIDENT * np.exp(rng.normal(0, 0.12))
        mean_of_force = _MEAN_SECONDS * np.exp(rng.normal(0, 0.45))
        for month in months:
            noise, drift = rng.normal(0, 0.03), rng.normal(0, 0.12)
            # Demand rises and falls in all forces together, and a busy month takes longer to answer.
            season = kent[month] / usual
            calls = round(calls_a_month * season * np.exp(noise))
            mean = mean_of_force * season**1.5 * np.exp(drift)
            if force in own:
                calls, mean = own[force]["received"][month], own[force]["avg_queue_time"][month] + _BEFORE_THE_QUEUE
            mean = float(np.clip(mean, _FASTEST, _SLOWEST))
            rows.append(_row(month, force, calls, mean, waiting=(mean - 3) / 35 * float(np.exp(rng.normal(0, 0.12)))))
    return sorted(rows, key=lambda row: (row["month"], row["force_code"]))


def _by_month(targets: Targets, measure: str) -> dict[str, int]:
    return dict(zip(targets.months, targets.of("calls_999", measure), strict=True))


def _row(month: str, force: str, calls: int, mean: float, *, waiting: float) -> dict[str, str]:
    """Return a row whose shares fit its mean: most calls are answered at once, and a share of them is waiting."""
    waiting = min(max(waiting, 0.02), 0.9)
    late, very_late = round(calls * waiting * 0.67), round(calls * waiting * 0.18)
    counts = {"pct_under_10s": calls - late - very_late, "pct_10_to_60s": late, "pct_over_60s": very_late}
    return {
        "month": month,
        "force_code": force,
        "calls": str(calls),
        "mean_answer_seconds": f"{mean:.1f}",
        **{name: f"{100 * count / calls:.2f}" for name, count in counts.items()},
    }


def _populations() -> dict[str, int]:
    with _POPULATIONS.open(encoding="utf-8", newline="") as lines:
        return {row["force_code"]: int(row["population"]) for row in csv.DictReader(lines)}
