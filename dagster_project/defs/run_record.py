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


def record_run(settings: Settings, run: dg.DagsterRun, failures: Sequence[dg.EventLogEntry] | None) -> None:
    """Enter a run that has ended: its job, what started it, and its failed steps; then copy the audit.

    Args:
        settings: the data root; the caller holds the writer lock and no connection.
        run: the run.
        failures: events of its failed steps; None: its process was killed, and the next command finds the run.
    """
    if not settings.warehouse.exists():
        return
    details: dict[str, Any] = {"job": run.job_name, "dagster_run": run.run_id, "started_by": _started_by(run)}
    outcome = "killed" if failures is None else "done"
    if failures:
        steps = sorted({str(event.step_key) for event in failures})
        outcome = "needs attention" if all(step.endswith(RUN_VERDICT) for step in steps) else "failed"
        details |= {"failed_steps": steps, **_failed_subjects(failures)}
    try:
        with loading_connection(settings.warehouse) as connection, transaction(connection):
            action = "publish" if run.job_name.startswith("publish") else "run"
            line = record(connection, action, outcome=outcome, details=details)
    except duckdb.Error:
        # A damaged warehouse fails the run, and its message says so.
        return
    send(line)
    if failures is not None:
        save_history(settings)


def _failed_subjects(failures: Sequence[dg.EventLogEntry]) -> dict[str, Any]:
    for entry in failures:
        data = entry.dagster_event.step_failure_data.user_failure_data if entry.dagster_event else None
        if data and FAILED_SUBJECTS in data.metadata:
            return {FAILED_SUBJECTS: data.metadata[FAILED_SUBJECTS].value}
    return {}


def _started_by(run: dg.DagsterRun) -> str:
    if BY_COMMAND_LINE.items() <= run.tags.items():
        return "command line"
    for tag, what in (("dagster/schedule_name", "schedule"), ("dagster/sensor_name", "sensor")):
        if tag in run.tags:
            return f"{what} {run.tags[tag]}"
    return f"Dagster UI, {run.tags[LOGIN_TAG]}" if LOGIN_TAG in run.tags else "Dagster UI"
