with

delivered as (
    {{- measure_deliveries("month_start") }}
),

final as (

    select
        measure,
        force_code,
        month_start,
        {{ days_between("month_start", date_plus("month_start", 1, "month")) }} as days_in_month,
        days_loaded
    from delivered

)

select * from final
