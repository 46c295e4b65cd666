"""The page of the site that shows what is in a mart, apart from its page of the dictionary."""

_PAGES_OF_MARTS = {
    "board_paper": "board_paper.html",
    "claims": "trust.html#claims",
    "corrections": "quality/index.html#corrections",
    "deliveries": "quality/index.html",
    "delivery_totals": "quality/index.html",
    "expectation_results": "quality/index.html#expectations",
    "kpi_calls_hourly": "demand.html",
    "kpi_cancellation_detail_monthly": "crime.html#codes",
    "kpi_chat_concurrency_monthly": "demand.html#concurrency",
    "kpi_crime_by_district_monthly": "crime.html#districts",
    "kpi_crime_expected_net": "crime.html#maturity",
    "kpi_crime_maturity": "crime.html#maturity",
    "kpi_crime_monthly": "crime.html#by-month",
    "kpi_crime_net_monthly": "crime.html#by-month",
    "kpi_crime_status_monthly": "crime.html#by-month",
    "kpi_digital_ledger_monthly": "demand.html#ledger",
    "kpi_displacement_monthly": "demand.html#returning",
    "kpi_district_change_monthly": "crime.html#districts",
    "kpi_staffing_hourly": "demand.html#operators",
    "kpi_target_days_monthly": "demand.html#target-days",
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
    return "measures/index.html" if name.startswith("kpi_measure_") else _PAGES_OF_MARTS.get(name)
