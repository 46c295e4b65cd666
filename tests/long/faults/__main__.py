"""Tries faults on the tests of a project: `python -m tests.long.faults`.

Prints for each fault which test finds it, and ends with 1 if less than 90 % of those that are not equivalent are found.

  python -m tests.long.faults --count 60 --seed today
  python -m tests.long.faults --file "dagster_project/loading/*" --tests tests/unit
  python -m tests.long.faults --number 17 --number 204 --all-tests
  python -m tests.long.faults check       # which faults have no line any more
  python -m tests.long.faults draw        # replaces them
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import random
import signal
import sys
import tempfile
from datetime import date
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

from tests.long.faults.bank import Fault, read_bank, refill, write_bank
from tests.long.faults.choosing import Tests
from tests.long.faults.trying import Copy, Result, Task, import_libraries, work

_print = partial(print, flush=True)
_HERE = Path(__file__).resolve().parents[3]
_LEAST_SHARE = 0.9


def main() -> int:
    """Run the command; return its exit code."""
    options = _options()
    project = options.project.resolve()
    bank = read_bank()
    if options.action == "draw":
        write_bank(refill(project, bank, options.seed))
        return 0
    if options.action == "check":
        gone = [fault for fault in bank if not fault.line_in(project)]
        _print("\n".join(f"{fault.number} {fault.file}: {fault.before}" for fault in gone) or "All faults apply.")
        return len(gone) > 0
    faults = [fault for fault in bank if fault.number in options.number] if options.number else _drawn(bank, options)
    results = _try(faults, project, options)
    found = sum(bool(result.test) for result in results)
    tried = sum(bool(result.test) or result.line is not None for result in results)
    share = found / max(tried, 1)
    _print(f"{len(results)} faults, {len(results) - tried} without their line: {found} of {tried} found ({share:.1%})")
    return share < _LEAST_SHARE


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="faults", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("action", nargs="?", choices=("try", "draw", "check"), default="try")
    parser.add_argument("--count", type=int, default=60, help="how many faults are drawn; 0: all")
    parser.add_argument("--seed", type=_seed, default=0, help="of the draw: a number, or `today`")
    parser.add_argument("--file", action="append", default=[], help="only faults in these files")
    parser.add_argument("--number", type=int, action="append", default=[], help="only this fault, equivalent or not")
    parser.add_argument("--tests", type=Path, action="append", default=[], help="only tests in this file or folder")
    parser.add_argument("--project", type=Path, default=_HERE, help="folder with the product and tests to try")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--all-tests", action="store_true", help="also tests that do not import what was changed")
    parser.add_argument("--seconds", type=float, help="CPU seconds of a fault, 90 or 1800")
    parser.add_argument("--costs", type=Path, help="JSON of CPU seconds by test file: .lint/cpu_seconds.json")
    parser.add_argument("--out", type=Path, help="CSV to which the results are appended")
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
    tests = Tests(project, options.tests, options.costs)
    seconds = options.seconds or (1800 if options.all_tests else 90)
    tasks: list[Task] = []
    for fault in faults:
        files = tests.of(fault.file, seconds=seconds, everything=options.all_tests)
        names = [str(file.relative_to(project)) for file in files]
        tasks.append((fault, names, max(map(tests.cost, files), default=0)))
    import_libraries()
    fork = multiprocessing.get_context("fork")
    todo, done = fork.SimpleQueue(), fork.SimpleQueue()
    results: list[Result] = []
    # Otherwise a command that is stopped leaves its copies.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
        copies = [Copy(project, Path(folder) / str(number), seconds) for number in range(options.workers)]
        workers = [fork.Process(target=work, args=(copy, tasks, todo, done)) for copy in copies]
        try:
            for worker in workers:
                worker.start()
            for index in range(len(tasks)):
                todo.put(index)
            for _ in tasks:
                results.append(done.get())
                _tell(results[-1], options.out)
        finally:
            for worker in workers:
                worker.kill()
                worker.join()
    return results


def _tell(result: Result, out: Path | None) -> None:
    fault, line, test, missed, seconds = result
    outcome = f"found by {test}" if test else f"NOT FOUND ({missed})"
    _print(f"{fault.number:4} {fault.file}:{line} {fault.kind}: {outcome}")
    if out:
        with out.open("a", encoding="utf-8", newline="") as file:
            row = (fault.number, fault.file, line, fault.kind, "found" if test else "NOT FOUND", test or missed)
            csv.writer(file, lineterminator="\n").writerow((*row, f"{seconds:.1f}"))


if __name__ == "__main__":
    sys.exit(main())
