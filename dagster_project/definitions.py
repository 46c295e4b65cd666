"""The code location: all assets, jobs, schedules and sensors for Dagster, collected from `defs/`."""

import dagster as dg

from dagster_project.config import contracts_of
from dagster_project.defs.automation import (
    new_deliveries,
    nightly,
    nightly_schedule,
    publish,
    publish_force,
    publish_public,
)
from dagster_project.defs.partitions import extract_dates
from dagster_project.defs.policies import with_policies
from dagster_project.defs.publication import edition_assets, publication_assets
from dagster_project.defs.resources import Deliveries, Warehouse
from dagster_project.defs.sources import landing_spec, source_asset
from dagster_project.defs.transformations import audit_specs, transformation_assets
from dagster_project.settings import Target, read_settings
from dagster_project.transformation.project import ensure_manifest


def of_a_run() -> dg.Definitions:
    """Return the assets, jobs and resources, which `fcir` loads for a run.

    Raises:
        SettingsError: a setting cannot be used.
        ContractError: a contract cannot be used.
        DbtError: the dbt project does not parse.
    """
    settings = read_settings()
    contracts = contracts_of(settings)
    manifest = ensure_manifest(settings)
    days = extract_dates(settings, contracts)
    assets: list[dg.AssetsDefinition | dg.AssetSpec] = [
        *(landing_spec(contract, settings) for contract in contracts.values()),
        *(source_asset(contract, settings, extract_dates=days) for contract in contracts.values()),
        *audit_specs(manifest),
        transformation_assets(manifest, settings),
        *publication_assets(manifest, settings),
        *edition_assets(manifest),
    ]
    return dg.Definitions(
        assets=with_policies(assets, contracts=contracts, manifest=manifest),
        jobs=[nightly, publish, publish_public, publish_force],
        resources={
            "warehouse": Warehouse(),
            "deliveries": Deliveries(),
        },
        # Backfills from the UI use the default job, so the executor is named here as well as on the jobs.
        executor=dg.in_process_executor,
    )


@dg.definitions
def definitions() -> dg.Definitions:
    """Return the definitions that `dagster` loads: those of a run, schedules and sensors. Errors are those of a run."""
    # Imported here: no run needs them.
    from dagster_project.defs.new_paper import new_paper
    from dagster_project.defs.notifications import failed_runs, overdue_deliveries
    from dagster_project.defs.thresholds import thresholds

    started = dg.Definitions(
        schedules=[nightly_schedule], sensors=[new_deliveries, overdue_deliveries, failed_runs, new_paper, thresholds]
    )
    if read_settings().target is not Target.SPARK:
        return dg.Definitions.merge(of_a_run(), started)
    from dagster_project.defs.lake import compact_lake, compact_lake_schedule, drop_lake

    of_a_lake = dg.Definitions(jobs=[compact_lake, drop_lake], schedules=[compact_lake_schedule])
    return dg.Definitions.merge(of_a_run(), started, of_a_lake)
