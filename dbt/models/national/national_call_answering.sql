{%- set shares = ["under_10s", "10_to_60s", "over_60s"] -%}
{#- Three shares that are rounded to whole percentages differ from 100 by at most this, as the contract says. -#}
{%- set rounding = "1.5" -%}
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent
with

answering as (select * from {{ ref("fct_national_call_answering") }}),

similar_forces as (select * from {{ ref("similar_forces") }}),

forces as (

    select distinct force_code
    from answering

),

months as (

    select distinct month_start
    from answering

),

-- A force of the table that is missing in a month has a row that says so.
figures as (

    select
        forces.force_code,
        months.month_start,
        answering.calls,
        answering.mean_answer_seconds,
        {%- for share in shares %}
        answering.pct_{{ share }},
        {%- endfor %}
        case
            when answering.force_code is null then 'no_data'
            when coalesce(answering.calls, 0) = 0 then 'no_calls'
            when
                answering.mean_answer_seconds is null
                {%- for share in shares %}
                or answering.pct_{{ share }} is null
                {%- endfor %}
                then 'no_figure'
            when
                abs(answering.pct_{{ shares | join(" + answering.pct_") }} - 100) > {{ rounding }}
                then 'shares_do_not_add_up'
        end as rank_reason
    from forces
    cross join months
    left join answering
        on {{ same_columns("months", "answering", ["month_start"]) }}
        and {{ same_columns("forces", "answering", ["force_code"]) }}

),

-- The parts that a mean and a share imply: seconds, and whole calls.
parts as (

    select
        force_code,
        month_start,
        calls,
        cast(calls as decimal(18, 0)) * mean_answer_seconds as answer_seconds,
        {%- for share in shares %}
        {{ rounded_quotient("cast(calls as decimal(18, 0)) * pct_" ~ share, "100") }} as calls_{{ share }}{{ "," if not loop.last }}
        {%- endfor %}
    from figures
    where rank_reason is null

),

ranked as (

    select
        force_code,
        month_start,
        cast(rank() over (
            partition by month_start
            order by pct_under_10s desc nulls last
        ) as bigint) as force_rank,
        cast(rank() over (
            partition by month_start
            order by mean_answer_seconds asc nulls last
        ) as bigint) as mean_rank
    from figures
    where rank_reason is null

),

country as (

    select
        figures.month_start,
        count(*) as forces,
        count(parts.force_code) as forces_complete,
        sum(parts.calls) as calls,
        {%- for share in shares %}
        sum(parts.calls_{{ share }}) as calls_{{ share }},
        {%- endfor %}
        sum(parts.answer_seconds) as answer_seconds
    from figures
    left join parts
        on {{ same_columns("figures", "parts", ["force_code", "month_start"]) }}
    group by figures.month_start

),

{{ group_members("figures") }},

similar_groups as (

    select
        members.force_code,
        members.month_start,
        count(*) as forces,
        count(parts.force_code) as forces_complete,
        max(case when parts.force_code <> members.force_code then 1 else 0 end) = 1 as has_other_force,
        sum(parts.calls) as calls,
        {%- for share in shares %}
        sum(parts.calls_{{ share }}) as calls_{{ share }},
        {%- endfor %}
        sum(parts.answer_seconds) as answer_seconds
    from members
    left join parts
        on members.member_code = parts.force_code
        and members.month_start = parts.month_start
    group by
        members.force_code,
        members.month_start

),

compared_groups as (

    select *
    from similar_groups
    where has_other_force

),

final as (

    select
        cast(figures.force_code as {{ dbt.type_string() }}) as force_code,
        cast(figures.month_start as date) as month_start,
        cast(figures.calls as bigint) as calls,
        cast(figures.mean_answer_seconds as decimal(38, 6)) as mean_answer_seconds,
        {%- for share in shares %}
        cast(figures.pct_{{ share }} as decimal(38, 6)) as pct_{{ share }},
        {%- endfor %}
        cast(ranked.force_rank as bigint) as force_rank,
        cast(ranked.mean_rank as bigint) as mean_rank,
        cast(country.forces_complete as bigint) as forces_ranked,
        cast(figures.rank_reason as {{ dbt.type_string() }}) as rank_reason,
        cast(compared_groups.calls as bigint) as group_calls,
        cast({{ ratio("compared_groups.answer_seconds", "compared_groups.calls") }} as decimal(38, 6))
            as group_mean_answer_seconds,
        {%- for share in shares %}
        cast({{ ratio("compared_groups.calls_" ~ share, "compared_groups.calls", 100) }} as decimal(38, 6))
            as group_pct_{{ share }},
        {%- endfor %}
        cast(similar_groups.forces_complete as bigint) as group_forces_complete,
        cast(similar_groups.forces as bigint) as group_forces,
        cast(
            case
                when similar_groups.force_code is null then 'no_group'
                when not similar_groups.has_other_force then 'no_other_force'
            end as {{ dbt.type_string() }}
        ) as group_reason,
        cast(country.calls as bigint) as uk_calls,
        cast({{ ratio("country.answer_seconds", "country.calls") }} as decimal(38, 6)) as uk_mean_answer_seconds,
        {%- for share in shares %}
        cast({{ ratio("country.calls_" ~ share, "country.calls", 100) }} as decimal(38, 6)) as uk_pct_{{ share }},
        {%- endfor %}
        cast(country.forces_complete as bigint) as uk_forces_complete,
        cast(country.forces as bigint) as uk_forces
    from figures
    inner join country
        on figures.month_start = country.month_start
    left join ranked
        on {{ same_columns("figures", "ranked", ["force_code", "month_start"]) }}
    left join similar_groups
        on {{ same_columns("figures", "similar_groups", ["force_code", "month_start"]) }}
    left join compared_groups
        on {{ same_columns("figures", "compared_groups", ["force_code", "month_start"]) }}

)

select * from final
