"""Who is told, and when: a source that did not deliver by its deadline, and a run that failed. Sending is elsewhere.

Every alert is in the log of its sensor. It is sent as well where `FCIR_NOTIFY_FILE` names addresses.
"""

import json
import logging
from collections.abc import Iterable
from datetime import date, timedelta

import dagster as dg

from dagster_project.clock import london_today, utc_now
from dagster_project.contracts import load_contracts
from dagster_project.loading.deadlines import OverdueSource, overdue_sources
from dagster_project.loading.landing import scan_landing
from dagster_project.notifications import NotifyFileError, send
from dagster_project.publication.files import failed_renderings
from dagster_project.settings import CONTRACTS, Settings, read_settings
from dagster_project.warehouse.lock import WarehouseLocked
from dagster_project.warehouse.state import outstanding, reading_audit
from dagster_project.words import be, counted

# A month: when alerts are first switched on, an old gap that everybody knows of is no news.
_NEWS_DAYS = 31

# Lines of an alert; the rest is counted, and `fcir status` has them all.
_LISTED = 12


@dg.sensor(
    name="overdue_deliveries",
    minimum_interval_seconds=300,
    description=(
        "Raises an alert when a daily source has not delivered by the deadline of its contract, judged by the clock: "
        "once for each source and day, and again when the extract has come."
    ),
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def overdue_deliveries(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """The cursor holds, by source, the days that were told and have not come since."""
    settings = read_settings()
    contracts = load_contracts(CONTRACTS)
    try:
        with reading_audit(settings.warehouse, settings.lock_file) as connection:
            found = overdue_sources(connection, scan_landing(settings, contracts), contracts, now=utc_now())
    except WarehouseLocked as locked:
        return dg.SkipReason(str(locked))
    told = _told(context.cursor)
    owed = {item.source: set(item.days) for item in found}
    oldest_news = london_today() - timedelta(days=_NEWS_DAYS)
    news = {
        source: sorted(day for day in days - told.get(source, set()) if day >= oldest_news)
        for source, days in owed.items()
    }
    came = {source: sorted(days - owed.get(source, set())) for source, days in told.items() if source in contracts}
    lines = [
        *(f"{item.source}: overdue, extract of {_listed(news[item.source])}" for item in found if news[item.source]),
        *(f"{source}: has come, extract of {_listed(days)}" for source, days in came.items() if days),
    ]
    if lines and _alert(context.log, settings, _title(found), [*lines, "Next: fcir status"]):
        told = {source: (told.get(source, set()) & days) | set(news[source]) for source, days in owed.items()}
        context.update_cursor(json.dumps({source: sorted(map(str, days)) for source, days in told.items() if days}))
    return dg.SkipReason("; ".join(map(str, found)) or "no source is overdue")


@dg.run_failure_sensor(
    name="failed_runs",
    # This code location is the only one of the instance, and runs of before version 0.1 belong to none.
    monitor_all_code_locations=True,
    minimum_interval_seconds=60,
    description="Raises an alert when a run failed: which steps, and which deliveries need attention.",
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def failed_runs(context: dg.RunFailureSensorContext) -> None:
    """Source, day and state of what is outstanding; never the text of an error, which may hold anything."""
    settings = read_settings()
    steps = sorted({event.step_key for event in context.get_step_failure_events() if event.step_key})
    lines = [f"failed steps: {', '.join(steps)}" if steps else "the run ended without a failed step"]
    try:
        with reading_audit(settings.warehouse, settings.lock_file) as connection:
            faults = outstanding(connection) if connection else []
    except WarehouseLocked:
        lines.append("another run is under way")
    else:
        lines += [f"{fault.source} {fault.extract_date} {fault.status.replace('_', ' ')}" for fault in faults[:_LISTED]]
        lines += [f"and {len(faults) - _LISTED} more"] if len(faults) > _LISTED else []
    if left_out := len(failed_renderings(settings.published)):
        lines.append(f"{counted(left_out, 'file')} left out of what is published")
    run = context.dagster_run
    _alert(context.log, settings, f"fcir: {run.job_name} failed", [f"run {run.run_id}", *lines, "Next: fcir status"])


def _alert(log: logging.Logger, settings: Settings, title: str, lines: Iterable[str]) -> bool:
    """Log an alert, and send it where addresses are named; false when nobody of those could be told."""
    body = "\n".join(lines)
    log.warning(f"{title}\n{body}")
    if settings.notify_file is None:
        return True
    try:
        sent = send(settings.notify_file, title=title, body=body)
    except NotifyFileError as error:
        log.warning(f"the alert was not sent: {error}")
        return False
    if sent.failed:
        log.warning(
            f"the alert reached {sent.reached} of {sent.reached + sent.failed} addresses of {settings.notify_file}"
        )
    return sent.reached > 0


def _title(found: list[OverdueSource]) -> str:
    if not found:
        return "fcir: no source is overdue any more"
    return f"fcir: {counted(len(found), 'source')} {be(len(found))} overdue"


def _listed(days: list[date]) -> str:
    more = f" and {len(days) - _LISTED} more" if len(days) > _LISTED else ""
    return ", ".join(map(str, days[:_LISTED])) + more


def _told(cursor: str | None) -> dict[str, set[date]]:
    stored = json.loads(cursor) if cursor else {}
    return {source: {date.fromisoformat(day) for day in days} for source, days in stored.items()}
