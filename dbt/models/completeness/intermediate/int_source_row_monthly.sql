with

loads as (select * from {{ source("audit", "load") }}),

load_forces as (select * from {{ source("audit", "load_force") }}),

-- No row is missing where another row of the same key was loaded, so duplicates and superseded rows do not count.
counted as (

    select
        loads.source,
        load_forces.force_code,
        load_forces.member,
        {{ month_start("loads.extract_date") }} as month_start,
        sum(load_forces.rows_read - load_forces.rows_repeated) as rows_read,
        sum(load_forces.rows_quarantined - load_forces.rows_repeated) as rows_quarantined,
        sum(load_forces.rows_loaded) as rows_loaded
    from load_forces
    inner join loads
        on load_forces.load_id = loads.load_id
    where loads.status in ('loaded', 'empty')
    group by all

),

forces as (

    select distinct force_code
    from counted
    where force_code is not null and rows_loaded > 0

)

-- A row whose force could not be read may belong to any force.
select
    counted.source,
    coalesce(counted.force_code, forces.force_code) as force_code,
    counted.member,
    counted.month_start,
    cast(sum(counted.rows_read) as bigint) as rows_read,
    cast(sum(counted.rows_quarantined) as bigint) as rows_quarantined
from counted
left join forces
    on counted.force_code is null
where coalesce(counted.force_code, forces.force_code) is not null
group by all
