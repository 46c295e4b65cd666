{#- Of fewer districts, none can be said to differ from the others. -#}
{%- set fewest_districts = 3 -%}
with

districts as (select * from {{ ref("kpi_crime_by_district_monthly") }}),

numbered as (

    select
        *,
        {{ month_number("month_start") }} as month_number
    from districts

),

compared as (

    select
        numbered.force_code,
        numbered.month_start,
        numbered.district,
        numbered.recorded_crime,
        numbered.cancelled_crime,
        month_before.recorded_crime as recorded_month_before,
        year_before.recorded_crime as recorded_same_month_last_year,
        (
            numbered.district is not null
            and not numbered.is_provisional
            and coalesce(month_before.recorded_crime, 0) > 0
        ) as is_compared,
        numbered.is_provisional,
        numbered.share_of_days_loaded
    from numbered
    left join numbered as month_before
        on numbered.force_code = month_before.force_code
        and (
            numbered.district = month_before.district
            or (numbered.district is null and month_before.district is null)
        )
        and numbered.month_number = month_before.month_number + 1
        and not month_before.is_provisional
    left join numbered as year_before
        on numbered.force_code = year_before.force_code
        and (
            numbered.district = year_before.district
            or (numbered.district is null and year_before.district is null)
        )
        and numbered.month_number = year_before.month_number + 12
        and not year_before.is_provisional

),

together as (

    select
        force_code,
        month_start,
        count(*) as districts,
        sum(recorded_crime) as recorded_crime,
        sum(recorded_month_before) as recorded_month_before
    from compared
    where is_compared
    group by all

),

-- A district would have recorded_month_before * (now / before of all) crimes if it had changed as all have. The square
-- of the difference, divided by that number, is the size of the deviation; it is multiplied by what is the same for all
-- districts of a month, so that it is made of whole numbers.
deviations as (

    select
        compared.*,
        together.districts,
        together.recorded_crime as all_recorded_crime,
        together.recorded_month_before as all_recorded_month_before,
        (
            cast(compared.recorded_crime as {{ big_integer() }}) * together.recorded_month_before
            - cast(compared.recorded_month_before as {{ big_integer() }}) * together.recorded_crime
        ) as deviation
    from compared
    left join together
        on compared.is_compared
        and compared.force_code = together.force_code
        and compared.month_start = together.month_start

),

sized as (

    select
        *,
        {{ ratio("deviation * deviation", "recorded_month_before") }} as size_of_deviation
    from deviations

),

-- Rows that are not compared have no deviation, so they are last.
ranked as (

    select
        *,
        cast(row_number() over (
            partition by force_code, month_start
            order by
                size_of_deviation desc nulls last,
                recorded_crime desc nulls last,
                district asc nulls last
        ) as bigint) as deviation_rank
    from sized

),

final as (

    select
        cast(force_code as {{ dbt.type_string() }}) as force_code,
        cast(month_start as date) as month_start,
        cast(district as {{ dbt.type_string() }}) as district,
        cast(recorded_crime as bigint) as recorded_crime,
        cast(recorded_month_before as bigint) as recorded_month_before,
        cast(recorded_same_month_last_year as bigint) as recorded_same_month_last_year,
        case
            when is_compared then {{ ratio("recorded_crime - recorded_month_before", "recorded_month_before", 100) }}
        end as pct_change,
        case
            when is_compared
                then {{ ratio("all_recorded_crime - all_recorded_month_before", "all_recorded_month_before", 100) }}
        end as pct_change_of_all,
        case
            when is_compared and districts >= {{ fewest_districts }} and all_recorded_crime > 0 then deviation_rank
        end as deviation_rank,
        cast(cancelled_crime as bigint) as cancelled_crime,
        {{ ratio("cancelled_crime", "recorded_crime", 100) }} as pct_cancelled_of_recorded,
        cast(is_provisional as boolean) as is_provisional,
        cast(share_of_days_loaded as decimal(38, 6)) as share_of_days_loaded
    from ranked

)

select * from final
