"""Find forces whose numbers began again in a run: events with the identifier of an earlier one."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from dagster_project.settings import Settings
from dagster_project.sql import literal
from dagster_project.transformation.build import compiled_rows
from dagster_project.transformation.project import marts_of
from dagster_project.words import listed

# A few mistyped numbers are in every source.
_EVENTS_OF_DAY = 20
_DAYS_NAMED = 3


def numbers_begun_again(settings: Settings, manifest: Mapping[str, Any], run_id: str) -> Iterator[str]:
    """Yield a sentence for each source and force whose numbers began again on a day that a run has loaded.

    That day is the first with at least 20 events of an epoch, so that only the run that brings it says so.

    Args:
        settings: the data root; its tables are built, and the caller has no connection.
        manifest: dbt's.
        run_id: the run.
    """
    for mart in marts_of(manifest):
        epoch = mart.grain[-1]
        if mart.changed_rows is None or not epoch.endswith("_epoch"):
            continue
        fact, load = manifest["nodes"][f"model.fcir.{mart.name}"], manifest["sources"]["source.fcir.audit.load"]
        rows = compiled_rows(
            settings,
            f"""
            with days as (
                select
                    events.force_code,
                    events.{epoch},
                    events.{mart.month_of},
                    max(case when loads.run_id = {literal(run_id)} then 1 else 0 end) as is_new,
                    row_number() over (
                        partition by events.force_code, events.{epoch}
                        order by events.{mart.month_of} asc nulls last
                    ) as row_num
                from {fact["relation_name"]} as events
                inner join {load["relation_name"]} as loads
                    on events.load_id = loads.load_id
                where events.{epoch} > 0
                group by events.force_code, events.{epoch}, events.{mart.month_of}
                having count(*) >= {_EVENTS_OF_DAY}
            )

            select force_code, {mart.month_of}
            from days
            where row_num = 1 and is_new = 1
            order by force_code asc nulls last, {epoch} asc nulls last
            """,  # noqa: S608 - names of the project
        )
        source = mart.changed_rows[1].removeprefix("chg_").removesuffix("_rows")
        for force, of_force in groupby(rows, lambda row: row[0]):
            days = listed([f"{day:%-d %B %Y}" for _, day in of_force], _DAYS_NAMED)
            yield f"{source}: the numbers of {force} began again on {days}; nothing to do"
