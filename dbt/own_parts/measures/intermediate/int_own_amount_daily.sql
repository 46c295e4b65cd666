{%- set families = event_parts()["own"] -%}
{{ config(
    materialized="table",
    meta={
        "archive": {
            "day": "day",
            "sources": families | map(attribute="source") | unique | list,
            "is_by_source": true,
        },
    },
    post_hook="{{ keep_archived() }}",
) }}

with

amounts as (
    {%- for family in families %}
    {%- for name, amount in family.amounts.items() %}

    select
        '{{ family.source }}' as source,
        force_code,
        {{ family.day }} as day,
        '{{ name }}' as amount,
        cast({{ amount }} as decimal(18, 6)) as value
    from {{ ref(family.model) }}
    where {{ family.only or "true" }}

    union all
    {%- endfor %}
    {%- endfor %}

    -- A force may have no amount.
    select
        cast(null as varchar) as source,
        cast(null as varchar) as force_code,
        cast(null as date) as day,
        cast(null as varchar) as amount,
        cast(null as decimal(18, 6)) as value

)

select
    source,
    force_code,
    day,
    amount,
    value,
    cast(count(*) as bigint) as events
from amounts
where day is not null and value is not null
group by all
