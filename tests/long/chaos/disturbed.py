"""`fcir` in a process group of its own, which may be killed; forked, because it takes four seconds to import.

It builds compiled SQL in place of dbt, and does without Great Expectations: a run takes a fifth of its time. A step is
an entry of the data root that is created, opened for writing, renamed or removed, without those of Dagster and dbt.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from io import FileIO, TextIOWrapper
from pathlib import Path
from typing import Any

import duckdb

import dagster_project
from dagster_project.__main__ import main
from dagster_project.loading import pipeline
from dagster_project.privacy.archiving import archived_models
from dagster_project.settings import Settings
from dagster_project.sql import table
from dagster_project.transformation.dbt import Dbt
from dagster_project.transformation.project import target_path
from tests import compiled_engine
from tests.compiled_project import Node, build_node, read_project
from tests.roots import without_great_expectations

if COMPILED := os.environ.get("CHAOS_COMPILED"):
    # Before the fork, and once: the modules of all commands and the compiled project.
    for module in pkgutil.walk_packages(dagster_project.__path__, "dagster_project."):
        if not module.name.endswith(("__main__", "spark", "metrics")):
            importlib.import_module(module.name)
    _OF = Settings(home=Path(COMPILED), _env_file=None)
    compiled_engine.CompiledDbt.project = read_project(target_path(_OF) / "manifest.json")
_EVENTS = {"open", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink"}


def _build_node(connection: duckdb.DuckDBPyConnection, node: Node) -> int:
    """Build a node, and replace rows of purged days as its post-hook does (`dbt/macros/archive.sql`)."""
    found = build_node(connection, node)
    cuts = dict(connection.execute("select source, purged_before from audit.purge").fetchall())
    for model in archived_models({"nodes": {node.name: node.entry}}) if cuts and node.kind == "table" else ():
        if not cuts.keys().isdisjoint(model.sources):
            key = node.entry["config"]["meta"]["archive"].get("key")
            purged = f"{key} not in (select {key} from {node.relation})" if key else model.is_purged(cuts)
            archived = f"from {table('warehouse', 'archive', model.name)} where {purged}"
            if not key:
                connection.execute(f"delete from {node.relation} where {purged}")
            connection.execute(f"insert into {node.relation} by name {archived}")
    return found


def run(arguments: Sequence[str], environment: Mapping[str, str], io: Path, step: int, seconds: float) -> None:
    """Run a command; kill it with all that it started before a step, or after some seconds; 0: neither.

    `io` is a folder with its `stdin`; it gets `stdout` and `stderr`, and the number of `steps`.
    """
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    home, taken, sys.argv = environment["FCIR_HOME"] + os.sep, 0, ["fcir", *arguments]
    os.chdir(Path(home).parent)
    for number, (name, flags) in enumerate((("stdin", 0), ("stdout", os.O_CREAT | 1), ("stderr", os.O_CREAT | 1))):
        os.dup2(os.open(io / name, flags), number)
    sys.stdin = TextIOWrapper(FileIO(0, closefd=False))
    Dbt.cli = compiled_engine.CompiledDbt.cli  # type: ignore[method-assign]
    compiled_engine.build_node = _build_node  # type: ignore[attr-defined]
    pipeline.validate = without_great_expectations  # type: ignore[assignment]

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal taken
        if event not in _EVENTS or (event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            return
        name = "" if isinstance(arguments[0], int) else os.fsdecode(arguments[0])
        if name.startswith(home) and not name.removeprefix(home).startswith(("dagster", "dbt")):
            taken += 1
            if taken == step:
                os.killpg(0, signal.SIGKILL)

    sys.addaudithook(note)
    if seconds:
        threading.Timer(seconds, os.killpg, (0, signal.SIGKILL)).start()
    try:
        main()
    finally:
        (io / "steps").write_text(str(taken), encoding="ascii")
