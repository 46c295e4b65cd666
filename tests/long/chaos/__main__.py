"""Kill commands; print what was survived, and exit with 1 if anything was not: `make chaos`."""

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path
from signal import SIGKILL

from dagster_project.console import say
from tests.long.chaos.roots import COMMANDS, Roots, run_of, start, tail

KILLS = {"run": 12, "publish": 14, "erase": 28, "rotate": 28, "purge": 6, "rebuild": 6, "rebuild people": 6}
"""How often each command is killed, with another seed each time."""


def kill(name: str, seed: int, roots: Roots, home: Path) -> None:
    """Kill a command with all its processes, before one of its steps or at a random time, and run the next one."""
    rng, prepared = random.Random(seed), roots.prepared(name)
    # A command that ended before its kill has not been killed: draw another.
    for _ in range(20):
        shutil.rmtree(home, ignore_errors=True)
        root, step, seconds = prepared.root.copy(home), rng.randint(1, prepared.steps), 0.0
        if rng.random() < 0.5:
            step, seconds = 0, rng.uniform(0.1, prepared.seconds)
        if start(root, *COMMANDS[name], step=step, seconds=seconds).code == -SIGKILL:
            break
    else:
        raise AssertionError("it ended before its kill, 20 times")
    try:
        # Readers have a whole publication.
        if publishes := name not in ("erase", "rotate"):
            assert not root.damage(), f"the publication is damaged: {root.damage()[:5]}"
        done = start(root, *COMMANDS[name])
        # Killed in the run that ends it.
        is_rebuilt = name.startswith("rebuild") and done.code == 2 and "is not damaged; nothing was done" in done.err
        assert done.code == 0 or is_rebuilt, f"the next ended with {done.code}: {tail(done)}"
        if name.startswith(("purge", "rebuild")):
            run_of(root, "run")
        prepared.require_same(root)
        # It takes longer than these commands.
        if publishes or seed % 4 == 0:
            run_of(root, "verify")
    except AssertionError as error:
        where = f"step {step} of {prepared.steps}" if step else f"{seconds:.2f} s of {prepared.seconds:.0f}"
        raise AssertionError(f"killed at {where}: {error}") from None


def main() -> int:
    """Try what was chosen; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.long.chaos", description=__doc__)
    parser.add_argument("--only", action="append", choices=KILLS, help="only this; may be repeated")
    parser.add_argument("--trials", type=int, help="kills of each command; by default as many as it has")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first kill; the next has the next seed")
    chosen, failures = parser.parse_args(), 0
    with tempfile.TemporaryDirectory(prefix="fcir-chaos-") as folder:
        roots = Roots(Path(folder))
        home = roots.folder / "trial"
        for name in chosen.only or KILLS:
            failed, trials = [], chosen.trials or KILLS[name]
            for seed in range(chosen.seed, chosen.seed + trials):
                try:
                    kill(name, seed, roots, home)
                except AssertionError as error:
                    failed.append(str(seed))
                    say(f"{name}, seed {seed}: {error}")
            say(f"{name}: {trials - len(failed)} of {trials} survived; failed seeds: {', '.join(failed) or 'none'}")
            failures += len(failed)
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
