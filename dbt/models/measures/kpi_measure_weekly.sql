with

measure_weeks as (select * from {{ ref("int_measure_weekly") }}),

final as (

    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(measure as {{ dbt.type_string() }}) as measure,
        cast(week_start as date) as week_start,
        cast(numerator as decimal(38, 6)) as numerator,
        cast(denominator as decimal(38, 6)) as denominator,
        cast(value as decimal(38, 6)) as value,
        cast(target as decimal(38, 6)) as target,
        cast(is_provisional as boolean) as is_provisional,
        cast(share_of_days_loaded as decimal(38, 6)) as share_of_days_loaded
    from measure_weeks

)

select * from final
