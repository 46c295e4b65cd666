"""The publication as assets, and the verdict of the run. `publication/` makes the content."""

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from dagster_project.defs.links import page_of_site
from dagster_project.defs.log_lines import log_public_edition, log_publication
from dagster_project.defs.resources import Warehouse
from dagster_project.defs.transformations import audit_materializations
from dagster_project.publication.files import FailedRendering, failed_renderings
from dagster_project.publication.pointer import pointer_of
from dagster_project.publication.public_edition import publish_public
from dagster_project.publication.publish import GateClosed, Publication, publish
from dagster_project.settings import Settings
from dagster_project.transformation.project import Mart, marts_of, read_manifest
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.state import outstanding
from dagster_project.words import be, counted

# Marts that the parts of a publication read in addition to their inputs; a test compares them with the code.
_PAPER_READS = (
    "definitions",
    "dim_force",
    "kpi_completeness_monthly",
    "kpi_measure_period",
    "kpi_measure_spc_as_of",
    "kpi_measure_weekly",
    "load_audit",
    "measures",
    "quarantine",
    "report_months",
)
_MEASURES_READ = (
    "definitions",
    "kpi_completeness_monthly",
    "kpi_crime_maturity",
    "kpi_measure_period",
    "kpi_measure_spc_as_of",
    "kpi_measure_spc_weekly",
    "load_audit",
    "measures",
    "quarantine",
    "report_months",
    "revisions",
)
_QUALITY_READS = (
    "corrections",
    "dim_date",
    "dim_force",
    "expectation_results",
    "kpi_completeness_monthly",
    "load_audit",
    "quarantine",
)
_SITE_READS = (
    "claims",
    "dim_force",
    "kpi_call_definitions",
    "kpi_calls_hourly",
    "kpi_crime_maturity",
    "kpi_measure_monthly",
    "kpi_measure_period",
    "kpi_measure_spc",
    "load_audit",
    "measures",
    "reconciliation",
    "report_month_so_far",
    "report_months",
    "revisions",
)


def publication_specs(marts: Sequence[Mart], settings: Settings) -> list[dg.AssetSpec]:
    """Return the parts of a publication: the tables, the papers, the site with its parts, and the manifest."""

    def spec(name: str, *, reads: Sequence[dg.AssetKey], description: str, kinds: set[str], file: str) -> dg.AssetSpec:
        is_page = file.endswith(".html")
        return dg.AssetSpec(
            ["published", name],
            deps=reads,
            description=description,
            kinds=kinds,
            group_name="publication",
            metadata={
                "dagster/uri": str(pointer_of(settings.published) / file),
                **({"page": page_of_site(settings, file)} if is_page else {}),
            },
        )

    return [
        spec(
            "database",
            reads=_marts(mart.name for mart in marts),
            description="All marts in one read-only file, fcir.duckdb, which DuckDB 1.4 and newer opens.",
            kinds={"duckdb"},
            file="fcir.duckdb",
        ),
        spec(
            "parquet",
            # Both contain the same rows.
            reads=_published("database"),
            description="The tables of the database as Parquet: one file for each, of a fact one for each month.",
            kinds={"parquet"},
            file="parquet",
        ),
        spec(
            "board_paper",
            reads=_marts(_PAPER_READS),
            description=(
                "The board papers of every force and month, as page, PDF, workbook and CSV. What people open first is "
                "that of the newest complete month of the installation's own force."
            ),
            kinds={"html", "pdf", "xlsx"},
            file="board_paper.html",
        ),
        spec(
            "measures",
            reads=_marts(_MEASURES_READ),
            description=(
                "A page for every measure of every force: its definition, all its months with their periods, its "
                "control chart, its targets and what was revised; the same as CSV."
            ),
            kinds={"html", "csv"},
            file="measures/index.html",
        ),
        spec(
            "quality",
            reads=_marts(_QUALITY_READS),
            description=(
                "What was loaded, missing, rejected, corrected and quarantined, by source and day, and the results of "
                "the expectations."
            ),
            kinds={"html"},
            file="quality/index.html",
        ),
        spec(
            "dictionary",
            reads=_marts(["data_dictionary"]),
            description=(
                "A page for every published table with its grain and columns, and the lineage and SQL of all models "
                "on one page."
            ),
            kinds={"html"},
            file="dictionary/index.html",
        ),
        spec(
            "site",
            reads=[*_published("board_paper", "measures", "quality", "dictionary"), *_marts(_SITE_READS)],
            description=(
                "The first page, the demand by hour, the claims of papers, the cookbook and the search over all pages: "
                "opens from a file share and needs no network."
            ),
            kinds={"html"},
            file="index.html",
        ),
        spec(
            "manifest",
            reads=_published("database", "parquet", "board_paper", "site"),
            description="Every published file with its hash, every table with its rows, every delivery that went in.",
            kinds={"json"},
            file="manifest.json",
        ),
    ]


def _marts(names: Iterable[str]) -> list[dg.AssetKey]:
    return [dg.AssetKey(["marts", name]) for name in names]


def _published(*names: str) -> list[dg.AssetKey]:
    return [dg.AssetKey(["published", name]) for name in names]


def _metadata_by_part(publication: Publication) -> dict[str, dict[str, Any]]:
    """Return the size of each part of a publication; the UI plots it over time."""
    folder = publication.folder
    rows = sum(publication.tables.values())
    files = [path for path in folder.rglob("*") if path.is_file()]
    rendered = sum(paper.is_rendered for paper in publication.papers)

    def pages(name: str) -> dict[str, Any]:
        return {"pages": sum(1 for _ in (folder / name).rglob("*.html"))}

    return {
        "database": {
            "tables": len(publication.tables),
            "dagster/row_count": rows,
            "bytes": _bytes(folder / "fcir.duckdb"),
        },
        "parquet": {"tables": len(publication.tables), "dagster/row_count": rows},
        "board_paper": {"papers": len(publication.papers), "papers_new_or_changed": rendered},
        "measures": pages("measures"),
        "quality": pages("quality"),
        "dictionary": pages("dictionary"),
        "site": {"pages": publication.pages},
        "manifest": {
            "files": len(files),
            "bytes": sum(map(_bytes, files)),
            "failed_renderings": len(publication.failed),
        },
    }


def _bytes(path: Path) -> int:
    return path.stat().st_size


def publication_assets(manifest_path: Path, settings: Settings) -> list[dg.AssetsDefinition]:
    """Return the parts of the publication, which are made together, and the verdict of the run."""
    marts = marts_of(read_manifest(manifest_path))
    specs = publication_specs(marts, settings)

    @dg.multi_asset(name="publication", specs=specs)
    def publication(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[dg.MaterializeResult]:
        started = time.monotonic()
        warehouse.begin("publishing")
        try:
            made = publish(warehouse.settings, marts, run_id=context.run.run_id)
        except GateClosed as closed:
            raise dg.Failure(str(closed), allow_retries=False) from None
        log_publication(made, time.monotonic() - started)
        metadata = _metadata_by_part(made)
        for spec in specs:
            yield dg.MaterializeResult(
                asset_key=spec.key,
                metadata={
                    "publication": made.run_id,
                    "folder": dg.MetadataValue.path(made.folder),
                    **metadata[spec.key.path[-1]],
                },
            )

    @dg.asset(
        key=["published", "run_verdict"],
        deps=[["published", "manifest"]],
        group_name="publication",
        kinds={"python"},
        description=(
            "Whether all that was owed has been delivered and accepted, and every paper and page was rendered. It "
            "fails, after everything else is done, when a delivery is missing or rejected, or a rendering failed: a "
            "failed check alone leaves the run green and failure alerts silent."
        ),
    )
    def run_verdict(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        warehouse.begin("recording the state of the audit")
        for state in audit_materializations(manifest_path, warehouse.settings):
            context.log_event(state)
        with loading_connection(warehouse.settings.warehouse) as connection:
            faults = outstanding(connection)
        failed = failed_renderings(warehouse.settings.published)
        if faults or failed:
            need = f"{counted(len(faults), 'delivery')} {'needs' if len(faults) == 1 else 'need'} attention"
            deliveries = [f"{need}: {'; '.join(map(str, faults[:10]))}"] if faults else []
            raise dg.Failure(
                ". ".join([*deliveries, *_files_left_out(failed)]),
                metadata={
                    "deliveries": dg.MetadataValue.md("\n".join(f"- {fault}" for fault in faults)),
                    "failed_renderings": dg.MetadataValue.md("\n".join(f"- {_file_left_out(item)}" for item in failed)),
                },
                allow_retries=False,
            )
        return dg.MaterializeResult(metadata={"outstanding": 0, "failed_renderings": 0})

    return [publication, run_verdict]


def _files_left_out(failed: Sequence[FailedRendering]) -> list[str]:
    """Return a sentence on files that could not be rendered; empty if there are none."""
    if not failed:
        return []
    count = f"{counted(len(failed), 'rendering')} {be(len(failed))} left out of the publication"
    files = "; ".join(map(_file_left_out, failed[:10]))
    return [f"{count}: {files}. When the cause is removed (docs/runbook.md): fcir publish"]


def _file_left_out(failed: FailedRendering) -> str:
    return f"{failed['path']} ({failed['reason']})"


def public_edition_assets(manifest_path: Path) -> list[dg.AssetsDefinition]:
    """Return the assets of the public edition: tables, papers and manifest. The nightly job does not make it."""
    marts = marts_of(read_manifest(manifest_path))
    released = [dg.AssetKey(["marts", mart.name]) for mart in marts if mart.releases]
    specs = [
        dg.AssetSpec(
            ["published_public", "tables"],
            deps=released,
            description=(
                "What the marts release: figures at force level, and counts below it with small cells hidden, the rest "
                "rounded and every month shown once. As a DuckDB file, Parquet and CSV."
            ),
            kinds={"duckdb", "parquet", "csv"},
        ),
        dg.AssetSpec(
            ["published_public", "board_paper"],
            deps=[["marts", name] for name in _PAPER_READS],
            description="The board papers of the public edition, made from its tables alone.",
            kinds={"html", "pdf", "xlsx"},
        ),
        dg.AssetSpec(
            ["published_public", "manifest"],
            deps=[["published_public", "tables"], ["published_public", "board_paper"]],
            description="Every file of the public edition with its hash, every table with its rows, and the method.",
            kinds={"json"},
        ),
    ]

    @dg.multi_asset(
        name="public_edition",
        specs=[spec.replace_attributes(group_name="public_edition") for spec in specs],
    )
    def public_edition(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[dg.MaterializeResult]:
        started = time.monotonic()
        warehouse.begin("publishing the public edition")
        made = publish_public(warehouse.settings, marts, run_id=context.run.run_id)
        log_public_edition(made, time.monotonic() - started)
        for spec in specs:
            metadata: dict[str, Any] = {
                "edition": made.run_id,
                "folder": dg.MetadataValue.path(made.folder),
                "failed_renderings": len(made.failed),
            }
            if spec.key.path[-1] == "tables":
                metadata |= {"tables": len(made.tables), "dagster/row_count": sum(made.tables.values())}
            yield dg.MaterializeResult(asset_key=spec.key, metadata=metadata)

    return [public_edition]
