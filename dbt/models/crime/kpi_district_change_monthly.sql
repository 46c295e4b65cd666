{#- Of fewer districts, none can be said to differ from the others. -#}
{%- set fewest_districts = 3 -%}
with
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent

districts as (select * from {{ ref("kpi_crime_by_district_monthly") }}),

compared as (

    select
        districts.*,
        month_before.recorded_crime as recorded_month_before,
        year_before.recorded_crime as recorded_same_month_last_year,
        districts.district is not null
        and not districts.is_provisional
        and coalesce(month_before.recorded_crime, 0) > 0 as is_compared
    from districts
    {%- for name, months in {"month_before": 1, "year_before": 12}.items() %}
    left join districts as {{ name }}
        on
            districts.force_code = {{ name }}.force_code
            and districts.district is not distinct from {{ name }}.district
            and {{ name }}.month_start = {{ date_plus("districts.month_start", -months, "month") }}
            and not {{ name }}.is_provisional
    {%- endfor %}

),

with_all as (

    select
        *,
        count(case when is_compared then 1 end) over (partition by force_code, month_start) as compared_districts,
        sum(case when is_compared then recorded_crime end) over (partition by force_code, month_start) as all_now,
        sum(case when is_compared then recorded_month_before end) over (partition by force_code, month_start) as all_before
    from compared

),

-- A district would have recorded_month_before * (now / before of all) crimes if it had changed as all have. The square
-- of the difference, divided by that number, is the size of the deviation; it is multiplied by what is the same for all
-- districts of a month, so that it is made of whole numbers. Rows that are not compared have none.
deviations as (

    select
        *,
        case
            when is_compared
                then cast(recorded_crime as {{ big_integer() }}) * all_before
                    - cast(recorded_month_before as {{ big_integer() }}) * all_now
        end as deviation
    from with_all

),

sized as (

    select
        *,
        {{ ratio("deviation * deviation", "recorded_month_before") }} as size_of_deviation
    from deviations

)

select
    force_code,
    month_start,
    district,
    recorded_crime,
    recorded_month_before,
    recorded_same_month_last_year,
    case when is_compared then {{ ratio("recorded_crime - recorded_month_before", "recorded_month_before", 100) }} end
        as pct_change,
    case when is_compared then {{ ratio("all_now - all_before", "all_before", 100) }} end as pct_change_of_all,
    case
        when is_compared and compared_districts >= {{ fewest_districts }} and all_now > 0
            then cast(row_number() over (
                partition by force_code, month_start
                order by
                    size_of_deviation desc nulls last,
                    recorded_crime desc nulls last,
                    district asc nulls last
            ) as bigint)
    end as deviation_rank,
    cancelled_crime,
    {{ ratio("cancelled_crime", "recorded_crime", 100) }} as pct_cancelled_of_recorded,
    is_provisional,
    share_of_days_loaded
from sized
