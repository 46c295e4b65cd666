"""Run a Dagster job in this process, recorded in the installation's instance so that the UI shows it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from dagster_project.cli.common import named_contracts
from dagster_project.cli.signals import shield_children
from dagster_project.clock import utc_now
from dagster_project.contracts import load_contracts
from dagster_project.loading.deadlines import ExpectedDelivery, expected_deliveries
from dagster_project.loading.landing import scan_landing
from dagster_project.loading.plan import Range, RunPlan
from dagster_project.settings import CONTRACTS, PROJECT_ROOT, Settings
from dagster_project.warehouse.connection import make_private_folder, private_files, says_damage
from dagster_project.warehouse.lock import note_step, writer_lock
from dagster_project.warehouse.roots import last_load
from dagster_project.warehouse.state import OutstandingDelivery, damaged_private_file, outstanding, reading_audit

if TYPE_CHECKING:
    import dagster as dg

# The code location in deploy/workspace.yaml, and Dagster's name for the repository that it loads from there.
_CODE_LOCATION, _REPOSITORY = "dagster_project", "__repository__"


# The UI uses this tag to show a run under its job; only runs started by the UI have it automatically.
_CODE_LOCATION_TAG = {".dagster/repository": f"{_REPOSITORY}@{_CODE_LOCATION}"}
# The command that runs each job in this process.
_COMMANDS = {"nightly": "fcir run", "publish": "fcir publish", "publish_public": "fcir publish --edition public"}


@dataclass(frozen=True)
class RunResult:
    """Result of a job."""

    success: bool
    failures: tuple[str, ...]
    """Reasons for failed steps, apart from the run's verdict on its deliveries."""
    outstanding: tuple[OutstandingDelivery, ...]
    expected: tuple[ExpectedDelivery, ...] = ()


def run_job(
    settings: Settings,
    name: str,
    *,
    wanted: Range | None = None,
    sources: Sequence[str] = (),
    planned: RunPlan | None = None,
    debug: bool = False,
) -> RunResult:
    """Run a job in this process, recorded in the installation's Dagster instance so that the UI shows it.

    Args:
        settings: location of the data.
        name: the job, `nightly`, `publish` or `publish_public`.
        wanted: extract dates to load; None: everything new.
        sources: sources to load; empty: all.
        planned: plan of the loads for those dates and sources; None: the job makes its own.
        debug: let exceptions through with their traceback.

    Raises:
        WarehouseLocked: another run holds the warehouse.
        PseudonymKeyError: the key cannot be used, is lost, or does not belong to the warehouse.
        TableMismatch: a raw table does not fit its contract.
    """
    from dagster_project.loading.pipeline import load_or_create_key

    # Only publications may be read by others, and `publish` sets their modes.
    with writer_lock(settings.lock_file, command=_COMMANDS[name]), private_files():
        note_step(settings.lock_file, "starting")
        settings.commentary.mkdir(exist_ok=True)
        # Loading reads it again, but inside the job a bad key would be a failed step, tried twice per source.
        load_or_create_key(settings, load_contracts(CONTRACTS))
        prepare_dagster_home(settings)
        import dagster as dg

        from dagster_project.definitions import definitions
        from dagster_project.defs.automation import BY_COMMAND_LINE, QUIET_CONSOLE
        from dagster_project.defs.resources import Deliveries

        wanted = wanted or Range()
        # Another run may have loaded deliveries between the plan and the lock.
        with reading_audit(settings.warehouse, settings.lock_file) as connection:
            planned = planned if planned and planned.last_load == last_load(connection) else None
        resolved = definitions().get_repository_def()
        job = resolved.get_job(name)
        config = {"resources": {"deliveries": {"config": Deliveries.config_of(wanted)}}}
        selection = None
        if sources:
            left_out = [dg.AssetKey(["raw", source]) for source in load_contracts(CONTRACTS) if source not in sources]
            selection = [key for key in job.asset_layer.executable_asset_keys if key not in left_out]
        with dg.DagsterInstance.get() as instance:
            close_killed_runs(instance)
            _record_code_location(instance, name)
            # Repeated, since `multiprocessing`, which provides dbt's locks, has unblocked the signal.
            shield_children()
            result = job.execute_in_process(
                instance=instance,
                run_config=QUIET_CONSOLE | (config if name == "nightly" else {}),
                asset_selection=selection,
                raise_on_error=debug,
                tags=BY_COMMAND_LINE | _CODE_LOCATION_TAG,
                resources={"deliveries": Deliveries.planned(planned)} if planned else None,
            )
            failures = tuple(_failures(settings, result))
        with reading_audit(settings.warehouse, settings.lock_file) as connection:
            left = tuple(outstanding(connection)) if connection else ()
            contracts = named_contracts(sources)
            landing = planned.landing if planned else scan_landing(settings, contracts, quiet_seconds=0.0)
            expected = tuple(expected_deliveries(connection, landing, contracts, now=utc_now()))
        return RunResult(result.success, failures, left, expected)


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
                "location_name": _CODE_LOCATION,
            },
            "repository_name": _REPOSITORY,
        },
        "pipeline_name": job,
    }
    stored: Any = dg.deserialize_value(json.dumps(origin))
    create = partial(instance.create_run_for_job, remote_job_origin=stored)
    instance.create_run_for_job = create  # type: ignore[method-assign]


def close_killed_runs(instance: dg.DagsterInstance) -> None:
    """Mark killed runs of this command as failed: as long as they count as running, the queue starts no other.

    The caller holds the writer lock, so none of them is alive.
    """
    import dagster as dg

    from dagster_project.defs.automation import BY_COMMAND_LINE

    alive = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    for run in instance.get_runs(dg.RunsFilter(statuses=alive, tags=BY_COMMAND_LINE)):
        instance.report_run_failed(run, "The process of this run was killed; nothing is half done.")


def prepare_dagster_home(settings: Settings) -> None:
    """Create the folder of the Dagster instance, with the project's configuration, and point this process to it.

    Only its owner can access it: it contains logs and run configurations.
    """
    make_private_folder(settings.dagster_home)
    configuration = (PROJECT_ROOT / "deploy" / "dagster.yaml").read_bytes()
    target = settings.dagster_home / "dagster.yaml"
    if not target.exists() or target.read_bytes() != configuration:
        draft = target.with_name(f".dagster.yaml-{os.getpid()}")
        with private_files():
            draft.write_bytes(configuration)
        draft.replace(target)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    # Write the planned materialisations of a run, 250 events, in one batch.
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")


def _failures(settings: Settings, result: dg.ExecuteInProcessResult) -> list[str]:
    failures = []
    for event in result.filter_events(lambda event: event.is_step_failure):
        if event.step_key and event.step_key.endswith("run_verdict"):
            continue
        data = event.step_failure_data
        message = data.user_failure_data.description if data.user_failure_data else None
        if message is None and data.error is not None:
            cause = data.error
            while cause.cause is not None:
                cause = cause.cause
            # The message starts with the name of the class, which does not help an operator.
            message = re.sub(rf"^[\w.]*\b{re.escape(cause.cls_name or '')}: ", "", cause.message.strip())
        if message and says_damage(message):
            file, advice = damaged_private_file(settings.warehouse)
            message = f"{message.rstrip('.')}. {file} is damaged. {advice}"
        failures.append(f"{event.step_key}: {message or 'failed'}")
    return failures
