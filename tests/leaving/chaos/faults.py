"""The faults of `make chaos`, and how often each is tried."""

from __future__ import annotations

from dataclasses import dataclass

from tests.leaving.chaos import bits, clock, disk, memory, personal, readers, sandbox
from tests.leaving.chaos.kills import killed, killed_and_finished
from tests.leaving.chaos.roots import Trial


@dataclass(frozen=True)
class Fault:
    """A kind of fault."""

    what: str
    """What is done, and what has to hold afterwards."""
    trial: Trial
    trials: int
    """How often `make chaos` tries it, each time with another seed."""
    short: int = 0
    """How often the test suite tries it."""


FAULTS = {
    "kill-load": Fault("kill of a load, then the same again", killed("load"), 40),
    "kill-first": Fault("kill of a first run, then the same again", killed("first"), 20),
    "kill-night": Fault("kill of a night, then the same again", killed("night"), 40),
    "kill-publish": Fault("kill of a publication, then the same again", killed("publish"), 100),
    "kill-recovery": Fault("kill of a publication and of the next one, then a third", killed("publish", kills=2), 50),
    "kill-erase": Fault("kill of an erasure, finished by the next command", killed_and_finished("erase"), 40),
    "kill-purge": Fault("kill of a purge, finished or dropped by the next command", killed_and_finished("purge"), 20),
    "kill-rebuild": Fault("kill of a rebuild, finished by the next command", killed_and_finished("rebuild"), 20),
    "kill-finishing": Fault("kill of an erasure and of the next command", killed_and_finished("erase", kills=2), 20),
    "full-disk": Fault("disk full at a stage, then with space again", disk.full, len(disk.STAGES)),
    "small-disk": Fault("too little space before the start: refused, nothing changed", disk.small, 10),
    "little-memory": Fault("limit of memory, then without it", memory.little, 20),
    "bit-extract": Fault("flipped bit in a delivered file, then its repair", bits.extract, 20),
    "bit-marts": Fault("flipped bit in marts.duckdb, then the advice followed", bits.marts, 10),
    "bit-warehouse": Fault("flipped bit in warehouse.duckdb, then the backup", bits.warehouse, 10),
    # In the test suite: tests/publication/test_names.py.
    "clock": Fault("clock set back by up to a year, then right again", clock.set_back, 10),
    "two-at-once": Fault("a command twice at once", readers.two_at_once, 10),
    "readers": Fault("readers during ten publications", readers.during_publications, 10),
    "personal": Fault(
        "planted personal values: nowhere outside the landing folder",
        personal.planted,
        personal.PLANTED,
        short=personal.PLANTED,
    ),
    "sandbox": Fault("queries that leave the sandbox: refused", sandbox.probe, len(sandbox.PROBES)),
    "heavy-query": Fault("queries without end: ended by a limit", sandbox.heavy, len(sandbox.HEAVY)),
}
"""Faults by name."""
