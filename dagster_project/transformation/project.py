"""The dbt project as files: its manifest, its fingerprint, and how it is invoked. Building is in `build.py`."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dagster_project.disclosure import Release, check_releases, releases_of
from dagster_project.errors import OperatorError
from dagster_project.settings import DBT_PROJECT, Settings
from dagster_project.warehouse.connection import (
    create_marts,
    create_private,
    make_private_folder,
    memory_limit,
    private_files,
)

_FINGERPRINTED = ("models", "macros", "seeds", "tests", "dbt_project.yml")
# Holds the fingerprint of the project that `manifest.json` beside it was parsed from.
_MANIFEST, _MARK = "manifest.json", "manifest.fingerprint"


class DbtError(OperatorError, RuntimeError):
    """dbt could not parse or run the project; the message is dbt's own, which names file and line."""


@dataclass(frozen=True)
class Mart:
    """A published table: its columns and what makes a row of it."""

    name: str
    description: str
    grain: tuple[str, ...]
    columns: dict[str, str]
    """Column to its description."""
    order: tuple[str, ...]
    """Columns by which its rows are published; no two rows have the same values in them."""
    releases: tuple[Release, ...] = ()
    """What the public edition has of it; nothing unless the mart says so."""
    month_of: str | None = None
    """Of a fact, the date by whose month it is published as Parquet; None of other marts, which are one file."""
    changed_rows: tuple[str, str] | None = None
    """Schema and name of the table of all rows that changed keys have or ever had, by load_id and source_row and with
    the date `month_of`, where a build renews those rows alone; None where it may change any row."""


def target_path(settings: Settings) -> Path:
    """Folder of dbt's artefacts; stable, since another path makes dbt parse everything again."""
    return settings.home / "dbt"


def fingerprint() -> str:
    """Hash over everything that decides what a build gives, apart from the data."""
    digest = hashlib.sha256()
    for part in _FINGERPRINTED:
        root = DBT_PROJECT / part
        files = sorted(path for path in root.rglob("*") if path.is_file()) if root.is_dir() else [root]
        for path in files:
            digest.update(str(path.relative_to(DBT_PROJECT)).encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Variables that this process has while dbt runs in it, and that no later command of it or of a child inherits."""
    before = {name: os.environ[name] for name in variables if name in os.environ}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]
        os.environ.update(before)


def invoke(settings: Settings, arguments: Sequence[str], *, manifest: Any = None) -> Any:
    """Run a dbt command in this process: it costs 1 to 2 CPU seconds against 5 of a process of its own.

    Args:
        settings: where the warehouse is.
        arguments: the command and its flags, without directories.
        manifest: what `parse` gave, so that the project is not parsed again; nodes that run are compiled in it.

    Returns:
        dbt's result object: for `build` its `results`, for `parse` the manifest.

    Raises:
        DbtError: the command could not be carried out at all (nodes that fail are in the result).
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.factory import cleanup_connections
    from dbt.cli.main import dbtRunner  # here: 0.5 CPU seconds that `fcir status` need not pay

    create_private(settings.warehouse)
    create_marts(settings.warehouse)
    # Parsing opens no database and needs its name alone; with its place and size, dbt would parse everything again, 4
    # CPU seconds, wherever a data root was moved or copied to, and every night.
    is_parsing = arguments[0] == "parse"
    environment = {
        "FCIR_WAREHOUSE": settings.warehouse.name if is_parsing else str(settings.warehouse),
        "FCIR_MEMORY_LIMIT": "80%" if is_parsing else memory_limit(settings.warehouse),
        "DO_NOT_TRACK": "1",
    }
    folder = str(target_path(settings))
    with private_files(), _environment(environment):
        outcome = dbtRunner(manifest=manifest).invoke(
            [
                *arguments,
                *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
                *("--target-path", folder, "--log-path", folder, "--log-level", "none", "--log-level-file", "none"),
            ]
        )
        # dbt leaves the database open after a node has failed; the next connection of this process would be refused.
        cleanup_connections()
        if not is_parsing:
            DuckDBConnectionManager.env().close()
            DuckDBConnectionManager.close_all_connections()
    if outcome.result is None:
        raise DbtError(f"dbt {arguments[0]} failed: {str(outcome.exception) or 'it was stopped'}")
    return outcome.result


def parse(settings: Settings) -> Any:
    """The project as dbt has parsed it, for `invoke`; 2 CPU seconds, so it is done once for all commands of a run.

    Raises:
        DbtError: the project does not parse.
    """
    return invoke(settings, ["parse", "--no-write-json"])


def write_docs(settings: Settings) -> Path:
    """Write the documentation of all models as one page that needs no server.

    Args:
        settings: where the warehouse is, of which the types of columns are read; the caller has no connection to it.

    Raises:
        DbtError: dbt could not write it.
    """
    # The project is parsed and not compiled anew: 2.5 CPU seconds instead of 13.
    parsed = parse(settings)
    invoke(settings, ["docs", "generate", "--static", "--no-compile"], manifest=parsed)
    return target_path(settings) / "static_index.html"


def ensure_manifest(settings: Settings) -> Path:
    """The manifest of the project as it stands: parsed (5 CPU seconds) if it is missing, damaged or of another state.

    Raises:
        DbtError: the project does not parse.
    """
    folder = target_path(settings)
    if not is_parsed(settings):
        make_private_folder(folder)
        # Last, so that the files of a parse that was killed do not count.
        (folder / _MARK).unlink(missing_ok=True)
        invoke(settings, ["parse"])
        with private_files():
            (folder / _MARK).write_text(fingerprint(), encoding="utf-8")
    return folder / _MANIFEST


def is_parsed(settings: Settings) -> bool:
    """Whether the data root has the manifest of the project as it stands."""
    folder = target_path(settings)
    try:
        if (folder / _MARK).read_text(encoding="utf-8") != fingerprint():
            return False
        read_manifest(folder / _MANIFEST)
    except (OSError, ValueError):
        return False
    return True


@cache
def read_manifest(path: Path) -> dict[str, Any]:
    """A manifest as a dictionary; read once in a process."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def marts_of(manifest: dict[str, Any]) -> list[Mart]:
    """All published tables, by name.

    Raises:
        DbtError: a mart does not state its grain.
        ReleaseError: what a mart states about its public release cannot be.
    """
    marts = []
    for node in manifest["nodes"].values():
        if node["resource_type"] != "model" or node["schema"] != "marts":
            continue
        grain = node["config"].get("meta", {}).get("grain")
        if not grain:
            raise DbtError(
                f"{node['original_file_path']}: config.meta.grain is missing; name the columns of a row's key"
            )
        columns = {name: column["description"] for name, column in node["columns"].items()}
        releases = releases_of(node["name"], columns, node["config"]["meta"].get("public"))
        order = tuple(node["config"]["meta"].get("published_by", grain))
        month_of = _month_of(node["name"], [*order, *columns])
        changed_rows = _changed_rows(manifest, node, month_of)
        marts.append(
            Mart(node["name"], node["description"], tuple(grain), columns, order, releases, month_of, changed_rows)
        )
    check_releases([release for mart in marts for release in mart.releases])
    return sorted(marts, key=lambda mart: mart.name)


def _month_of(name: str, columns: Sequence[str]) -> str | None:
    """The local date of a fact's event: the first date that its rows are ordered by, else the first that it has."""
    dates = [column for column in columns if column.endswith("_date")]
    return dates[0] if name.startswith("fct_") and dates else None


def _changed_rows(manifest: dict[str, Any], node: dict[str, Any], month_of: str | None) -> tuple[str, str] | None:
    """The table of changed rows that an incremental model is built by; see dbt/macros/incremental_by_key.sql."""
    read = [manifest["nodes"].get(unique_id, {}) for unique_id in node["depends_on"]["nodes"]]
    tables = [item for item in read if item.get("name", "").startswith("chg_") and item["name"].endswith("_rows")]
    is_known = (
        len(tables) == 1
        and node["config"]["materialized"] == "incremental_in_place"
        and month_of in tables[0]["columns"]
    )
    return (tables[0]["schema"], tables[0]["name"]) if is_known else None
