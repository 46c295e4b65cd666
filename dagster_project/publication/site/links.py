"""The page of the site that shows what is in a mart, apart from its page of the dictionary."""

from dagster_project.publication.site.engine import pages_of_marts

_PAGES_OF_MARTS = {
    "board_paper": "board_paper.html",
    "claims": "trust.html#claims",
    "corrections": "quality/index.html#corrections",
    "deliveries": "quality/index.html",
    "delivery_totals": "quality/index.html",
    "expectation_results": "quality/index.html#expectations",
    "load_audit": "quality/index.html",
    "measures": "measures/index.html",
    "published_versions": "trust.html#revisions",
    "quarantine": "quality/index.html#quarantine",
    "reconciliation": "trust.html#printed",
    "reconciliation_narrative": "trust.html#sentences",
    "revisions": "trust.html#revisions",
}


def page_of_mart(name: str) -> str | None:
    """Return the address of the page, with an anchor for a part of it; None if no page shows the mart."""
    if name.startswith("kpi_measure_"):
        return "measures/index.html"
    return pages_of_marts().get(name) or _PAGES_OF_MARTS.get(name)
