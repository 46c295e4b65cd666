{{ config(materialized="view") }}

with

source_days as (select * from {{ ref("int_source_day") }}),

months as (

    select
        source,
        force_code,
        {{ month_start("day") }} as month_start,
        cast(count(*) as bigint) as days_owed,
        cast(count(case when is_loaded then 1 end) as bigint) as days_loaded
    from source_days
    group by all

)

select
    *,
    {{ days_between("month_start", date_plus("month_start", 1, "month")) }} as days_in_month
from months
