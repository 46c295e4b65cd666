{#- A view of a few dozen rows. -#}
{{ config(materialized="view") }}

with

statements as (select * from {{ ref("stg_published_statements") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

-- A later extract may correct a statement.
numbered as (

    select
        *,
        cast(row_number() over (
            partition by force_code, report_id, statement_id, test_no
            order by extract_date desc nulls last, load_id desc nulls last, source_row desc nulls last
        ) as bigint) as row_num
    from statements

),

-- The number that a figure prints, or that a claim compares with.
stated as (

    select
        numbered.*,
        case when numbered.kind = 'figure' then numbered.published_value else numbered.threshold end as stated_text,
        case when numbered.kind = 'figure' then numbered.unit else measures.unit end as stated_unit,
        measures.decimals as measure_decimals,
        measures.better,
        coalesce({{ is_sum() }}, false) as is_sum
    from numbered
    left join measures
        on numbered.measure = measures.measure
    where numbered.row_num = 1

)

select
    *,
    {{ printed_number("stated_text", "stated_unit") }} as stated_number,
    {{ printed_decimals("stated_text") }} as stated_decimals
from stated
