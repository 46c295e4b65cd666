"""Sends a message after a publication, if a headline measure newly misses or meets a target, or is worse than usual."""

import json

import dagster as dg
import duckdb

from dagster_project.defs.notifications import alert, first_page
from dagster_project.publication.files import DATABASE, NotPublished, current_publication
from dagster_project.settings import read_settings
from dagster_project.warehouse.connection import reading_connection

# The newest complete month of each force beside the month before it.
_CHANGES = """
    select
        forces.force_name,
        strftime(months.month_start, '%Y-%m') as month,
        measures.short_label,
        concat_ws(
            ' and ',
            case
                when verdicts.is_target_met and not before.is_target_met then 'newly meets its target'
                when not verdicts.is_target_met and before.is_target_met then 'newly misses its target'
            end,
            case when verdicts.verdict = 'worse' then 'is worse than usual' end
        ) as words,
        figures.display_value
    from marts.report_months as months
    inner join marts.dim_force as forces
        on months.force_code = forces.force_code
    inner join marts.kpi_measure_verdict as verdicts
        on months.force_code = verdicts.force_code
        and months.month_start = verdicts.month_start
    inner join marts.measures as measures
        on verdicts.measure = measures.measure
        and measures.is_headline
    inner join marts.kpi_measure_period as figures
        on verdicts.force_code = figures.force_code
        and verdicts.measure = figures.measure
        and verdicts.month_start = figures.month_start
        and figures.period = 'month'
    left join marts.kpi_measure_verdict as before
        on verdicts.force_code = before.force_code
        and verdicts.measure = before.measure
        and verdicts.month_start = before.month_start + interval 1 month
    where months.is_default and not verdicts.is_provisional
    order by forces.force_name, measures.headline_order
"""


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
    rows = connection.execute(_CHANGES).fetchall()
    return [f"{force}, {month}: {label} {words} ({figure})" for force, month, label, words, figure in rows if words]
