"""Where Dagster keeps its runs, events and schedules: its own files, or Postgres (`FCIR_DAGSTER_STORAGE`)."""

from __future__ import annotations

from contextlib import closing

from dagster_project.errors import OperatorError
from dagster_project.settings import PROJECT_ROOT, WORKSPACE, Settings

_DEPLOY = PROJECT_ROOT / "deploy"
# Number of the lock in Postgres under which one process creates Dagster's tables; any number that others do not use.
_CREATION = 0xFC12
_SECONDS = 10


class StorageError(OperatorError, RuntimeError):
    """Postgres cannot be used; the message says why and what to do."""


def instance_configuration(settings: Settings) -> bytes:
    """Return the `dagster.yaml` of this installation: for Postgres, with the keys of deploy/dagster-postgres.yaml."""
    own = (_DEPLOY / "dagster.yaml").read_bytes()
    if not settings.dagster_storage:
        return own
    import yaml

    with_postgres = yaml.safe_load(own) | yaml.safe_load((_DEPLOY / "dagster-postgres.yaml").read_bytes())
    # Dagster refuses it beside `storage`.
    del with_postgres["event_log_storage"]
    return yaml.safe_dump(with_postgres, sort_keys=False).encode()


def workspace(settings: Settings) -> bytes:
    """Return the `workspace.yaml` of this installation: its own code location under its name."""
    text = WORKSPACE.read_text(encoding="utf-8")
    return text.replace("location_name: dagster_project", f"location_name: {settings.code_location}").encode()


def require_postgres(settings: Settings) -> None:
    """Check that Postgres can be used, and create Dagster's tables if they do not exist.

    One process creates them while others wait: without the lock, several that start on an empty database may fail.

    Raises:
        StorageError: a package is missing, or Postgres does not answer or refuses the user.
    """
    try:
        import dagster_postgres  # noqa: F401 - Dagster imports it by its name
        import psycopg2
    except ImportError:
        raise StorageError(
            "FCIR_DAGSTER_STORAGE is set, and dagster-postgres is not installed; nothing was started. Run: "
            ".uv/bin/uv sync --locked --inexact --extra postgres"
        ) from None
    import dagster as dg

    address = settings.dagster_storage.replace("+psycopg2", "", 1)
    try:
        connection = psycopg2.connect(address, connect_timeout=_SECONDS)
    except psycopg2.OperationalError as error:
        cause = " ".join(str(error).split())
        raise StorageError(
            f"FCIR_DAGSTER_STORAGE: {address.partition('?')[0]} cannot be used: {cause.rstrip('.')}. Nothing was "
            "started. Start it (for trials: make postgres-up), or correct the address or the password (PGPASSFILE)"
        ) from None
    with closing(connection), connection.cursor() as cursor:
        # The schedules' tables are the last that Dagster creates.
        cursor.execute("select to_regclass('job_ticks') is not null")
        if not cursor.fetchone()[0]:
            cursor.execute("select pg_advisory_lock(%s)", [_CREATION])
            with dg.DagsterInstance.get():
                pass
