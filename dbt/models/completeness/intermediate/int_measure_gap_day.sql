with

gaps as (select * from {{ ref("int_member_gap") }}),

measure_sources as (select * from {{ ref("int_measure_source") }}),

members as (select * from {{ ref("int_measure_member") }}),

silent_days as (select * from {{ ref("int_measure_silent_day") }}),

counted_sources as (

    select distinct
        measure,
        source
    from members

),

final as (

    select
        measure_sources.measure,
        gaps.source,
        gaps.force_code,
        gaps.day
    from gaps
    inner join measure_sources
        on gaps.source = measure_sources.source
    left join counted_sources
        on measure_sources.measure = counted_sources.measure
        and measure_sources.source = counted_sources.source
    left join members
        on measure_sources.measure = members.measure
        and gaps.source = members.source
        and gaps.member = members.member
    -- Of a source without listed members, all of them are counted.
    where
        counted_sources.measure is null
        or members.measure is not null

    union

    select
        measure,
        source,
        force_code,
        day
    from silent_days

)

select * from final
