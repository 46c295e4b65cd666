{#
    Shared by reconciliation and reconciliation_narrative: reading a printed figure, and finding the simplest method
    that reproduces it. A printed figure is compared as a whole number of its last printed decimal, so that equality
    is exact.
#}

{#
    Ways in which a printed figure can have been rounded, the most likely first, with their codes in a method. Half to
    even is not tried separately: it always equals half up or cutting off, so it is only named together with the latter.
#}
{% macro roundings() %}
    {{ return([{"name": "half_up", "step": ""}, {"name": "cut_off", "step": "; cut_off"}]) }}
{% endmacro %}


{#
    Query: all columns of a relation, and the number that its column `text` prints, as decimal(38, 6) in the column
    `number`, with the decimals that it was printed with in the column `decimals`. Known are `35,634`, `1.16%`, `-590`
    and `1h 2m 3s`, also with a plus or a long minus; another text, or one that does not fit its unit, gives nulls.
    Durations are seconds without decimals.
#}
{% macro printed_figures(relation, text="published_value", unit="unit", number="published_number",
                         decimals="printed_decimals") %}
    select
        *,
        cast(case {{ text }}_form
            when 'duration'
                then {{ text }}_sign * (
                    {%- for letter, seconds in [("h", 3600), ("m", 60), ("s", 1)] %}
                    {{ "+ " if not loop.first }}{{ seconds }} * cast(
                        coalesce(nullif(regexp_extract({{ text }}_plain, '([0-9]+){{ letter }}', 1), ''), '0') as bigint
                    )
                    {%- endfor %}
                )
            when 'number' then {{ text }}_sign * cast({{ text }}_plain as decimal(38, 6))
        end as decimal(38, 6)) as {{ number }},
        case {{ text }}_form
            when 'duration' then 0
            when 'number' then cast(length(regexp_extract({{ text }}_plain, '[.]([0-9]+)$', 1)) as integer)
        end as {{ decimals }}
    from (
        select
            *,
            case
                when {{ unit }} = 'duration'
                    and regexp_extract({{ text }}_signed, '^[-+]?([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$', 0) <> ''
                    then 'duration'
                when {{ unit }} <> 'duration'
                    and regexp_extract({{ text }}_signed, '^[-+]?[0-9]{1,18}([.][0-9]{1,6})?%?$', 0) <> ''
                    then 'number'
            end as {{ text }}_form,
            case when {{ text }}_signed like '-%' then -1 else 1 end as {{ text }}_sign,
            replace(replace(replace({{ text }}_signed, '-', ''), '+', ''), '%', '') as {{ text }}_plain
        from (
            select
                *,
                replace(
                    replace(lower(replace(replace({{ text }}, ' ', ''), ',', '')), '−', '-'), '–', '-'
                ) as {{ text }}_signed
            from {{ relation }}
        ) as spelt
    ) as recognised
{% endmacro %}


{#
    Query: for each combination of `keys` the simplest candidate and rounding that give the printed figure; none where
    nothing does. `candidates` has the keys, the printed figure in the column `number`, decimals, value_numerator and
    value_denominator, those of the ranks below that `ranks` names and `method`, the steps that made the candidate: codes
    between semicolons, which report/methods.py puts into words.

    Simplest first: period_rank (the months), then the rounding, then formula_rank (own, known alternative, searched
    denominator), then difference_rank (whether figures were rounded before they were taken from each other), then
    weighting_rank, then the method by the alphabet. A figure of one or two significant digits can be met by chance; the
    order makes the explanation the same each time, not true.
#}
{% macro simplest_explanations(candidates, keys, ranks, number="published_number") %}
    select
        *,
        {{ ranks | join(" = 0 and ") }} = 0 as is_own
    from (
        select
            *,
            cast(row_number() over (
                partition by {{ keys | join(", ") }}
                order by
                    {%- for rank in ranks %}
                    {{ rank }} asc nulls last,
                    {%- endfor %}
                    method asc nulls last
            ) as bigint) as row_num
        from (
            {%- set scale = "(" ~ power_of_ten("decimals") ~ ")" %}
            {%- set half_even = rounded_quotient("value_numerator", "value_denominator", scale, "half_even") %}
            {%- for rounding in roundings() %}
            {%- set units = rounded_quotient("value_numerator", "value_denominator", scale, rounding.name) %}
            {%- set rounding_rank = loop.index0 ~ " as rounding_rank" %}
            select
                {{ keys | join(", ") }},
                {%- for rank in ranks %}
                {{ rounding_rank if rank == "rounding_rank" else rank }},
                {%- endfor %}
                {%- if rounding.name == "cut_off" %}
                method
                || '{{ rounding.step }}'
                || case when {{ half_even }} = {{ units }} then ' or half_even' else '' end as method
                {%- else %}
                method
                {%- endif %}
            from {{ candidates }}
            where {{ units }} = cast({{ number }} * {{ scale }} as {{ big_integer() }})
            {%- if not loop.last %}
            union all
            {%- endif %}
            {%- endfor %}
        ) as explanations
    ) as ordered
    where row_num = 1
{% endmacro %}


{#
    numerator / denominator as a whole number of trillionths, half up: fine enough that figures that differ by a
    fraction of the last printed decimal differ, and that a difference which is exactly half of one still is.
#}
{% macro trillionths(numerator, denominator) -%}
    {{ rounded_quotient(numerator, denominator, "1000000000000") }}
{%- endmacro %}


{# Trillionths as decimal(38, 12). #}
{% macro from_trillionths(amount) -%}
    cast(cast({{ amount }} as decimal(25, 0)) * cast(0.000000000001 as decimal(12, 12)) as decimal(38, 12))
{%- endmacro %}
