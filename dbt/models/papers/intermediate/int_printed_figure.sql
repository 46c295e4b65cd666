with

published as (select * from {{ ref("int_published_figures_current") }}),

recognised as (
    {{ printed_figures("published") }}
),

final as (

    select
        force_code,
        report_id,
        published_on,
        section,
        measure as name,
        section || '.' || measure as measure,
        unit,
        {{ month_start("month") }} as month_start,
        published_value,
        published_number,
        printed_decimals
    from recognised

)

select * from final
