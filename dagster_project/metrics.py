"""Query figures by metric with MetricFlow's command `mf`, offline and read-only. Metrics are in `dbt/models/semantic`.

`python -m dagster_project.metrics query --metrics calls_999_pct_not_answered --group-by metric_time__quarter` queries
the current publication; with `--warehouse` as the first argument, it queries the warehouse.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from dagster_project.errors import OperatorError
from dagster_project.publication.database import DATABASE
from dagster_project.publication.pointer import NotPublished, current_publication
from dagster_project.settings import DBT_PROJECT, Settings, read_settings
from dagster_project.transformation.project import ensure_manifest, target_path
from dagster_project.warehouse.lock import WarehouseLocked, reader_lock

_FROM_WAREHOUSE = "--warehouse"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `mf`, with the exit codes of `fcir`.

    Args:
        arguments: arguments of `mf`, optionally after `--warehouse`; by default those of the process.

    Returns:
        0 on success, 1 when MetricFlow reports an error, 2 for wrong use or configuration, 75 when a run holds the
        warehouse.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    from_warehouse = words[:1] == [_FROM_WAREHOUSE]
    settings = read_settings()
    try:
        with _database(settings, from_warehouse=from_warehouse) as database:
            return _run_mf(settings, database, words[from_warehouse:])
    except WarehouseLocked as error:
        sys.stderr.write(f"{error}\n")
        return 75
    except OperatorError as error:
        sys.stderr.write(f"{error}\n")
        return 2


@contextmanager
def _database(settings: Settings, *, from_warehouse: bool) -> Iterator[Path]:
    """Yield the file to read. No run writes to the warehouse in the meantime."""
    if not from_warehouse:
        yield current_publication(settings.published) / DATABASE
        return
    if not settings.warehouse.exists():
        raise NotPublished(f"{settings.warehouse}: there is no warehouse yet. Run: fcir run")
    with reader_lock(settings.lock_file):
        yield settings.warehouse


def _run_mf(settings: Settings, database: Path, arguments: Sequence[str]) -> int:
    mf = Path(sys.executable).with_name("mf")
    if not mf.exists():
        raise OperatorError(
            "MetricFlow is not installed here, so the query was not run. Run: make env (or install the group semantic)"
        )
    ensure_manifest(settings)
    with TemporaryDirectory() as folder:
        # `mf` reads only these of a dbt project: its settings and the artefacts of parsing.
        shutil.copy(DBT_PROJECT / "dbt_project.yml", folder)
        (Path(folder) / "target").symlink_to(target_path(settings).resolve())
        environment = {
            "FCIR_WAREHOUSE": str(database.resolve()),
            "DBT_PROJECT_DIR": folder,
            "DBT_PROFILES_DIR": str(DBT_PROJECT),
            "DBT_TARGET": "warehouse_reader" if database == settings.warehouse else "reader",
            "DBT_LOG_PATH": folder,
            "DO_NOT_TRACK": "1",
            # Each command checks pypi.org for a newer version; a proxy without a host prevents that. It would also
            # store the answer as a pickle in the temporary folder, where any user may have placed another one.
            "https_proxy": "http://",
            "TMPDIR": folder,
        }
        return subprocess.run([mf, *arguments], env=os.environ | environment, check=False).returncode  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
