"""Links from an asset to its page of the published site, and to the file that defines it.

The Dagster UI is used from other machines: a path on the server would open nothing there, and the UI serves no files.
So the UI shows the text of a contract or model itself. A page of the site is a URL if `FCIR_SITE_URL` names a web
server for the publication, otherwise its path below `published/current`.
"""

from pathlib import Path

import dagster as dg

from dagster_project.settings import PROJECT_ROOT, Settings

# Pages with more about a mart than its page of the dictionary.
_PAGES_OF_MARTS = {
    "board_paper": ("board_paper_page", "board_paper.html"),
    "claims": ("trust_page", "trust.html#claims"),
    "corrections": ("quality_page", "quality/index.html#corrections"),
    "expectation_results": ("quality_page", "quality/index.html#expectations"),
    "kpi_call_definitions": ("trust_page", "trust.html#definitions"),
    "kpi_calls_hourly": ("demand_page", "demand.html"),
    "kpi_cancellation_detail_monthly": ("crime_page", "crime.html#codes"),
    "kpi_chat_concurrency_monthly": ("demand_page", "demand.html#concurrency"),
    "kpi_chat_operator_monthly": ("demand_page", "demand.html#chat-operators"),
    "kpi_crime_by_district_monthly": ("crime_page", "crime.html#districts"),
    "kpi_crime_expected_net": ("crime_page", "crime.html#maturity"),
    "kpi_crime_maturity": ("crime_page", "crime.html#maturity"),
    "kpi_crime_monthly": ("crime_page", "crime.html"),
    "kpi_digital_ledger_monthly": ("demand_page", "demand.html#ledger"),
    "kpi_displacement_monthly": ("demand_page", "demand.html#returning"),
    "kpi_staffing_hourly": ("demand_page", "demand.html#operators"),
    "load_audit": ("quality_page", "quality/index.html"),
    "measures": ("measures_page", "measures/index.html"),
    "published_versions": ("trust_page", "trust.html#revisions"),
    "quarantine": ("quality_page", "quality/index.html#quarantine"),
    "reconciliation": ("trust_page", "trust.html#printed"),
    "reconciliation_narrative": ("trust_page", "trust.html#sentences"),
    "revisions": ("trust_page", "trust.html#revisions"),
}


def page_of_site(settings: Settings, page: str) -> dg.MetadataValue:
    """Return a page of the current publication: a URL if there is one, otherwise the path of its file.

    The path of the page is relative to the folder of the publication.
    """
    if settings.site_url:
        return dg.MetadataValue.url(f"{settings.site_url}/{page}")
    return dg.MetadataValue.text(f"published/current/{page}")


def pages_of_table(settings: Settings, schema: str, name: str, unique_id: str) -> dict[str, dg.MetadataValue]:
    """Return the pages of a dbt table: columns and figures for a mart, SQL and lineage for any other table."""
    resource_type = unique_id.partition(".")[0]
    pages = {"lineage_page": f"dictionary/lineage.html#!/{resource_type}/{unique_id}"}
    if schema == "marts":
        pages["dictionary_page"] = f"dictionary/{name}.html"
        if name.startswith("kpi_measure_"):
            pages["measures_page"] = "measures/index.html"
        pages |= dict([_PAGES_OF_MARTS[name]] if name in _PAGES_OF_MARTS else [])
    return {key: page_of_site(settings, page) for key, page in pages.items()}


def file_of_project(key: str, path: str, language: str) -> dict[str, dg.MetadataValue]:
    """Return a file of the project: its path, and its text to expand.

    The key, for example `contract`, is the key of the metadata. The path is relative to the project.
    """
    text = (PROJECT_ROOT / Path(path)).read_text(encoding="utf-8")
    return {
        f"{key}_file": dg.MetadataValue.text(path),
        key: dg.MetadataValue.md(f"```{language}\n{text}```"),
    }
