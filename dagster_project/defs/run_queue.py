"""The run queue: tags each run with the login that started it, and with its force where data roots share a UI."""

import dagster as dg

from dagster_project.defs.automation import login_tags

# The list of runs shows this tag; it hides Dagster's own tag of the code location.
FORCE_TAG = "fcir/force"


class LoginRunCoordinator(dg.QueuedRunCoordinator):
    """Dagster's run queue; tags each run that a page of the UI starts with the login that the proxy passes on."""

    def submit_run(self, context: dg.SubmitRunContext) -> dg.DagsterRun:
        """Tag a run, and put it in the queue."""
        if tags := login_tags(context.get_request_header):
            self._instance.add_run_tags(context.dagster_run.run_id, tags)
        return super().submit_run(context)


class RootRunCoordinator(LoginRunCoordinator):
    """The run queue of data roots that share a UI; also tags each run with the force of its code location.

    Tags of a job do not reach runs that the UI starts from an asset or as a backfill; the queue sees all runs.
    """

    def submit_run(self, context: dg.SubmitRunContext) -> dg.DagsterRun:
        """Tag a run, and put it in the queue."""
        run = context.dagster_run
        if run.remote_job_origin:
            force = run.remote_job_origin.repository_origin.code_location_origin.location_name
            self._instance.add_run_tags(run.run_id, {FORCE_TAG: force})
        return super().submit_run(context)
