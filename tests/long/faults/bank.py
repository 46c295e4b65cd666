"""The faults as data: `bank.csv`, and how a fault is put into a project and taken out again."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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
