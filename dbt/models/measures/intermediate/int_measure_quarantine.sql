with

source_quarantine as (select * from {{ ref("int_source_quarantine") }}),

measure_sources as (select * from {{ ref("int_measure_source") }}),

final as (

    select
        source_quarantine.force_code,
        measure_sources.measure,
        source_quarantine.month_start,
        source_quarantine.period,
        cast(sum(source_quarantine.rows_quarantined) as bigint) as rows_quarantined,
        cast(max(source_quarantine.share_quarantined) as decimal(38, 6)) as share_quarantined,
        max(case when source_quarantine.is_affected_by_quarantine then 1 else 0 end) = 1 as is_affected_by_quarantine,
        {{ joined_text("case when source_quarantine.is_affected_by_quarantine then source_quarantine.source end") }}
            as affected_sources
    from source_quarantine
    inner join measure_sources
        on source_quarantine.source = measure_sources.source
    group by all

)

select * from final
