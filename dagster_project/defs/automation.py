"""When things run: the nightly job, its schedule, and the sensor for new deliveries."""

from __future__ import annotations

import hashlib

import dagster as dg

from dagster_project.clock import LONDON_NAME
from dagster_project.contracts import load_contracts
from dagster_project.loading.pipeline import scan_landing
from dagster_project.loading.plan import Range, plan_deliveries
from dagster_project.settings import CONTRACTS, read_settings
from dagster_project.warehouse.lock import WarehouseLocked
from dagster_project.warehouse.state import reading_audit

# The console of a run that the command line starts is the operator's; Dagster's own lines go to its storage.
QUIET_CONSOLE = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

nightly = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.all(),
    description=(
        "Load every delivery that is new, changed or was never accepted, build and test the marts, publish. "
        "It fails, after all of that, when a delivery is missing or rejected. To start it by hand, launch it without "
        "a partition; extract dates to load again go into its configuration."
    ),
    # One writer: a process for each step would cost 2 to 5 times as much and gain nothing.
    executor_def=dg.in_process_executor,
)

publish = dg.define_asset_job(
    "publish",
    selection=dg.AssetSelection.groups("publication"),
    description="Publish the marts as they stand once more.",
    executor_def=dg.in_process_executor,
)

nightly_schedule = dg.ScheduleDefinition(
    name="nightly_0415",
    job=nightly,
    # 04:15 exists on every day of the year: the clocks change between 01:00 and 02:00.
    cron_schedule="15 4 * * *",
    execution_timezone=LONDON_NAME,
    description="Every night at 04:15 London time.",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)


@dg.sensor(
    name="new_deliveries",
    job=nightly,
    # Five minutes: a correction that is dropped at noon is published before people come back from lunch.
    minimum_interval_seconds=300,
    description="Starts the nightly job when the landing folder holds a delivery that is new or has changed.",
    default_status=dg.DefaultSensorStatus.STOPPED,
)
def new_deliveries(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """One run for one state of the landing folder: the same files never start a second run."""
    del context
    settings = read_settings()
    try:
        with reading_audit(settings.warehouse, settings.lock_file) as connection:
            contracts = load_contracts(CONTRACTS)
            plan = plan_deliveries(connection, scan_landing(settings, contracts), contracts, wanted=Range())
    except WarehouseLocked as locked:
        return dg.SkipReason(str(locked))
    if not plan.deliveries:
        return dg.SkipReason("no delivery is new, changed or unaccepted")
    names = [f"{file.path} {file.size} {file.modified_ns}" for item in plan.deliveries for file in item.files]
    return dg.RunRequest(run_key=hashlib.sha256("\n".join(names).encode()).hexdigest())
