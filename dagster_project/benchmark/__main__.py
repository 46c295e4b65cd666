"""How much a run costs: whole processes, alternating, as ratios. Not a test: machines are noisy.

What reading alone costs, beside DuckDB's own reader: `benchmark_reading.py`.

Run by `make bench`. CPU seconds are user and system time of the process and all its children, from the kernel's own
account of it; the commands take turns, so that a machine that slows down slows them all.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from dagster_project.benchmark.reading import compare
from dagster_project.sample import write

_ROUNDS = 5


def _cpu_seconds(command: list[str], environment: Mapping[str, str] = os.environ) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=dict(environment), check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - own command
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    """Measure the first load of the sample, a run with nothing new, status and query; print a table."""
    fcir = str(Path(sys.executable).with_name("fcir"))
    with tempfile.TemporaryDirectory(prefix="fcir-bench-") as scratch:
        landing = Path(scratch) / "landing"
        write(landing)
        warm, cold = Path(scratch) / "warm", Path(scratch) / "cold"
        environments = {name: os.environ | {"FCIR_HOME": str(name)} for name in (warm, cold)}
        warm.mkdir()
        (warm / "landing").symlink_to(landing)
        _cpu_seconds([fcir, "run"], environments[warm])
        commands: dict[str, tuple[list[str], Path]] = {
            "first load of the sample": ([fcir, "run"], cold),
            "run with nothing new": ([fcir, "run"], warm),
            "status": ([fcir, "status"], warm),
            "query": ([fcir, "query", "select count(*) from fct_call"], warm),
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(_ROUNDS):
            for name, (command, home) in commands.items():
                if home == cold:
                    shutil.rmtree(cold, ignore_errors=True)
                    cold.mkdir()
                    (cold / "landing").symlink_to(landing)
                seconds[name].append(_cpu_seconds(command, environments[home]))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    base = min(medians.values())
    sys.stdout.write(f"{'command':<28}{'CPU s (median)':>16}{'min':>8}{'max':>8}{'ratio':>8}\n")
    for name, values in seconds.items():
        sys.stdout.write(
            f"{name:<28}{medians[name]:>16.2f}{min(values):>8.2f}{max(values):>8.2f}{medians[name] / base:>8.1f}\n"
        )
    sys.stdout.write(f"\n{compare(_cpu_seconds, rounds=_ROUNDS)}")


if __name__ == "__main__":
    main()
