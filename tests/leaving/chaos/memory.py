"""Too little memory for a command."""

from __future__ import annotations

import random
from pathlib import Path

from tests.leaving.chaos.roots import Roots, require_same, require_whole_publication, tail
from tests.leaving.end_to_end.command import START

_LEAST, _MOST = 120, 900


def little(seed: int, roots: Roots, folder: Path) -> None:
    """Give a command a drawn number of megabytes: it ends, with a message if not well; the next one ends well."""
    rng = random.Random(seed)
    prepared = roots.prepared(rng.choice(("load", "publish", "publish")))
    megabytes = rng.randint(_LEAST, _MOST)
    command = prepared.copy(folder)
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_DATA, ({megabytes << 20},) * 2); "
    done = command.run(*prepared.arguments, code=limit + START)
    require_whole_publication(command)
    where = f"{' '.join(prepared.arguments)} with {megabytes} MB"
    if done.returncode:
        assert done.returncode in (1, 2), f"{where}: exit code {done.returncode}: {tail(done)}"
        assert done.stdout + done.stderr, f"{where}: no message"
        assert "Traceback" not in done.stdout + done.stderr, f"{where}: a traceback: {tail(done)}"
    done = command.run(*prepared.arguments)
    assert done.returncode == 0, f"{where}, then exit code {done.returncode}: {tail(done)}"
    require_same(command, prepared)
