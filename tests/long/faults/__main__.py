"""Tries faults on the tests of a project: `python -m tests.long.faults`.

Prints for each fault which test finds it, and ends with 1 if less than 90 % of those that are not equivalent are found.

  python -m tests.long.faults --count 60 --seed today
  python -m tests.long.faults --file "dagster_project/loading/*" --tests tests/unit
  python -m tests.long.faults --number 17 --number 204
  python -m tests.long.faults check       # which faults have no line any more; delete them from bank.csv
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from tests.long.faults.bank import Fault, read_bank
from tests.long.faults.choosing import Tests
from tests.long.faults.trying import Copy, Result

_print = partial(print, flush=True)
_HERE = Path(__file__).resolve().parents[3]
_LEAST_SHARE = 0.9


def main() -> int:
    """Run the command; return its exit code."""
    options = _options()
    project = options.project.resolve()
    bank = read_bank()
    if options.action == "check":
        gone = [fault for fault in bank if not fault.line_in(project)]
        _print("\n".join(f"{fault.number} {fault.file}: {fault.before}" for fault in gone) or "All faults apply.")
        return len(gone) > 0
    faults = [fault for fault in bank if fault.number in options.number] if options.number else _drawn(bank, options)
    results = _try(faults, project, options)
    found = sum(bool(result.test) for result in results)
    tried = sum(result.line is not None for result in results)
    share = found / max(tried, 1)
    _print(f"{len(results)} faults, {len(results) - tried} without their line: {found} of {tried} found ({share:.1%})")
    return share < _LEAST_SHARE


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="faults", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("action", nargs="?", choices=("try", "check"), default="try")
    parser.add_argument("--count", type=int, default=60, help="how many faults are drawn; 0: all")
    parser.add_argument("--seed", type=_seed, default=0, help="of the draw: a number, or `today`")
    parser.add_argument("--file", action="append", default=[], help="only faults in these files")
    parser.add_argument("--number", type=int, action="append", default=[], help="only this fault, equivalent or not")
    parser.add_argument("--tests", type=Path, action="append", default=[], help="only tests in this file or folder")
    parser.add_argument("--project", type=Path, default=_HERE, help="folder with the product and tests to try")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=90, help="CPU seconds of the tests for a fault")
    return parser.parse_args()


def _seed(text: str) -> int:
    return date.today().toordinal() if text == "today" else int(text)  # noqa: DTZ011 (any day will do)


def _drawn(bank: list[Fault], options: argparse.Namespace) -> list[Fault]:
    fitting = [fault for fault in bank if not fault.equivalent]
    if options.file:
        fitting = [fault for fault in fitting if any(fnmatch(fault.file, glob) for glob in options.file)]
    if options.count and options.count < len(fitting):
        fitting = random.Random(options.seed).sample(fitting, options.count)
    return sorted(fitting, key=lambda fault: fault.number)


def _try(faults: list[Fault], project: Path, options: argparse.Namespace) -> list[Result]:
    tests, copies = Tests(project, options.tests), SimpleQueue[Copy]()

    def result(fault: Fault) -> Result:
        copy = copies.get()
        try:
            found = copy.try_fault(fault, tests.of(fault.file, seconds=options.seconds))
        finally:
            copies.put(copy)
        outcome = f"found by {found.test}" if found.test else f"NOT FOUND ({found.missed})"
        _print(f"{fault.number:4} {fault.file}:{found.line} {fault.kind}: {outcome}")
        return found

    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
        for number in range(options.workers):
            copies.put(Copy(project, Path(folder) / str(number), options.seconds))
        with ThreadPoolExecutor(options.workers) as workers:
            return list(workers.map(result, faults))


if __name__ == "__main__":
    sys.exit(main())
