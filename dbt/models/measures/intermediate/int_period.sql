{#- Each period that a month is shown with: its name, and its first and last month. -#}
{%- set periods = [
    ("month", "month_start", "month_start"),
    ("fytd", "financial_year_start", "month_start"),
    ("prev_fytd", date_plus("financial_year_start", -12, "month"), date_plus("month_start", -12, "month")),
    ("same_month_last_year", date_plus("month_start", -12, "month"), date_plus("month_start", -12, "month")),
    ("last_6_months", date_plus("month_start", -5, "month"), "month_start"),
    ("previous_6_months", date_plus("month_start", -11, "month"), date_plus("month_start", -6, "month")),
    ("last_12_months", date_plus("month_start", -11, "month"), "month_start"),
] -%}
with

source_months as (select * from {{ ref("int_source_month") }}),

dates as (select * from {{ ref("dim_date") }}),

delivered as (

    select
        min(month_start) as first_month,
        max(month_start) as last_month
    from source_months
    where days_loaded > 0

),

months as (

    select distinct
        dates.month_start,
        dates.days_in_month,
        dates.financial_year_start
    from dates
    inner join delivered
        on dates.month_start between delivered.first_month and delivered.last_month

),

periods as (

    {%- for period, first, last in periods %}

    select
        month_start,
        '{{ period }}' as period,
        {{ first }} as first_month,
        {{ last }} as last_month
    from months
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

final as (

    select
        month_start,
        period,
        first_month,
        last_month,
        {{ month_number("last_month") }} - {{ month_number("first_month") }} + 1 as months,
        {{ days_between("first_month", date_plus("last_month", 1, "month")) }} as days
    from periods

)

select * from final
