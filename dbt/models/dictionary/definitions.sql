-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent
{%- set of_calls = [
    "answer_target_seconds", "short_abandon_seconds", "called_back_counts_as_answered", "staffing_service_level_pct",
    "after_call_seconds",
] -%}
{#- Lists with a row for each day from which a definition holds: how it is called, what it applies to, and its value. -#}
{%- set lists = [
    (ref("measure_targets"), "kind", "measure", "target"),
    (ref("cancelled_crime_formulas"), "'formula'", "'crime.pct_cancelled'", "'crime.' || formula"),
] -%}
{%- for parameter in of_calls -%}
    {%- do lists.append((ref("call_parameters"), "'" ~ parameter ~ "'", "'calls_' || line", parameter)) -%}
{%- endfor %}

{%- for list, definition, applies_to, value in lists %}
select
    {{ definition }} as definition,
    {{ applies_to }} as applies_to,
    force_code,
    valid_from,
    valid_to,
    cast({{ value }} as {{ dbt.type_string() }}) as value,
    source
from {{ list }}
{{ "\nunion all\n" if not loop.last }}
{%- endfor %}
