{%- set key = ["force_code", "measure", "month_start"] -%}
with

spans as (select * from {{ ref("int_measure_span") }}),

usual_months as (select * from {{ ref("int_measure_usual") }}),

judged as (

    select
        spans.*,
        spans.affected_sources is not null
        or coalesce({{ could_matter("spans") }}, false)
        or coalesce(usual_months.is_verdict_at_stake, false) as is_affected_by_quarantine
    from spans
    left join usual_months
        on {{ same_columns("spans", "usual_months", key) }}
        and spans.period = 'month'

)

select
    force_code,
    measure,
    month_start,
    period,
    first_month,
    last_month,
    months,
    months_delivered,
    numerator,
    denominator,
    value,
    display_value,
    mean_per_month,
    mean_per_day,
    days,
    days_loaded,
    is_provisional,
    share_of_days_loaded,
    complete_since,
    rows_quarantined,
    share_quarantined,
    is_affected_by_quarantine,
    {%- for bound in ["value_low", "value_high"] %}
    case when is_affected_by_quarantine and value is not null then {{ bound }} end as {{ bound }},
    {%- endfor %}
    case when is_affected_by_quarantine then coalesce(affected_sources, possible_sources) end as affected_sources,
    columns_without_values
from judged
