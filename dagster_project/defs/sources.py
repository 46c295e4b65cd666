"""The source assets, one for each contract, partitioned by extract date. How a delivery is loaded: `loading/`."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, timedelta
from typing import Any

import dagster as dg

from dagster_project.clock import LONDON_NAME
from dagster_project.console import detail, is_json, progress, step, warn
from dagster_project.contracts import Contract, Severity
from dagster_project.defs.event_log import in_one_transaction, written_together
from dagster_project.defs.links import file_of_project, page_of_site
from dagster_project.defs.resources import Deliveries, Warehouse, partition_keys_of
from dagster_project.loading.acceptance import DeliveryOutcome
from dagster_project.loading.pipeline import SourceReport, load_source
from dagster_project.settings import Settings
from dagster_project.validation import Expectation, Outcome, expectations_of
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.state import (
    QuarantinedRows,
    StandingResult,
    quarantined_rows,
    standing_days,
    standing_results,
)
from dagster_project.warehouse.tables import raw_columns
from dagster_project.words import counted

# Rows of failing expectations and warnings that the UI shows; all of them are in the warehouse.
_SHOWN = 20

# Lines about quarantined rows of a source that a run logs as JSON.
_DETAILS = 200

# The check that comes before all expectations: those look at rows, and a file that cannot be read has none.
_READING = "files_can_be_read"


def landing_spec(contract: Contract, settings: Settings) -> dg.AssetSpec:
    """The files that a source system drops: where the lineage begins."""
    return dg.AssetSpec(
        ["landing", contract.source],
        group_name="sources",
        description=(
            f"Extracts of {contract.source} as its source system drops them into the landing folder. "
            f"{_when_delivered(contract)}"
        ),
        owners=[f"team:{contract.owner}"],
        kinds={"file"},
        tags=_tags(contract),
        metadata={
            "dagster/uri": str(settings.landing / contract.source),
            "file_names": f"{contract.source}_YYYY-MM-DD*.csv, .csv.gz, .xlsx, .parquet or .jsonl",
            **_links(contract, settings),
        },
        freshness_policy=_freshness_policy(contract),
    )


def source_asset(
    contract: Contract, settings: Settings, *, extract_dates: dg.PartitionsDefinition[str]
) -> dg.AssetsDefinition:
    """The asset that loads a source: its accepted rows in `raw.SOURCE`, with its expectations as checks.

    Args:
        contract: the source.
        settings: for the links to its pages.
        extract_dates: what daily sources are partitioned by; others are not partitioned.
    """
    key = dg.AssetKey(["raw", contract.source])
    expectations = expectations_of(contract)

    spec = dg.AssetSpec(
        key,
        deps=[["landing", contract.source]],
        partitions_def=extract_dates if contract.is_daily else None,
        group_name="sources",
        description=f"{contract.description}\n\nAccepted rows of all deliveries. {contract.grain}",
        owners=[f"team:{contract.owner}"],
        kinds={"duckdb", "python"},
        tags=_tags(contract),
        metadata={
            **_links(contract, settings),
            "contract_version": contract.version,
            "dagster/column_schema": _column_schema(contract),
            "dagster/table_name": f"warehouse.raw.{contract.source}",
        },
        code_version=contract.version,
        freshness_policy=_freshness_policy(contract),
    )

    # A multi-asset of one: checks of an asset have to report in every run, checks of a subsettable multi-asset only
    # when there was a delivery to look at.
    @dg.multi_asset(
        name=f"load_{contract.source}",
        specs=[spec],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        # A full disk or a file share that is away for a moment; data faults are not exceptions.
        retry_policy=dg.RetryPolicy(max_retries=1, delay=10),
        check_specs=[
            dg.AssetCheckSpec(
                _READING,
                asset=key,
                description="Every file can be read as its contract says. A failure rejects the delivery.",
                metadata={"severity": Severity.CRITICAL.value, "dimension": "conformity"},
            ),
            *(
                dg.AssetCheckSpec(
                    expectation.name,
                    asset=key,
                    description=f"{expectation.description.rstrip('.')}. {expectation.consequence}",
                    metadata={"severity": expectation.severity.value, "dimension": expectation.dimension},
                )
                for expectation in expectations
            ),
        ],
    )
    def load(
        context: dg.AssetExecutionContext, warehouse: Warehouse, deliveries: Deliveries
    ) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult]:
        started = time.monotonic()
        warehouse.begin(f"loading {contract.source}")
        report = load_source(
            warehouse.settings,
            warehouse.contracts,
            contract.source,
            wanted=deliveries.wanted(context),
            run_id=context.run.run_id,
            on_progress=lambda done, total: progress("sources", contract.source, done, total),
        )
        _say(report, time.monotonic() - started)
        with loading_connection(warehouse.settings.warehouse) as connection:
            if is_json():
                loads = [file.load_id for delivery in report.deliveries for file in delivery.files]
                _say_quarantined(contract.source, quarantined_rows(connection, loads))
            standing = standing_days(connection, contract.source)
            last_results = standing_results(connection, contract.source)
        with in_one_transaction(context.instance):
            if report.deliveries:
                context.log_event(_arrival(contract, report))
            yield _reading_result(key, report)
            outcomes = {outcome.expectation.name: outcome for outcome in report.outcomes}
            for expectation in expectations:
                outcome, last = outcomes.get(expectation.name), last_results.get(expectation.name)
                # Without a delivery, or with none that could be read, there was nothing to look at. No result would
                # show as skipped, and one over no rows as passed: either would hide the last one while that goes on.
                if outcome and (outcome.evaluated or not outcome.success or not last):
                    yield _check_result(key, outcome)
                elif last:
                    yield _standing_check_result(key, expectation, last)
        days = [date.fromisoformat(day) for day in partition_keys_of(context)]
        marks = _marks(key, report, standing, days) if contract.is_daily else ()
        result: dg.MaterializeResult = dg.MaterializeResult(asset_key=key, metadata=_metadata(report, standing))
        # A result for the asset as a whole marks every day of a run over partitions as loaded, so it is given only
        # where that is true, and before the marks of the single days, which then show what each of them holds.
        if days and not report.refused(days) and all(day in standing for day in days):
            yield result
        with written_together(context.instance):
            for mark in marks:
                context.log_event(mark)
        if report.refused(days):
            raise dg.Failure(_refusal(report, days), allow_retries=False)
        if not days:
            yield result

    return load


def _links(contract: Contract, settings: Settings) -> dict[str, dg.MetadataValue]:
    """The contract, and the page that shows which days of the source are there."""
    return {
        **file_of_project("contract", f"expectations/{contract.source}.odcs.yaml", "yaml"),
        "quality_page": page_of_site(settings, f"quality/index.html#{contract.source}"),
    }


def _when_delivered(contract: Contract) -> str:
    if not contract.is_daily:
        return "They come whenever there is one."
    return f"One is due for every day, by {contract.delivered_by:%H:%M} London time on the day after."


def _tags(contract: Contract) -> dict[str, str]:
    return {
        "stage": "sources",
        "domain": contract.domain,
        "cadence": "daily" if contract.is_daily else "irregular",
    }


def _freshness_policy(contract: Contract) -> dg.FreshnessPolicy | None:
    """Of the landing asset: a delivery came. Of the raw asset: the load ran, whether or not there was anything new."""
    if not contract.is_daily:
        return None
    by = contract.delivered_by
    # What came since midnight is in time; Dagster takes no window of less than a minute.
    since_midnight = timedelta(hours=by.hour, minutes=by.minute) or timedelta(hours=1)
    return dg.FreshnessPolicy.cron(
        deadline_cron=f"{by.minute} {by.hour} * * *", lower_bound_delta=since_midnight, timezone=LONDON_NAME
    )


def _marks(
    key: dg.AssetKey, report: SourceReport, standing: Mapping[date, int], days: Sequence[date]
) -> Iterator[dg.AssetMaterialization]:
    """Each day that the run loaded, and each day of its range that stood already, marked by itself."""
    accepted = {delivery.extract_date: delivery for delivery in report.deliveries if delivery.is_accepted}
    for day in sorted({*accepted, *days}):
        if day in accepted:
            yield _materialization(key, accepted[day])
        elif day in standing:
            yield dg.AssetMaterialization(
                asset_key=key,
                partition=day.isoformat(),
                metadata={"dagster/partition_row_count": standing[day], "status": "unchanged"},
            )


def _refusal(report: SourceReport, days: Sequence[date]) -> str:
    named = ", ".join(str(day) for day in report.refused(days)[:_SHOWN])
    return (
        f"{report.source}: no accepted delivery for {named}. The other days of the range are loaded; run the job "
        "nightly without a partition to build and publish with what there is."
    )


def _say(report: SourceReport, seconds: float) -> None:
    of_files = {str(warning): asdict(warning) for warning in report.file_warnings}
    for warning in report.warnings:
        warn(warning, **of_files.get(warning, {"source": report.source, "reason": warning}))
    for delivery in report.rejected:
        warn(
            f"{report.source} {delivery.extract_date} rejected: {delivery.reason}",
            source=report.source,
            extract_date=delivery.extract_date,
            status=delivery.status,
            files=[file.file_name for file in delivery.files],
            rows_read=sum(file.rows_read for file in delivery.files),
            rows_quarantined=sum(file.rows_quarantined for file in delivery.files),
            reason=delivery.reason,
        )
    if not report.deliveries:
        step("sources", report.source, "nothing new", deliveries=0)
        return
    parts = [counted(len(report.deliveries), "delivery"), f"{counted(report.rows_loaded, 'row')} loaded"]
    parts += [f"{report.rows_quarantined:,} quarantined"] if report.rows_quarantined else []
    corrected = [delivery for delivery in report.deliveries if delivery.correction]
    parts += [f"{len(corrected)} corrected"] if corrected else []
    parts += [f"{len(report.rejected)} REJECTED"] if report.rejected else []
    parts += [f"{len(report.missing)} MISSING"] if report.missing else []
    step(
        "sources",
        report.source,
        f"{', '.join(parts)} ({seconds:.1f} s)",
        deliveries=len(report.deliveries),
        rows_read=report.rows_read,
        rows_loaded=report.rows_loaded,
        rows_quarantined=report.rows_quarantined,
        corrected=len(corrected),
        rejected=len(report.rejected),
        missing=len(report.missing),
        seconds=round(seconds, 3),
    )


def _say_quarantined(source: str, found: Sequence[QuarantinedRows]) -> None:
    """A line for each reason for which rows of a file are quarantined; of very many, the first."""
    for item in found[:_DETAILS]:
        detail(
            f"{source}/{item.file}: {counted(item.rows, 'row')} quarantined, the first row {item.row}: {item.reason} "
            f"[{item.reason_code}]",
            source=source,
            **asdict(item),
        )
    if left := found[_DETAILS:]:
        rows = sum(item.rows for item in left)
        detail(f"{source}: {counted(rows, 'more row')} quarantined; all: fcir query", source=source, rows=rows)


def _arrival(contract: Contract, report: SourceReport) -> dg.AssetMaterialization:
    """That files came, whatever becomes of them: the landing assets show when a source last delivered."""
    return dg.AssetMaterialization(
        asset_key=dg.AssetKey(["landing", contract.source]),
        metadata={
            "deliveries": len(report.deliveries),
            "files": sum(len(delivery.files) for delivery in report.deliveries),
            "rows_read": report.rows_read,
            "dagster/row_count": report.rows_read,
            "newest_extract_date": max(delivery.extract_date for delivery in report.deliveries).isoformat(),
        },
    )


def _materialization(key: dg.AssetKey, delivery: DeliveryOutcome) -> dg.AssetMaterialization:
    """One day that is loaded, logged by itself so that the UI shows exactly these days."""
    rows = sum(file.rows_loaded for file in delivery.files)
    return dg.AssetMaterialization(
        asset_key=key,
        partition=delivery.extract_date.isoformat(),
        metadata={
            "dagster/partition_row_count": rows,
            "rows_read": sum(file.rows_read for file in delivery.files),
            "rows_quarantined": sum(file.rows_quarantined for file in delivery.files),
            "files": len(delivery.files),
            "status": delivery.status,
            "is_correction": delivery.is_correction,
            **({"correction": str(delivery.correction)} if delivery.correction else {}),
            **({"accepted_because": delivery.reason} if delivery.is_waived else {}),
        },
    )


def _metadata(report: SourceReport, standing: Mapping[date, int]) -> dict[str, dg.MetadataValue | int]:
    metadata: dict[str, dg.MetadataValue | int] = {
        "dagster/row_count": sum(standing.values()),
        "days_loaded": len(standing),
        "deliveries": len(report.deliveries),
        "rows_read": report.rows_read,
        "rows_loaded": report.rows_loaded,
        "rows_quarantined": report.rows_quarantined,
        "rejected": len(report.rejected),
        "missing": len(report.missing),
    }
    if report.rejected:
        metadata["rejected_deliveries"] = dg.MetadataValue.md(
            "\n".join(f"- {delivery.extract_date}: {delivery.reason}" for delivery in report.rejected[:_SHOWN])
        )
    if report.warnings:
        metadata["warnings"] = dg.MetadataValue.md("\n".join(f"- {warning}" for warning in report.warnings[:_SHOWN]))
    return metadata


def _reading_result(key: dg.AssetKey, report: SourceReport) -> dg.AssetCheckResult:
    """How many files were read, and which could not be; one that could not be comes up again in every run."""
    files = [file for delivery in report.deliveries for file in delivery.files]
    unreadable = [file for file in files if file.error]
    metadata: dict[str, Any] = {"evaluated": len(files), "unexpected": len(unreadable)}
    if unreadable:
        days = sorted({file.extract_date for file in unreadable})
        metadata["failed_extract_dates"] = ", ".join(str(day) for day in days[:_SHOWN])
        metadata["reasons"] = dg.MetadataValue.md("\n".join(f"- {file.error}" for file in unreadable[:_SHOWN]))
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=_READING,
        passed=not unreadable,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata=metadata,
    )


def _check_result(key: dg.AssetKey, outcome: Outcome) -> dg.AssetCheckResult:
    """Counts, days and rows of an expectation; never a value of the extract."""
    metadata: dict[str, Any] = {"evaluated": outcome.evaluated, "unexpected": outcome.unexpected}
    if outcome.failed_dates:
        metadata["failed_extract_dates"] = ", ".join(str(day) for day in outcome.failed_dates[:_SHOWN])
    if outcome.rows:
        metadata["source_rows"] = dg.MetadataValue.table(
            records=[
                dg.TableRecord({"extract_date": str(day), "load_id": load_id, "source_row": row})
                for day, load_id, row in outcome.rows[:_SHOWN]
            ]
        )
    return _result(key, outcome.expectation, success=outcome.success, metadata=metadata)


def _standing_check_result(key: dg.AssetKey, expectation: Expectation, last: StandingResult) -> dg.AssetCheckResult:
    """The result of the last validation, in a run that had nothing to validate."""
    metadata: dict[str, Any] = {
        "evaluated": last.evaluated,
        "unexpected": last.unexpected,
        "validated_at": dg.MetadataValue.timestamp(last.validated_at.replace(tzinfo=UTC)),
    }
    if last.failed_extract_dates:
        metadata["failed_extract_dates"] = ", ".join(last.failed_extract_dates.split(", ")[:_SHOWN])
    return _result(key, expectation, success=last.success, metadata=metadata)


def _result(
    key: dg.AssetKey, expectation: Expectation, *, success: bool, metadata: dict[str, Any]
) -> dg.AssetCheckResult:
    is_critical = expectation.severity is Severity.CRITICAL
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=expectation.name,
        passed=success,
        severity=dg.AssetCheckSeverity.ERROR if is_critical else dg.AssetCheckSeverity.WARN,
        description=None if success else expectation.description,
        metadata=metadata | {"dimension": expectation.dimension},
    )


def _column_schema(contract: Contract) -> dg.TableSchema:
    described = {column.name: column for column in contract.columns}
    of_loading = {
        "is_dst_ambiguous": "Whether a time of the row fell into the hour that occurs twice and nothing settled which.",
        "extract_date": "Local business day that the extract covers.",
        "load_id": "Load that brought the row; see audit.load.",
        "source_row": "Row in the file, as a person counts it.",
    }
    columns = []
    for name, sql_type in raw_columns(contract).items():
        column = described.get(name)
        description = column.description if column else of_loading[name]
        if column and column.is_personal:
            description += " Personal: kept as a keyed pseudonym only."
        columns.append(dg.TableColumn(name, sql_type, description=description))
    return dg.TableSchema(columns=columns)
