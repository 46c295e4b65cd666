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
    """Replace the faults whose line is gone by others of their share."""
    kept = [fault for fault in faults if fault.line_in(project)]
    taken = {(fault.file, fault.before) for fault in kept}
    number = max((fault.number for fault in faults), default=0)
    for share, (count, pattern) in SHARES.items():
        there = sum(fnmatch(fault.file, pattern.replace("**/", "*")) and not fault.equivalent for fault in kept)
        for name, change in draw(project, share, count - there, seed=seed, taken=taken):
            lines = [line.strip() for line in (project / name).read_text(encoding="utf-8").splitlines()]
            occurrence, number = lines[: change.line].count(change.before), number + 1
            kept.append(Fault(number, name, occurrence, change.before, change.after, change.kind))
    return kept
