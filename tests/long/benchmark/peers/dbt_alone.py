"""The same work by dbt alone: `python -m tests.long.benchmark.peers.dbt_alone LANDING DATABASE ...`.

A dbt project beside the database: the models and tests of `models.py`, with seeds, built by one `dbt build` of
dbt-duckdb, which reads the CSV files itself. It does all that the reference does.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import yaml

from tests.long.benchmark.peers import models
from tests.long.benchmark.peers.arguments import Asked, asked_for

# A schema is that of the model, and not one after the target's.
_SCHEMA = "{% macro generate_schema_name(schema, node) %}{{ schema or target.schema }}{% endmacro %}\n"


def write_project(folder: Path, asked: Asked, extract: Callable[[str], str] | None = None) -> None:
    """Write a dbt project.

    Args:
        folder: made; must not exist.
        asked: what it works on.
        extract: relation of the extracts, as for `models.models`.
    """
    for name in ("models", "tests", "macros", "seeds"):
        (folder / name).mkdir(parents=True)
    _write(
        folder / "dbt_project.yml",
        {
            "name": "peer",
            "profile": "peer",
            "flags": {"send_anonymous_usage_stats": False},
            "on-run-start": models.macros(asked),
            "seeds": {"peer": {"+schema": "reference"}},
        },
    )
    output = {"type": "duckdb", "path": str(asked.database), "threads": 2, "settings": {"TimeZone": "UTC"}}
    _write(folder / "profiles.yml", {"peer": {"target": "duckdb", "outputs": {"duckdb": output}}})
    (folder / "macros" / "generate_schema_name.sql").write_text(_SCHEMA, encoding="utf-8")
    of_seeds = []
    for name, (file, types) in models.lists().items():
        shutil.copy(file, folder / "seeds" / f"{_name('reference', name)}.csv")
        of_seeds.append({"name": _name("reference", name), "config": {"alias": name, "column_types": types}})
    _write(folder / "seeds" / "seeds.yml", {"seeds": of_seeds})
    for model in models.models(asked, extract):
        config = {"schema": model.schema, "alias": model.name, "materialized": model.kind}
        head = "{{ config(" + ", ".join(f"{key}={json.dumps(value)}" for key, value in config.items()) + ") }}\n\n"
        _write_sql(folder / "models" / f"{_name(model.schema, model.name)}.sql", head + model.sql)
    for name, sql in models.checks().items():
        _write_sql(folder / "tests" / f"{name}.sql", sql)


def build(folder: Path) -> None:
    """Become `dbt build` of a project."""
    dbt = Path(sys.executable).with_name("dbt")
    os.environ["DO_NOT_TRACK"] = "1"
    os.execv(dbt, ["dbt", "build", "--project-dir", str(folder), "--profiles-dir", str(folder)])  # noqa: S606


def _name(schema: str, name: str) -> str:
    return f"{schema}__{name}"


def _write(file: Path, content: object) -> None:
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _write_sql(file: Path, sql: str) -> None:
    text = models.with_relations(sql, lambda schema, name: f"{{{{ ref('{_name(schema, name)}') }}}}")
    file.write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """Write the project beside the database, and build it."""
    asked = asked_for()
    folder = asked.database.parent / "dbt"
    write_project(folder, asked)
    build(folder)


if __name__ == "__main__":
    main()
