"""The same work by SQLMesh: `python -m tests.long.benchmark.peers.sqlmesh_project LANDING DATABASE ...`.

A SQLMesh project beside the database: the models of `models.py`, its checks as standalone audits, seeds, applied by one
`sqlmesh plan`, with its state in a file of its own. It does all that the reference does; a standalone audit that fails
is a warning. SQLMesh has an environment of its own, as it needs older libraries than the project.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import yaml

from tests.long.benchmark.peers import models
from tests.long.benchmark.peers.arguments import Asked, asked_for

SQLMESH = Path(__file__).parents[4] / ".venv-sqlmesh" / "bin" / "sqlmesh"
"""The command, as `make env-peers` installs it."""


def write_project(folder: Path, asked: Asked) -> None:
    """Write a SQLMesh project.

    Args:
        folder: made; must not exist.
        asked: what it works on.
    """
    for name in ("models", "audits", "seeds"):
        (folder / name).mkdir(parents=True)
    connections = {
        "connection": {"type": "duckdb", "database": str(asked.database)},
        # DuckDB 2 refuses what SQLMesh does with its state on a connection that an audit has been asked over.
        "state_connection": {"type": "duckdb", "database": str(folder / "state.duckdb")},
    }
    config = {
        "gateways": {"duckdb": connections},
        "model_defaults": {"dialect": "duckdb"},
        "before_all": models.macros(asked),
        "disable_anonymized_analytics": True,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    for name, (file, types) in models.lists().items():
        shutil.copy(file, folder / "seeds")
        columns = ", ".join(f"{column} {sql_type}" for column, sql_type in types.items())
        kind = f"seed (path '../seeds/{name}.csv')"
        head = f"model (name reference.{name}, kind {kind}, columns ({columns}));"
        _write(folder / "models" / f"reference.{name}.sql", head)
    for model in models.models(asked):
        kind = "view" if model.kind == "view" else "full"
        head = f"model (name {model.schema}.{model.name}, kind {kind});"
        _write(folder / "models" / f"{model.schema}.{model.name}.sql", head, model.sql)
    for name, sql in models.checks().items():
        _write(folder / "audits" / f"{name}.sql", f"audit (name {name}, standalone true);", sql)


def _write(file: Path, *parts: str) -> None:
    file.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def main() -> None:
    """Write the project beside the database, and become `sqlmesh plan` of it."""
    asked = asked_for()
    folder = asked.database.parent / "sqlmesh"
    write_project(folder, asked)
    where = ["--paths", str(folder), "--log-file-dir", str(folder / "logs")]
    os.execv(SQLMESH, ["sqlmesh", *where, "plan", "--auto-apply", "--no-prompts"])  # noqa: S606


if __name__ == "__main__":
    main()
