"""Run a Dagster job in this process, recorded in the installation's instance so that the UI shows it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_project.cli.damage import repair
from dagster_project.cli.options import named_contracts
from dagster_project.clock import utc_now
from dagster_project.config import contracts_of
from dagster_project.console import say, warn
from dagster_project.loading.deadlines import ExpectedDelivery, expected_deliveries
from dagster_project.loading.landing import scan_landing
from dagster_project.loading.plan import Range
from dagster_project.publication.space import require_space
from dagster_project.settings import INSTANCE, Settings
from dagster_project.warehouse.connection import loading_connection, says_damage
from dagster_project.warehouse.history import require_sound_warehouse
from dagster_project.warehouse.lock import note_step, writer_lock
from dagster_project.warehouse.state import (
    UnresolvedDelivery,
    damaged_private_file,
    reading_audit,
    unresolved_deliveries,
)
from dagster_project.writing import make_private_folder, private_files

if TYPE_CHECKING:
    import dagster as dg

# The code location of deploy/workspace.yaml, and Dagster's name for its repository.
_LOCATION, _REPOSITORY = "dagster_project", "__repository__"
# The tag by which the UI shows a run under its job; Dagster gives it only to runs that the UI starts.
_LOCATION_TAG = {".dagster/repository": f"{_REPOSITORY}@{_LOCATION}"}
# Dagster tags runs with it whose process a code server started.
_CODE_SERVER_TAG = ".dagster/grpc_info"
# The command that runs each job in this process.
_COMMANDS = {
    "nightly": "fcir run",
    "publish": "fcir publish",
    "publish_public": "fcir publish --edition public",
    "publish_force": "fcir publish --edition force",
}


@dataclass(frozen=True)
class RunResult:
    """Result of a job."""

    success: bool
    failures: tuple[str, ...]
    """Reasons for failed steps, apart from the run's verdict on its deliveries."""
    unresolved: tuple[UnresolvedDelivery, ...]
    expected: tuple[ExpectedDelivery, ...] = ()


def run_job(
    settings: Settings,
    name: str,
    *,
    wanted: Range | None = None,
    sources: Sequence[str] = (),
    force: str | None = None,
    debug: bool = False,
) -> RunResult:
    """Run a job in this process, recorded in the installation's Dagster instance so that the UI shows it.

    Args:
        settings: location of the data.
        name: the job, `nightly`, `publish`, `publish_public` or `publish_force`.
        wanted: extract dates to load; None: everything new.
        sources: sources to load; empty: all.
        force: force of the edition, for `publish_force`.
        debug: let exceptions through with their traceback.

    Raises:
        WarehouseLocked: another run holds the warehouse.
        NotEnoughSpace: the disk has less free space than the job needs.
        DatabaseUnreadable: the warehouse is damaged, or missing although there is a copy of its audit.
        PeopleError: the vault or its keys are missing, of another data root, or older than the warehouse.
        TableMismatch: a raw table does not fit its contract.
    """
    from dagster_project.loading.pipeline import prepare_warehouse

    # Only publications may be read by others, and `publish` sets their modes.
    command = _COMMANDS[name] + (f" --force {force}" if force else "")
    with writer_lock(settings.lock_file, command=_COMMANDS[name]), private_files():
        require_space(settings, command, _published(settings, name, force))
        note_step(settings.lock_file, "starting")
        require_sound_warehouse(settings)
        for damage in repair(settings):
            warn(str(damage))
        settings.commentary.mkdir(exist_ok=True)
        # Loading does it again, but inside the job a bad vault would be a failed step, tried twice per source.
        with loading_connection(settings.warehouse) as connection:
            prepare_warehouse(connection, settings, contracts_of(settings))
        if name == "publish" and (unchanged := _unchanged(settings)):
            return unchanged
        prepare_dagster_home(settings)
        import dagster as dg

        from dagster_project.definitions import of_a_run
        from dagster_project.defs.automation import BY_COMMAND_LINE, QUIET_CONSOLE
        from dagster_project.defs.resources import Deliveries

        job = of_a_run().get_repository_def().get_job(name)
        config: dict[str, Any] = {}
        if name == "nightly":
            config = {"resources": {"deliveries": {"config": Deliveries.config_of(wanted or Range())}}}
        elif force:
            config = {"ops": {"published_force__edition": {"config": {"force": force}}}}
        selection = None
        if sources:
            left_out = [dg.AssetKey(["raw", source]) for source in contracts_of(settings) if source not in sources]
            selection = [key for key in job.asset_layer.executable_asset_keys if key not in left_out]
        with dg.DagsterInstance.get() as instance:
            close_killed_runs(instance, settings)
            _record_code_location(instance, name)
            result = job.execute_in_process(
                instance=instance,
                run_config=QUIET_CONSOLE | config,
                asset_selection=selection,
                raise_on_error=debug,
                tags=BY_COMMAND_LINE | _LOCATION_TAG,
            )
            failures = tuple(_failures(settings, result))
        return _result(settings, result.success, failures, sources)


def _unchanged(settings: Settings) -> RunResult | None:
    """Say that a publication would be the one before, and return that as a result; None if it would not."""
    from dagster_project.publication.publish import unchanged_publication

    current = unchanged_publication(settings)
    if current is None:
        return None
    say(f"Nothing has changed since the publication {current.name}. Nothing was published again.")
    return _result(settings, True, (), ())


def _result(settings: Settings, success: bool, failures: tuple[str, ...], sources: Sequence[str]) -> RunResult:
    with reading_audit(settings.warehouse, settings.lock_file) as connection:
        left = tuple(unresolved_deliveries(connection)) if connection else ()
        contracts = named_contracts(settings, sources)
        landing = scan_landing(settings, contracts, quiet_seconds=0.0)
        expected = tuple(expected_deliveries(connection, landing, contracts, now=utc_now()))
    return RunResult(success, failures, left, expected)


def _published(settings: Settings, job: str, force: str | None) -> Path:
    """Return the folder that a job publishes to."""
    if force:
        return settings.published_force(force)
    return settings.published_public if job == "publish_public" else settings.published


def _record_code_location(instance: dg.DagsterInstance, job: str) -> None:
    """Assign runs of this process to the code location, like runs that the UI starts.

    The first page of the UI shows no other runs. `execute_in_process` accepts no origin but asks the instance for the
    run; the origin is read from the form in which Dagster stores it with a run.
    """
    import dagster as dg

    origin = {
        "__class__": "ExternalPipelineOrigin",
        "external_repository_origin": {
            "__class__": "ExternalRepositoryOrigin",
            "repository_location_origin": {
                "__class__": "RegisteredRepositoryLocationOrigin",
                "location_name": _LOCATION,
            },
            "repository_name": _REPOSITORY,
        },
        "pipeline_name": job,
    }
    stored: Any = dg.deserialize_value(json.dumps(origin))
    create = partial(instance.create_run_for_job, remote_job_origin=stored)
    instance.create_run_for_job = create  # type: ignore[method-assign]


def close_killed_runs(instance: dg.DagsterInstance, settings: Settings, *, of_code_server: bool = False) -> None:
    """Mark killed runs as failed: as long as they count as running, the queue starts no other.

    The caller holds the writer lock, so no run of a command is alive.

    Args:
        instance: Dagster's storage.
        settings: the data root.
        of_code_server: also close runs of a code server that was killed with them. A code server that lives notices a
            killed run by itself, so only a command that starts a code server does this.
    """
    import dagster as dg

    from dagster_project.defs.automation import BY_COMMAND_LINE
    from dagster_project.defs.run_record import record_run

    alive = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    for run in instance.get_runs(dg.RunsFilter(statuses=alive)):
        if BY_COMMAND_LINE.items() <= run.tags.items() or (of_code_server and _CODE_SERVER_TAG in run.tags):
            instance.report_run_failed(run, "The process of this run was killed; nothing is half done.")
            record_run(settings, run, None)


def prepare_dagster_home(settings: Settings) -> None:
    """Create the folder of the Dagster instance, with the project's configuration, and point this process to it.

    Only its owner can access it: it contains logs and run configurations.
    """
    home = settings.dagster_home
    make_private_folder(home)
    target, content = home / "dagster.yaml", INSTANCE.read_bytes()
    if not target.exists() or target.read_bytes() != content:
        draft = target.with_name(f".{target.name}-{os.getpid()}")
        with private_files():
            draft.write_bytes(content)
        draft.replace(target)
    os.environ["DAGSTER_HOME"] = str(home)
    # Write the planned materialisations of a run, 250 events, in one batch.
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")


def _failures(settings: Settings, result: dg.ExecuteInProcessResult) -> list[str]:
    from dagster_project.defs.run_record import RUN_VERDICT

    failures = []
    for event in result.filter_events(lambda event: event.is_step_failure):
        if event.step_key and event.step_key.endswith(RUN_VERDICT):
            continue
        data = event.step_failure_data
        message = data.user_failure_data.description if data.user_failure_data else None
        if message is None and data.error is not None:
            cause = data.error
            while cause.cause is not None:
                cause = cause.cause
            # The message starts with the name of the class, which does not help an operator.
            message = re.sub(rf"^[\w.]*\b{re.escape(cause.cls_name or '')}: ", "", cause.message.strip())
        # The system's own message about another file may have the words that DuckDB has for a damaged one.
        if message and says_damage(message) and not message.startswith("[Errno "):
            file, advice = damaged_private_file(settings.warehouse)
            message = f"{message.rstrip('.')}. {file} is damaged. {advice}"
        failures.append(f"{event.step_key}: {message or 'failed'}")
    return failures
