"""The dbt project as files: its manifest, its fingerprint, and how it is invoked. Building is in `build.py`."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dagster_project.disclosure import Release, check_releases, releases_of
from dagster_project.errors import OperatorError
from dagster_project.loading.landing import sha256_of
from dagster_project.settings import DBT_PROJECT, PREPARED, Settings
from dagster_project.warehouse.connection import (
    create_private,
    make_private_folder,
    memory_limit,
    private_files,
)

_FINGERPRINTED = ("models", "macros", "seeds", "tests", "dbt_project.yml")
# What parsing leaves: what dbt reads instead of parsing again, its manifest, and a mark, which holds the fingerprint of
# the project and the hashes of both files: by them a damaged one is noticed in 20 ms.
_MANIFEST, _MARK = "manifest.json", "manifest.fingerprint"
_PARSED = ("partial_parse.msgpack", _MANIFEST, _MARK)


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
    touched: str | None = None
    """Table in the schema staging with load_id and source_row of the rows that a build renews, where it renews no
    others; None where a build may change any row."""


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


def invoke(settings: Settings, arguments: Sequence[str], *, manifest: Any = None, callbacks: Sequence[Any] = ()) -> Any:
    """Run a dbt command in this process: it costs 1 to 2 CPU seconds against 5 of a process of its own.

    Args:
        settings: where the warehouse is.
        arguments: the command and its flags, without directories.
        manifest: what `parse` gave, so that the project is not parsed again; nodes that run are compiled in it.
        callbacks: told every event of dbt.

    Returns:
        dbt's result object: for `build` its `results`, for `parse` the manifest.

    Raises:
        DbtError: the command could not be carried out at all (nodes that fail are in the result).
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.factory import cleanup_connections
    from dbt.cli.main import dbtRunner  # here: 0.5 CPU seconds that `fcir status` need not pay

    create_private(settings.warehouse)
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
        outcome = dbtRunner(manifest=manifest, callbacks=list(callbacks)).invoke(
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
    renew_mark(settings)
    if outcome.result is None:
        raise DbtError(f"dbt {arguments[0]} failed: {str(outcome.exception) or 'it was stopped'}")
    return outcome.result


def write_docs(settings: Settings) -> Path:
    """Write the documentation of all models as one page that needs no server.

    Args:
        settings: where the warehouse is, of which the types of columns are read; the caller has no connection to it.

    Raises:
        DbtError: dbt could not write it.
    """
    # The project is parsed and not compiled anew: 2.5 CPU seconds instead of 13.
    parsed = invoke(settings, ["parse", "--no-write-json"])
    invoke(settings, ["docs", "generate", "--static", "--no-compile"], manifest=parsed)
    return target_path(settings) / "static_index.html"


def ensure_manifest(settings: Settings, *, prepared: Path = PREPARED) -> Path:
    """The manifest of the project as it stands; parsed anew when a file of the project has changed.

    Args:
        settings: the data root; a first run in it takes the parsed project from `prepared` instead of 6 CPU seconds.
        prepared: folder of `keep_parsed`; what is there of another state of the project is let be.

    Raises:
        DbtError: the project does not parse.
    """
    folder, current = target_path(settings), fingerprint()
    if not _is_parsed(folder, current):
        make_private_folder(folder)
        if _is_parsed(prepared, current):
            with private_files():
                _copy_parsed(prepared, folder)
        else:
            invoke(settings, ["parse"])
            _write_mark(folder, current)
    return folder / _MANIFEST


def is_parsed(settings: Settings) -> bool:
    """Whether the data root has the manifest of the project as it stands."""
    return _is_parsed(target_path(settings), fingerprint())


def keep_parsed(settings: Settings, folder: Path) -> None:
    """Put the project as it stands, parsed, into a folder for the first runs of other data roots.

    Args:
        settings: a data root to parse it in.
        folder: an existing folder.

    Raises:
        DbtError: the project does not parse.
    """
    if not _is_parsed(folder, fingerprint()):
        ensure_manifest(settings, prepared=folder)
        _copy_parsed(target_path(settings), folder)


def renew_mark(settings: Settings) -> None:
    """Bring the mark up to date after dbt, or this project, has written one of the files that it is about."""
    folder = target_path(settings)
    with suppress(FileNotFoundError):
        marked = (folder / _MARK).stat().st_mtime_ns
        if any((folder / name).stat().st_mtime_ns > marked for name in _PARSED[:-1]):
            _write_mark(folder, _mark(folder)[0])


def damaged_parsed(settings: Settings) -> tuple[Path, str] | None:
    """A file of the parsed project that is not as it was written, with what was found; None where all is well.

    Files that are not there at all are no damage: the project is parsed when it is needed.
    """
    folder = target_path(settings)
    try:
        mark = _mark(folder)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return folder / _MARK, _reason(error)
    # Versions before this one wrote the fingerprint alone.
    if len(mark) not in (1, len(_PARSED)) or not all(re.fullmatch("[0-9a-f]{64}", line) for line in mark):
        return folder / _MARK, "not the mark of a parsed project"
    for name, expected in zip(_PARSED, mark[1:], strict=False):
        try:
            if sha256_of(folder / name) != expected:
                return folder / name, "not as it was written"
        except OSError as error:
            return folder / name, _reason(error)
    return None


def remove_parsed(settings: Settings) -> None:
    """Have the project parsed again when it is needed; what is in the place of its files is removed."""
    for name in reversed(_PARSED):
        file = target_path(settings) / name
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file)
        else:
            file.unlink(missing_ok=True)


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _mark(folder: Path) -> list[str]:
    return (folder / _MARK).read_text(encoding="utf-8", errors="replace").splitlines()


def _write_mark(folder: Path, current: str) -> None:
    hashes = [sha256_of(folder / name) for name in _PARSED[:-1]]
    draft = folder / f"{_MARK}.draft"
    draft.write_text("\n".join([current, *hashes]), encoding="utf-8")
    draft.replace(folder / _MARK)


def _is_parsed(folder: Path, current: str) -> bool:
    if not all(os.access(folder / name, os.R_OK) for name in _PARSED):
        return False
    mark = _mark(folder)
    return len(mark) == len(_PARSED) and mark[0] == current


def _copy_parsed(source: Path, target: Path) -> None:
    """Copy what parsing left, each file whole and the mark last: a copy that was killed is none."""
    (target / _MARK).unlink(missing_ok=True)
    for name in _PARSED:
        draft = target / f"{name}.draft"
        shutil.copyfile(source / name, draft)
        draft.replace(target / name)


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
        marts.append(
            Mart(node["name"], node["description"], tuple(grain), columns, order, releases, _touched(manifest, node))
        )
    check_releases([release for mart in marts for release in mart.releases])
    return sorted(marts, key=lambda mart: mart.name)


def _touched(manifest: dict[str, Any], node: dict[str, Any]) -> str | None:
    """Table of the touched rows that an incremental model is built by; see dbt/macros/incremental_by_key.sql."""
    read = [manifest["nodes"].get(unique_id, {}).get("name", "") for unique_id in node["depends_on"]["nodes"]]
    touched = [name for name in read if name.startswith("stg_") and name.endswith("_touched")]
    return touched[0] if len(touched) == 1 and node["config"]["materialized"] == "incremental" else None
