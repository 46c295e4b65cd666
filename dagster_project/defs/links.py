"""What leads from an asset to its page of the published site, and to the file that it is made by.

The Dagster UI is looked at from other machines: a path of the server would open nothing there, and the UI serves no
files. So the text of a contract or a model is shown by the UI itself, and a page of the site is an address where
`FCIR_SITE_URL` says that a web server gives the publication out, else its place below `published/current`.
"""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from dagster_project.settings import PROJECT_ROOT, Settings

# Pages that show more of a mart than its page of the dictionary does.
_PAGES_OF_MARTS = {
    "board_paper": ("board_paper_page", "board_paper.html"),
    "corrections": ("quality_page", "quality/index.html#corrections"),
    "expectation_results": ("quality_page", "quality/index.html#expectations"),
    "kpi_calls_hourly": ("demand_page", "demand.html"),
    "load_audit": ("quality_page", "quality/index.html"),
    "measures": ("measures_page", "measures/index.html"),
    "quarantine": ("quality_page", "quality/index.html#quarantine"),
}


def page_of_site(settings: Settings, page: str) -> dg.MetadataValue:
    """A page of the current publication: an address to follow where there is one, else where its file lies.

    Args:
        settings: with the address of the site, if it has any.
        page: the page, relative to the folder of the publication.
    """
    if settings.site_url:
        return dg.MetadataValue.url(f"{settings.site_url}/{page}")
    return dg.MetadataValue.text(f"published/current/{page}")


def pages_of_table(settings: Settings, schema: str, name: str, unique_id: str) -> dict[str, dg.MetadataValue]:
    """Pages of a table that dbt makes: of a mart its columns and figures, of any other its SQL and its lineage."""
    resource_type = unique_id.partition(".")[0]
    pages = {"lineage_page": f"dictionary/lineage.html#!/{resource_type}/{unique_id}"}
    if schema == "marts":
        pages["dictionary_page"] = f"dictionary/{name}.html"
        if name.startswith("kpi_measure_"):
            pages["measures_page"] = "measures/index.html"
        pages |= dict([_PAGES_OF_MARTS[name]] if name in _PAGES_OF_MARTS else [])
    return {key: page_of_site(settings, page) for key, page in pages.items()}


def file_of_project(key: str, path: str, language: str) -> dict[str, dg.MetadataValue]:
    """A file of the project: where it lies, and its text at a click.

    Args:
        key: what the file is, for example `contract`; the name of the metadata.
        path: the file, relative to the project.
        language: of its text, for example `yaml`.
    """
    text = (PROJECT_ROOT / Path(path)).read_text(encoding="utf-8")
    return {
        f"{key}_file": dg.MetadataValue.text(path),
        key: dg.MetadataValue.md(f"```{language}\n{text}```"),
    }
