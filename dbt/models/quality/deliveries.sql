{%- set of_day = "partition by source, extract_date order by withdrawn_at is not null asc nulls last, load_id desc nulls last" -%}
with

-- All files of one attempt to deliver a day have the same run. A withdrawn attempt counts only if there is no other.
-- The load that replaced another one has the state of its day.
loads as (

    select
        *,
        first_value(run_id) over ({{ of_day }}) as newest_run_id,
        first_value(withdrawn_at is not null) over ({{ of_day }}) as is_day_withdrawn
    from {{ source("audit", "load") }}
    where status <> 'replaced'

),

judged as (

    select
        *,
        case when withdrawn_at is not null then 'withdrawn' else status end as delivery_status,
        run_id = newest_run_id and (withdrawn_at is not null) = is_day_withdrawn as is_newest
    from loads

),

incomplete as (

    select
        loads.source,
        loads.extract_date,
        {{ joined_text("incomplete.reason") }} as reasons
    from loads
    inner join {{ source("audit", "incomplete") }} as incomplete
        on loads.load_id = incomplete.load_id
    where loads.status in ('loaded', 'empty') and loads.accepted_because is null
    group by all

)

select
    judged.source,
    judged.extract_date,
    case
        {%- for status in ("withdrawn", "rejected", "missing_delivery", "loaded") %}
        when max(case when judged.is_newest and judged.delivery_status = '{{ status }}' then 1 else 0 end) = 1
            then '{{ status | replace("_delivery", "") }}'
        {%- endfor %}
        else 'empty'
    end as status,
    max(case when judged.status in ('loaded', 'empty') then 1 else 0 end) = 1 as is_in_figures,
    min(case when judged.is_newest then judged.reason end) as reason,
    min(case when judged.is_newest then judged.load_id end) as load_id,
    min(judged.newest_run_id) as run_id,
    min(incomplete.reasons) as incomplete_reason
from judged
left join incomplete
    on {{ same_columns("judged", "incomplete", ["source", "extract_date"]) }}
group by
    judged.source,
    judged.extract_date
