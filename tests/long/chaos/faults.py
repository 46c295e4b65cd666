"""The faults of `make chaos`: each a function that makes a fault by a seed, and fails if a promise was not kept."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from signal import SIGKILL

import duckdb

from tests.long.chaos.roots import Prepared, Roots, Unavailable, require_whole_publication, run_of, tail
from tests.roots import DataRoot, Done

Trial = Callable[[int, Roots, Path], None]
"""One trial: of a seed, with a data root in a folder of its own."""

_DISK_BYTES = 700_000_000
_DRAWS = 20


def _disturbed(root: DataRoot, prepared: Prepared, call: str) -> Done:
    """Run the command with a fault, in a process group of its own."""
    code = f"from tests.long.chaos.disturbed import *; {call}"
    return root.process(*prepared.arguments, code=code, start_new_session=True)


def _drawn(prepared: Prepared, rng: random.Random) -> tuple[int, float]:
    """Return a step of the command, or 0 and a number of seconds within its length."""
    if rng.random() < 0.5:
        return rng.randint(1, prepared.steps), 0.0
    return 0, rng.uniform(0.1, prepared.seconds)


def killed(name: str, kills: int = 1) -> Trial:
    """Return a trial that kills a command and as often its recovery as wanted, and then runs it to its end."""

    def trial(seed: int, roots: Roots, folder: Path) -> None:
        """Kill a command with all its processes: the next one ends as if nothing had happened."""
        rng, prepared = random.Random(seed), roots.prepared(name)
        # A command that ended before its kill has not been killed: draw others.
        for _ in range(_DRAWS):
            root = prepared.copy(folder)
            drawn = [_drawn(prepared, rng) for _ in range(kills)]
            codes = [_disturbed(root, prepared, f"at({step}, {seconds}, kill)").code for step, seconds in drawn]
            if codes == [-SIGKILL] * kills:
                break
        else:
            raise AssertionError(f"a command ended before its kill, {_DRAWS} times")
        where = ", ".join(f"step {step} of {prepared.steps}" if step else f"{seconds:.2f} s" for step, seconds in drawn)
        try:
            require_whole_publication(root)
            run_of(root, *prepared.arguments)
            require_whole_publication(root)
            prepared.require_same(root)
        except AssertionError as error:
            raise AssertionError(f"killed at {where}: {error}") from None

    return trial


@contextmanager
def _disk(folder: Path) -> Iterator[Path]:
    """Mount a disk of `_DISK_BYTES` in memory, or raise Unavailable."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES},mode=0700", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        raise Unavailable("a disk of its own needs root and the right to mount a tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def full_disk(seed: int, roots: Roots, folder: Path) -> None:
    """Fill the disk while a command works: it ends with a message, and with space the next one ends well."""
    rng, prepared = random.Random(seed), roots.prepared(("night", "publish")[seed % 2])
    with _disk(folder.with_name("disk")) as disk:
        root = prepared.copy(disk / "home")
        step, seconds = _drawn(prepared, rng)
        done = _disturbed(root, prepared, f"at({step}, {seconds}, fill_disk)")
        require_whole_publication(root)
        where = f"full at step {step}, {seconds:.2f} s"
        # It may have written all before.
        if done.code:
            assert (done.code, "Traceback" in done.out + done.err) == (1, False), f"{where}: {tail(done)}"
            named = f"its disk (mounted at {disk}) is full", f"fcir {prepared.arguments[0]} needs about "
            assert all(words in done.out + done.err for words in named), f"{where}: {tail(done)}"
        if root.current.exists():
            run_of(root, "query", "select count(*) from kpi_measure_monthly")
        (disk / "ballast").unlink(missing_ok=True)
        done = root.process(*prepared.arguments)
        assert done.code == 0, f"{where}, then exit code {done.code}: {tail(done)}"
        prepared.require_same(root)


def small_disk(seed: int, roots: Roots, folder: Path) -> None:
    """Leave too little space: the command refuses before it changes anything, and names disk and sizes."""
    prepared = roots.prepared(("night", "publish")[seed % 2])
    with _disk(folder.with_name("disk")) as disk:
        root = prepared.copy(disk / "home")
        root.process(code=f"from tests.long.chaos.disturbed import *; fill_disk({seed % 10 * 10_000_000})")
        before = _state(root)
        done = root.process(*prepared.arguments)
        assert (done.code, done.err.count("\n")) == (2, 1), tail(done)
        assert str(disk) in done.err, done.err
        assert done.err.count(" MB") > 2, done.err
        assert _state(root) == before, f"it changed {_state(root) ^ before}"


def _state(root: DataRoot) -> set[tuple[str, int, int]]:
    """Return names, sizes and times of all files but the lock, which is empty, and those of SQLite for a reader."""
    files = [path for path in root.home.rglob("*") if path.is_file()]
    kept = [path for path in files if not path.name.endswith(("warehouse.lock", "-shm", "-wal"))]
    return {(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in kept}


def readers(_seed: int, roots: Roots, folder: Path) -> None:
    """Read without a pause while publications are written: no read fails, and none sees parts of two publications."""
    root = roots.prepared("publish").copy(folder)
    context = get_context("spawn")
    stop = context.Event()
    ours, theirs = context.Pipe(duplex=False)
    reader = context.Process(target=_read, args=(root.home / "published", stop, theirs), daemon=True)
    reader.start()
    theirs.close()
    for _ in range(10):
        run_of(root, "publish")
    stop.set()
    contradiction, reads = ours.recv()
    reader.join()
    assert not contradiction, contradiction
    assert reads, "nothing was read"


def _read(published: Path, stop: Event, results: Connection) -> None:
    """Read the current publication until told to stop; send the first contradiction, and the number of reads."""
    contradiction, reads, newest = "", 0, ""
    try:
        while not stop.is_set():
            newest = max(newest, followed := _figures_of(published / "current" / "fcir.duckdb")[0])
            assert followed == newest, f"{followed} after {newest}"
            # A reader of several files resolves the pointer once; one of a single file follows it.
            folder = (published / "current").resolve()
            run_id, figures = _figures_of(folder / "fcir.duckdb")
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            assert folder.name == run_id == manifest["run_id"], f"{run_id} and {manifest['run_id']} in {folder.name}"
            parquet = str(folder / "parquet" / "kpi_measure_monthly.parquet")
            assert duckdb.execute("select count(*), sum(value) from read_parquet(?)", [parquet]).fetchall() == figures
            reads += 1
    except Exception as error:
        contradiction = f"{type(error).__name__}: {error}"
    results.send((contradiction, reads))


def _figures_of(file: Path) -> tuple[str, list[tuple[object, ...]]]:
    """Return the newest publication that a published database knows, and number and sum of its figures."""
    with duckdb.connect(str(file), read_only=True) as connection:
        ((run_id,),) = connection.execute("select max(run_id) from marts.published_versions").fetchall()
        return run_id, connection.execute("select count(*), sum(value) from marts.kpi_measure_monthly").fetchall()


FAULTS: dict[str, tuple[Trial, int]] = {
    "kill-first": (killed("first"), 60),
    "kill-night": (killed("night"), 40),
    "kill-publish": (killed("publish"), 100),
    "kill-recovery": (killed("publish", kills=2), 50),
    "full-disk": (full_disk, 12),
    "small-disk": (small_disk, 10),
    "readers": (readers, 3),
}
"""Faults by name, and how often `make chaos` tries each, with another seed each time."""
