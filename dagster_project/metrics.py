"""Ask for figures by metric: MetricFlow's command line, offline and reading only. Metrics are in `dbt/models/semantic`.

`python -m dagster_project.metrics query --metrics calls_999_pct_not_answered --group-by metric_time__quarter` asks the
publication that readers are pointed to; with `--warehouse` as the first argument, the warehouse. Plain `mf` would ask
pypi.org for a newer version at every command, keep the answer as a pickle in the shared temporary folder, where anybody
may have put another one, and open the database for writing.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from dagster_project.errors import OperatorError
from dagster_project.publication.pointer import NotPublished, current_publication
from dagster_project.settings import DBT_PROJECT, Settings, read_settings
from dagster_project.transformation.project import DbtError, fingerprint
from dagster_project.warehouse.lock import WarehouseLocked, reader_lock

_FROM_WAREHOUSE = "--warehouse"


class NotInstalled(OperatorError, RuntimeError):
    """MetricFlow is not in this environment; the message says how to get it."""


def run_mf(database: Path, commands: Sequence[Sequence[str]]) -> int:
    """Run commands of MetricFlow's command line one after the other in this process.

    The environment and the modules of this process are changed for it: it should not do anything else with dbt.

    Args:
        database: DuckDB file with the marts; it is only read.
        commands: arguments of each command, as `mf` takes them.

    Returns:
        Exit code of the first command that fails; 0 when none does.

    Raises:
        NotInstalled: MetricFlow is not in this environment.
        DbtError: the dbt project does not parse.
    """
    if find_spec("dbt_metricflow") is None:
        raise NotInstalled(
            "MetricFlow is not installed here, so nothing was asked. Run: make env (or install the group semantic)"
        )
    # Relations are written with the name of the database, which is that of its file.
    folder = _cache() / database.stem
    os.environ |= {
        "FCIR_WAREHOUSE": str(database),
        "DBT_PROJECT_DIR": str(folder),
        "DBT_PROFILES_DIR": str(DBT_PROJECT),
        "DBT_TARGET": "reader",
        "DBT_LOG_PATH": str(folder),
        "DO_NOT_TRACK": "1",
    }
    _write_metrics(folder)
    sys.modules["update_checker"] = _no_update_checker()
    from dbt_metricflow.cli.cli_configuration import CLIConfiguration
    from dbt_metricflow.cli.main import cli

    configuration = CLIConfiguration()  # one for all commands: it connects and reads the metrics once
    for command in commands:
        try:
            cli.main(list(command), prog_name="mf", obj=configuration)
        except SystemExit as end:
            if end.code:
                return end.code if isinstance(end.code, int) else 1
    return 0


def _cache() -> Path:
    """A folder of this user's own: the project may lie where others may not write."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fcir" / "metrics"


def _write_metrics(folder: Path) -> None:
    """Make `folder` what MetricFlow takes for the dbt project: two files, written anew when the project has changed."""
    from dbt.cli.main import dbtRunner

    mark, current = folder / "fingerprint", fingerprint()
    if mark.exists() and mark.read_text(encoding="utf-8") == current:
        return
    (folder / "target").mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copyfile(DBT_PROJECT / "dbt_project.yml", folder / "dbt_project.yml")
    with tempfile.TemporaryDirectory(dir=folder) as parsed:
        outcome = dbtRunner().invoke(
            ["--quiet", "parse", "--project-dir", str(DBT_PROJECT), "--target-path", parsed, "--log-level-file", "none"]
        )
        if not outcome.success:
            raise DbtError(f"dbt parse failed: {outcome.exception}")
        name = "semantic_manifest.json"
        (Path(parsed) / name).replace(folder / "target" / name)
    mark.write_text(current, encoding="utf-8")


def _no_update_checker() -> ModuleType:
    """What MetricFlow imports to look for a newer version of itself, without the looking."""

    class UpdateChecker:
        """Knows of no newer version."""

        def check(self, package: str, version: str) -> None:
            """Answer that there is none."""

    module = ModuleType("update_checker")
    module.UpdateChecker = UpdateChecker  # type: ignore[attr-defined]
    return module


@contextmanager
def _database(settings: Settings, *, from_warehouse: bool) -> Iterator[Path]:
    """The file to read; no run writes the warehouse meanwhile."""
    if not from_warehouse:
        yield current_publication(settings.published) / "fcir.duckdb"
        return
    if not settings.warehouse.exists():
        raise NotPublished(f"{settings.warehouse}: there is no warehouse yet. Run: fcir run")
    with reader_lock(settings.lock_file):
        yield settings.warehouse


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command of MetricFlow's; the exit codes are those of `fcir`.

    Args:
        arguments: what `mf` takes, after `--warehouse` or not; those of the process by default.

    Returns:
        0 when all is well, 1 when MetricFlow refuses, 2 for wrong use or configuration, 75 when a run holds the
        warehouse.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    from_warehouse = given[:1] == [_FROM_WAREHOUSE]
    try:
        with _database(read_settings(), from_warehouse=from_warehouse) as database:
            return run_mf(database, [given[from_warehouse:]])
    except WarehouseLocked as error:
        sys.stderr.write(f"{error}\n")
        return 75
    except OperatorError as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
