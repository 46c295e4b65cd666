{{ changed_rows(
    "published_figures",
    key=["force_code", "report_id", "section", "measure", "month"],
) }}
