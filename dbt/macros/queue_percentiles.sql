{#
    Median, 90th percentile and maximum of queuing times by the columns `keys`, exact. `relation` has the keys,
    queue_seconds and calls (how many calls queued that long). Percentiles interpolate linearly between the two nearest
    calls, as percentile_cont does, but in whole numbers: percentile_cont of a decimal goes through DOUBLE.
    The rank is counted in hundredths: hundredths = percent * (calls - 1).
#}
{% macro queue_percentiles(relation, keys) -%}
    select
        {%- for key in keys %}
        {{ key }},
        {%- endfor %}
        {{ ratio(interpolated_hundredfold(50), '100') }} as median_queue_seconds,
        {{ ratio(interpolated_hundredfold(90), '100') }} as p90_queue_seconds,
        cast(max(queue_seconds) as decimal(38, 6)) as max_queue_seconds
    from (
        select
            {%- for key in keys %}
            {{ key }},
            {%- endfor %}
            cast(queue_seconds as decimal(38, 6)) as queue_seconds,
            cast(calls as bigint) as calls,
            cast(sum(calls) over (
                partition by {{ keys | join(', ') }}
                order by queue_seconds asc nulls last
                rows between unbounded preceding and current row
            ) as bigint) as calls_up_to,
            cast(sum(calls) over (partition by {{ keys | join(', ') }}) as bigint) as calls_in_all
        from {{ relation }}
    ) as ranked
    group by
        {%- for key in keys %}
        {{ key }}{{ ',' if not loop.last }}
        {%- endfor %}
{%- endmacro %}


{# A hundred times the interpolated value. A percentile that falls on a call needs no neighbour above it. #}
{% macro interpolated_hundredfold(percent) -%}
    {%- set position = percent ~ ' * (calls_in_all - 1)' -%}
    {%- set rank = int_div(position, '100') -%}
    (
        max(case when calls_up_to - calls <= {{ rank }} and {{ rank }} < calls_up_to
            then queue_seconds * (100 - mod({{ position }}, 100)) end)
        + coalesce(max(case when calls_up_to - calls <= {{ rank }} + 1 and {{ rank }} + 1 < calls_up_to
            then queue_seconds * mod({{ position }}, 100) end), 0)
    )
{%- endmacro %}
