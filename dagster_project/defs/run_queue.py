"""The run queue of data roots that share a UI; deploy/dagster-postgres.yaml names the class and sets the limits."""

import dagster as dg

# The list of runs shows this tag; it hides Dagster's own tag of the code location.
FORCE_TAG = "fcir/force"


class RootRunCoordinator(dg.QueuedRunCoordinator):
    """Dagster's run queue; tags each run that enters it with the force whose code location it belongs to.

    Tags of a job do not reach runs that the UI starts from an asset or as a backfill; the queue sees all runs.
    """

    def submit_run(self, context: dg.SubmitRunContext) -> dg.DagsterRun:
        """Tag a run, and put it in the queue."""
        run = context.dagster_run
        if run.remote_job_origin:
            force = run.remote_job_origin.repository_origin.code_location_origin.location_name
            self._instance.add_run_tags(run.run_id, {FORCE_TAG: force})
        return super().submit_run(context)
