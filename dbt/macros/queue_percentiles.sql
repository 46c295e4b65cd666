{#
    Median, 90th percentile and maximum of queuing times by the columns `keys`, exact. `relation` has the keys,
    queue_seconds and calls (how many calls queued that long). Percentiles interpolate linearly between the two
    nearest calls, as percentile_cont does, but in whole numbers: percentile_cont of a decimal goes through DOUBLE.
    The position of a percentile is counted in hundredths of a call, percent * (calls - 1): whole hundreds are the
    rank of a call, from 0, and the rest are the hundredths of the way to the next one.
#}
{% macro queue_percentiles(relation, keys) -%}
    {%- set percents = {"median": 50, "p90": 90} -%}
    select
        {%- for key in keys %}
        {{ key }},
        {%- endfor %}
        {%- for name in percents %}
        {{ ratio(interpolated_x100(name), '100') }} as {{ name }}_queue_seconds,
        {%- endfor %}
        cast(max(queue_seconds) as decimal(38, 6)) as max_queue_seconds
    from (
        select
            {%- for key in keys %}
            {{ key }},
            {%- endfor %}
            {%- for name, percent in percents.items() %}
            {{ percent }} * (calls_in_all - 1) as {{ name }}_position,
            {%- endfor %}
            queue_seconds,
            calls_up_to - calls as calls_before
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
        ) as counted
    ) as ranked
    group by
        {%- for key in keys %}
        {{ key }}{{ ',' if not loop.last }}
        {%- endfor %}
{%- endmacro %}


{#
    A hundred times the interpolated value. The call of a rank queued for the longest time that no more calls than its
    rank are below; the longest call of all has no next one, and no hundredths of the way to it.
#}
{% macro interpolated_x100(name) -%}
    {%- set position = name ~ "_position" -%}
    (
        max(case when 100 * calls_before <= {{ position }} then queue_seconds * (100 - mod({{ position }}, 100)) end)
        + max(case when 100 * (calls_before - 1) <= {{ position }} then queue_seconds * mod({{ position }}, 100) end)
    )
{%- endmacro %}
