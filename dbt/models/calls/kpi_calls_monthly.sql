with

sums as (

    select *
    from {{ ref("int_call_sum") }}
    where span = 'month'

),

deliveries as (select * from {{ ref("int_measure_delivery") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

lines as (select distinct line from {{ ref("call_parameters") }}),

-- Days that lack a column are not complete for the measures that need it, and leave their means and shares unknown.
months as (

    select
        deliveries.force_code,
        lines.line,
        deliveries.month_start,
        {%- for name in ["received", "talk_hours", "called_back"] %}
        max(case when measures.name = '{{ name }}' then deliveries.days_loaded end) > 0 as has_{{ name }},
        max(case when measures.name = '{{ name }}' and deliveries.lacks_columns then 1 else 0 end) = 1 as lacks_{{ name }},
        {%- endfor %}
        max(case when deliveries.is_provisional then 1 else 0 end) = 1 as is_provisional,
        min(deliveries.share_of_days_loaded) as share_of_days_loaded
    from deliveries
    inner join measures
        on deliveries.measure = measures.measure
    inner join lines
        on measures.section = 'calls_' || lines.line
    group by all

)

select
    months.force_code,
    months.line,
    months.month_start,
    {{- call_figures("case when months.has_received then 0 end", "months.lacks_talk_hours", "months.has_called_back") }},
    {{ ratio("sums.queue_seconds_all", "sums.with_queue_time") }} as avg_queue_seconds_all,
    {{ ratio("sums.answered_within_target", "sums.received", 100) }} as pct_received_within_target,
    sums.max_queue_seconds,
    case
        when months.has_called_back and not months.lacks_called_back
            then {{ ratio("sums.called_back_same_day", "sums.not_answered", 100) }}
    end as pct_called_back_same_day,
    case when months.has_talk_hours then {{ ratio("coalesce(sums.talk_seconds_answered, 0)", "3600") }} end as talk_hours,
    months.is_provisional,
    months.share_of_days_loaded
from months
left join sums
    on months.has_received
    and {{ same_columns("months", "sums", ["force_code", "line"]) }}
    and months.month_start = sums.first_day
