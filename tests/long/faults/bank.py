"""The faults as data: `bank.csv`, and how a fault is put into a project and taken out again."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatch
from pathlib import Path

from tests.long.faults.drawing import SHARES, draw

BANK = Path(__file__).with_name("bank.csv")


@dataclass(frozen=True)
class Fault:
    """One line of one file that becomes another."""

    number: int
    file: str
    occurrence: int
    """Which of the lines with this text, from 1."""
    before: str
    after: str
    kind: str
    equivalent: str = ""
    """Why no test can find it; empty: one can."""
    note: str = ""

    def line_in(self, project: Path) -> int | None:
        """Return the number of the line; None: the project has it no longer."""
        path = project / self.file
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        found = [number for number, line in enumerate(lines, 1) if line.strip() == self.before]
        return found[self.occurrence - 1] if len(found) >= self.occurrence else None

    @contextmanager
    def put_in(self, project: Path) -> Iterator[None]:
        """Change the file, and restore it at the end."""
        path, line = project / self.file, self.line_in(project)
        if line is None:
            raise ValueError(f"fault {self.number}: {self.file} has no such line")
        right, times = path.read_bytes(), path.stat()
        lines = right.decode().splitlines(keepends=True)
        lines[line - 1] = lines[line - 1].replace(self.before, self.after)
        try:
            path.write_bytes("".join(lines).encode())
            # Python takes compiled code for current by seconds and size: another time for each fault.
            os.utime(path, (times.st_atime, times.st_mtime + 10 + self.number))
            yield
        finally:
            path.write_bytes(right)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def read_bank() -> list[Fault]:
    """Return the faults by number."""
    if not BANK.exists():
        return []
    with BANK.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [Fault(**row | {name: int(row[name]) for name in ("number", "occurrence")}) for row in rows]  # type: ignore[arg-type]


def write_bank(faults: list[Fault]) -> None:
    """Write the faults by number."""
    with BANK.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Fault)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(fault) for fault in sorted(faults, key=lambda fault: fault.number))


def refill(project: Path, faults: list[Fault], seed: int) -> list[Fault]:
    """Replace the faults whose line is gone, first by others of their folder; let each share have its number."""
    kept = [fault for fault in faults if fault.line_in(project)]
    gone = [fault for fault in faults if fault not in kept and not fault.equivalent]
    taken = {(fault.file, fault.before) for fault in faults}
    free = iter(sorted(set(range(1, 2 * len(faults) + 1000)) - {fault.number for fault in kept}))
    for share, (count, pattern) in SHARES.items():
        fits = pattern.replace("**/", "*")
        missing = count - sum(fnmatch(fault.file, fits) and not fault.equivalent for fault in kept)
        folders = [str(Path(fault.file).parent) for fault in gone if fnmatch(fault.file, fits)]
        for folder in [*folders, ""] if missing > 0 else []:
            number = 1 if folder else missing
            for name, change in draw(project, share, number, seed=seed, taken=taken, folder=folder):
                lines = [line.strip() for line in (project / name).read_text(encoding="utf-8").splitlines()]
                occurrence = lines[: change.line].count(change.before)
                kept.append(Fault(next(free), name, occurrence, change.before, change.after, change.kind))
                missing -= 1
    return kept
