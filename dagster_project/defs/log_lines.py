"""Log lines of a run: what was loaded, built and published, and what is wrong."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import duckdb

from dagster_project.console import detail, is_json, step, warn
from dagster_project.loading.report import SourceReport
from dagster_project.publication.publish import Publication
from dagster_project.transformation.build import BuildReport, NodeResult
from dagster_project.warehouse.state import quarantined_rows
from dagster_project.words import counted

if TYPE_CHECKING:
    from dagster_project.publication.editions import Edition

# Maximum number of lines about quarantined rows of a source that a run logs as JSON.
_DETAILS = 200


def log_loading(report: SourceReport, seconds: float) -> None:
    """Log a line about the deliveries of a source, and a warning for each one that needs attention."""
    for warning in report.warnings:
        warn(str(warning), **asdict(warning))
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
    for delivery in report.deliveries:
        for item in delivery.incomplete:
            warn(
                f"{report.source} {delivery.extract_date} incomplete: {item.reason}",
                source=report.source,
                extract_date=delivery.extract_date,
                force=item.force_code,
                expectation=item.expectation,
            )
    if not report.deliveries:
        step("sources", report.source, "nothing new", deliveries=0)
        return
    parts = [counted(len(report.deliveries), "delivery"), f"{counted(report.rows_loaded, 'row')} loaded"]
    parts += [f"{report.rows_quarantined:,} quarantined"] if report.rows_quarantined else []
    corrected = [delivery for delivery in report.deliveries if delivery.correction]
    parts += [f"{len(corrected)} corrected"] if corrected else []
    parts += [f"{len(report.rejected)} REJECTED"] if report.rejected else []
    parts += [f"{incomplete} INCOMPLETE"] if (incomplete := sum(bool(d.incomplete) for d in report.deliveries)) else []
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


def log_quarantined_rows(connection: duckdb.DuckDBPyConnection, report: SourceReport) -> None:
    """Log, as JSON only, a line for each reason code of quarantined rows in a file, up to a maximum."""
    if not is_json():
        return
    source = report.source
    loads = [file.load_id for delivery in report.deliveries for file in delivery.files]
    quarantined = quarantined_rows(connection, loads)
    for item in quarantined[:_DETAILS]:
        detail(
            f"{source}/{item['file']}: {counted(item['rows'], 'row')} quarantined, the first row {item['row']}: "
            f"{item['reason']} [{item['reason_code']}]",
            source=source,
            **item,
        )
    if left := quarantined[_DETAILS:]:
        rows = sum(item["rows"] for item in left)
        detail(f"{source}: {counted(rows, 'more row')} quarantined; all: fcir query", source=source, rows=rows)


def log_build(report: BuildReport, seconds: float) -> None:
    """Log a line for the tables and tests of each subject, and one for the whole build."""
    subjects: dict[str, list[NodeResult]] = {}
    for node in report.nodes:
        subjects.setdefault(node.subject, []).append(node)
    for subject, nodes in subjects.items():
        bad = [node for node in nodes if not node.is_good]
        warned = [node for node in nodes if node.status == "warn"]
        message = f"{len(nodes) - len(bad)} of {len(nodes)} good"
        message += f", {len(warned)} warned" if warned else ""
        message += f" ({sum(node.seconds for node in nodes):.1f} s)"
        step("build", subject, message, nodes=len(nodes), failed=len(bad), warned=len(warned))
    kind = "from scratch" if report.is_full_refresh else "incremental"
    step("build", "tables", f"done, {kind} ({seconds:.1f} s)", seconds=round(seconds, 3))
    for node in report.nodes:
        if node.status == "warn":
            warn(f"{node.name}: {node.message}")


def log_publication(publication: Publication, seconds: float) -> None:
    """Log lines for the papers, pages and tables of a publication."""
    rows = sum(publication.tables.values())
    rendered = sum(paper.is_rendered for paper in publication.papers)
    papers = len(publication.papers)
    message = f"{counted(papers, 'paper')}, {rendered:,} new or changed"
    step("publish", "papers", message, papers=papers, rendered=rendered)
    failed = len(publication.failed)
    step("publish", "site", counted(publication.pages, "page"), pages=publication.pages, failed=failed)
    step(
        "publish",
        publication.run_id,
        f"{counted(len(publication.tables), 'table')}, {counted(rows, 'row')} ({seconds:.1f} s)",
        tables=len(publication.tables),
        rows=rows,
        seconds=round(seconds, 3),
    )


def log_edition(edition: "Edition", seconds: float) -> None:
    """Log a line for the tables of an edition, with the months that a public one shows for the first time."""
    rows = sum(edition.tables.values())
    message = f"{edition.title}: {counted(len(edition.tables), 'table')}, {counted(rows, 'row')}"
    if edition.months_shown is not None:
        message += f", {counted(edition.months_shown, 'month')} shown for the first time"
    facts = {"tables": len(edition.tables), "rows": rows, "seconds": round(seconds, 3)}
    step("publish", edition.run_id, f"{message} ({seconds:.1f} s)", **facts)
