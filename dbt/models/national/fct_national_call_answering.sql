with
-- The linter cannot follow the indentation of a macro's query.
-- noqa: disable=layout.indent

answering as (
    {{- latest_rows("national_call_answering", key=["force_code", "month"]) }}
)

select
    force_code,
    month as month_start,
    calls,
    mean_answer_seconds,
    pct_under_10s,
    pct_10_to_60s,
    pct_over_60s,
    extract_date,
    load_id,
    source_row
from answering
