with

measure_months as (

    select * from {{ ref("int_measure_monthly") }}

),

chosen as (

    select * from measure_months
    where measure in (
        'ocr.report_a_crime_submissions',
        'ocr.missing_person',
        'ocr.sexual_offence',
        'ocr.rural_crime'
    )

),

final as (

    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(month_start as date) as month_start,
        {{ measure_value("ocr.report_a_crime_submissions", "bigint") }} as report_a_crime_submissions,
        {{ measure_value("ocr.missing_person", "bigint") }} as missing_person,
        {{ measure_value("ocr.sexual_offence", "bigint") }} as sexual_offence,
        {{ measure_value("ocr.rural_crime", "bigint") }} as rural_crime,
        cast(max(case when is_provisional then 1 else 0 end) = 1 as boolean) as is_provisional,
        cast(min(share_of_days_loaded) as decimal(38, 6)) as share_of_days_loaded
    from chosen
    group by
        force_code,
        month_start

)

select * from final
