"""What an operator's command does: start the job, look at the state, try a file. Words on a screen: `cli.py`.

Imported inside a function is what it alone needs and takes long to import: pyarrow and the readers 0.2 s, Dagster with
the definitions 1.5 s.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from dagster_project.clock import london_today, utc_now
from dagster_project.contracts import Contract, load_contracts
from dagster_project.damage import Damage, find_damage, publication_damage, repair
from dagster_project.errors import UsageError
from dagster_project.extracts.errors import printable
from dagster_project.loading.deadlines import (
    ExpectedDelivery,
    OverdueSource,
    expected_deliveries,
    overdue_sources,
)
from dagster_project.loading.landing import scan_landing
from dagster_project.loading.plan import Plan, Range, expected_days, plan_deliveries
from dagster_project.loading.pseudonyms import check_key, known_fingerprint
from dagster_project.loading.waivers import Waiver, waive
from dagster_project.loading.withdrawals import gone
from dagster_project.publication.pointer import current_publication, pointer_of
from dagster_project.settings import CONTRACTS, PROJECT_ROOT, WORKSPACE, LogFormat, Settings
from dagster_project.signals import shield_children
from dagster_project.transformation.project import ensure_manifest, is_parsed, write_docs
from dagster_project.warehouse.connection import (
    loading_connection,
    make_private_folder,
    private_files,
    reading_connection,
    says_damage,
)
from dagster_project.warehouse.lock import Holder, WarehouseLocked, holder_of, killed_holder, note_step, writer_lock
from dagster_project.warehouse.state import (
    AffectedMonth,
    OutstandingDelivery,
    SourceState,
    affected_months,
    how_to_restore,
    outstanding,
    reading_audit,
    source_states,
)

if TYPE_CHECKING:
    import dagster as dg
    import duckdb


# The code location of deploy/workspace.yaml and the name that Dagster gives to what it loads from there.
_CODE_LOCATION, _REPOSITORY = "dagster_project", "__repository__"
# By this tag the UI shows a run under its job; only runs that the UI starts have it by themselves.
_OF_THE_JOB = {".dagster/repository": f"{_REPOSITORY}@{_CODE_LOCATION}"}


# Job to the command that runs it in this process.
_COMMANDS = {"nightly": "fcir run", "publish": "fcir publish", "publish_public": "fcir publish --edition public"}


# How often a state is read when a run takes and gives back the warehouse in between.
_READINGS = 3


@dataclass(frozen=True)
class Work:
    """What there is to do."""

    plan: Plan
    is_needed: bool
    """False when nothing is new and what is published is of what is loaded."""
    outstanding: tuple[OutstandingDelivery, ...]
    expected: tuple[ExpectedDelivery, ...] = ()


@dataclass(frozen=True)
class RunResult:
    """How a job ended."""

    success: bool
    failures: tuple[str, ...]
    """Why steps failed, apart from the run's verdict on its deliveries."""
    outstanding: tuple[OutstandingDelivery, ...]
    expected: tuple[ExpectedDelivery, ...] = ()


def find_work(settings: Settings, *, wanted: Range, sources: Sequence[str], now: datetime | None = None) -> Work:
    """Compare the landing folder with the warehouse; nothing is changed.

    Args:
        settings: where the data are.
        wanted: extract dates asked for.
        sources: sources asked for; empty: all.
        now: the present instant; None: by the clock.

    Raises:
        UsageError: a source is not known, or there is no landing folder.
        WarehouseLocked: a run holds the warehouse.
        DatabaseUnreadable: the warehouse is damaged.
        PseudonymKeyError: the key cannot be used, is lost, or is not the warehouse's.
    """
    from dagster_project.transformation.build import is_current

    contracts = contracts_of(sources)
    now = now or utc_now()
    _see_home(settings)
    if not settings.landing.is_dir():
        raise UsageError(
            f"{settings.landing}: no such folder; nothing was done. Is FCIR_HOME right ({settings.home}), is a share "
            "away? In a new installation make the folder, or write synthetic extracts: fcir sample"
        )
    every = load_contracts(CONTRACTS)
    landing = scan_landing(settings, every, wait_for=contracts)
    with reading_audit(settings.warehouse, settings.lock_file) as connection:
        _check_key(settings, connection)
        plan = plan_deliveries(connection, landing, contracts, wanted=wanted)
        if connection is None:
            # An empty warehouse is published too, but not in place of the first delivery that is being written.
            return Work(plan, is_needed=bool(plan.deliveries) or not plan.held, outstanding=())
        owed = expected_days(connection, landing, every, wanted=wanted, now=now)
        audited = {
            (source, day)
            for source, day in connection.execute("select distinct source, extract_date from audit.load").fetchall()
        }
        coming = {(delivery.source, delivery.extract_date) for delivery in plan.deliveries}
        is_missing_news = any(
            (source, day) not in audited and (source, day) not in coming
            for source, days in owed.items()
            if source in contracts
            for day in days
        )
        is_needed = bool(plan.deliveries) or is_missing_news or not is_current(connection)
        is_needed = is_needed or bool(gone(connection, settings.landing, plan, contracts, wanted=wanted))
        is_needed = is_needed or not pointer_of(settings.published).exists() or any(publication_damage(settings))
        expected = tuple(expected_deliveries(connection, landing, contracts, now=now))
        return Work(plan, is_needed, tuple(outstanding(connection)), expected)


def _check_key(settings: Settings, connection: duckdb.DuckDBPyConnection | None) -> None:
    """See that the next run can use the key, also when there is nothing to load: its copy may be gone by then."""
    check_key(settings.key_file, known_fingerprint(connection) if connection else None)


def repair_files(settings: Settings) -> list[Damage]:
    """Get damaged files that can be made again out of the way, as a run does before anything else.

    Returns:
        What was found.

    Raises:
        WarehouseLocked: another run holds the warehouse.
    """
    if not find_damage(settings):
        return []
    with writer_lock(settings.lock_file):
        return repair(settings)


def _see_home(settings: Settings) -> None:
    """See that the data root is a folder, or nothing yet.

    Raises:
        UsageError: it is a file.
    """
    if settings.home.exists() and not settings.home.is_dir():
        raise UsageError(
            f"FCIR_HOME: {settings.home} is a file; nothing was done. Name a folder, an existing or a new one"
        )


def accept_rejected(settings: Settings, names: Sequence[str], reason: str) -> list[Waiver]:
    """Record that rejected deliveries are to be loaded anyway; the next run does it.

    Args:
        settings: where the warehouse is.
        names: the deliveries, each as `SOURCE/DAY`.
        reason: why, in the operator's words.

    Raises:
        WaiverError: a delivery that cannot be accepted this way; those before it are recorded.
        UsageError: a name is no `SOURCE/DAY`, its source is not known, no reason is given, or nothing is loaded yet.
        WarehouseLocked: a run holds the warehouse.
    """
    deliveries = [_delivery_named(name) for name in names]
    if not reason.strip():
        raise UsageError(f'--accept needs a reason, which the audit keeps: fcir run --accept {names[0]} --reason "..."')
    with reading_audit(settings.warehouse, settings.lock_file) as connection:
        if connection is None:
            raise UsageError("nothing is loaded yet, so nothing is rejected. Run: fcir run")
    with writer_lock(settings.lock_file, command="fcir run"), loading_connection(settings.warehouse) as connection:
        return [waive(connection, source, day, reason.strip()) for source, day in deliveries]


def _delivery_named(name: str) -> tuple[str, date]:
    """Source and extract date of a delivery.

    Raises:
        UsageError: the name is not of the form, or the source is not known.
    """
    source, _, text = name.partition("/")
    day = day_of(text)
    if day is None:
        raise UsageError(
            f"--accept {printable(name)}: expected SOURCE/DAY, for example call_segments/2022-10-30. Nothing was "
            "changed. What is rejected: fcir status"
        )
    return next(iter(contracts_of([source]))), day


def day_of(text: str) -> date | None:
    """The day that a text names as YYYY-MM-DD; None where it is no day."""
    # fromisoformat alone takes 20221101 and 2022-W44-2 as well.
    with suppress(ValueError):
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
    return None


def contracts_of(sources: Sequence[str]) -> Mapping[str, Contract]:
    """The contracts of the named sources; of all when none is named.

    Raises:
        UsageError: a source has no contract.
    """
    contracts = load_contracts(CONTRACTS)
    unknown = [source for source in sources if source not in contracts]
    if unknown:
        near = [name for source in unknown for name in get_close_matches(source, contracts, n=1)]
        hint = f". Did you mean {', '.join(near)}?" if near else ""
        raise UsageError(f"no contract for source {', '.join(unknown)}; known: {', '.join(contracts)}{hint}")
    return {source: contract for source, contract in contracts.items() if not sources or source in sources}


def run_job(
    settings: Settings, name: str, *, wanted: Range | None = None, sources: Sequence[str] = (), debug: bool = False
) -> RunResult:
    """Run a job in this process, recorded in the installation's Dagster instance so that the UI shows it.

    Args:
        settings: where the data are.
        name: the job, `nightly`, `publish` or `publish_public`.
        wanted: extract dates to load; None: what is new.
        sources: sources to load; empty: all.
        debug: let exceptions through with their traceback.

    Returns:
        How it ended.

    Raises:
        WarehouseLocked: another run holds the warehouse.
        PseudonymKeyError: the key cannot be used, is lost, or is not the warehouse's.
        TableMismatch: a raw table does not fit its contract.
    """
    from dagster_project.loading.pipeline import settle_key

    # Only what is published is for others to read, and `publish` opens that.
    with writer_lock(settings.lock_file, command=_COMMANDS[name]), private_files():
        note_step(settings.lock_file, "starting")
        settings.commentary.mkdir(exist_ok=True)
        # Here, although loading reads it again: inside the job a bad key is a failed step, tried twice per source.
        settle_key(settings, load_contracts(CONTRACTS))
        prepare_dagster_home(settings)
        import dagster as dg

        from dagster_project.definitions import definitions
        from dagster_project.defs.automation import BY_COMMAND_LINE, QUIET_CONSOLE

        wanted = wanted or Range()
        resolved = definitions().get_repository_def()
        job = resolved.get_job(name)
        config = {
            "resources": {
                "deliveries": {
                    "config": {
                        "first": wanted.first.isoformat() if wanted.first else "",
                        "last": wanted.last.isoformat() if wanted.last else "",
                    }
                }
            }
        }
        selection = None
        if sources:
            left_out = [dg.AssetKey(["raw", source]) for source in load_contracts(CONTRACTS) if source not in sources]
            selection = [key for key in job.asset_layer.executable_asset_keys if key not in left_out]
        with dg.DagsterInstance.get() as instance:
            _close_killed_runs(instance)
            _mark_as_of_code_location(instance, name)
            # Again, since `multiprocessing`, of which dbt has its locks, has unblocked it.
            shield_children()
            result = job.execute_in_process(
                instance=instance,
                run_config=QUIET_CONSOLE | (config if name == "nightly" else {}),
                asset_selection=selection,
                raise_on_error=debug,
                tags=BY_COMMAND_LINE | _OF_THE_JOB,
            )
            failures = tuple(_failures(settings, result))
        with reading_audit(settings.warehouse, settings.lock_file) as connection:
            left = tuple(outstanding(connection)) if connection else ()
            contracts = contracts_of(sources)
            landing = scan_landing(settings, contracts, settle_seconds=0.0)
            expected = tuple(expected_deliveries(connection, landing, contracts, now=utc_now()))
        return RunResult(result.success, failures, left, expected)


def _mark_as_of_code_location(instance: dg.DagsterInstance, job: str) -> None:
    """Have runs that this process makes belong to the code location, as those do that the UI starts.

    The first page of the UI shows no other runs. `execute_in_process` takes no origin, but asks
    the instance for the run; the origin is read from the form in which Dagster stores it with a run.
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


def _close_killed_runs(instance: dg.DagsterInstance) -> None:
    """Mark runs of this command as failed that were killed: while they count as running, the queue starts no other.

    The caller holds the writer lock, so none of them is alive.
    """
    import dagster as dg

    from dagster_project.defs.automation import BY_COMMAND_LINE

    alive = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    for run in instance.get_runs(dg.RunsFilter(statuses=alive, tags=BY_COMMAND_LINE)):
        instance.report_run_failed(run, "The process of this run was killed; nothing of it was left half done.")


def prepare_dagster_home(settings: Settings) -> None:
    """Make the Dagster instance's folder, with the project's configuration, and point this process to it.

    It is made for its owner alone: logs and run configurations are in it.
    """
    make_private_folder(settings.dagster_home)
    wanted = (PROJECT_ROOT / "deploy" / "dagster.yaml").read_bytes()
    target = settings.dagster_home / "dagster.yaml"
    if not target.exists() or target.read_bytes() != wanted:
        draft = target.with_name(f".dagster.yaml-{os.getpid()}")
        with private_files():
            draft.write_bytes(wanted)
        draft.replace(target)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    # What a run is going to make, 250 events, is written at once.
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")


def _failures(settings: Settings, result: dg.ExecuteInProcessResult) -> list[str]:
    found = []
    for event in result.filter_events(lambda event: event.is_step_failure):
        if event.step_key and event.step_key.endswith("run_verdict"):
            continue
        data = event.step_failure_data
        said = data.user_failure_data.description if data.user_failure_data else None
        if said is None and data.error is not None:
            cause = data.error
            while cause.cause is not None:
                cause = cause.cause
            # The message begins with the class, which tells an operator nothing.
            said = re.sub(rf"^[\w.]*\b{re.escape(cause.cls_name or '')}: ", "", cause.message.strip())
        if said and says_damage(said):
            said = f"{said.rstrip('.')}. {settings.warehouse} is damaged. {how_to_restore(settings.warehouse)}"
        found.append(f"{event.step_key}: {said or 'failed'}")
    return found


def open_landing_warning(settings: Settings) -> str | None:
    """What to say of a landing folder that everybody on the machine may enter; None where there is none.

    It is left as it is: source systems write there, through a group or a mount whose modes are not this project's.
    """
    if not settings.landing.is_dir() or not (mode := stat.S_IMODE(settings.landing.stat().st_mode)) & 0o007:
        return None
    return (
        f"{settings.landing} is open to every user of this machine (mode {mode:04o}), and extracts hold personal "
        f"values; it was not changed. Close it: chmod o= {shlex.quote(str(settings.landing))}"
    )


@dataclass(frozen=True)
class State:
    """What `fcir status` shows."""

    sources: tuple[SourceState, ...]
    outstanding: tuple[OutstandingDelivery, ...]
    waiting: int = 0
    """Deliveries in the landing folder that a run would load; not known while the warehouse is held."""
    held: int = 0
    """Deliveries in the landing folder that are not complete yet; not known while the warehouse is held."""
    overdue: tuple[OverdueSource, ...] = ()
    expected: tuple[ExpectedDelivery, ...] = ()
    affected: tuple[AffectedMonth, ...] = ()
    """Months whose figures are marked, since more than 1 % of their rows were quarantined; not known while the
    warehouse is held."""
    is_published: bool = True
    """Whether what is published is of all that is loaded."""
    killed: Holder | None = None
    """The last process that wrote to the warehouse, if it was killed."""
    locked: str | None = None
    """Why the warehouse cannot be read; then all of the above is the state of the last publication."""
    running: Holder | None = None
    """The process that holds the warehouse, where it is one of this project's."""
    published_as: str | None = None
    """Name of the publication that the state is of, while the warehouse is held; None where there is none."""


def read_state(settings: Settings, *, now: datetime | None = None) -> State:
    """The state of every source: by the warehouse, or by the last publication while the warehouse is held.

    A run commits what it loads source by source, and publishes last. So a state is read where no run is between the
    two: from the warehouse under the reader lock, else from the publication, which is whole or not there.

    Args:
        settings: where the data are.
        now: the present instant; None: by the clock.

    Raises:
        DatabaseUnreadable: the warehouse is damaged, or the publication while the warehouse is held.
        PseudonymKeyError: the key cannot be used, is lost, or is not the warehouse's.
    """
    contracts = load_contracts(CONTRACTS)
    _see_home(settings)
    # Between the two readings a run may have ended, and with it the reason to read the publication.
    for _ in range(_READINGS):
        try:
            return _state_of_warehouse(settings, contracts, now or utc_now())
        except WarehouseLocked as locked:
            said = str(locked)
            holder = holder_of(settings.lock_file)
            if holder or not said.startswith("run of process"):
                break
    return _state_of_publication(settings, said, holder)


def _state_of_warehouse(settings: Settings, contracts: Mapping[str, Contract], now: datetime) -> State:
    from dagster_project.transformation.build import is_current

    with reading_audit(settings.warehouse, settings.lock_file) as connection:
        # Below the lock, so that no run has taken files meanwhile.
        landing = scan_landing(settings, contracts)
        _check_key(settings, connection)
        waiting = len(plan_deliveries(connection, landing, contracts, wanted=Range()).deliveries)
        killed = killed_holder(settings.lock_file)
        if connection is None:
            return State((), (), waiting, len(landing.held_days), killed=killed)
        return State(
            tuple(source_states(connection)),
            tuple(outstanding(connection)),
            waiting,
            len(landing.held_days),
            tuple(overdue_sources(connection, landing, contracts, now=now)),
            tuple(expected_deliveries(connection, landing, contracts, now=now)),
            tuple(affected_months(connection)),
            is_published=is_current(connection) and pointer_of(settings.published).exists(),
            killed=killed,
        )


def _state_of_publication(settings: Settings, locked: str, holder: Holder | None) -> State:
    if not pointer_of(settings.published).exists():
        return State((), (), locked=locked, running=holder)
    folder = current_publication(settings.published)
    with reading_connection(folder / "fcir.duckdb") as connection:
        return State(
            tuple(source_states(connection, is_published=True)),
            tuple(outstanding(connection, is_published=True)),
            locked=locked,
            running=holder,
            published_as=folder.name,
        )


def make_paper(settings: Settings, out: Path, *, month: date | None, length: int, force_code: str) -> list[Path]:
    """Write a board paper from the current publication, in every form.

    Args:
        settings: where the publication and the commentaries are.
        out: folder for the files; made where it does not exist.
        month: last month shown, by any day of it; None: the force's newest complete one.
        length: months shown.
        force_code: the force.

    Returns:
        The files.

    Raises:
        NotPublished: nothing was published yet.
        ReportError: there is no figure of that force and month.
        CommentaryError: the commentary of that month cannot be shown.
    """
    # What draws and typesets costs 0.3 s to import, which no other command needs.
    from dagster_project.publication.papers import write_paper
    from dagster_project.publication.report.commentary import commentary_file, read_commentary
    from dagster_project.publication.report.read import default_month, paper_months, paper_sections, read_report

    folder = current_publication(settings.published)
    with reading_connection(folder / "fcir.duckdb") as connection:
        months = paper_months(connection).get(force_code, [])
        shown = month.replace(day=1) if month else default_month(months) or london_today().replace(day=1)
        # A force that is not known is none, however it is written: the report says so.
        file = commentary_file(settings.commentary, force_code, f"{shown:%Y-%m}") if months else None
        words = read_commentary(file, paper_sections(connection)) if file else {}
        report = read_report(connection, force_code=force_code, month=shown, length=length, commentary=words)
    out.mkdir(parents=True, exist_ok=True)
    return write_paper(report, out)


def months_shown(settings: Settings) -> str:
    """Which month the publication shows first, and which run after it.

    Args:
        settings: where the publication is, and of which force.

    Returns:
        `January 2023 (newest complete); so far February 2023: 1 of 28 days`. An empty text where the force has no
        month.
    """
    from dagster_project.publication.report.model import long_month
    from dagster_project.publication.report.read import paper_months

    with reading_connection(current_publication(settings.published) / "fcir.duckdb") as connection:
        try:
            months = paper_months(connection).get(settings.force, [])
        except duckdb.CatalogException:
            # Published by a version without the table; the next run publishes it.
            return ""
    shown = next((item for item in months if item.is_default), None)
    if shown is None:
        return ""
    text = f"{long_month(shown.month)} ({shown.coverage or 'newest complete'})"
    running = [f"{long_month(item.month)}: {item.coverage}" for item in months if item.is_running]
    return f"{text}; so far {', '.join(running)}" if running else text


def serve_ui(settings: Settings, *, port: int, read_only: bool) -> int:
    """Run Dagster's web server on loopback, with the daemon unless read-only, until one ends or the user stops them.

    Returns:
        The exit code of the process that ended first; 0 when the user stopped them.

    Raises:
        WarehouseLocked: a run holds the warehouse; read-only, where nothing has to be made first, it may.
    """
    prepare_dagster_home(settings)
    if not (read_only and _is_ready_for_viewers(settings)):
        import dagster as dg

        # Storage and manifest are made here, before two processes would make them at the same time.
        locked = writer_lock(settings.lock_file, command="fcir ui")
        with locked, private_files(), dg.DagsterInstance.get() as instance:
            note_step(settings.lock_file, "preparing the lineage UI")
            _close_killed_runs(instance)
            ensure_manifest(settings)
    environment = os.environ | {"FCIR_HOME": str(settings.home), "FCIR_FORCE": settings.force}
    # -P: modules come from the environment, not from the folder that fcir is started from.
    web = [sys.executable, "-P", "-m", "dagster_project.web", "--port", str(port)]
    form = ["--log-format", "json"] if settings.log_format is LogFormat.JSON else []
    daemon = [_tool("dagster-daemon"), "run", "--workspace", str(WORKSPACE), *form]
    # Viewers get no daemon: beside the operator's it would be a second scheduler.
    commands = [[*web, "--read-only"]] if read_only else [web, daemon]
    # A shell that starts this in the background hands down an ignored SIGINT; the servers then stop by SIGKILL only.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            # What Dagster writes is private; runs that it starts open what they publish by themselves.
            process = subprocess.Popen(command, env=environment, start_new_session=True, umask=0o077)  # noqa: S603 - own tools
            processes.append(process)
        while True:
            for process in processes:
                if (ended := process.poll()) is not None:
                    return ended
            time.sleep(0.5)
    except KeyboardInterrupt:
        return 0
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


def _is_ready_for_viewers(settings: Settings) -> bool:
    """Whether a run or `fcir ui` has made all that the read-only server needs, so that it only reads."""
    storage = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
    return all((settings.dagster_home / file).exists() for file in storage) and is_parsed(settings)


def open_in_browser(file: Path) -> bool:
    """Open a page in the user's browser; without a display nothing is started, not even a browser of text.

    Returns:
        Whether a browser was started.
    """
    import webbrowser

    has_display = sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    if not has_display:
        return False
    with suppress(webbrowser.Error, OSError):
        return webbrowser.open(file.as_uri())
    return False


def claim_port(port: int) -> None:
    """See that a port of this machine is free, before servers start that would only find out half a minute later.

    Raises:
        UsageError: another program listens on it.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise UsageError(
                f"port {port} of 127.0.0.1 is in use; nothing was started. Stop what runs there (another fcir ui?), or "
                f"take another: fcir ui --port {port + 1 if port < 65535 else 3000}"
            ) from None


def _tool(name: str) -> str:
    """A command of the environment that this process runs in."""
    return str(Path(sys.executable).with_name(name))


def write_dbt_docs(settings: Settings) -> Path:
    """The documentation of all models as one page that needs no server.

    Raises:
        DbtError: dbt could not write it.
    """
    with writer_lock(settings.lock_file, command="fcir docs"):
        return write_docs(settings)


def write_data_docs(settings: Settings) -> Path:
    """The results of validation that are kept, as the Data Docs of Great Expectations.

    Raises:
        UsageError: no result is kept.
        WarehouseLocked: a run is loading.
    """
    from dagster_project.validation.outcomes import engine_version

    documents: list[tuple[str]] = []
    # A warehouse of an earlier version has no such table.
    with suppress(duckdb.CatalogException), reading_audit(settings.warehouse, settings.lock_file) as connection:
        if connection:
            documents = connection.execute(
                """
                select document
                from audit.suite_result
                where engine_version = ?
                order by validated_at desc, run_id desc, source
                """,
                [engine_version()],
            ).fetchall()
    if not documents:
        raise UsageError(f"no result of Great Expectations {engine_version()} is kept; load deliveries first: fcir run")
    # Here: it imports Great Expectations.
    from dagster_project.validation.data_docs import write_data_docs as write

    return write([document for (document,) in documents], settings.home / "data_docs")
