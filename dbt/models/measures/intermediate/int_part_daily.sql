{#- Sums of the daily events that each part of a measure adds up. Which events, and how much of them: event_parts(). -#}
{%- set families = event_parts() -%}
{%- set sources = families | map(attribute="source") | unique | sort -%}
{{ config(
    materialized="incremental",
    meta={"archive": {"day": "day", "sources": sources, "is_by_source": true}},
    pre_hook="{{ delete_changed_months('day', " ~ sources ~ ") }}",
    post_hook="{{ keep_archived() }}",
) }}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent
{%- for family in families %}

{{ family.events }} as (select * from {{ ref(family.model) }}),
{%- endfor %}
{%- for family in families %}

{{ family.events }}_by_day as (

    select
        force_code,
        {{ family.day }} as day,
        {%- for key in family["keys"] %}
        {{ key }},
        {%- endfor %}
        {%- for name, amount in family.sums.items() %}
        sum({{ amount }}) as {{ name }}{{ "," if not loop.last }}
        {%- endfor %}
    from {{ family.events }}
    {%- if family.only %}
    where
        {{ family.only }}
        {{ in_changed_months("and", family.day, sources) }}
    {%- else %}
    {{ in_changed_months("where", family.day, sources) }}
    {%- endif %}
    group by
        force_code,
        {{ family.day }}
        {%- for key in family["keys"] %},
        {{ key }}
        {%- endfor %}

),
{%- endfor %}

amounts as (

    {%- for family in families %}
    {%- set is_last = loop.last %}
    {%- for part in family.parts %}

    select
        '{{ family.source }}' as source,
        force_code,
        day,
        {{ part.part }} as part,
        cast({{ part.sum }} as decimal(38, 6)) as amount
    from {{ family.events }}_by_day
    {%- if part.only %}
    where {{ part.only }}
    {%- endif %}
    {%- if not (is_last and loop.last) %}

    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}

),

final as (

    select
        source,
        force_code,
        day,
        part,
        cast(sum(amount) as decimal(38, 6)) as amount
    from amounts
    group by all
    having sum(amount) <> 0

)

select * from final
