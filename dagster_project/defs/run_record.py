"""Enter finished runs into the record of actions: those of commands, of the schedule, of the sensor and of the UI."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import duckdb

from dagster_project.defs.automation import BY_COMMAND_LINE, LOGIN_TAG
from dagster_project.operations.actions import record, send
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import loading_connection, transaction
from dagster_project.warehouse.history import save_history

RUN_VERDICT = "run_verdict"
"""The step that fails after everything is done, if a delivery or a file needs attention."""

FAILED_SUBJECTS = "failed_subjects"
"""Metadata of a failed build, and detail of its run in the record: subjects with a faulty table or a failed test."""


def record_run(settings: Settings, instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Enter a run that has ended: its job, what started it, and its failed steps; then copy the audit.

    Args:
        settings: the data root; the caller holds the writer lock and no connection.
        instance: Dagster's storage.
        run: the run.
    """
    events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    failed = sorted({str(event.step_key) for event in events})
    is_failed = any(not step.endswith(RUN_VERDICT) for step in failed)
    facts = {"job": run.job_name, "dagster_run": run.run_id, "started_by": _started_by(run)}
    subjects = _failed_subjects(events)
    if not settings.warehouse.exists():
        return
    try:
        with loading_connection(settings.warehouse) as connection, transaction(connection):
            outcome = "failed" if is_failed else "needs attention" if failed else "done"
            details = facts | ({"failed_steps": failed} if failed else {})
            details |= {FAILED_SUBJECTS: subjects} if subjects else {}
            line = record(connection, _action(run), outcome=outcome, details=details)
    except duckdb.Error:
        # A damaged warehouse fails the run, and its message says so.
        return
    send(line)
    save_history(settings)


def _failed_subjects(failures: Sequence[dg.EventLogEntry]) -> list[str]:
    for entry in failures:
        data = entry.dagster_event.step_failure_data.user_failure_data if entry.dagster_event else None
        if data and FAILED_SUBJECTS in data.metadata:
            subjects: Any = data.metadata[FAILED_SUBJECTS].value
            return list(subjects)
    return []


def record_killed_run(settings: Settings, run: dg.DagsterRun) -> None:
    """Enter a run whose process was killed, when the next command finds it."""
    facts = {"job": run.job_name, "dagster_run": run.run_id, "started_by": _started_by(run)}
    if not settings.warehouse.exists():
        return
    with loading_connection(settings.warehouse) as connection, transaction(connection):
        line = record(connection, _action(run), outcome="killed", details=facts)
    send(line)


def _action(run: dg.DagsterRun) -> str:
    return "publish" if run.job_name.startswith("publish") else "run"


def _started_by(run: dg.DagsterRun) -> str:
    if BY_COMMAND_LINE.items() <= run.tags.items():
        return "command line"
    for tag, what in (("dagster/schedule_name", "schedule"), ("dagster/sensor_name", "sensor")):
        if tag in run.tags:
            return f"{what} {run.tags[tag]}"
    return f"Dagster UI, {run.tags[LOGIN_TAG]}" if LOGIN_TAG in run.tags else "Dagster UI"
