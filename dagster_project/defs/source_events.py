"""Dagster events of loading a source: files that came, results of its checks, and its loaded days."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any

import dagster as dg

from dagster_project.contracts import Contract, Severity
from dagster_project.defs.lists import list_of
from dagster_project.loading.acceptance import DeliveryOutcome
from dagster_project.loading.report import SourceReport
from dagster_project.validation import Expectation, Outcome, expectations_of
from dagster_project.warehouse.tables import raw_columns

# Maximum number of days, rows and warnings that the UI shows for a check or run; the warehouse has all of them.
_SHOWN = 20
# The check before all expectations: they look at rows, and an unreadable file has none.
_READING = "files_can_be_read"


def check_specs(contract: Contract) -> list[dg.AssetCheckSpec]:
    """Return the checks of a source: every file can be read, and each expectation of the contract."""
    key = _raw(contract)
    reading = dg.AssetCheckSpec(
        _READING,
        asset=key,
        description="Every file can be read as its contract says. A failure rejects the delivery.",
        metadata={"severity": Severity.CRITICAL.value, "dimension": "conformity"},
    )
    return [
        reading,
        *(
            dg.AssetCheckSpec(
                expectation.name,
                asset=key,
                description=f"{expectation.description.rstrip('.')}. {expectation.consequence}",
                metadata={"severity": expectation.severity.value, "dimension": expectation.dimension},
            )
            for expectation in expectations_of(contract)
        ),
    ]


@dataclass(frozen=True)
class SourceEvents:
    """The events of one run of a source."""

    contract: Contract
    report: SourceReport
    days_loaded: Mapping[date, int]
    """Days that are loaded after the run, with their number of rows."""
    last_results: Mapping[str, Mapping[str, Any]]
    """For each expectation, the last result that was based on data."""

    def arrival(self) -> dg.AssetMaterialization | None:
        """Return the event that files came; None if none came or one was rejected, so that the source is not fresh."""
        report = self.report
        if not report.deliveries or report.rejected:
            return None
        return dg.AssetMaterialization(
            asset_key=dg.AssetKey(["landing", self.contract.source]),
            metadata={
                "deliveries": len(report.deliveries),
                "files": sum(len(delivery.files) for delivery in report.deliveries),
                "rows_read": report.rows_read,
                "dagster/row_count": report.rows_read,
                "newest_extract_date": max(delivery.extract_date for delivery in report.deliveries).isoformat(),
            },
        )

    def check_results(self) -> Iterator[dg.AssetCheckEvaluation]:
        """Yield one result per check, as an event: for an `AssetCheckResult`, Dagster stores an output too.

        Without a readable delivery, an expectation has no data. No result would show as skipped, and a result over no
        rows as passed; either would hide the last result, so that one is reported again.
        """
        key = _raw(self.contract)
        yield _reading_result(key, self.report)
        outcomes = {outcome.expectation.name: outcome for outcome in self.report.outcomes}
        for expectation in expectations_of(self.contract):
            outcome, last = outcomes.get(expectation.name), self.last_results.get(expectation.name)
            if outcome and (outcome.evaluated or not outcome.success or not last):
                days = [str(day) for day in outcome.failed_dates]
                yield _check_result(key, expectation, vars(outcome), days, _source_rows(outcome))
            elif last:
                # The result of the last validation, for a run without new data.
                at = dg.MetadataValue.timestamp(last["validated_at"].replace(tzinfo=UTC))
                yield _check_result(key, expectation, last, last["failed_extract_dates"], {"validated_at": at})

    def result(self) -> dg.MaterializeResult:
        """Return the result for the whole source, after the run."""
        report = self.report
        metadata: dict[str, Any] = {
            "dagster/row_count": sum(self.days_loaded.values()),
            "days_loaded": len(self.days_loaded),
            "deliveries": len(report.deliveries),
            "rows_read": report.rows_read,
            "rows_loaded": report.rows_loaded,
            "rows_quarantined": report.rows_quarantined,
            "rejected": len(report.rejected),
            "missing": len(report.missing),
        }
        if report.rejected:
            reasons = [f"{delivery.extract_date}: {delivery.reason}" for delivery in report.rejected]
            metadata["rejected_deliveries"] = list_of("rejected", reasons, _SHOWN)
        if report.warnings:
            metadata["warnings"] = list_of("warning", report.warnings, _SHOWN)
        return dg.MaterializeResult(asset_key=_raw(self.contract), metadata=metadata)

    def days(self, wanted: Sequence[date]) -> Iterator[dg.AssetMaterialization]:
        """Yield each day that the run loaded, and each wanted day loaded before; none for a source without days."""
        if not self.contract.is_daily:
            return
        key = _raw(self.contract)
        accepted = {delivery.extract_date: delivery for delivery in self.report.deliveries if delivery.is_accepted}
        for day in sorted({*accepted, *wanted}):
            if day in accepted:
                yield _day_loaded(key, accepted[day], self.days_loaded.get(day, 0))
            elif day in self.days_loaded:
                yield dg.AssetMaterialization(
                    asset_key=key,
                    partition=day.isoformat(),
                    metadata={"dagster/partition_row_count": self.days_loaded[day], "status": "unchanged"},
                )


def not_accepted_message(report: SourceReport, wanted: Sequence[date]) -> str:
    """Return which of the wanted days are not loaded, and how to build without them."""
    days = ", ".join(str(day) for day in report.not_accepted(wanted)[:_SHOWN])
    return (
        f"{report.source}: no accepted delivery for {days}. The other days of the range are loaded; run the job "
        "nightly without a partition to build and publish with what there is."
    )


def _raw(contract: Contract) -> dg.AssetKey:
    return dg.AssetKey(["raw", contract.source])


def _day_loaded(key: dg.AssetKey, delivery: DeliveryOutcome, rows: int) -> dg.AssetMaterialization:
    """Return a loaded day as a separate event: the UI then shows exactly these days as loaded.

    Args:
        key: the source.
        delivery: the delivery of the day.
        rows: rows that are loaded for the day.
    """
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
            **({"accepted_because": str(delivery.reason)} if delivery.is_waived else {}),
        },
    )


def _reading_result(key: dg.AssetKey, report: SourceReport) -> dg.AssetCheckEvaluation:
    """Return how many files were read, and which cannot be read; every run retries those."""
    files = [file for delivery in report.deliveries for file in delivery.files]
    unreadable = [file for file in files if file.error]
    metadata: dict[str, Any] = {"evaluated": len(files), "unexpected": len(unreadable)}
    if unreadable:
        days = sorted({file.extract_date for file in unreadable})
        metadata["failed_extract_dates"] = ", ".join(str(day) for day in days[:_SHOWN])
        metadata["reasons"] = list_of("reason", [file.error for file in unreadable], _SHOWN)
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=_READING,
        passed=not unreadable,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata=metadata,
    )


def _source_rows(outcome: Outcome) -> dict[str, Any]:
    """Return where the rows of an expectation are, never a value of the extract."""
    records = [
        dg.TableRecord({"extract_date": str(day), "load_id": load_id, "source_row": row})
        for day, load_id, row in outcome.rows[:_SHOWN]
    ]
    return {"source_rows": dg.MetadataValue.table(records)} if records else {}


def _check_result(
    key: dg.AssetKey,
    expectation: Expectation,
    result: Mapping[str, Any],
    failed_days: Sequence[str],
    details: Mapping[str, Any],
) -> dg.AssetCheckEvaluation:
    metadata: dict[str, Any] = {"evaluated": result["evaluated"], "unexpected": result["unexpected"], **details}
    if failed_days:
        metadata["failed_extract_dates"] = ", ".join(failed_days[:_SHOWN])
    is_critical = expectation.severity is Severity.CRITICAL
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=expectation.name,
        passed=result["success"],
        severity=dg.AssetCheckSeverity.ERROR if is_critical else dg.AssetCheckSeverity.WARN,
        description=None if result["success"] else expectation.description,
        metadata=metadata | {"dimension": expectation.dimension},
    )


def column_schema(contract: Contract) -> dg.TableSchema:
    """Return the columns of the raw table: those of the contract, and those that loading adds."""
    described = {column.name: column for column in contract.columns}
    added = {
        "is_dst_ambiguous": "Whether a time of the row is in the hour that occurs twice and it is not known in which.",
        "extract_date": "Local business day that the extract covers.",
        "load_id": "Load of the row; see audit.load.",
        "source_row": "Row number in the file, as a spreadsheet shows it.",
    }
    columns = []
    for name, sql_type in raw_columns(contract).items():
        column = described.get(name)
        description = column.description if column else added[name]
        if column and column.is_personal:
            description += " Personal: rows hold a surrogate."
        columns.append(dg.TableColumn(name, sql_type, description=description))
    return dg.TableSchema(columns=columns)
