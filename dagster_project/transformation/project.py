"""The dbt project on disk: its manifest, its fingerprint, and how it is invoked. Building is in `build.py`."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dagster_project.config.project import has_additions, hash_of, project_of, write_project
from dagster_project.disclosure.force_rows import ForceRows, force_rows_of
from dagster_project.disclosure.releases import Release, check_releases, releases_of
from dagster_project.errors import OperatorError
from dagster_project.settings import DBT_PROJECT, Settings, Target
from dagster_project.tools.generate import write_generated_files
from dagster_project.warehouse.connection import create_marts, create_private, memory_limit
from dagster_project.writing import make_private_folder, private_files

_FINGERPRINTED = ("models", "macros", "own_parts", "seeds", "tests", "dbt_project.yml")
# The second file says which project `manifest.json` was parsed from. The third is dbt's own state, from which it parses
# only what has changed.
_MANIFEST, _MARK, _PARSED = "manifest.json", "manifest.fingerprint", "partial_parse.msgpack"

LOG, RESULTS = "dbt.log", "run_results.json"
"""Files with the messages and the results of dbt's last build, in the folder of its artefacts."""

INTEGRITY = "integrity"
"""Name of the generic test dbt/tests/generic/integrity.sql."""


class DbtError(OperatorError, RuntimeError):
    """dbt could not parse or run the project; the message is from dbt, with file and line."""


@dataclass(frozen=True)
class Mart:
    """A published table: its columns and its grain."""

    name: str
    description: str
    grain: tuple[str, ...]
    columns: dict[str, str]
    """Description by column name."""
    order: tuple[str, ...]
    """Columns by which its rows are sorted when published; together they are unique."""
    releases: tuple[Release, ...] = ()
    """Its releases in the public edition; empty unless the mart declares them."""
    force_rows: ForceRows = ForceRows.NONE
    """Its rows in the edition of a force."""
    month_of: str | None = None
    """For a fact, the date whose month partitions its Parquet files; None for other marts, which are one file."""
    changed_rows: tuple[str, str] | None = None
    """Schema and name of the table of all rows that changed keys have or had, by load_id, source_row and the date
    `month_of`, if a build renews only those rows; None if it may change any row.
    """


def target_path(settings: Settings) -> Path:
    """Return the folder of dbt's artefacts. It is fixed, since another path makes dbt parse everything again.

    Each engine has its own, because a manifest has the SQL of one.
    """
    return settings.home / ("dbt" if settings.target is Target.DUCKDB else f"dbt-{settings.target}")


def fingerprint(settings: Settings) -> str:
    """Return a hash of everything that determines the result of a build, apart from the data.

    Raises:
        ConfigError: a file of the configuration cannot be used.
    """
    write_generated_files(only_outdated=True)
    digest = hashlib.sha256()
    for part in _FINGERPRINTED:
        root = DBT_PROJECT / part
        files = [root] if root.is_file() else sorted(path for path in root.rglob("*") if path.is_file())
        for path in files:
            digest.update(str(path.relative_to(DBT_PROJECT)).encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    own = project_of(settings)
    return digest.hexdigest() + (hash_of(own) if own else "")


def project_folder(settings: Settings) -> Path:
    """Return the folder of the dbt project: the shipped one, or one below the data root with what the force adds."""
    return target_path(settings) / "project" if has_additions(settings) else DBT_PROJECT


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables while dbt runs in this process; later commands and children do not inherit them."""
    before = {name: os.environ[name] for name in variables if name in os.environ}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]
        os.environ.update(before)


def invoke(settings: Settings, arguments: Sequence[str], *, manifest: Any = None, log_level: str = "none") -> Any:
    """Run a dbt command in this process.

    Args:
        settings: the data root.
        arguments: those of dbt.
        manifest: the result of `parse`, so that the project is not parsed again; nodes that run are compiled in it.
        log_level: from which level on dbt prints its messages.

    Returns:
        dbt's result object: `results` for `build`, the manifest for `parse`.

    Raises:
        DbtError: the command could not run (nodes that fail are in the result).
    """
    options = ("--target", settings.target.value, "--log-level", log_level)
    outcome = _invoke(settings, [*arguments, *options], manifest, target_path(settings))
    if outcome.result is None:
        cause = str(outcome.exception or "it was stopped").rstrip(".")
        raise DbtError(f"dbt {arguments[0]} failed: {cause}. What was published stays. Correct the cause and run again")
    return outcome.result


def run_by_hand(settings: Settings, arguments: Sequence[str]) -> int:
    """Run a dbt command that a person typed, with dbt's own messages; return the exit code that dbt has for it.

    It has a folder of its own, because a manifest that dbt writes here would be taken for that of the last build.

    Raises:
        DbtError: the project does not parse.
    """
    folder = target_path(settings) / "by_hand"
    has_help = not arguments or "--help" in arguments or arguments[0].startswith("-")
    make_private_folder(folder)
    manifest = None if has_help else parse(settings)
    outcome = _invoke(settings, arguments, manifest, folder)
    if outcome.exception and not has_help:
        raise DbtError(str(outcome.exception).rstrip("."))
    return 0 if outcome.success else 1


def _invoke(settings: Settings, arguments: Sequence[str], manifest: Any, folder: Path) -> Any:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.factory import cleanup_connections
    from dbt.cli.main import dbtRunner  # imported here: it takes 0.5 CPU seconds, which `fcir status` does not need

    create_private(settings.warehouse)
    create_marts(settings.warehouse)
    project = project_folder(settings)
    write_project(project_of(settings), project)
    # Parsing opens no database and needs only its name. With its location and size, dbt would parse everything again (4
    # CPU seconds) after a data root was moved or copied, and every night.
    is_parsing = arguments[0] == "parse"
    variables = {
        "FCIR_HOME": "." if is_parsing else str(settings.home),
        "FCIR_WAREHOUSE": settings.warehouse.name if is_parsing else str(settings.warehouse),
        "FCIR_MEMORY_LIMIT": "80%" if is_parsing else memory_limit(settings.warehouse),
        "FCIR_SPARK_HOST": settings.spark_host,
        "FCIR_SPARK_PORT": str(settings.spark_port),
        "DBT_PROJECT_DIR": str(project),
        "DBT_PROFILES_DIR": str(DBT_PROJECT),
        "DBT_TARGET_PATH": str(folder),
        "DBT_LOG_PATH": str(folder),
        "DBT_LOG_LEVEL_FILE": "none",
    }
    with private_files(), environment(variables):
        outcome = dbtRunner(manifest=manifest).invoke(list(arguments))
        # dbt leaves the database open after a node has failed; this process could not connect to it again.
        cleanup_connections()
        if DuckDBConnectionManager._ENV is not None:
            DuckDBConnectionManager.env().close()
            DuckDBConnectionManager.close_all_connections()
    return outcome


def parse(settings: Settings) -> Any:
    """Return the parsed project for `invoke`, which takes 2 CPU seconds.

    Raises:
        DbtError: the project does not parse.
        ConfigError: a file of the configuration cannot be used.
    """
    return invoke(settings, ["parse", "--no-write-json"])


def built_schemas(manifest: Mapping[str, Any]) -> set[str]:
    """Return the schemas of the models and seeds of a manifest."""
    return {node["schema"] for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")}


def write_docs(settings: Settings) -> Path:
    """Write the documentation of all models as one page that needs no server.

    Args:
        settings: the location of the warehouse, for the column types; the caller must not have a connection to it.

    Raises:
        DbtError: dbt could not write it.
    """
    # The project is parsed and not compiled again: 2.5 CPU seconds instead of 13.
    parsed = parse(settings)
    invoke(settings, ["docs", "generate", "--static", "--no-compile"], manifest=parsed)
    return target_path(settings) / "static_index.html"


def ensure_manifest(settings: Settings) -> Path:
    """Return the manifest of the current project; parse it (5 CPU seconds) if it is missing, damaged or outdated.

    Raises:
        DbtError: the project does not parse.
    """
    folder = target_path(settings)
    if not is_parsed(settings):
        make_private_folder(folder)
        # From dbt's own state, it would look for unchanged seeds where the project was before an upgrade.
        for name in (_MARK, _PARSED):
            (folder / name).unlink(missing_ok=True)
        invoke(settings, ["parse"])
        # Written last, so that the files of a parse that was killed are not used.
        with private_files():
            (folder / _MARK).write_text(_mark(settings), encoding="utf-8")
    return folder / _MANIFEST


def is_parsed(settings: Settings) -> bool:
    """Return whether the data root has the manifest of the current project."""
    folder = target_path(settings)
    try:
        return (folder / _MARK).read_text(encoding="utf-8") == _mark(settings) and bool(
            read_manifest(folder / _MANIFEST)
        )
    except (OSError, ValueError):
        return False


def _mark(settings: Settings) -> str:
    """Return which project a manifest was parsed from: its fingerprint, and where it is."""
    return f"{fingerprint(settings)}\n{project_folder(settings)}\n{DBT_PROJECT}"


@cache
def read_manifest(path: Path) -> dict[str, Any]:
    """Return a manifest as a dictionary, cached for the process.

    A test of integrity is named after its table: dbt's name has all its claims, in up to 500 characters. dagster-dbt
    names a check by the manifest when it defines it and when it reports its result. A name that a translator gives
    would be used for the definition only: a blocking check without a result blocks nothing.
    """
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for node in content.get("nodes", {}).values():
        if is_integrity(node):
            node["name"] = f"{INTEGRITY}_of_{node['attached_node'].split('.')[-1]}"
    return content


def is_integrity(node: Mapping[str, Any]) -> bool:
    """Return whether a node of a manifest is the generic test that returns the faults of a table in words."""
    return (node.get("test_metadata") or {}).get("name") == INTEGRITY


def returns_faults(node: Mapping[str, Any]) -> bool:
    """Return whether a test of a manifest returns its faults in words, with the number of rows and their condition."""
    return is_integrity(node) or bool(node["config"].get("meta", {}).get("returns_faults"))


def marts_of(manifest: Mapping[str, Any]) -> list[Mart]:
    """Return all published tables, ordered by name.

    Raises:
        DbtError: a mart does not state its grain.
        ReleaseError: a mart's public release, or its rows in the edition of a force, are not valid.
    """
    marts = []
    for node in manifest["nodes"].values():
        if node["resource_type"] != "model" or node["schema"] != "marts":
            continue
        grain = node["config"].get("meta", {}).get("grain")
        if not grain:
            raise DbtError(
                f"{node['original_file_path']}: config.meta.grain is missing; name the columns that identify a row"
            )
        columns = {name: column["description"] for name, column in node["columns"].items()}
        releases = releases_of(node["name"], columns, node["config"]["meta"].get("public"))
        force_rows = force_rows_of(node["name"], columns, node["config"]["meta"].get("force_edition"), releases)
        order = tuple(node["config"]["meta"].get("published_by", grain))
        month_of = _month_of(node["name"], [*order, *columns])
        changed_rows = _changed_rows(manifest, node, month_of)
        marts.append(
            Mart(
                node["name"],
                node["description"],
                tuple(grain),
                columns,
                order,
                releases,
                force_rows,
                month_of,
                changed_rows,
            )
        )
    check_releases([release for mart in marts for release in mart.releases])
    return sorted(marts, key=lambda mart: mart.name)


def _month_of(name: str, columns: Sequence[str]) -> str | None:
    """Return the column with the local date of a fact's event: the first date in its order, else its first date."""
    dates = [column for column in columns if column.endswith("_date")]
    return dates[0] if name.startswith("fct_") and dates else None


def _changed_rows(manifest: Mapping[str, Any], node: Mapping[str, Any], month_of: str | None) -> tuple[str, str] | None:
    """Return the table of changed rows for an incremental model; see dbt/macros/incremental_by_key.sql."""
    read = [manifest["nodes"].get(unique_id, {}) for unique_id in node["depends_on"]["nodes"]]
    tables = [item for item in read if item.get("name", "").startswith("chg_") and item["name"].endswith("_rows")]
    is_known = len(tables) == 1 and node["config"]["materialized"] == "incremental" and month_of in tables[0]["columns"]
    return (tables[0]["schema"], tables[0]["name"]) if is_known else None
