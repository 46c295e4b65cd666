{#- Forces that a figure can be about: those of any event, not all that dim_force lists. -#}
with

final as (

    {%- for fact in [
        "fct_call", "fct_digital_contact", "fct_online_crime_report", "fct_live_chat", "fct_crime",
    ] %}

    select force_code from {{ ref(fact) }}
    {%- if not loop.last %}

    union
    {%- endif %}
    {%- endfor %}

)

select * from final
