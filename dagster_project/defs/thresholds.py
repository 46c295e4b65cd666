"""Sends a message after a publication, if a headline measure newly misses or meets a target, or is worse than usual."""

import json

import dagster as dg
import duckdb

from dagster_project.defs.notifications import alert, first_page
from dagster_project.publication.files import DATABASE, NotPublished, current_publication
from dagster_project.publication.report.queries import read
from dagster_project.settings import read_settings
from dagster_project.warehouse.connection import reading_connection


@dg.sensor(
    name="thresholds",
    minimum_interval_seconds=300,
    description=(
        "Raises an alert after a publication when a headline measure of the newest complete month newly misses or "
        "meets its target, or is worse than usual: once for each month."
    ),
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def thresholds(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Report what stands out; the cursor has the publication that was read last, and what was said of its months."""
    settings = read_settings()
    try:
        folder = current_publication(settings.published)
    except NotPublished as nothing:
        return dg.SkipReason(str(nothing))
    stored = json.loads(context.cursor) if context.cursor else {}
    if stored.get("publication") == folder.name:
        return dg.SkipReason(f"{folder.name} has been read")
    with reading_connection(folder / DATABASE) as connection:
        lines = changes(connection)
    new = [line for line in lines if line not in stored.get("said", ())]
    title = "fcir: headline measures that stand out"
    if new and not alert(context.log, settings, title, [*new, f"The page: {first_page(settings, folder)}"]):
        return dg.SkipReason("the alert reached no address")
    context.update_cursor(json.dumps({"publication": folder.name, "said": lines}))
    return dg.SkipReason(f"{len(new)} of {len(lines)} measures that stand out are new")


def changes(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return a line for each headline measure whose newest complete month stands out, by force.

    Args:
        connection: a database with the marts.
    """
    return [
        f"{row['force_name']}, {row['month']}: {row['short_label']} {row['words']} ({row['display_value']})"
        for row in read(connection, "standing_out")
        if row["words"]
    ]
