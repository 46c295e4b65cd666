"""Flipped bits in an extract, in the private databases, and in published files."""

from __future__ import annotations

import random
from pathlib import Path

from tests.leaving.chaos.roots import Roots, require_same, require_whole_publication, run_of, tail
from tests.leaving.end_to_end.command import Command


def _flip(file: Path, rng: random.Random) -> int:
    """Flip one bit of a file; return the position of its byte."""
    content = bytearray(file.read_bytes())
    position = rng.randrange(len(content))
    content[position] ^= 1 << rng.randrange(8)
    file.write_bytes(content)
    return position


def _require_message(command: Command, *arguments: str, where: str) -> int:
    """Run a command that may fail, but only with a message; return its exit code."""
    done = command.run(*arguments)
    assert done.returncode in (0, 1, 2), f"{where}: exit code {done.returncode}: {tail(done)}"
    assert "Traceback" not in done.stdout + done.stderr, f"{where}: a traceback: {tail(done)}"
    assert not done.returncode or done.stdout + done.stderr, f"{where}: no message"
    return done.returncode


def extract(seed: int, roots: Roots, folder: Path) -> None:
    """Flip a bit of a delivered file: it is judged as any other, and its repair is loaded."""
    rng = random.Random(seed)
    prepared = roots.prepared("load")
    command = prepared.copy(folder)
    file = rng.choice(sorted(path for path in (command.home / "landing").rglob("*") if path.is_file()))
    whole = file.read_bytes()
    where = f"{file.name}, byte {_flip(file, rng)}"
    _require_message(command, *prepared.arguments, where=where)
    file.write_bytes(whole)
    run_of(command, *prepared.arguments)


def marts(seed: int, roots: Roots, folder: Path) -> None:
    """Flip a bit of the marts: the message says how to build them again, and that gives the same tables and files."""
    rng = random.Random(seed)
    prepared = roots.prepared("publish")
    command = prepared.copy(folder)
    file = command.home / "marts.duckdb"
    where = f"marts.duckdb, byte {_flip(file, rng)}"
    if _require_message(command, "publish", where=where):
        require_whole_publication(command)
        done = command.run("run")
        if done.returncode or "Nothing is new" in done.stdout:
            file.rename(file.with_name("marts.duckdb.damaged"))
            run_of(command, "run")
    require_same(command, prepared)


def warehouse(seed: int, roots: Roots, folder: Path) -> None:
    """Flip a bit of the warehouse: every command ends with a message, and with the backup everything is the same."""
    rng = random.Random(seed)
    prepared = roots.prepared("publish")
    command = prepared.copy(folder)
    file = command.home / "warehouse.duckdb"
    where = f"warehouse.duckdb, byte {_flip(file, rng)}"
    for arguments in (["status"], ["publish"]):
        _require_message(command, *arguments, where=f"{where}, fcir {arguments[0]}")
        require_whole_publication(command)
    file.write_bytes((prepared.home / file.name).read_bytes())
    run_of(command, "run")
    run_of(command, "publish")
    require_same(command, prepared)
