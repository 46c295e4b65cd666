with

measure_months as (

    select * from {{ ref("int_measure_monthly") }}

),

lines as (

    select line from {{ ref("call_parameters") }}

),

chosen as (

    select
        lines.line,
        measure_months.*
    from measure_months
    inner join lines
        on measure_months.section = concat('calls_', lines.line)

),

final as (

    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(line as {{ dbt.type_string() }}) as line,
        cast(month_start as date) as month_start,
        cast(max(case when name = 'received' then value end) as bigint) as received,
        cast(max(case when name = 'answered' then value end) as bigint) as answered,
        cast(max(case when name = 'not_answered' then value end) as bigint) as not_answered,
        cast(max(case when name = 'pct_not_answered' then value end) as decimal(38, 6)) as pct_not_answered,
        cast(max(case when name = 'avg_queue_time' then value end) as decimal(38, 6)) as avg_queue_seconds,
        cast(max(case when name = 'avg_queue_time_all' then value end) as decimal(38, 6)) as avg_queue_seconds_all,
        cast(max(case when name = 'avg_talk_time' then value end) as decimal(38, 6)) as avg_talk_seconds,
        cast(max(case when name = 'pct_answered_within_target' then value end) as decimal(38, 6)) as pct_answered_within_target,
        cast(max(case when name = 'pct_received_within_target' then value end) as decimal(38, 6)) as pct_received_within_target,
        cast(max(case when name = 'median_queue_time' then value end) as decimal(38, 6)) as median_queue_seconds,
        cast(max(case when name = 'p90_queue_time' then value end) as decimal(38, 6)) as p90_queue_seconds,
        cast(max(case when name = 'max_queue_time' then value end) as decimal(38, 6)) as max_queue_seconds,
        cast(max(case when name = 'called_back' then value end) as bigint) as called_back,
        cast(max(case when name = 'pct_called_back_same_day' then value end) as decimal(38, 6)) as pct_called_back_same_day,
        cast(max(case when name = 'talk_hours' then value end) as decimal(38, 6)) as talk_hours,
        cast(max(case when is_provisional then 1 else 0 end) = 1 as boolean) as is_provisional,
        cast(min(share_of_days_loaded) as decimal(38, 6)) as share_of_days_loaded
    from chosen
    group by
        force_code,
        line,
        month_start

)

select * from final
