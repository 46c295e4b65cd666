"""The publication as assets, and the run's own verdict. What is published and how: `publication/`."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from dagster_project.defs.resources import Warehouse
from dagster_project.publication.public_edition import publish_public
from dagster_project.publication.publish import publish
from dagster_project.reporting import step
from dagster_project.transformation.project import marts_of, read_manifest
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.state import outstanding

_OWNER = "team:performance-analysis"

# Marts that the papers are read from.
_OF_PAPERS = (
    "board_paper",
    "definitions",
    "dim_force",
    "kpi_measure_period",
    "kpi_measure_spc",
    "load_audit",
    "measures",
)


def publication_assets(manifest_path: Path) -> list[dg.AssetsDefinition]:
    """The published database, its Parquet copy, the board paper and the manifest; then the run's verdict."""
    marts = marts_of(read_manifest(manifest_path))
    of_marts = [dg.AssetKey(["marts", mart.name]) for mart in marts]
    specs = [
        dg.AssetSpec(
            ["published", "database"],
            deps=of_marts,
            description="fcir.duckdb: all marts in one read-only file that DuckDB 1.4 and newer opens.",
            kinds={"duckdb"},
        ),
        dg.AssetSpec(
            ["published", "parquet"],
            deps=of_marts,
            description="One Parquet file for each mart, in the order of its grain.",
            kinds={"parquet"},
        ),
        dg.AssetSpec(
            ["published", "board_paper"],
            deps=[["marts", name] for name in _OF_PAPERS],
            description="The board papers of every force and month, as page, PDF, workbook and CSV.",
            kinds={"html", "pdf", "xlsx"},
        ),
        dg.AssetSpec(
            ["published", "manifest"],
            deps=[["published", "database"], ["published", "parquet"], ["published", "board_paper"]],
            description="Every published file with its hash, every table with its rows, every delivery that went in.",
            kinds={"json"},
        ),
    ]

    @dg.multi_asset(
        name="publication",
        specs=[
            spec.replace_attributes(group_name="publication", owners=[_OWNER], tags={"stage": "publication"})
            for spec in specs
        ],
    )
    def publication(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[dg.MaterializeResult]:
        started = time.monotonic()
        made = publish(warehouse.settings, marts, run_id=context.run.run_id)
        seconds = time.monotonic() - started
        rows = sum(made.tables.values())
        rendered = sum(paper.is_rendered for paper in made.papers)
        step(
            "publish",
            "papers",
            f"{len(made.papers)} papers, {rendered} of them new or changed",
            papers=len(made.papers),
            rendered=rendered,
        )
        step(
            "publish",
            made.run_id,
            f"{len(made.tables)} tables, {rows:,} rows ({seconds:.1f} s)",
            tables=len(made.tables),
            rows=rows,
            seconds=round(seconds, 3),
        )
        for spec in specs:
            metadata: dict[str, Any] = {"publication": made.run_id, "folder": dg.MetadataValue.path(made.folder)}
            if spec.key.path[-1] in ("database", "parquet"):
                metadata |= {"tables": len(made.tables), "dagster/row_count": rows}
            yield dg.MaterializeResult(asset_key=spec.key, metadata=metadata)

    @dg.asset(
        key=["published", "run_verdict"],
        deps=[["published", "manifest"]],
        group_name="publication",
        owners=[_OWNER],
        kinds={"python"},
        tags={"stage": "publication"},
        description=(
            "Whether all that was owed has been delivered and accepted. It fails, after everything else is done, when "
            "a delivery is missing or rejected: a failed check alone leaves the run green and failure alerts silent."
        ),
    )
    def run_verdict(warehouse: Warehouse) -> dg.MaterializeResult:
        with loading_connection(warehouse.settings.warehouse) as connection:
            faults = outstanding(connection)
        if faults:
            raise dg.Failure(
                f"{len(faults)} deliveries need a person: " + "; ".join(str(fault) for fault in faults[:10]),
                metadata={"deliveries": dg.MetadataValue.md("\n".join(f"- {fault}" for fault in faults))},
                allow_retries=False,
            )
        return dg.MaterializeResult(metadata={"outstanding": 0})

    return [publication, run_verdict]


def public_edition_assets(manifest_path: Path) -> list[dg.AssetsDefinition]:
    """What leaves the force: the public edition's tables, its papers and its manifest. No night makes it."""
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
            deps=[["marts", name] for name in _OF_PAPERS],
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
        specs=[
            spec.replace_attributes(group_name="public_edition", owners=[_OWNER], tags={"stage": "publication"})
            for spec in specs
        ],
    )
    def public_edition(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[dg.MaterializeResult]:
        started = time.monotonic()
        made = publish_public(warehouse.settings, marts, run_id=context.run.run_id)
        seconds = time.monotonic() - started
        rows = sum(made.tables.values())
        step(
            "publish",
            made.run_id,
            f"public edition: {len(made.tables)} tables, {rows:,} rows, {made.months_shown} months of tables shown "
            f"first ({seconds:.1f} s)",
            edition="public",
            tables=len(made.tables),
            rows=rows,
            months_shown=made.months_shown,
            seconds=round(seconds, 3),
        )
        for spec in specs:
            metadata: dict[str, Any] = {"edition": made.run_id, "folder": dg.MetadataValue.path(made.folder)}
            if spec.key.path[-1] == "tables":
                metadata |= {"tables": len(made.tables), "dagster/row_count": rows}
            yield dg.MaterializeResult(asset_key=spec.key, metadata=metadata)

    return [public_edition]
