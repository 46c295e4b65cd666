{%- set of_calls = [
    "answer_target_seconds", "short_abandon_seconds", "called_back_counts_as_answered", "staffing_service_level_pct",
    "after_call_seconds",
] -%}
with

call_parameters as (select * from {{ ref("call_parameters") }}),

targets as (select * from {{ ref("measure_targets") }}),

formulas as (select * from {{ ref("cancelled_crime_formulas") }}),

baselines as (select * from {{ ref("control_chart_baselines") }})

{%- for parameter in of_calls %}

select
    '{{ parameter }}' as definition,
    'calls_' || line as applies_to,
    force_code,
    valid_from,
    valid_to,
    cast({{ parameter }} as {{ dbt.type_string() }}) as value,
    source
from call_parameters

union all
{%- endfor %}

select
    kind as definition,
    measure as applies_to,
    force_code,
    valid_from,
    valid_to,
    cast(target as {{ dbt.type_string() }}) as value,
    source
from targets

union all

select
    'formula' as definition,
    'crime.pct_cancelled' as applies_to,
    force_code,
    valid_from,
    valid_to,
    'crime.' || formula as value,
    source
from formulas

union all

select
    'control_chart_baseline' as definition,
    measure as applies_to,
    force_code,
    valid_from,
    cast(null as date) as valid_to,
    reason as value,
    source
from baselines
