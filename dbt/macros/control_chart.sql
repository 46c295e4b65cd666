{#- Shared by the marts of XmR charts: their columns, and which charts a nightly run rebuilds. -#}

{#- Published columns of a month or week of a chart, after its key. -#}
{% macro control_chart_columns(period="month_start") -%}
    cast({{ period }} as date) as {{ period }},
        cast(value as decimal(38, 6)) as value,
        {{ ratio("points_sum", "points") }} as mean,
        {{ ratio("scaled_lower_limit", "divisor") }} as lower_limit,
        {{ ratio("scaled_upper_limit", "divisor") }} as upper_limit,
        points < {{ control_chart_least_points() }} as is_trial,
        cast(signal as {{ dbt.type_string() }}) as signal,
        cast(variation as {{ dbt.type_string() }}) as variation,
        cast(assurance as {{ dbt.type_string() }}) as assurance,
        {{ is_target_met("cast(value as decimal(38, 6))", "cast(target as decimal(38, 6))") }} as is_target_met,
        cast(target as decimal(38, 6)) as target,
        cast(points as bigint) as points,
        cast(baseline_start as date) as baseline_start,
        cast(is_provisional as boolean) as is_provisional,
        cast(share_of_days_loaded as decimal(38, 6)) as share_of_days_loaded
{%- endmacro %}

{#- Pre-hook: delete from the model's table the charts in which a month has changed since they were built or no
    longer exists. The last month of a chart is stored in it with the figure and the days used. -#}
{% macro delete_changed_charts(months) %}
    {#- Outside the condition, because dbt only records a ref that it sees while parsing. -#}
    {%- set months_relation = ref(months) -%}
    {%- set columns = "force_code, measure, month_start, baseline_start, value, target, is_provisional, share_of_days_loaded" -%}
    {%- if is_incremental() %}
delete from {{ this }}
where exists (
    select 1
    from (
        (
            select {{ columns }} from {{ this }} where month_start = as_of_month
            except
            select {{ columns }} from {{ months_relation }}
        )
        union all
        (
            select {{ columns }} from {{ months_relation }}
            except
            select {{ columns }} from {{ this }} where month_start = as_of_month
        )
    ) as changed
    where
        changed.force_code = {{ this }}.force_code
        and changed.measure = {{ this }}.measure
        and changed.month_start <= {{ this }}.as_of_month
)
    {%- endif -%}
{% endmacro %}
