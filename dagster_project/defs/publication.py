"""The publication as assets, and the verdict of the run. `publication/` makes the content."""

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg

from dagster_project.defs.dbt_specs import asset_key_of
from dagster_project.defs.links import page_of_site
from dagster_project.defs.lists import list_of
from dagster_project.defs.log_lines import log_force_edition, log_public_edition, log_publication
from dagster_project.defs.resources import Warehouse
from dagster_project.defs.run_record import RUN_VERDICT
from dagster_project.defs.transformations import audit_materializations
from dagster_project.disclosure.force_rows import ForceRows
from dagster_project.publication.database import DATABASE
from dagster_project.publication.files import MANIFEST, failed_renderings
from dagster_project.publication.force_edition import publish_force
from dagster_project.publication.pointer import pointer_of
from dagster_project.publication.preview import previews
from dagster_project.publication.public_edition import publish_public
from dagster_project.publication.publish import GateClosed, Publication, publish
from dagster_project.settings import Settings
from dagster_project.transformation.project import marts_of, read_manifest
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.state import unresolved_deliveries
from dagster_project.words import be, counted

# Parts of a publication that are described by an exposure of dbt, which lists the marts that they read: kinds and file.
_EXPOSURES = {
    "board_paper": ({"html", "pdf", "xlsx"}, "board_paper.html"),
    "measures": ({"html", "csv"}, "measures/index.html"),
    "quality": ({"html"}, "quality/index.html"),
    "dictionary": ({"html"}, "dictionary/index.html"),
    "site": ({"html"}, "index.html"),
}


def publication_specs(manifest: Mapping[str, Any], settings: Settings) -> list[dg.AssetSpec]:
    """Return the parts of a publication: the tables, the papers, the site with its parts, and the manifest."""

    def spec(name: str, deps: Sequence[dg.AssetKey], description: str, kinds: set[str], file: str) -> dg.AssetSpec:
        return dg.AssetSpec(
            ["published", name],
            deps=deps,
            description=description,
            kinds=kinds,
            group_name="publication",
            metadata={"dagster/uri": str(pointer_of(settings.published) / file)}
            | ({"page": page_of_site(settings, file)} if file.endswith(".html") else {}),
        )

    pages = []
    for name, (kinds, file) in _EXPOSURES.items():
        description, deps = _exposure(manifest, name)
        if name == "site":
            deps += _published(*(part for part in _EXPOSURES if part != name))
        pages.append(spec(name, deps, description, kinds, file))
    return [
        spec(
            "database",
            [dg.AssetKey(["marts", mart.name]) for mart in marts_of(manifest)],
            "All marts in one read-only file, fcir.duckdb, which DuckDB 1.4 and newer opens.",
            {"duckdb"},
            DATABASE,
        ),
        spec(
            "parquet",
            # Both contain the same rows.
            _published("database"),
            "The tables of the database as Parquet: one file per table, and one per month for a fact.",
            {"parquet"},
            "parquet",
        ),
        *pages,
        spec(
            "manifest",
            _published("database", "parquet", "board_paper", "site"),
            "Every published file with its hash, every table with its rows, and the deliveries that they contain.",
            {"json"},
            MANIFEST,
        ),
    ]


def _exposure(manifest: Mapping[str, Any], name: str) -> tuple[str, list[dg.AssetKey]]:
    """Return the description of an exposure and the marts that it reads."""
    exposure = next(item for item in manifest["exposures"].values() if item["name"] == name)
    return exposure["description"], [asset_key_of(manifest, node) for node in exposure["depends_on"]["nodes"]]


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
            "bytes": (folder / DATABASE).stat().st_size,
        },
        "parquet": {"tables": len(publication.tables), "dagster/row_count": rows},
        "board_paper": {"papers": len(publication.papers), "papers_new_or_changed": rendered},
        "measures": pages("measures"),
        "quality": pages("quality"),
        "dictionary": pages("dictionary"),
        "site": {"pages": publication.pages},
        "manifest": {
            "files": len(files),
            "bytes": sum(path.stat().st_size for path in files),
            "failed_renderings": len(publication.failed),
        },
    }


def publication_assets(manifest_path: Path, settings: Settings) -> list[dg.AssetsDefinition]:
    """Return the parts of the publication, which one step writes, and the verdict of the run."""
    manifest = read_manifest(manifest_path)
    marts, specs = marts_of(manifest), publication_specs(manifest, settings)

    @dg.multi_asset(name="publication", specs=specs)
    def publication(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[dg.MaterializeResult]:
        started = time.monotonic()
        warehouse.begin("publishing")
        try:
            result = publish(warehouse.settings, marts, run_id=context.run.run_id)
        except GateClosed as closed:
            raise dg.Failure(str(closed), allow_retries=False) from None
        log_publication(result, time.monotonic() - started)
        metadata = _metadata_by_part(result)
        tables = previews(result, force_code=warehouse.settings.force)
        for spec in specs:
            name = spec.key.path[-1]
            yield dg.MaterializeResult(
                asset_key=spec.key,
                metadata={
                    "publication": result.run_id,
                    "folder": dg.MetadataValue.path(result.folder),
                    **metadata[name],
                    **({"preview": dg.MetadataValue.md(tables[name])} if name in tables else {}),
                },
            )

    @dg.asset(
        key=["published", RUN_VERDICT],
        deps=[["published", "manifest"]],
        group_name="publication",
        kinds={"python"},
        description=(
            "Whether every delivery that was due is accepted, and every paper and page rendered. Otherwise it fails, "
            "after everything else is done: a failed check alone leaves the run green and failure alerts silent."
        ),
    )
    def run_verdict(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        warehouse.begin("recording the state of the audit")
        for state in audit_materializations(manifest_path, warehouse.settings):
            context.log_event(state)
        with loading_connection(warehouse.settings.warehouse) as connection:
            deliveries = [str(item) for item in unresolved_deliveries(connection)]
        files = [f"{item['path']} ({item['reason']})" for item in failed_renderings(warehouse.settings.published)]
        sentences = []
        if deliveries:
            need = "needs" if len(deliveries) == 1 else "need"
            sentences.append(f"{counted(len(deliveries), 'delivery')} {need} attention: {'; '.join(deliveries[:10])}")
        if files:
            sentences.append(
                f"{counted(len(files), 'rendering')} {be(len(files))} left out of the publication: "
                f"{'; '.join(files[:10])}. After correcting the cause (docs/runbook.md): fcir publish"
            )
        if sentences:
            raise dg.Failure(
                ". ".join(sentences),
                metadata={
                    "deliveries": list_of("delivery", deliveries),
                    "failed_renderings": list_of("file", files),
                },
                allow_retries=False,
            )
        return dg.MaterializeResult(metadata={"unresolved": 0, "failed_renderings": 0})

    return [publication, run_verdict]


def public_edition_assets(manifest_path: Path) -> list[dg.AssetsDefinition]:
    """Return the assets of the public edition: tables, papers and manifest. The nightly job does not publish it."""
    manifest = read_manifest(manifest_path)
    marts = marts_of(manifest)
    spec = partial(dg.AssetSpec, group_name="public_edition")
    tables, board_paper = (dg.AssetKey(["published_public", name]) for name in ("tables", "board_paper"))
    specs = [
        spec(
            tables,
            deps=[dg.AssetKey(["marts", mart.name]) for mart in marts if mart.releases],
            description="What the marts release: figures at force level, and counts below it with small cells hidden, "
            "the rest rounded and every month shown once. As a DuckDB file, Parquet and CSV.",
            kinds={"duckdb", "parquet", "csv"},
        ),
        spec(
            board_paper,
            deps=_exposure(manifest, "board_paper")[1],
            description="The board papers of the public edition, computed from its tables alone.",
            kinds={"html", "pdf", "xlsx"},
        ),
        spec(
            ["published_public", "manifest"],
            deps=[tables, board_paper],
            description="Every file of the public edition with its hash, every table with its rows, and the method.",
            kinds={"json"},
        ),
    ]

    @dg.multi_asset(name="public_edition", specs=specs)
    def public_edition(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[dg.MaterializeResult]:
        started = time.monotonic()
        warehouse.begin("publishing the public edition")
        try:
            edition = publish_public(warehouse.settings, marts, run_id=context.run.run_id)
        except GateClosed as refused:
            raise dg.Failure(str(refused), allow_retries=False) from None
        log_public_edition(edition, time.monotonic() - started)
        for spec in specs:
            metadata: dict[str, Any] = {
                "edition": edition.run_id,
                "folder": dg.MetadataValue.path(edition.folder),
                "failed_renderings": len(edition.failed),
            }
            if spec.key.path[-1] == "tables":
                metadata |= {"tables": len(edition.tables), "dagster/row_count": sum(edition.tables.values())}
            yield dg.MaterializeResult(asset_key=spec.key, metadata=metadata)

    return [public_edition]


class ForceOfEdition(dg.Config):
    """The force that an edition is of."""

    force: str


def force_edition_assets(manifest_path: Path) -> list[dg.AssetsDefinition]:
    """Return the assets of the edition of a force: tables and manifest. The nightly job does not publish it."""
    marts = marts_of(read_manifest(manifest_path))
    tables = dg.AssetKey(["published_force", "tables"])
    specs = [
        dg.AssetSpec(
            tables,
            deps=[dg.AssetKey(["marts", mart.name]) for mart in marts if mart.force_rows is not ForceRows.NONE],
            description="The detail of one force, and of the other forces what the public edition has. As a DuckDB "
            "file and Parquet.",
            kinds={"duckdb", "parquet"},
            group_name="force_edition",
        ),
        dg.AssetSpec(
            ["published_force", "manifest"],
            deps=[tables],
            description="Every file of the edition of a force with its hash, and every table with its rows.",
            kinds={"json"},
            group_name="force_edition",
        ),
    ]

    @dg.multi_asset(name="force_edition", specs=specs)
    def force_edition(
        context: dg.AssetExecutionContext, config: ForceOfEdition, warehouse: Warehouse
    ) -> Iterator[dg.MaterializeResult]:
        started = time.monotonic()
        warehouse.begin("publishing the edition of a force")
        try:
            edition = publish_force(warehouse.settings, marts, config.force, run_id=context.run.run_id)
        except (GateClosed, ValueError) as refused:
            raise dg.Failure(str(refused), allow_retries=False) from None
        log_force_edition(edition, time.monotonic() - started)
        for spec in specs:
            yield dg.MaterializeResult(
                asset_key=spec.key,
                metadata={
                    "edition": edition.run_id,
                    "force": edition.force_code,
                    "folder": dg.MetadataValue.path(edition.folder),
                    "tables": len(edition.tables),
                    "dagster/row_count": sum(edition.tables.values()),
                },
            )

    return [force_edition]
