"""Alerts for overdue deliveries and failed runs.

Every alert is in the log of its sensor. If `FCIR_NOTIFY_FILE` is set, it is sent to the addresses in that file with
apprise.
"""

import json
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import dagster as dg

from dagster_project.clock import london_today, utc_now
from dagster_project.config import contracts_of
from dagster_project.loading.deadlines import overdue_sources
from dagster_project.loading.landing import scan_landing
from dagster_project.publication.files import failed_renderings
from dagster_project.settings import Settings, read_settings
from dagster_project.warehouse.lock import WarehouseLocked
from dagster_project.warehouse.state import reading_audit, unresolved_deliveries
from dagster_project.words import be, counted, in_shell, listed

# A month: when alerts are first switched on, they skip old gaps that are already known.
_NEWEST_DAYS = 31
# Maximum number of lines of an alert; the others are counted, and `fcir status` lists all.
_LISTED = 12


@dg.sensor(
    name="overdue_deliveries",
    minimum_interval_seconds=300,
    description=(
        "Raises an alert when a daily source has not delivered by the deadline of its contract: once for each source "
        "and day, and again when the extract is delivered."
    ),
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def overdue_deliveries(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Report overdue deliveries.

    The cursor contains, by source and data root, reported days that are still not delivered.
    """
    settings = read_settings()
    contracts = contracts_of(settings)
    try:
        with reading_audit(settings.warehouse, settings.lock_file) as connection:
            overdue = overdue_sources(connection, scan_landing(settings, contracts), contracts, now=utc_now())
    except WarehouseLocked as locked:
        return dg.SkipReason(str(locked))
    stored = json.loads(context.cursor) if context.cursor else {}
    alerted = {(source, date.fromisoformat(day)) for source, days in stored.items() for day in days}
    missing = {(item.source, day) for item in overdue for day in item.days}
    oldest = london_today() - timedelta(days=_NEWEST_DAYS)
    new = {(source, day) for source, day in missing - alerted if day >= oldest}
    delivered = {(source, day) for source, day in alerted - missing if source.partition(" ")[0] in contracts}
    lines = [
        f"{source}: {what}, extract of {listed(days, _LISTED)}"
        for what, found in (("overdue", new), ("delivered", delivered))
        for source, days in _by_source(found).items()
    ]
    number = f"{counted(len(overdue), 'source')} {be(len(overdue))}" if overdue else "no source is"
    title = f"fcir: {number} overdue{'' if overdue else ' any more'}"
    if lines and alert(context.log, settings, title, [*lines, "Next: fcir status"]):
        context.update_cursor(json.dumps(_by_source(alerted & missing | new), default=str))
    return dg.SkipReason("; ".join(map(str, overdue)) or "no source is overdue")


def _by_source(days: Iterable[tuple[str, date]]) -> dict[str, list[date]]:
    """Return days by source, both in order."""
    return {source: [day for _, day in group] for source, group in groupby(sorted(days), itemgetter(0))}


@dg.run_failure_sensor(
    name="failed_runs",
    # All runs of the storage are of this data root; otherwise Dagster would leave out those without its location.
    monitor_all_code_locations=True,
    minimum_interval_seconds=60,
    description="Raises an alert when a run failed: which steps, and which deliveries need attention.",
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def failed_runs(context: dg.RunFailureSensorContext) -> None:
    """Report a failed run by the deliveries that need attention, never by an error's text: it may contain anything."""
    settings = read_settings()
    steps = sorted({event.step_key for event in context.get_step_failure_events() if event.step_key})
    lines = [f"failed steps: {', '.join(steps)}" if steps else "the run ended without a failed step"]
    try:
        with reading_audit(settings.warehouse, settings.lock_file) as connection:
            faults = unresolved_deliveries(connection) if connection else []
    except WarehouseLocked:
        lines.append("another run is in progress")
    else:
        lines += [f"{fault.source} {fault.extract_date} {fault.status.replace('_', ' ')}" for fault in faults[:_LISTED]]
        lines += [f"and {len(faults) - _LISTED} more"] if len(faults) > _LISTED else []
    if left_out := len(failed_renderings(settings.published)):
        lines.append(f"{counted(left_out, 'file')} left out of what is published")
    run = context.dagster_run
    alert(context.log, settings, f"fcir: {run.job_name} failed", [f"run {run.run_id}", *lines, "Next: fcir status"])


def alert(log: logging.Logger, settings: Settings, title: str, lines: Iterable[str]) -> bool:
    """Log an alert and send it if addresses are set; return false if it reached none of them."""
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
        log.warning(f"the alert reached {sent} of {settings.notify_file}")
    return sent.reached > 0


def first_page(settings: Settings, folder: Path) -> str:
    """Return where the first page of a publication is: on the site, or in its folder."""
    return f"{settings.site_url}/index.html" if settings.site_url else str(folder / "index.html")


class NotifyFileError(RuntimeError):
    """The file of addresses cannot be used; the message names the file but never its content."""


@dataclass(frozen=True)
class Sent:
    """Number of addresses that a message reached, and that it did not reach."""

    reached: int
    failed: int

    def __str__(self) -> str:
        """Return how many of the addresses it reached."""
        return f"{self.reached} of {self.reached + self.failed} addresses"


def send(file: Path, *, title: str, body: str, attached: Path | None = None) -> Sent:
    """Send a message, with a file if one is named, to every address of a file.

    Addresses contain passwords and tokens, so neither this module nor the libraries log anything about them.

    The file has one apprise URL per line; blank lines and lines that start with # are ignored.

    Returns:
        The number of addresses that accepted it. If one fails, the others are still tried.

    Raises:
        NotifyFileError: the file cannot be read, can be read by others, or contains no address.
    """
    addresses = _addresses(file)
    # Imported here: it takes 0.1 s and is rarely needed.
    import apprise

    reached = 0
    with _silent("apprise", "urllib3", "requests"):
        for address in addresses:
            service = apprise.Apprise()
            if service.add(address) and service.notify(
                body=body,
                title=title,
                body_format=apprise.NotifyFormat.TEXT,
                attach=str(attached) if attached else None,
            ):
                reached += 1
    return Sent(reached, len(addresses) - reached)


def _addresses(file: Path) -> list[str]:
    try:
        with file.open(encoding="utf-8", errors="replace") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            lines = [line.strip() for line in stream]
    except OSError as error:
        raise NotifyFileError(f"{file}: cannot be read: {error.strerror}") from None
    if mode & 0o077:
        raise NotifyFileError(
            f"{file}: others may read these addresses. Nothing was sent. Run: chmod 600 {in_shell(file)}"
        )
    addresses = [line for line in lines if line and not line.startswith("#")]
    if not addresses:
        raise NotifyFileError(f"{file}: contains no address; expected one apprise URL per line")
    return addresses


@contextmanager
def _silent(*names: str) -> Iterator[None]:
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
