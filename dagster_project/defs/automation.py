"""When runs start: the nightly job, its schedule, the sensor for new deliveries, and the queue of runs."""

from collections.abc import Callable

import dagster as dg

from dagster_project.clock import LONDON_NAME
from dagster_project.config import contracts_of
from dagster_project.loading.landing import scan_landing
from dagster_project.loading.plan import Range, fingerprint, plan_deliveries, was_rejected
from dagster_project.settings import read_settings
from dagster_project.warehouse.lock import WarehouseLocked
from dagster_project.warehouse.state import reading_audit
from dagster_project.words import be, counted, printable

# The console of a run started from the command line shows the lines for operators; Dagster's own lines go to its
# storage.
QUIET_CONSOLE = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

# Tag of runs started from the command line, which run in its process and under the writer lock.
BY_COMMAND_LINE = {"fcir/started_by": "command line"}

# Header in which the proxy passes on who logged in, and the tag that a run gets; Linux allows names of 32 characters.
LOGIN_HEADER, LOGIN_TAG = "X-Forwarded-User", "fcir/login"
_LONGEST_LOGIN = 64

# The sensor does not wait for a file; it checks again in five minutes. A minute allows a slow sender to pause.
_QUIET_SECONDS = 60.0

nightly = dg.define_asset_job(
    "nightly",
    # Editions leave the installation, so a person starts them. Checks of sources report although they are not selected:
    # Dagster would store 144 events that they are planned, a sixth of a night, and nothing waits for their results.
    selection=dg.AssetSelection.groups("sources").without_checks()
    | dg.AssetSelection.all() - dg.AssetSelection.groups("sources", "public_edition", "force_edition"),
    description=(
        "Load every delivery that is new, changed or not yet accepted, build and test the marts, publish. "
        "It fails at the end if a delivery is missing, rejected or incomplete. To start it by hand, launch it without "
        "a partition; to load extract dates again, name them in its configuration."
    ),
    # There is a single writer: a process per step would cost 2 to 5 times as much, without a benefit.
    executor_def=dg.in_process_executor,
)

publish = dg.define_asset_job(
    "publish",
    selection=dg.AssetSelection.groups("publication"),
    description="Publish again without reloading; the marts must be built and tested from everything loaded.",
    executor_def=dg.in_process_executor,
)

publish_public = dg.define_asset_job(
    "publish_public",
    selection=dg.AssetSelection.groups("public_edition"),
    description=(
        "Publish what may leave the force, separately from the internal publication: figures at force level, and "
        "protected counts below it."
    ),
    executor_def=dg.in_process_executor,
)

publish_force = dg.define_asset_job(
    "publish_force",
    selection=dg.AssetSelection.groups("force_edition"),
    description=(
        "Publish the edition of one force: its own detail, and of the other forces what the public edition has. Name "
        "the force in its configuration."
    ),
    executor_def=dg.in_process_executor,
)

nightly_schedule = dg.ScheduleDefinition(
    name="nightly_0415",
    job=nightly,
    # 04:15 exists on every day of the year: clocks change between 01:00 and 02:00.
    cron_schedule="15 4 * * *",
    execution_timezone=LONDON_NAME,
    description=(
        "Starts the nightly job at 04:15 London time while the scheduler is running. It loads what was delivered since "
        "the last night; the next night loads later deliveries."
    ),
    default_status=dg.DefaultScheduleStatus.RUNNING,
)


def login_tags(header: Callable[[str], str | None]) -> dict[str, str]:
    """Return the tag with the login of a request, if the proxy has passed one on.

    Args:
        header: returns a header of the request by its name; None if there is none, as where no page sent it.
    """
    login = header(LOGIN_HEADER)
    return {LOGIN_TAG: printable(login[:_LONGEST_LOGIN])} if login else {}


class LoginRunCoordinator(dg.QueuedRunCoordinator):
    """Dagster's run queue; tags each run that a page of the UI starts with the login that the proxy passes on."""

    def submit_run(self, context: dg.SubmitRunContext) -> dg.DagsterRun:
        """Tag a run, and put it in the queue."""
        if tags := login_tags(context.get_request_header):
            self._instance.add_run_tags(context.dagster_run.run_id, tags)
        return super().submit_run(context)


@dg.sensor(
    name="new_deliveries",
    job=nightly,
    # Five minutes: a correction delivered at noon is published by the end of the lunch break.
    minimum_interval_seconds=300,
    description=(
        "Starts the nightly job when a delivery in the landing folder is new or changed, and complete. A rejected "
        "delivery that has not changed starts no run; the nightly schedule tries it again. Off by default."
    ),
    default_status=dg.DefaultSensorStatus.STOPPED,
)
def new_deliveries(_context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Request one run for each state of the landing folder: the same never starts a second.

    None is requested while a run holds the warehouse. One that waits in the queue loads what comes until it begins; a
    run that is requested for that finds nothing new.
    """
    settings = read_settings()
    contracts = contracts_of(settings)
    try:
        with reading_audit(settings.warehouse, settings.lock_file) as connection:
            landing = scan_landing(settings, contracts, quiet_seconds=_QUIET_SECONDS)
            plan = plan_deliveries(connection, landing, contracts, wanted=Range())
            new = [delivery for delivery in plan.deliveries if not was_rejected(connection, delivery)]
            run_key = fingerprint(connection, new)
    except WarehouseLocked as locked:
        return dg.SkipReason(str(locked))
    if not new:
        incomplete = len(landing.held_days)
        waiting = f"; {counted(incomplete, 'delivery')} {be(incomplete)} not complete yet" if incomplete else ""
        return dg.SkipReason(f"no delivery is new or changed{waiting}")
    return dg.RunRequest(run_key=run_key)
