{{ changed_rows(
    "published_statements",
    key=["force_code", "report_id", "statement_id", "test_no"],
) }}
