{#- All missing charts: every chart in a full build; in a nightly run those deleted by the pre-hook and those of a
    new month, because months before the first changed one have not changed any chart. -#}
{{ config(
    materialized="incremental",
    pre_hook="{{ delete_changed_charts('int_control_chart_limit') }}",
) }}
{%- set key = ["force_code", "measure", "as_of_month"] -%}

with

all_months as (select * from {{ ref("int_control_chart_limit") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

missing_charts as (

    select
        all_months.force_code,
        all_months.measure,
        all_months.month_start as as_of_month
    from all_months
    {%- if is_incremental() %}
    where
        not exists (
            select 1
            from {{ this }} as known
            where
                known.force_code = all_months.force_code
                and known.measure = all_months.measure
                and known.as_of_month = all_months.month_start
        )
    {%- endif %}

),

chart_months as (

    select
        missing_charts.force_code,
        missing_charts.measure,
        missing_charts.as_of_month,
        all_months.month_start,
        all_months.baseline_start,
        all_months.is_point,
        all_months.value,
        all_months.target,
        all_months.is_provisional,
        all_months.share_of_days_loaded,
        all_months.has_floor,
        all_months.has_ceiling
    from missing_charts
    inner join all_months
        on missing_charts.force_code = all_months.force_code
        and missing_charts.measure = all_months.measure
        and missing_charts.as_of_month >= all_months.month_start

),

limits as (
    {{- control_chart_limits("chart_months", key) }}
),

verdicts as (
    {{- control_chart_verdicts("limits", "measures", key) }}
),

final as (

    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(measure as {{ dbt.type_string() }}) as measure,
        cast(as_of_month as date) as as_of_month,
        {{ control_chart_columns() }}
    from verdicts
    where month_start > {{ date_plus("as_of_month", "-" ~ var("control_chart_months"), "month") }}

)

select * from final
