"""Measure the commands of this checkout, and of another one beside it: CPU seconds, memory, and their ratios.

Run by `make bench`. Every command is a process of its own, measured with all its children. A machine that slows down,
or does other work, slows all commands of a round: so they take turns, and the table shows medians and ratios.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import duckdb

from dagster_project.settings import PROJECT_ROOT
from dagster_project.words import counted
from tests.compiled_project import compile_project
from tests.long.benchmark import data
from tests.long.benchmark.data import Extent
from tests.long.benchmark.measure import Cost, Job, measure


class Bench:
    """The data root of one checkout, and the states that its commands start from."""

    def __init__(self, folder: Path, checkout: Path, landing: Path, night: Path, extent: Extent) -> None:
        self.home, self._base, self._cold = folder / "home", folder / "base", folder / "cold"
        self._checkout, self._compiled = checkout, folder / "compiled"
        self._fcir, self._landing, self._files, self._extent = checkout / ".venv/bin/fcir", landing, night, extent

    def prepare(self) -> None:
        """Do the first load, and keep its state."""
        self._start_empty(self.home)
        measure(self._job("first load", "run"))
        _copy(self.home, self._base)
        if self._checkout == PROJECT_ROOT:
            compile_project(self._compiled, parsed=self.home / "dbt")

    def jobs(self) -> dict[str, Job]:
        """Return the commands in the order of the table."""
        reference = {}
        if self._checkout == PROJECT_ROOT:
            paths = [str(self.home), str(self._compiled / "dbt" / "manifest.json"), str(self._cold)]
            command = [sys.executable, "-m", "tests.long.benchmark.reference", *paths]
            reference["reference, first load"] = Job("", command, self._environment(self.home), self._reference)
        return reference | {
            "run, first load": Job("", [str(self._fcir), "run"], self._environment(self._cold), self._start_cold),
            "run, a night": self._job("", "run", before=self._night),
            "run, nothing new": self._job("", "run", before=self._restore),
            "status": self._job("", "status"),
            "query": self._job("", "query", "select count(*) from fct_call"),
        }

    def _job(self, name: str, *arguments: str, **options: object) -> Job:
        return Job(name, [str(self._fcir), *arguments], self._environment(self.home), **options)  # type: ignore[arg-type]

    def _environment(self, home: Path) -> dict[str, str]:
        # The extracts have long been written.
        settings = {"FCIR_HOME": str(home), "FCIR_FORCE": self._extent.forces[0], "FCIR_QUIET_SECONDS": "0"}
        return settings | {"DAGSTER_DISABLE_TELEMETRY": "1"}

    def _start_empty(self, home: Path) -> None:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        for file in self._landing.glob(f"*/*_{self._extent.night}*.csv"):
            file.unlink()
        (home / "landing").symlink_to(self._landing)

    def _start_cold(self) -> None:
        self._start_empty(self._cold)

    def _reference(self) -> None:
        self._restore()
        shutil.rmtree(self._cold, ignore_errors=True)

    def _restore(self) -> None:
        """Restore the state after the first load."""
        shutil.rmtree(self._cold, ignore_errors=True)
        self._start_empty(self.home)
        _copy(self._base, self.home)

    def _night(self) -> None:
        self._restore()
        _copy(self._files, self._landing)


def _copy(source: Path, target: Path) -> None:
    """Copy what is in a folder into another one, times and links kept, landing folder left out."""
    target.mkdir(parents=True, exist_ok=True)
    entries = [str(entry) for entry in source.iterdir() if entry.name not in ("landing", "SYNTHETIC")]
    subprocess.run(["cp", "-a", *entries, str(target)], check=True)


def table(costs: Mapping[tuple[str, str], Sequence[Cost]], first: str) -> str:
    """Return costs by command and checkout as a table of Markdown: medians, ratios to the `first` checkout.

    Ratios to the reference, if it was measured, are in the last column.
    """
    seconds = {key: [cost.cpu_seconds for cost in found] for key, found in costs.items()}
    heads = ["command", "checkout", "CPU s", "min to max", "peak MB", "wall s", "ratio", "of reference"]
    lines = [f"| {' | '.join(heads)} |", "|---|---" + "|---:" * (len(heads) - 2) + "|"]
    reference = next((median(of) for (command, _), of in seconds.items() if command.startswith("reference")), None)
    for (command, checkout), found in costs.items():
        of = seconds[command, checkout]
        memory, wall = (
            median(part) for part in zip(*((cost.peak_mb, cost.wall_seconds) for cost in found), strict=True)
        )
        cells = [f"{median(of):,.2f}", f"{min(of):,.2f} to {max(of):,.2f}", f"{memory:,.0f}", f"{wall:,.1f}"]
        cells.append(f"{median(of) / median(seconds.get((command, first), of)):.2f}")
        cells.append(f"{median(of) / reference:.2f}" if reference else "")
        lines.append(f"| {' | '.join([command, checkout, *cells])} |")
    return "\n".join([*lines, ""])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a table."""
    parser = ArgumentParser(prog="python -m tests.long.benchmark", description=__doc__)
    parser.add_argument("--size", choices=data.SIZES, default="S", help="how many extracts; see data.py")
    parser.add_argument("--rounds", type=int, default=5, help="how often each command is measured")
    parser.add_argument("--against", type=Path, help="another checkout with its environment (make env), measured first")
    parser.add_argument("--only", action="append", default=[], help="measure the commands with this in their name")
    asked = parser.parse_args(arguments)
    checkouts = {path.resolve().name: path.resolve() for path in (asked.against, PROJECT_ROOT) if path}
    extent = data.extent_of(asked.size)
    with tempfile.TemporaryDirectory(prefix="fcir-bench-") as temporary:
        folder = Path(temporary)
        landing, night = folder / "landing", folder / "night"
        data.write_extracts(landing, extent)
        data.write_night(night, extent)
        benches = {name: Bench(folder / name, path, landing, night, extent) for name, path in checkouts.items()}
        costs: dict[tuple[str, str], list[Cost]] = {}
        for bench in benches.values():
            bench.prepare()
        for number in range(asked.rounds):
            jobs = {(command, name): job for name, bench in benches.items() for command, job in bench.jobs().items()}
            for command, name in sorted(jobs, key=lambda key: list(benches[key[1]].jobs()).index(key[0])):
                if not asked.only or any(part in command for part in asked.only):
                    cost = measure(jobs[command, name])
                    costs.setdefault((command, name), []).append(cost)
                    sys.stderr.write(f"round {number + 1}: {command}, {name}: {cost.cpu_seconds:.2f} s\n")
    machine = f"{os.cpu_count()} processors, {platform.system()} {platform.machine()}"
    versions = f"DuckDB {duckdb.__version__}, Python {platform.python_version()}"
    size = f"{counted(len(extent.forces), 'force')}, {extent.days:,} days from {extent.first}"
    sys.stdout.write(f"{size}; {counted(asked.rounds, 'round')} on {machine}; {versions}.\n\n")
    sys.stdout.write(table(costs, next(iter(checkouts))))


if __name__ == "__main__":
    main()
