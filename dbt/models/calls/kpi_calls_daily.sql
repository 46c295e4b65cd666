{%- set shown, divided = call_counts(), call_totals() -%}

with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

percentiles as (

    select
        force_code,
        split_part(measure, '.', 1) as section,
        first_day as arrived_date,
        max(case when measure like '%.median_queue_time' then value end) as median_queue_seconds,
        max(case when measure like '%.p90_queue_time' then value end) as p90_queue_seconds
    from {{ ref("int_call_amount_value") }}
    where period = 'day'
    group by all

),

part_days as (select * from {{ ref("int_part_daily") }}),

source_days as (select * from {{ ref("int_source_day") }}),

gap_days as (select * from {{ ref("int_measure_gap_day") }}),

dates as (select * from {{ ref("dim_date") }}),

silent_days as (select * from {{ ref("int_measure_silent_day") }}),

lines as (select distinct line from {{ ref("call_parameters") }}),

spans as (

    select
        source_days.force_code,
        min(dates.date_day) as first_day,
        max(dates.date_day) as last_day,
        min(dates.month_start) as first_month,
        max(dates.month_start) as last_month
    from source_days
    inner join dates
        on source_days.day = dates.date_day
    where source_days.source = 'call_segments' and source_days.is_loaded
    group by source_days.force_code

),

called_days as (

    select distinct
        force_code,
        day
    from part_days
    where part like 'calls_%'

),

cells as (

    select
        spans.force_code,
        lines.line,
        dates.date_day,
        coalesce(source_days.is_loaded, false) and gap_days.day is null as is_loaded
    from spans
    inner join dates
        on dates.month_start between spans.first_month and spans.last_month
    left join called_days
        on spans.force_code = called_days.force_code
        and dates.date_day = called_days.day
    left join source_days
        on
            source_days.source = 'call_segments'
            and spans.force_code = source_days.force_code
            and dates.date_day = source_days.day
    cross join lines
    left join gap_days
        on
            'calls_' || lines.line || '.received' = gap_days.measure
            and spans.force_code = gap_days.force_code
            and dates.date_day = gap_days.day
    -- Late calls of a delivered month may have arrived outside the delivered days; the month counts them too.
    where dates.date_day between spans.first_day and spans.last_day or called_days.day is not null

),

pivoted as (

    select
        force_code,
        day,
        split_part(part, '.', 1) as section,
        {%- for part in shown + divided %}
        sum(case when split_part(part, '.', 2) = '{{ part }}' then amount else 0 end) as {{ part }}
        {{- "," if not loop.last }}
        {%- endfor %}
    from part_days
    where part like 'calls_%'
    group by all

),

-- A delivered day without calls had none; an undelivered day has its calls from other deliveries.
summed as (

    select
        cells.force_code,
        cells.line,
        cells.date_day,
        cells.is_loaded,
        {%- for part in shown %}
        coalesce(pivoted.{{ part }}, case when cells.is_loaded then 0 end) as {{ part }},
        {%- endfor %}
        {%- for part in divided %}
        {%- if part == "talk_seconds_answered" %}
        case when silent_days.day is null then pivoted.{{ part }} end as {{ part }}{{ "," if not loop.last }}
        {%- else %}
        pivoted.{{ part }}{{ "," if not loop.last }}
        {%- endif %}
        {%- endfor %}
    from cells
    left join pivoted
        on
            cells.force_code = pivoted.force_code
            and cells.date_day = pivoted.day
            and 'calls_' || cells.line = pivoted.section
    left join silent_days
        on
            cells.force_code = silent_days.force_code
            and 'calls_' || cells.line || '.avg_talk_time' = silent_days.measure
            and cells.date_day = silent_days.day

),

final as (

    select
        cast(summed.force_code as {{ dbt.type_string() }}) as force_code,
        cast(summed.line as {{ dbt.type_string() }}) as line,
        cast(summed.date_day as date) as date_day,
        {{ call_columns("summed", "percentiles") }},
        cast(not summed.is_loaded as boolean) as is_provisional
    from summed
    left join percentiles
        on
            summed.force_code = percentiles.force_code
            and 'calls_' || summed.line = percentiles.section
            and summed.date_day = percentiles.arrived_date

)

select * from final
