with

loads as (select * from {{ ref("stg_loads") }}),

load_forces as (select * from {{ ref("stg_load_forces") }}),

forces as (select * from {{ ref("int_loaded_force") }}),

measure_sources as (select * from {{ ref("int_measure_source") }}),

members as (select * from {{ ref("int_measure_member") }}),

counted_sources as (

    select distinct
        measure,
        source
    from members

),

counted as (

    select
        loads.source,
        load_forces.force_code,
        load_forces.member,
        {{ month_start("loads.extract_date") }} as month_start,
        sum(load_forces.rows_read - load_forces.rows_repeated) as rows_read,
        sum(load_forces.rows_quarantined - load_forces.rows_repeated) as rows_quarantined
    from load_forces
    inner join loads
        on load_forces.load_id = loads.load_id
    where loads.status in ('loaded', 'empty')
    group by all

),

-- As in int_source_row_monthly: a row whose force could not be read may belong to any force.
possible as (

    select
        counted.source,
        forces.force_code,
        counted.member,
        counted.month_start,
        counted.rows_read,
        counted.rows_quarantined
    from counted
    inner join forces
        on coalesce(counted.force_code, forces.force_code) = forces.force_code

),

-- A row whose member could not be read may belong to any, and a measure without listed members counts all of them.
final as (

    select
        possible.force_code,
        measure_sources.measure,
        possible.source,
        possible.month_start,
        cast(sum(possible.rows_read) as bigint) as rows_read,
        cast(sum(possible.rows_quarantined) as bigint) as rows_quarantined
    from possible
    inner join measure_sources
        on possible.source = measure_sources.source
    left join counted_sources
        on measure_sources.measure = counted_sources.measure
        and measure_sources.source = counted_sources.source
    left join members
        on measure_sources.measure = members.measure
        and possible.source = members.source
        and possible.member = members.member
    where
        counted_sources.measure is null
        or possible.member is null
        or members.measure is not null
    group by all

)

select * from final
