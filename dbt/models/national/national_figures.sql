with

figures as (select * from {{ ref("int_national_figure") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

quarantined as (select * from {{ ref("int_measure_quarantine") }}),

similar_forces as (select * from {{ ref("similar_forces") }}),

country as (

    select *
    from {{ ref("national_totals") }}
    where area = 'England and Wales'

),

rated as (

    select
        figures.*,
        measures.better,
        {{ figure_numerator("figures") }} as value_numerator,
        {{ figure_denominator("figures") }} as value_denominator
    from figures
    inner join measures
        on figures.measure = measures.measure

),

compared as (

    select
        *,
        {{ rate_of_sum("value is not null") }} as per_100_000,
        case
            when left_out_because is not null then left_out_because
            when not_summed_because = 'no_common_formula' then not_summed_because
            when value is null then 'no_denominator'
            when is_sum and population is null then 'no_population'
        end as rank_reason
    from rated

),

ranked as (

    select
        force_code,
        measure,
        month_start,
        period,
        cast(rank() over (
            partition by measure, month_start, period
            order by
                case when is_sum then per_100_000 else value end
                * case when better = 'lower' then 1 else -1 end asc nulls last
        ) as bigint) as force_rank
    from compared
    where rank_reason is null

),

ranked_forces as (

    select
        measure,
        month_start,
        period,
        count(*) as forces_ranked
    from ranked
    group by all

),

{{ group_members("figures") }},

group_sums as (

    select
        shown.force_code,
        shown.measure,
        shown.month_start,
        shown.period,
        count(*) as forces,
        max(
            case when counted.force_code <> shown.force_code and counted.left_out_because is null then 1 else 0 end
        ) = 1 as has_other_force,
        {{ sums_of_complete_forces("counted") }}
    from figures as shown
    inner join members
        on shown.force_code = members.force_code
        and shown.month_start = members.month_start
    left join figures as counted
        on members.member_code = counted.force_code
        and shown.measure = counted.measure
        and shown.month_start = counted.month_start
        and shown.period = counted.period
    group by all

),

group_judged as (

    select
        group_sums.*,
        {{ figure_numerator("group_sums") }} as value_numerator,
        {{ figure_denominator("group_sums") }} as value_denominator,
        case
            when group_sums.not_summed_because is null and not group_sums.has_other_force then 'no_other_force'
            else {{ reason_without_total("group_sums") }}
        end as reason
    from group_sums
    inner join measures
        on group_sums.measure = measures.measure

),

similar_groups as (

    select
        force_code,
        measure,
        month_start,
        period,
        forces,
        forces_complete,
        reason,
        case when reason is null then {{ ratio("value_numerator", "value_denominator") }} end as value,
        {{ rate_of_sum() }} as per_100_000
    from group_judged

),

final as (

    select
        cast(compared.force_code as {{ dbt.type_string() }}) as force_code,
        cast(compared.measure as {{ dbt.type_string() }}) as measure,
        cast(compared.month_start as date) as month_start,
        cast(compared.period as {{ dbt.type_string() }}) as period,
        cast(compared.value as decimal(38, 6)) as value,
        cast(compared.is_provisional as boolean) as is_provisional,
        cast(compared.share_of_days_loaded as decimal(38, 6)) as share_of_days_loaded,
        cast(coalesce(quarantined.is_affected_by_quarantine, false) as boolean) as is_affected_by_quarantine,
        cast(compared.population as bigint) as population,
        cast(compared.population_date as date) as population_date,
        cast(compared.per_100_000 as decimal(38, 6)) as per_100_000,
        cast(compared.better as {{ dbt.type_string() }}) as better,
        cast(case when compared.is_sum then 'per_100_000' else 'value' end as {{ dbt.type_string() }}) as ranked_by,
        cast(ranked.force_rank as bigint) as force_rank,
        cast(coalesce(ranked_forces.forces_ranked, 0) as bigint) as forces_ranked,
        cast(compared.rank_reason as {{ dbt.type_string() }}) as rank_reason,
        cast(similar_groups.value as decimal(38, 6)) as group_value,
        cast(similar_groups.per_100_000 as decimal(38, 6)) as group_per_100_000,
        cast(similar_groups.forces_complete as bigint) as group_forces_complete,
        cast(similar_groups.forces as bigint) as group_forces,
        cast(
            case when similar_groups.force_code is null then 'no_group' else similar_groups.reason end as {{ dbt.type_string() }}
        ) as group_reason,
        cast(country.value as decimal(38, 6)) as national_value,
        cast(country.per_100_000 as decimal(38, 6)) as national_per_100_000,
        cast(coalesce(country.forces_complete, 0) as bigint) as national_forces_complete,
        cast(country.forces_in_area as bigint) as national_forces,
        cast(
            case when country.measure is null then 'no_complete_force' else country.reason end
            as {{ dbt.type_string() }}
        ) as national_reason
    from compared
    left join ranked
        on {{ same_columns("compared", "ranked", ["force_code", "measure", "month_start", "period"]) }}
    left join ranked_forces
        on {{ same_columns("compared", "ranked_forces", ["measure", "month_start", "period"]) }}
    left join similar_groups
        on {{ same_columns("compared", "similar_groups", ["force_code", "measure", "month_start", "period"]) }}
    left join country
        on {{ same_columns("compared", "country", ["measure", "month_start", "period"]) }}
    left join quarantined
        on {{ same_columns("compared", "quarantined", ["force_code", "measure", "month_start", "period"]) }}

)

select * from final
