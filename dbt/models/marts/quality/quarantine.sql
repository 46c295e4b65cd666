with

quarantined as (select * from {{ ref("stg_quarantine") }}),

loads as (

    -- A rejected delivery whose files were removed from the landing folder no longer matters.
    select *
    from {{ ref("stg_loads") }}
    where withdrawn_at is null

),

newest_attempt as (

    select
        root_number,
        source,
        extract_date,
        max(load_id) as load_id
    from loads
    group by all

),

-- A rejected delivery is current until its day is delivered again; an accepted one until a correction replaces it.
current_loads as (

    select loads.*
    from loads
    inner join newest_attempt
        on loads.root_number = newest_attempt.root_number
        and loads.source = newest_attempt.source
        and loads.extract_date = newest_attempt.extract_date
    inner join loads as newest
        on newest_attempt.load_id = newest.load_id
    where
        loads.status in ('loaded', 'empty')
        or (loads.status = 'rejected' and loads.run_id = newest.run_id)

),

final as (

    select quarantined.*
    from quarantined
    inner join current_loads
        on quarantined.load_id = current_loads.load_id

)

select * from final
