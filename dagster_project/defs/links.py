"""The key of a dbt table as an asset; links to its page of the published site, and to the file that defines it.

The Dagster UI is used from other machines: a path on the server would open nothing there, and the UI serves no files.
So the UI shows the text of a contract or model itself. A page of the site is a URL if `FCIR_SITE_URL` names a web
server for the publication, otherwise its path below `published/current`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from dagster_project.publication.site.engine import page_of_mart
from dagster_project.settings import Settings


def asset_key_of(manifest: Mapping[str, Any], unique_id: str) -> dg.AssetKey:
    """Return the asset key, schema and table, of a node or dbt source."""
    node = manifest["nodes"].get(unique_id) or manifest["sources"][unique_id]
    return dg.AssetKey([node.get("source_name") or node["schema"], node["name"]])


def page_of_site(settings: Settings, page: str) -> dg.MetadataValue:
    """Return a page of the current publication: a URL if there is one, otherwise the path of its file.

    The path of the page is relative to the folder of the publication.
    """
    if settings.site_url:
        return dg.MetadataValue.url(f"{settings.site_url}/{page}")
    return dg.MetadataValue.text(f"published/current/{page}")


def pages_of_table(settings: Settings, schema: str, name: str) -> dict[str, dg.MetadataValue]:
    """Return the pages of a dbt table: columns and figures for a mart, none for any other table."""
    pages = {}
    if schema == "marts":
        pages["dictionary_page"] = f"dictionary.html#{name}"
        if page := page_of_mart(name):
            # `trust_page` for `trust.html#claims`.
            pages[f"{page.partition('.')[0].partition('/')[0]}_page"] = page
    return {key: page_of_site(settings, page) for key, page in pages.items()}


def file_and_text(key: str, file: Path, shown: str, language: str) -> dict[str, dg.MetadataValue]:
    """Return a file of the project or of the configuration: its path, and its text to expand.

    The key, for example `contract`, is the key of the metadata. `shown` is the path below the project or the data root.
    """
    return {
        f"{key}_file": dg.MetadataValue.text(shown),
        key: dg.MetadataValue.md(f"```{language}\n{file.read_text(encoding='utf-8')}```"),
    }
