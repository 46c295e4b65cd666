{%- set key = ["force_code", "month_start"] -%}
{%- set shares = ["pct_under_10s", "pct_10_to_60s", "pct_over_60s"] -%}
{#- Three shares that are rounded to whole percentages differ from 100 by at most this, as the contract says. -#}
{%- set rounding = "1.5" -%}
-- The linter cannot follow the indentation of a loop.
-- noqa: disable=layout.indent
with

answering as (select * from {{ ref("fct_national_call_answering") }}),

similar_forces as (select * from {{ ref("similar_forces") }}),

police_forces as (select * from {{ ref("police_forces") }}),

forces as (select distinct force_code from answering),

months as (select distinct month_start from answering),

-- A force of the table that is missing in a month has a row that says so.
figures as (

    select
        forces.force_code,
        months.month_start,
        answering.calls,
        answering.mean_answer_seconds,
        answering.{{ shares | join(",\n        answering.") }},
        case
            when answering.force_code is null then 'no_data'
            when coalesce(answering.calls, 0) = 0 then 'no_calls'
            when answering.mean_answer_seconds + answering.{{ shares | join(" + answering.") }} is null then 'no_figure'
            when abs(answering.{{ shares | join(" + answering.") }} - 100) > {{ rounding }} then 'shares_do_not_add_up'
        end as rank_reason
    from forces
    cross join months
    left join answering
        on months.month_start = answering.month_start
        and forces.force_code = answering.force_code

),

counted as (

    select
        *,
        cast(rank() over (partition by month_start order by pct_under_10s desc nulls last) as bigint) as force_rank,
        cast(rank() over (partition by month_start order by mean_answer_seconds asc nulls last) as bigint) as mean_rank
    from figures
    where rank_reason is null

),

-- A force belongs to its own group.
members as (

    select distinct
        'group' as area,
        figures.force_code,
        figures.month_start,
        police_forces.force_code as member_code
    from figures
    inner join similar_forces
        on figures.force_code = similar_forces.force_code
        and figures.month_start between similar_forces.valid_from
        and coalesce(similar_forces.valid_to, figures.month_start)
    inner join police_forces
        on police_forces.force_code in (similar_forces.force_code, similar_forces.similar_force_code)

    union all

    select
        'uk' as area,
        figures.force_code,
        figures.month_start,
        forces.force_code as member_code
    from figures
    cross join forces

),

-- From the parts that a mean and a share imply: seconds, and whole calls. A group without another force has no calls, and
-- so no figures: they would be those of the force.
totals as (

    select
        members.area,
        members.force_code,
        members.month_start,
        count(*) as forces,
        count(counted.force_code) as forces_complete,
        cast(case
            when members.area = 'uk' or max(case when counted.force_code <> members.force_code then 1 end) = 1
                then sum(counted.calls)
        end as bigint) as calls,
        {%- for share in shares %}
        sum(round(counted.calls * counted.{{ share }} / 100, 0)) as calls_{{ share }},
        {%- endfor %}
        sum(cast(counted.calls as decimal(18, 0)) * counted.mean_answer_seconds) as answer_seconds
    from members
    left join counted
        on members.member_code = counted.force_code
        and members.month_start = counted.month_start
    group by members.area, members.force_code, members.month_start

)

select
    figures.force_code,
    figures.month_start,
    figures.calls,
    {%- for column in ["mean_answer_seconds"] + shares %}
    cast(figures.{{ column }} as decimal(38, 6)) as {{ column }},
    {%- endfor %}
    counted.force_rank,
    counted.mean_rank,
    country.forces_complete as forces_ranked,
    figures.rank_reason,
    similar_groups.forces_complete as group_forces_complete,
    similar_groups.forces as group_forces,
    case
        when similar_groups.force_code is null then 'no_group'
        when similar_groups.calls is null then 'no_other_force'
    end as group_reason,
    {%- for area, sums in {"group": "similar_groups", "uk": "country"}.items() %}
    {{ sums }}.calls as {{ area }}_calls,
    {{ ratio(sums ~ ".answer_seconds", sums ~ ".calls") }} as {{ area }}_mean_answer_seconds,
    {%- for share in shares %}
    {{ ratio(sums ~ ".calls_" ~ share, sums ~ ".calls", 100) }} as {{ area }}_{{ share }},
    {%- endfor %}
    {%- endfor %}
    country.forces_complete as uk_forces_complete,
    country.forces as uk_forces
from figures
inner join totals as country
    on {{ same_columns("figures", "country", key) }} and country.area = 'uk'
left join counted
    on {{ same_columns("figures", "counted", key) }}
left join totals as similar_groups
    on {{ same_columns("figures", "similar_groups", key) }} and similar_groups.area = 'group'
