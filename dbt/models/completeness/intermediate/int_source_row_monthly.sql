with

loads as (select * from {{ ref("stg_loads") }}),

load_forces as (select * from {{ ref("stg_load_forces") }}),

forces as (select * from {{ ref("int_loaded_force") }}),

-- No row is missing where another row of the same key was loaded, so duplicates and superseded rows do not count.
counted as (

    select
        loads.source,
        load_forces.force_code,
        {{ month_start("loads.extract_date") }} as month_start,
        sum(load_forces.rows_read - load_forces.rows_repeated) as rows_read,
        sum(load_forces.rows_quarantined - load_forces.rows_repeated) as rows_quarantined
    from load_forces
    inner join loads
        on load_forces.load_id = loads.load_id
    where loads.status in ('loaded', 'empty')
    group by all

),

-- A row whose force could not be read may belong to any force.
possible as (

    select
        source,
        force_code,
        month_start,
        rows_read,
        rows_quarantined
    from counted
    where force_code is not null

    union all

    select
        counted.source,
        forces.force_code,
        counted.month_start,
        counted.rows_read,
        counted.rows_quarantined
    from counted
    cross join forces
    where counted.force_code is null

),

final as (

    select
        source,
        force_code,
        month_start,
        cast(sum(rows_read) as bigint) as rows_read,
        cast(sum(rows_quarantined) as bigint) as rows_quarantined
    from possible
    group by all

)

select * from final
