"""Try every fault, print how many were survived, and exit with 1 if any was not. Run by `make chaos`."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from dagster_project.console import aligned, say
from tests.long.chaos.faults import FAULTS
from tests.long.chaos.roots import Roots, Unavailable


def main() -> int:
    """Try the chosen faults; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.long.chaos", description=__doc__)
    parser.add_argument("--fault", action="append", choices=list(FAULTS), help="only this fault; may be repeated")
    parser.add_argument("--trials", type=int, help="trials of each fault; by default as many as the fault has")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first trial; the next has the next seed")
    chosen = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="fcir-chaos-") as folder:
        roots = Roots(Path(folder))
        for name in chosen.fault or FAULTS:
            trial, trials = FAULTS[name]
            say(f"{name}: {trial.__doc__}")
            began, failed, impossible = time.monotonic(), [], 0
            seeds = range(chosen.seed, chosen.seed + (chosen.trials or trials))
            for seed in seeds:
                try:
                    trial(seed, roots, roots.folder / "trial")
                except Unavailable as error:
                    impossible += 1
                    say(f"  seed {seed} not possible here: {error}")
                except AssertionError as error:
                    failed.append(str(seed))
                    say(f"  seed {seed} failed: {error}")
            survived, seconds = len(seeds) - len(failed) - impossible, time.monotonic() - began
            numbers = map(str, (len(seeds), survived, impossible))
            rows.append((name, *numbers, ", ".join(failed) or "-", f"{seconds:.0f}"))
    titles = ("fault", "tried", "survived", "not possible here", "failed with seed", "seconds")
    say("\n".join(aligned(titles, rows, right=("tried", "survived", "not possible here", "seconds"))))
    return int(any(row[4] != "-" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
