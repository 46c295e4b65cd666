{#- A view: publishing again without a build reads it too, after another publication was recorded. -#}
{{ config(materialized="view") }}

with

loads as (select * from {{ ref("stg_loads") }}),

corrections as (select * from {{ ref("stg_corrections") }}),

intervals as (select * from {{ ref("chg_publication_interval") }}),

-- A load that was added and replaced between two publications was in neither of them.
changed as (
    select
        loads.load_id,
        loads.source,
        loads.extract_date,
        loads.status = 'replaced' as is_replaced
    from loads
    cross join intervals
    where
        loads.change_seq > intervals.last_change_seq
        and (
            loads.status in ('loaded', 'empty')
            or (loads.status = 'replaced' and loads.first_change_seq <= intervals.last_change_seq)
        )
),

days as (
    select
        source,
        extract_date,
        max(case when is_replaced then 1 else 0 end) = 1 as was_loaded
    from changed
    group by all
),

corrected as (
    select
        corrections.source,
        corrections.extract_date,
        sum(corrections.rows_added + corrections.rows_removed + corrections.rows_changed) as rows_other
    from corrections
    cross join intervals
    where corrections.change_seq > intervals.last_change_seq
    group by all
),

-- A day that was loaded again with the same rows changes no figure.

select
    cast(changed.load_id as bigint) as load_id,
    cast(changed.source as {{ dbt.type_string() }}) as source,
    cast(changed.extract_date as date) as extract_date,
    cast(days.was_loaded as boolean) as was_loaded
from changed
inner join days
    on changed.source = days.source
    and changed.extract_date = days.extract_date
left join corrected
    on changed.source = corrected.source
    and changed.extract_date = corrected.extract_date
where not days.was_loaded or coalesce(corrected.rows_other, 1) > 0
