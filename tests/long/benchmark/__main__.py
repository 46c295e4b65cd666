"""Measure the warehouse against plain DuckDB, and fail unless both come to the same tables. No figure passes or fails.

Run by `make bench`. Every command is a process of its own, measured with all its children; commands take turns; what a
command starts from is put in place before it and not measured. Extracts are made by `data.py`.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import duckdb

from dagster_project.settings import DBT_PROJECT
from tests.long.benchmark import data, equality
from tests.long.benchmark.data import Extent
from tests.long.benchmark.measure import Cost, Job, measure, median_cpu, median_peak, take_turns
from tests.long.benchmark.peers.registry import CORE, FACTS_ALONE, PEERS, Peer
from tests.long.benchmark.reading import compare

ALL = "reference, all marts"
FIRST, AGAIN, NIGHT, EMPTY_NIGHT = (
    "fcir run, first load",
    "fcir run, nothing new",
    "fcir run, a night",
    "fcir run, an empty night",
)
_PYTHON = sys.executable
_FCIR = str(Path(_PYTHON).with_name("fcir"))
_DBT = str(Path(_PYTHON).with_name("dbt"))
# The key is no secret: it stands for that of an installation, and has to be the same for all.
_KEY = bytes(range(32)).hex()


class Bench:
    """The folders of one benchmark, and the states that its commands start from.

    Attributes:
        landing: the extracts of the size; the files of a night are put there before it and taken away after.
        home: data root of the project, in which the first load has been done.
        peers: the other programs that are compared and measured.
    """

    def __init__(self, folder: Path, extent: Extent, *, landing: Path, peers: Sequence[Peer] = ()) -> None:
        self.extent = extent
        self.landing = landing
        self.home = folder / "home"
        self.peers = peers
        self._cold = folder / "cold"
        self._base = folder / "base"
        self._nights = folder / "nights"
        self._references = folder / "references"
        self.key = folder / "pseudonym.key"
        self.manifest = folder / "manifest.json"
        self._parsed = folder / "parsed"
        folder.mkdir(parents=True, exist_ok=True)
        self.key.unlink(missing_ok=True)
        self.key.write_text(_KEY + "\n", encoding="ascii")
        self.key.chmod(0o600)

    def environment(self, home: Path) -> dict[str, str]:
        """Variables of the project's commands in a data root."""
        return {
            "FCIR_HOME": str(home),
            "FCIR_FORCE": self.extent.forces[0],
            "FCIR_PSEUDONYM_KEY_FILE": str(self.key),
            # The extracts have long been written.
            "FCIR_QUIET_SECONDS": "0",
            "DAGSTER_DISABLE_TELEMETRY": "1",
        }

    def prepare(self, parsed: Path | None = None) -> None:
        """Do the first load, and keep its state and dbt's manifest of it.

        Args:
            parsed: the folder `dbt/` of a data root that knows the project already.
        """
        self._without_nights()
        shutil.rmtree(self._nights, ignore_errors=True)
        data.write_night(self._nights / "full", self.extent)
        self._write_empty_night()
        _start_root(self.home, self.landing)
        if parsed:
            _copy(parsed, self.home / "dbt")
        measure(Job(FIRST, [_FCIR, "run"], self.environment(self.home)))
        shutil.copyfile(self.home / "dbt" / "manifest.json", self.manifest)
        shutil.rmtree(self._parsed, ignore_errors=True)
        shutil.rmtree(self._base, ignore_errors=True)
        _copy(self.home, self._base)

    def check(self) -> list[str]:
        """Compare the project's tables with the reference's, after the first load and after a night.

        Returns:
            Differences in words; empty when there are none.
        """
        told = []
        for name, before in (("first load", self._without_nights), ("a night", self._night)):
            before()
            reference = self.reference(ALL, "--marts", str(self.manifest))
            measure(reference)
            if name != "first load":
                measure(Job(name, [_FCIR, "run"], self.environment(self.home)))
            database = self._database(ALL)
            comparisons = (
                *equality.LOADING,
                *equality.FACTS,
                *equality.MONTHLY,
                *equality.other_marts(database),
            )
            told += [
                f"after {name}: {text}"
                for text in equality.differences(database, self.home / "warehouse.duckdb", comparisons)
            ]
            told += self._check_peers(database) if name == "first load" else []
        self._restore()
        return told

    def rows_read(self) -> int:
        """Rows of all extracts of the first load."""
        with duckdb.connect(str(self.home / "warehouse.duckdb"), read_only=True) as connection:
            (rows,) = connection.execute("select cast(sum(rows_read) as bigint) from audit.load").fetchall()[0]
        return int(rows)

    def jobs(self) -> list[Job]:
        """All commands in the order of the table."""
        project = self.environment(self.home)
        return [
            self.reference(CORE),
            self.reference(ALL, "--marts", str(self.manifest), "--tests"),
            self.reference(FACTS_ALONE, "--facts"),
            *self._peer_jobs(),
            Job(FIRST, [_FCIR, "run"], self.environment(self._cold), self._start_cold),
            Job(NIGHT, [_FCIR, "run"], project, self._night),
            Job(EMPTY_NIGHT, [_FCIR, "run"], project, self._empty_night),
            Job(AGAIN, [_FCIR, "run"], project, self._restore),
            Job("fcir status", [_FCIR, "status"], project),
            Job("fcir query", [_FCIR, "query", "select count(*) from fct_call"], project),
            Job("import dagster", [_PYTHON, "-c", "import dagster"]),
            Job("import great_expectations", [_PYTHON, "-c", "import great_expectations"]),
            self._parse(),
        ]

    def reference(self, name: str, *arguments: str) -> Job:
        """The reference, with a fresh file to write."""
        database = self._database(name)
        command = [
            *(_PYTHON, "-m", "tests.long.benchmark.reference", str(self.landing), str(database)),
            *("--key", str(self.key), "--force", self.extent.forces[0], *arguments),
        ]
        return Job(name, command, before=lambda: _fresh(database))

    def finish(self) -> None:
        """Take away the files of nights, so that the extracts are those of the size again."""
        self._without_nights()

    def _parse(self) -> Job:
        """What dbt takes to find out that no file of the project has changed."""
        command = [
            *(_DBT, "parse", "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
            *("--target-path", str(self._parsed), "--log-path", str(self._parsed)),
        ]
        warehouse = {"FCIR_WAREHOUSE": str(self.home / "warehouse.duckdb"), "DO_NOT_TRACK": "1"}
        parse = Job("dbt parse, nothing changed", command, warehouse)

        def know_the_project() -> None:
            if not self._parsed.exists():
                measure(parse)

        return replace(parse, before=know_the_project)

    def _database(self, name: str) -> Path:
        return self._references / "".join(letter if letter.isalnum() else "_" for letter in name) / "warehouse.duckdb"

    def _peer_jobs(self) -> Iterator[Job]:
        for peer in self.peers:
            database = self._database(peer.name)
            command = peer.command(self.landing, database, key=self.key, force=self.extent.forces[0])
            yield Job(peer.name, command, before=lambda database=database: _fresh(database))  # type: ignore[misc]

    def _check_peers(self, expected: Path) -> list[str]:
        told = []
        for peer, job in zip(self.peers, self._peer_jobs(), strict=True):
            measure(job)
            differences = equality.differences(expected, self._database(peer.name), peer.comparisons)
            told += [f"{peer.name}: {text}" for text in differences]
        return told

    def _start_cold(self) -> None:
        self._without_nights()
        _start_root(self._cold, self.landing)

    def _restore(self) -> None:
        """The state after the first load."""
        shutil.rmtree(self._cold, ignore_errors=True)
        self._without_nights()
        for entry in self.home.iterdir():
            if entry.name != "landing":
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        _copy(self._base, self.home)

    def _night(self) -> None:
        self._restore()
        _copy(self._nights / "full", self.landing)

    def _empty_night(self) -> None:
        self._restore()
        _copy(self._nights / "empty", self.landing)

    def _without_nights(self) -> None:
        for file in self.landing.glob(f"*/*_{self.extent.night(1)}*.csv"):
            file.unlink()

    def _write_empty_night(self) -> None:
        """The same files with their headers alone: a day on which nothing happened."""
        for file in (self._nights / "full").glob("*/*.csv"):
            empty = self._nights / "empty" / file.parent.name / file.name
            empty.parent.mkdir(parents=True, exist_ok=True)
            with file.open(encoding="utf-8") as stream:
                empty.write_text(stream.readline(), encoding="utf-8")


def _fresh(database: Path) -> None:
    shutil.rmtree(database.parent, ignore_errors=True)


def _start_root(home: Path, landing: Path) -> None:
    """An empty data root on the landing folder."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / "landing").symlink_to(landing)


def _copy(source: Path, target: Path) -> None:
    """Copy what is in a folder into another one, times and links kept, landing folder left out."""
    target.mkdir(parents=True, exist_ok=True)
    entries = [str(entry) for entry in source.iterdir() if entry.name not in ("landing", "SYNTHETIC")]
    subprocess.run(["cp", "-a", *entries, str(target)], check=True)


@contextmanager
def _folder(asked: Namespace) -> Iterator[Path]:
    """Where everything is made: a temporary folder, or one of the size in a folder that is kept."""
    if asked.data:
        yield (asked.data / asked.size).resolve()
    else:
        with tempfile.TemporaryDirectory(prefix="fcir-bench-") as scratch:
            yield Path(scratch) / asked.size


def _is_asked(asked: Namespace, name: str) -> bool:
    return not asked.only or any(part in name for part in asked.only)


def _peers(asked: Namespace) -> list[Peer]:
    """The other programs that are asked for and can run; says of the others why they are left out."""
    peers = []
    for peer in PEERS:
        if _is_asked(asked, peer.name):
            if obstacle := peer.obstacle(asked.size):
                sys.stderr.write(f"{peer.name} is left out: {obstacle}\n")
            else:
                peers.append(peer)
    return peers


def _extracts(folder: Path, extent: Extent) -> Path:
    """The landing folder of the extent; made unless it has been made before."""
    folder.mkdir(parents=True, exist_ok=True)
    landing, mark = folder / "landing", folder / "landing.complete"
    told = json.dumps(asdict(extent), default=str)
    if not (mark.exists() and mark.read_text(encoding="utf-8") == told):
        shutil.rmtree(landing, ignore_errors=True)
        data.write_extracts(landing, extent)
        mark.write_text(told, encoding="utf-8")
    return landing


def table(costs: dict[str, list[Cost]]) -> str:
    """Costs as a text of columns: CPU seconds, peak memory, and ratios of CPU seconds to the references."""
    base = {name: median_cpu(costs[name]) for name in (CORE, ALL, FACTS_ALONE) if costs.get(name)}
    heads = "".join(f"{'/ ' + name.removeprefix('reference, '):>12}" for name in base)
    lines = [f"{'command':<32}{'CPU s':>9}{'min':>9}{'max':>9}{'peak MB':>9}{'wall s':>9}{heads}"]
    for name, found in costs.items():
        if found:
            seconds = [cost.cpu_seconds for cost in found]
            walls = sorted(cost.wall_seconds for cost in found)
            ratios = "".join(f"{median_cpu(found) / of:>12.2f}" for of in base.values())
            lines.append(
                f"{name:<32}{median_cpu(found):>9.2f}{min(seconds):>9.2f}{max(seconds):>9.2f}"
                f"{median_peak(found):>9.0f}{walls[len(walls) // 2]:>9.1f}{ratios}"
            )
    return "\n".join([*lines, ""])


def _results(
    asked: Namespace, extent: Extent, about: dict[str, int], costs: dict[str, list[Cost]]
) -> dict[str, object]:
    """What a report is made from."""
    return {
        "size": asked.size,
        "forces": len(extent.forces),
        "first_day": extent.first.isoformat(),
        "days": extent.days,
        **about,
        "rounds": max(map(len, costs.values()), default=0),
        "machine": {
            "processors": os.cpu_count(),
            "memory_mb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e6),
            "system": f"{platform.system()} {platform.machine()}",
        },
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("duckdb", "dagster", "dbt-core", "dbt-duckdb", "great-expectations")},
        },
        "peers": {peer.name: peer.against for peer in PEERS if peer.name in costs},
        "costs": {name: [asdict(cost) for cost in found] for name, found in costs.items()},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the extracts, compare the results, measure, print a table, and write it as JSON.

    Returns:
        0, or 1 when the results differ; then no figure is printed.

    Raises:
        CommandFailed: a command ended as it should not.
    """
    parser = ArgumentParser(prog="python -m tests.long.benchmark", description=__doc__)
    parser.add_argument("--size", choices=data.SIZES, default="S", help="how many extracts; see data.py")
    parser.add_argument("--rounds", type=int, default=5, help="how often each command is measured")
    parser.add_argument("--data", type=Path, help="folder that keeps the extracts for the next time")
    parser.add_argument("--only", action="append", default=[], help="measure the commands with this in their name")
    parser.add_argument("--json", type=Path, help="file for the results; else benchmark_SIZE.json in --data, if given")
    parser.add_argument("--no-reading", action="store_true", help="leave out the comparison of reading alone")
    asked = parser.parse_args(arguments)
    extent = data.extent_of(asked.size)
    with _folder(asked) as folder:
        landing = _extracts(folder, extent)
        bench = Bench(folder, extent, landing=landing, peers=_peers(asked))
        bench.finish()
        files = list(landing.glob("*/*.csv"))
        about = {"files": len(files), "bytes": sum(file.stat().st_size for file in files)}
        bench.prepare()
        told = bench.check()
        if told:
            sys.stdout.write("\n".join(["The results differ; nothing is measured.", *told, ""]))
            return 1
        sys.stderr.write("The tables of project and reference are equal, after the first load and after a night.\n")
        about["rows"] = bench.rows_read()
        jobs = [job for job in bench.jobs() if _is_asked(asked, job.name)]
        file = asked.json or (asked.data / f"benchmark_{asked.size}.json" if asked.data else None)
        costs: dict[str, list[Cost]] = {job.name: [] for job in jobs}

        def note(name: str, number: int, cost: Cost) -> None:
            sys.stderr.write(f"round {number + 1}: {name:<32}{cost.cpu_seconds:>9.2f} s{cost.peak_mb:>9.0f} MB\n")
            costs[name].append(cost)
            # At once: a large size takes hours, and what was measured until then stands.
            if file:
                file.write_text(json.dumps(_results(asked, extent, about, costs), indent=2) + "\n", encoding="utf-8")

        take_turns(jobs, rounds=asked.rounds, on_cost=note)
        bench.finish()
    sys.stdout.write(table(costs))
    if not asked.no_reading:
        reading = compare(lambda command: measure(Job("reading", command)).cpu_seconds, rounds=asked.rounds)
        sys.stdout.write(f"\n{reading}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
