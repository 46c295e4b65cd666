"""Try every fault, print how many were survived, and exit with 1 if any was not. Run by `make chaos`."""

import argparse
import sys
import tempfile
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path

from dagster_project.console import aligned, say
from dagster_project.settings import PROJECT_ROOT
from tests.leaving.chaos.faults import FAULTS
from tests.leaving.chaos.roots import Roots, Unavailable


def main() -> int:
    """Run the chosen faults; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.leaving.chaos", description=__doc__)
    parser.add_argument("--fault", action="append", choices=list(FAULTS), help="only this fault; may be repeated")
    parser.add_argument("--trials", type=int, help="trials of each fault; by default as many as the fault has")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first trial; the next has the next seed")
    parser.add_argument("--folder", type=Path, help="keep the data roots here, to look at them or use them again")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fcir-chaos-") as temporary:
        folder = (chosen.folder or Path(temporary)) / _code_state()
        folder.mkdir(parents=True, exist_ok=True)
        roots = Roots(folder)
        results = [
            _tried(name, roots, seed=chosen.seed, trials=chosen.trials or FAULTS[name].trials)
            for name in chosen.fault or FAULTS
        ]
    titles = ("fault", "tried", "survived", "not possible here", "failed with seed", "seconds", "among them")
    rows = [tuple(map(str, row)) for row, _ in results]
    say("\n".join(aligned(titles, rows, right=("tried", "survived", "not possible here", "seconds"))))
    return int(any(failed for _, failed in results))


def _code_state() -> str:
    """Return a name for this state of the project: kept data roots are of the code that made them."""
    digest = sha256()
    for part in ("dagster_project", "dbt", "expectations", "tests", "uv.lock"):
        top = PROJECT_ROOT / part
        for file in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _tried(name: str, roots: Roots, *, seed: int, trials: int) -> tuple[tuple[object, ...], bool]:
    """Try a fault; return its row of the table, and whether a trial failed."""
    fault = FAULTS[name]
    began, failed, impossible, counts = time.monotonic(), [], 0, Counter[str]()
    say(f"{name}: {fault.what}")
    for number in range(seed, seed + trials):
        try:
            counts += fault.trial(number, roots, roots.folder / "trial") or Counter()
        except Unavailable as error:
            impossible += 1
            say(f"  seed {number} not possible here: {error}")
        except AssertionError as error:
            failed.append(number)
            say(f"  seed {number} failed: {error}")
        tried = number - seed + 1
        if tried % 10 == 0 and tried < trials:
            say(f"  {tried} of {trials} tried, {len(failed)} failed")
    survived = trials - len(failed) - impossible
    seconds = round(time.monotonic() - began)
    what = "; ".join(f"{number:,} {noun}" for noun, number in counts.items())
    row = (name, trials, survived, impossible, ", ".join(map(str, failed)) or "-", seconds, what)
    return row, bool(failed)


if __name__ == "__main__":
    sys.exit(main())
