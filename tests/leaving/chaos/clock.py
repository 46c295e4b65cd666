"""A clock that was set back before a command."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

from tests.leaving.chaos.roots import Roots, require_same, run_of
from tests.leaving.end_to_end.command import START

# The seam of the product: every time that it records comes from `clock.utc_now`.
_SET_BACK = """
from datetime import datetime, timedelta
from dagster_project import clock

class Clock(datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) - timedelta(seconds={seconds})

clock.datetime = Clock
"""


def set_back(seed: int, roots: Roots, folder: Path) -> None:
    """Set the clock back: what is published is still the newest, and is not built or published again."""
    rng = random.Random(seed)
    # A night also has a build, whose time decides whether it is the newest; it takes five times as long.
    prepared = roots.prepared("publish" if seed % 3 else "night")
    command = prepared.copy(folder)
    before = command.current.resolve().name
    # To some hours or months before the newest publication: a busy machine takes minutes to name the next one.
    age = datetime.now(UTC) - datetime.strptime(before.partition("-")[0], "%Y%m%dT%H%M%S%z")
    seconds = int(age.total_seconds() + 10 ** rng.uniform(4, 7.5))
    done = command.run(*prepared.arguments, code=_SET_BACK.format(seconds=seconds) + START)
    assert done.returncode == 0, f"{seconds} s back: {done.stdout[-500:]}{done.stderr[-500:]}"
    after = command.current.resolve().name
    assert after > before, f"{after} is not after {before}"
    assert "the clock of this machine shows" in done.stdout, "no warning"
    newest = command.published("select max(run_id), arg_max(run_id, published_at) from marts.published_versions")
    assert newest == [(after, after)], f"{newest} is not {after}"
    require_same(command, prepared)
    assert "Nothing is new" in run_of(command, "run")
