"""The source assets, one per contract, partitioned by extract date. `loading/` loads the deliveries."""

import time
from collections.abc import Iterator
from datetime import date

import dagster as dg

from dagster_project.console import progress
from dagster_project.contracts import Contract
from dagster_project.contracts.odcs import SUFFIX
from dagster_project.defs.event_log import written_together
from dagster_project.defs.links import file_and_text, page_of_site
from dagster_project.defs.log_lines import log_loading, log_quarantined_rows
from dagster_project.defs.policies import RETRY_LOADING
from dagster_project.defs.resources import Deliveries, Warehouse, partition_keys_of
from dagster_project.defs.source_events import SourceEvents, check_specs, column_schema, not_accepted_message
from dagster_project.loading.pipeline import load_source
from dagster_project.settings import CONTRACTS, Settings
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.state import standing_days


def landing_spec(contract: Contract, settings: Settings) -> dg.AssetSpec:
    """Return the asset for the files that a source system delivers, where the lineage begins."""
    return dg.AssetSpec(
        ["landing", contract.source],
        group_name="sources",
        description=(
            f"Extracts of {contract.source} as its source system delivers them to the landing folder. "
            + (
                f"One is due for each day, by {contract.delivered_by:%H:%M} London time on the day after."
                if contract.is_daily
                else "Its system delivers irregularly."
            )
        ),
        kinds={"file"},
        metadata={
            "dagster/uri": str(settings.landing / contract.source),
            "file_names": f"{contract.source}_YYYY-MM-DD*.csv, .csv.gz, .xlsx, .parquet or .jsonl",
            **_links(contract, settings),
        },
    )


def source_asset(
    contract: Contract, settings: Settings, *, extract_dates: dg.PartitionsDefinition[str]
) -> dg.AssetsDefinition:
    """Return the asset that loads a source: its accepted rows in `raw.SOURCE`, with its expectations as checks.

    Sources that are not daily have no partitions.
    """

    # A multi-asset of one: checks of a plain asset must report in every run, checks of a subsettable multi-asset only
    # if there was a delivery to check.
    @dg.multi_asset(
        name=f"load_{contract.source}",
        specs=[_raw_spec(contract, settings, extract_dates)],
        check_specs=check_specs(contract),
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY_LOADING,
    )
    def load(
        context: dg.AssetExecutionContext, warehouse: Warehouse, deliveries: Deliveries
    ) -> Iterator[dg.AssetCheckEvaluation | dg.MaterializeResult]:
        started = time.monotonic()
        warehouse.begin(f"loading {contract.source}")
        planned = deliveries.plan(context, warehouse)
        report = load_source(
            warehouse.settings,
            warehouse.contracts,
            contract.source,
            wanted=planned.wanted,
            run_id=context.run.run_id,
            planned=planned,
            people=warehouse.people,
            on_progress=lambda done, total: progress("sources", contract.source, done, total),
        )
        log_loading(report, time.monotonic() - started)
        with loading_connection(warehouse.settings.warehouse) as connection:
            log_quarantined_rows(connection, report)
            days_loaded = standing_days(connection, contract.source)
        events = SourceEvents(contract, report, days_loaded)
        if arrival := events.arrival():
            context.log_event(arrival)
        yield from events.check_results()
        wanted = [date.fromisoformat(day) for day in partition_keys_of(context)]
        # A result for the whole asset marks every day of a partitioned run as loaded. It is returned only if that is
        # true, and before the events of the single days, which then show the content of each day.
        if wanted and not report.not_accepted(wanted) and all(day in days_loaded for day in wanted):
            yield events.result()
        with written_together(context.instance):
            for day in events.days(wanted):
                context.log_event(day)
        if report.not_accepted(wanted):
            raise dg.Failure(not_accepted_message(report, wanted), allow_retries=False)
        if not wanted:
            yield events.result()

    return load


def _raw_spec(contract: Contract, settings: Settings, extract_dates: dg.PartitionsDefinition[str]) -> dg.AssetSpec:
    return dg.AssetSpec(
        ["raw", contract.source],
        deps=[["landing", contract.source]],
        partitions_def=extract_dates if contract.is_daily else None,
        group_name="sources",
        description=f"{contract.description}\n\nAccepted rows of all deliveries. {contract.grain}",
        kinds={"duckdb", "python"},
        metadata={
            **_links(contract, settings),
            "contract_version": contract.version,
            "dagster/column_schema": column_schema(contract),
            "dagster/table_name": f"warehouse.raw.{contract.source}",
        },
        code_version=contract.version,
    )


def _links(contract: Contract, settings: Settings) -> dict[str, dg.MetadataValue]:
    """Return links to the contract, and to the page that shows which days of the source are loaded."""
    name, folder, shown = f"{contract.source}{SUFFIX}", CONTRACTS, "expectations"
    if not (folder / name).is_file():
        folder, shown = settings.config_folder / "contracts", "config/contracts"
    return {
        **file_and_text("contract", folder / name, f"{shown}/{name}", "yaml"),
        "trust_page": page_of_site(settings, "trust.html#faults"),
    }
