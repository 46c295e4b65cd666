with

measure_months as (select * from {{ ref("int_measure_monthly") }}),

lines as (select distinct line from {{ ref("call_parameters") }}),

chosen as (

    select
        lines.line,
        measure_months.*
    from measure_months
    inner join lines
        on measure_months.section = 'calls_' || lines.line

),

final as (

    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(line as {{ dbt.type_string() }}) as line,
        cast(month_start as date) as month_start,
        {{ measure_value("received", "bigint", column="name") }} as received,
        {{ measure_value("answered", "bigint", column="name") }} as answered,
        {{ measure_value("not_answered", "bigint", column="name") }} as not_answered,
        {{ measure_value("pct_not_answered", column="name") }} as pct_not_answered,
        {{ measure_value("avg_queue_time", column="name") }} as avg_queue_seconds,
        {{ measure_value("avg_queue_time_all", column="name") }} as avg_queue_seconds_all,
        {{ measure_value("avg_talk_time", column="name") }} as avg_talk_seconds,
        {{ measure_value("pct_answered_within_target", column="name") }} as pct_answered_within_target,
        {{ measure_value("pct_received_within_target", column="name") }} as pct_received_within_target,
        {{ measure_value("median_queue_time", column="name") }} as median_queue_seconds,
        {{ measure_value("p90_queue_time", column="name") }} as p90_queue_seconds,
        {{ measure_value("max_queue_time", column="name") }} as max_queue_seconds,
        {{ measure_value("called_back", "bigint", column="name") }} as called_back,
        {{ measure_value("pct_called_back_same_day", column="name") }} as pct_called_back_same_day,
        {{ measure_value("talk_hours", column="name") }} as talk_hours,
        cast(max(case when is_provisional then 1 else 0 end) = 1 as boolean) as is_provisional,
        cast(min(share_of_days_loaded) as decimal(38, 6)) as share_of_days_loaded
    from chosen
    group by
        force_code,
        line,
        month_start

)

select * from final
