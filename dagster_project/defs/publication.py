"""The publication as assets, and the verdict of the run. `publication/` makes the content."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from dagster_project.defs.links import asset_key_of, page_of_site
from dagster_project.defs.lists import list_of
from dagster_project.defs.log_lines import log_edition, log_publication
from dagster_project.defs.resources import Warehouse
from dagster_project.defs.run_record import RUN_VERDICT
from dagster_project.disclosure.force_rows import ForceRows
from dagster_project.publication.files import DATABASE, MANIFEST, failed_renderings, pointer_of
from dagster_project.publication.publish import GateClosed, Publication, publish
from dagster_project.settings import Settings
from dagster_project.transformation.project import Mart, marts_of, read_manifest
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.state import unresolved_deliveries
from dagster_project.words import be, counted

if TYPE_CHECKING:
    from dagster_project.publication.editions import Edition

# Parts of a publication that are described by an exposure of dbt, which lists the marts that they read: kinds and file.
_EXPOSURES = {
    "board_paper": ({"html", "pdf", "xlsx"}, "board_paper.html"),
    "measures": ({"html", "csv"}, "measures/index.html"),
    "trust": ({"html"}, "trust.html"),
    "dictionary": ({"html"}, "dictionary.html"),
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
            _marts(marts_of(manifest)),
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
    """Return the sizes of the parts of a publication; the UI plots them over time."""
    folder = publication.folder
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        "database": {
            "tables": len(publication.tables),
            "dagster/row_count": sum(publication.tables.values()),
            "bytes": (folder / DATABASE).stat().st_size,
        },
        "board_paper": {
            "papers": len(publication.papers),
            "papers_new_or_changed": sum(paper.is_rendered for paper in publication.papers),
        },
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
        for spec in specs:
            about: dict[str, Any] = {"publication": result.run_id, "folder": dg.MetadataValue.path(result.folder)}
            yield dg.MaterializeResult(asset_key=spec.key, metadata=about | metadata.get(spec.key.path[-1], {}))

    @dg.asset(
        key=["published", RUN_VERDICT],
        deps=[["published", "manifest"]],
        group_name="publication",
        kinds={"python"},
        description=(
            "Whether every delivery that was due is accepted, every paper and page rendered and every commentary "
            "shown. Otherwise it fails, after everything else is done: a failed check alone leaves the run green and "
            "failure alerts silent."
        ),
    )
    def run_verdict(warehouse: Warehouse) -> dg.MaterializeResult:
        with loading_connection(warehouse.settings.warehouse) as connection:
            deliveries = [str(item) for item in unresolved_deliveries(connection)]
        files = [f"{item['path']} ({item['reason']})" for item in failed_renderings(warehouse.settings.published)]
        sentences = []
        if deliveries:
            need = "needs" if len(deliveries) == 1 else "need"
            sentences.append(f"{counted(len(deliveries), 'delivery')} {need} attention: {'; '.join(deliveries[:10])}")
        if files:
            sentences.append(
                f"{counted(len(files), 'file')} {be(len(files))} left out of the publication: "
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


class ForceOfEdition(dg.Config):
    """The force that an edition is of."""

    force: str


def edition_assets(manifest_path: Path) -> list[dg.AssetsDefinition]:
    """Return the editions for the public and for one force, which leave the installation: no nightly job makes them."""
    manifest = read_manifest(manifest_path)
    marts = marts_of(manifest)

    @dg.asset(
        key=["published_public", "edition"],
        deps={*_marts(mart for mart in marts if mart.releases), *_exposure(manifest, "board_paper")[1]},
        group_name="public_edition",
        kinds={"duckdb", "parquet", "csv", "html", "pdf", "xlsx"},
        description="What the marts release: figures at force level, and counts below it with small cells hidden, the "
        "rest rounded and every month shown once. As a DuckDB file, Parquet and CSV, with the board papers.",
    )
    def public_edition(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        # Imported here, as below: a night publishes no edition.
        from dagster_project.publication.editions import publish_public

        warehouse.begin("publishing the public edition")
        return _published_edition(lambda: publish_public(warehouse.settings, marts, run_id=context.run.run_id))

    @dg.asset(
        key=["published_force", "edition"],
        deps=_marts(mart for mart in marts if mart.force_rows is not ForceRows.NONE),
        group_name="force_edition",
        kinds={"duckdb", "parquet"},
        description="The detail of one force, and of the other forces what the public edition has. As a DuckDB file "
        "and Parquet.",
    )
    def force_edition(
        context: dg.AssetExecutionContext, config: ForceOfEdition, warehouse: Warehouse
    ) -> dg.MaterializeResult:
        from dagster_project.publication.editions import publish_force

        warehouse.begin("publishing the edition of a force")
        return _published_edition(
            lambda: publish_force(warehouse.settings, marts, config.force, run_id=context.run.run_id)
        )

    return [public_edition, force_edition]


def _published_edition(publish: "Callable[[], Edition]") -> dg.MaterializeResult:
    """Publish an edition; log and return what it has.

    Raises:
        Failure: it is refused.
    """
    started = time.monotonic()
    try:
        edition = publish()
    except (GateClosed, ValueError) as refused:
        raise dg.Failure(str(refused), allow_retries=False) from None
    log_edition(edition, time.monotonic() - started)
    return dg.MaterializeResult(
        metadata={
            "edition": edition.run_id,
            "folder": dg.MetadataValue.path(edition.folder),
            "tables": len(edition.tables),
            "dagster/row_count": sum(edition.tables.values()),
        }
    )


def _marts(marts: Iterable[Mart]) -> list[dg.AssetKey]:
    return [dg.AssetKey(["marts", mart.name]) for mart in marts]
