with

sums as (

    select *
    from {{ ref("int_call_sum") }}
    where span = 'day'

),

source_days as (

    select *
    from {{ ref("int_source_day") }}
    where source = 'call_segments' and is_loaded

),

lines as (select distinct line from {{ ref("call_parameters") }}),

spans as (

    select
        force_code,
        min(day) as first_day,
        max(day) as last_day
    from source_days
    group by force_code

),

days as (

    {{ date_series("first_day", "last_day", "spans", ["force_code"]) }}

    union

    -- Late calls of a delivered month may have arrived outside the delivered days; the month counts them too.
    select
        sums.force_code,
        sums.first_day as date_day
    from sums
    inner join spans
        on sums.force_code = spans.force_code
    where {{ month_start("sums.first_day") }} between {{ month_start("spans.first_day") }} and {{ month_start("spans.last_day") }}

),

cells as (

    select
        days.force_code,
        lines.line,
        days.date_day,
        source_days.day is not null and not {{ lacks("members", "lines.line") }} as is_complete
    from days
    cross join lines
    left join source_days
        on days.force_code = source_days.force_code
        and days.date_day = source_days.day

)

-- A delivered day without calls had none; an undelivered day has its calls from other deliveries.
select
    cells.force_code,
    cells.line,
    cells.date_day,
    {{- call_figures("case when cells.is_complete then 0 end") }},
    not cells.is_complete as is_provisional
from cells
left join sums
    on {{ same_columns("cells", "sums", ["force_code", "line"]) }}
    and cells.date_day = sums.first_day
