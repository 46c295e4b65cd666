with

loads as (

    -- The load that replaced it has the state of its day.
    select *
    from {{ ref("stg_loads") }}
    where status <> 'replaced'

),

-- All files of one attempt to deliver a day have the same run. A withdrawn attempt counts only if there is no other.
attempts as (

    select
        *,
        first_value(run_id) over (
            partition by
                source,
                extract_date
            order by case when withdrawn_at is null then 0 else 1 end asc nulls last, load_id desc nulls last
        ) as newest_run_id,
        max(case when withdrawn_at is null then 1 else 0 end) over (
            partition by
                source,
                extract_date
        ) as has_standing
    from loads

),

judged as (

    select
        *,
        run_id = newest_run_id and (withdrawn_at is null or has_standing = 0) as is_newest,
        case
            when withdrawn_at is not null then 'withdrawn'
            when status = 'missing_delivery' then 'missing'
            else status
        end as delivery_status
    from attempts

),

final as (

    select
        source,
        extract_date,
        cast(
            case
                {%- for status in ("withdrawn", "rejected", "missing", "loaded") %}
                when max(case when is_newest and delivery_status = '{{ status }}' then 1 else 0 end) = 1
                    then '{{ status }}'
                {%- endfor %}
                else 'empty'
            end as {{ dbt.type_string() }}
        ) as status,
        cast(max(case when status in ('loaded', 'empty') then 1 else 0 end) = 1 as boolean) as is_in_figures,
        min(case when is_newest then reason end) as reason,
        min(case when is_newest then load_id end) as load_id,
        min(newest_run_id) as run_id
    from judged
    group by
        source,
        extract_date

)

select * from final
