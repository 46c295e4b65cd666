"""Measure the warehouse and two programs that do its work; fail unless all come to the same tables.

Run by `make bench`. Every command is a process of its own, measured with all its children. A machine that slows down,
or does other work, slows all commands of a round: so they take turns, and the table shows medians and ratios.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

import duckdb

from dagster_project.words import counted
from tests.long.benchmark import data, reference
from tests.long.benchmark.data import Extent
from tests.long.benchmark.equality import differences
from tests.long.benchmark.measure import Cost, Job, measure

FACTS, ALL = "plain DuckDB, facts", "plain DuckDB, all marts"
_PYTHON = sys.executable
_FCIR = str(Path(_PYTHON).with_name("fcir"))
# No secret: it stands for the key of a data root, and has to be the same for all programs.
_KEY = bytes(range(32))


class Bench:
    """The folders of one benchmark, and the states that its commands start from.

    Attributes:
        landing: extracts of the size; those of a night are put there before it, and removed afterwards.
        home: data root in which the first load was done.
    """

    def __init__(self, folder: Path, extent: Extent) -> None:
        self.landing, self.home = folder / "landing", folder / "home"
        self._folder, self._extent = folder, extent
        self._base, self._files, self._databases = folder / "base", folder / "night", folder / "databases"
        self._key, self._manifest = folder / "pseudonym.key", folder / "manifest.json"

    def prepare(self, parsed: Path | None = None) -> None:
        """Write the extracts unless they are there, do the first load, and keep its state and dbt's manifest of it.

        Args:
            parsed: the folder `dbt/` of a data root that knows the project already.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        written, content = self._folder / "landing.complete", json.dumps(asdict(self._extent), default=str)
        if not (written.exists() and written.read_text(encoding="utf-8") == content):
            shutil.rmtree(self.landing, ignore_errors=True)
            data.write_extracts(self.landing, self._extent)
            written.write_text(content, encoding="utf-8")
        self.remove_night()
        self._key.unlink(missing_ok=True)
        self._key.touch(0o600)
        self._key.write_text(_KEY.hex() + "\n", encoding="ascii")
        _remove(self._files)
        data.write_night(self._files, self._extent)
        self._start_empty(self.home)
        if parsed:
            shutil.copytree(parsed, self.home / "dbt")
        measure(self._fcir("first load", "run"))
        shutil.copyfile(self.home / "dbt" / "manifest.json", self._manifest)
        shutil.rmtree(self._base, ignore_errors=True)
        _copy(self.home, self._base)

    def remove_night(self) -> None:
        """Remove the files of a night, so that the extracts are those of the size again."""
        for file in self.landing.glob(f"*/*_{self._extent.night}*.csv"):
            file.unlink()

    def differences(self) -> list[str]:
        """Compare the tables of all programs after the first load, and of the warehouse after a night.

        Returns:
            Differences in words.
        """
        warehouse = self.home / "warehouse.duckdb"
        measure(self.plain_duckdb(ALL, "--marts", str(self._manifest)))
        found = [f"after the first load: {text}" for text in differences(self._database(ALL), warehouse)]
        measure(self.plain_duckdb(FACTS))
        measure(self.dbt_alone())
        found += [
            f"dbt alone: {text}" for text in differences(self._database(FACTS), self._database(self.dbt_alone().name))
        ]
        self._night()
        measure(self._fcir("night", "run"))
        measure(self.plain_duckdb(ALL, "--marts", str(self._manifest)))
        found += [f"after a night: {text}" for text in differences(self._database(ALL), warehouse)]
        self._restore()
        return found

    def jobs(self) -> list[Job]:
        """Return all commands in the order of the table."""
        return [
            self.plain_duckdb(FACTS),
            self.plain_duckdb(ALL, "--marts", str(self._manifest)),
            self.dbt_alone(),
            Job("fcir run, first load", [_FCIR, "run"], self._environment(self._folder / "cold"), self._start_cold),
            self._fcir("fcir run, a night", "run", before=self._night),
            self._fcir("fcir run, nothing new", "run", before=self._restore),
            self._fcir("fcir status", "status"),
            self._fcir("fcir query", "query", "select count(*) from fct_call"),
        ]

    def plain_duckdb(self, name: str, *arguments: str) -> Job:
        """Return the reference, with a new file to write."""
        database = self._database(name)
        command = [_PYTHON, "-m", reference.__name__, str(self.landing), str(database), "--key", str(self._key)]
        return Job(
            name, [*command, "--force", self._extent.forces[0], *arguments], before=lambda: _remove(database.parent)
        )

    def dbt_alone(self) -> Job:
        """Return `dbt build` of the models and tests of the reference, with a new file to write."""
        database = self._database("dbt alone")
        values = reference.variables(self.landing, secret=_KEY, force=self._extent.forces[0])
        command = [
            *(str(Path(_PYTHON).with_name("dbt")), "build", "--vars", json.dumps(values)),
            *("--project-dir", str(reference.PROJECT), "--profiles-dir", str(reference.PROJECT)),
            *("--target-path", str(database.parent), "--log-path", str(database.parent)),
        ]

        def start() -> None:
            _remove(database.parent)
            database.parent.mkdir(parents=True)

        return Job("dbt alone", command, {"BENCHMARK_DATABASE": str(database), "DO_NOT_TRACK": "1"}, start)

    def counts(self) -> str:
        """Return number and size of the extracts in words."""
        files = list(self.landing.glob("*/*.csv"))
        with duckdb.connect(str(self.home / "warehouse.duckdb"), read_only=True) as connection:
            ((rows,),) = connection.execute("select sum(rows_read) from audit.load").fetchall()
        size = sum(file.stat().st_size for file in files)
        return (
            f"{counted(len(self._extent.forces), 'force')}, {self._extent.days:,} days from {self._extent.first}, "
            f"{len(files):,} files with {rows:,} rows, {size / 1e6:,.0f} MB"
        )

    def _fcir(self, name: str, *arguments: str, **options: object) -> Job:
        return Job(name, [_FCIR, *arguments], self._environment(self.home), **options)  # type: ignore[arg-type]

    def _environment(self, home: Path) -> dict[str, str]:
        return {
            "FCIR_HOME": str(home),
            "FCIR_FORCE": self._extent.forces[0],
            "FCIR_PSEUDONYM_KEY_FILE": str(self._key),
            # The extracts have long been written.
            "FCIR_QUIET_SECONDS": "0",
            "DAGSTER_DISABLE_TELEMETRY": "1",
        }

    def _database(self, name: str) -> Path:
        return self._databases / name.replace(" ", "_").replace(",", "") / "warehouse.duckdb"

    def _start_empty(self, home: Path) -> None:
        _remove(home)
        home.mkdir(parents=True)
        (home / "landing").symlink_to(self.landing)

    def _start_cold(self) -> None:
        self.remove_night()
        self._start_empty(self._folder / "cold")

    def _restore(self) -> None:
        """Restore the state after the first load."""
        _remove(self._folder / "cold")
        self.remove_night()
        self._start_empty(self.home)
        _copy(self._base, self.home)

    def _night(self) -> None:
        self._restore()
        _copy(self._files, self.landing)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    """Copy what is in a folder into another one, times and links kept, landing folder left out."""
    target.mkdir(parents=True, exist_ok=True)
    entries = [str(entry) for entry in source.iterdir() if entry.name not in ("landing", "SYNTHETIC")]
    subprocess.run(["cp", "-a", *entries, str(target)], check=True)


def table(costs: Mapping[str, Sequence[Cost]]) -> str:
    """Return costs as a table of Markdown: medians, and ratios of CPU seconds to the references."""
    seconds = {name: [cost.cpu_seconds for cost in found] for name, found in costs.items()}
    base = {name: median(seconds[name]) for name in (FACTS, ALL) if name in costs}
    heads = ["command", "CPU s", "min to max", "peak MB", "wall s", *(f"/ {name}" for name in base)]
    lines = [f"| {' | '.join(heads)} |", "|---" + "|---:" * (len(heads) - 1) + "|"]
    for name, found in costs.items():
        cells = [
            name,
            f"{median(seconds[name]):,.2f}",
            f"{min(seconds[name]):,.2f} to {max(seconds[name]):,.2f}",
            f"{median(cost.peak_mb for cost in found):,.0f}",
            f"{median(cost.wall_seconds for cost in found):,.1f}",
            *(f"{median(seconds[name]) / of:.2f}" for of in base.values()),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare the results, measure, and print a table.

    Returns:
        0, or 1 if the results differ; then nothing is measured.
    """
    parser = ArgumentParser(prog="python -m tests.long.benchmark", description=__doc__)
    parser.add_argument("--size", choices=data.SIZES, default="S", help="how many extracts; see data.py")
    parser.add_argument("--rounds", type=int, default=5, help="how often each command is measured")
    parser.add_argument("--data", type=Path, help="folder that keeps the extracts for the next time")
    parser.add_argument("--only", action="append", default=[], help="measure the commands with this in their name")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="fcir-bench-") as temporary:
        bench = Bench((asked.data or Path(temporary)).resolve() / asked.size, data.extent_of(asked.size))
        bench.prepare()
        if found := bench.differences():
            sys.stdout.write("\n".join(["The results differ; nothing is measured.", *found, ""]))
            return 1
        sys.stderr.write("All tables are equal, after the first load and after a night.\n")
        jobs = [job for job in bench.jobs() if not asked.only or any(part in job.name for part in asked.only)]
        costs: dict[str, list[Cost]] = {job.name: [] for job in jobs}
        for number in range(asked.rounds):
            for job in jobs:
                cost = measure(job)
                costs[job.name].append(cost)
                sys.stderr.write(f"round {number + 1}: {job.name}: {cost.cpu_seconds:.2f} s, {cost.peak_mb:.0f} MB\n")
        bench.remove_night()
        machine = f"{os.cpu_count()} processors, {platform.system()} {platform.machine()}"
        versions = f"DuckDB {duckdb.__version__}, Python {platform.python_version()}"
        sys.stdout.write(
            f"{bench.counts()}; {counted(asked.rounds, 'round')} on {machine}; {versions}.\n\n{table(costs)}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
