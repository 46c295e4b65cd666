"""Readers during publications, and two commands at once."""

from __future__ import annotations

import json
from collections import Counter
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path

import duckdb

from tests.leaving.chaos.roots import Roots, require_same, tail

_READERS = 2
_PUBLICATIONS = 10
# The command, without the start of a process for each publication.
_PUBLISH = """
import sys
from dagster_project.publication.publish import publish
from dagster_project.settings import read_settings
from dagster_project.transformation.project import ensure_manifest, marts_of, read_manifest
from dagster_project.warehouse.lock import writer_lock
settings = read_settings()
marts = marts_of(read_manifest(ensure_manifest(settings)))
for number in range(int(sys.argv[1])):
    with writer_lock(settings.lock_file):
        publish(settings, marts, run_id=f"{number:08}-reader")
"""

_FIGURES = "kpi_measure_monthly"
_SUM = "select count(*), sum(value) from {}"


def _of_database(file: Path) -> tuple[str, tuple[object, ...]]:
    """Return the newest publication that a published database knows, and number and sum of its figures."""
    with duckdb.connect(str(file), read_only=True) as connection:
        [(run_id,)] = connection.execute("select max(run_id) from marts.published_versions").fetchall()
        [figures] = connection.execute(_SUM.format(f"marts.{_FIGURES}")).fetchall()
    return run_id, figures


def _read(published: Path, stop: Event, results: Connection) -> None:
    """Read the current publication until told to stop; send the number of reads, or the first contradiction."""
    reads, newest = 0, ""
    try:
        while not stop.is_set():
            newest = max(newest, followed := _of_database(published / "current" / "fcir.duckdb")[0])
            assert followed == newest, f"{followed} after {newest}"
            # A reader of several files resolves the pointer once; one of a single file follows it.
            folder = (published / "current").resolve()
            run_id, figures = _of_database(folder / "fcir.duckdb")
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            assert folder.name == run_id == manifest["run_id"], f"{run_id} and {manifest['run_id']} in {folder.name}"
            parquet = [str(folder / "parquet" / f"{name}.parquet") for name in ("published_versions", _FIGURES)]
            [(run_id,)] = duckdb.execute("select max(run_id) from read_parquet(?)", [parquet[0]]).fetchall()
            assert run_id == folder.name, f"{run_id} in Parquet of {folder.name}"
            assert duckdb.execute(_SUM.format("read_parquet(?)"), [parquet[1]]).fetchall() == [figures]
            reads += 5
    except Exception as error:
        results.send((reads, f"{type(error).__name__}: {error}"))
    else:
        results.send((reads, ""))


def during_publications(_seed: int, roots: Roots, folder: Path) -> Counter[str]:
    """Read without a pause while publications are written: no read fails, and none sees parts of two publications."""
    prepared = roots.prepared("publish")
    command = prepared.copy(folder)
    context = get_context("spawn")
    stop = context.Event()
    pipes, readers = [], []
    for _ in range(_READERS):
        ours, theirs = context.Pipe(duplex=False)
        reader = context.Process(target=_read, args=(command.home / "published", stop, theirs), daemon=True)
        reader.start()
        theirs.close()
        pipes.append(ours)
        readers.append(reader)
    done = command.run(str(_PUBLICATIONS), code=_PUBLISH)
    stop.set()
    results = [pipe.recv() for pipe in pipes]
    for reader in readers:
        reader.join()
    assert done.returncode == 0, tail(done)
    contradictions = [fault for _, fault in results if fault]
    assert not contradictions, contradictions
    return Counter({"reads": sum(reads for reads, _ in results), "publications": _PUBLICATIONS})


def two_at_once(_seed: int, roots: Roots, folder: Path) -> None:
    """Start a command twice: one gets exit code 75, or waits for the other, and the result is that of one."""
    prepared = roots.prepared("publish")
    command = prepared.copy(folder)
    processes = [command.start(*prepared.arguments) for _ in range(2)]
    ended = [(process.communicate(), process.returncode) for process in processes]
    codes = sorted(code for _, code in ended)
    assert codes in ([0, 75], [0, 0]), f"exit codes {codes}: {ended}"
    for (_, err), code in ended:
        assert code == 0 or ("holds the warehouse" in err and err.count("\n") == 1), err
    require_same(command, prepared)
