{#- Figures as papers print them: the number that a text prints, and the words of months. -#}

{#- A printed text in one spelling: `-1,234.5%` is `-1234.5`, `1h 2m 3s` is `1h2m3s`. A paper may print a long minus. -#}
{% macro plain_figure(text) -%}
    translate(lower({{ text }}), '−–, +%', '--')
{%- endmacro %}


{#- The number that a text prints, durations in seconds; null for a text that is no figure of its unit. -#}
{% macro printed_number(text, unit) -%}
    {%- set plain = plain_figure(text) -%}
    cast(case
        when {{ unit }} = 'duration'
            then case
                when regexp_extract({{ plain }}, '^-?([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$', 0) <> ''
                    then case when {{ plain }} like '-%' then -1 else 1 end * (
                        {%- for letter, seconds in [("h", 3600), ("m", 60), ("s", 1)] %}
                        {{ "+ " if not loop.first }}{{ seconds }} * cast(
                            coalesce(nullif(regexp_extract({{ plain }}, '([0-9]+){{ letter }}', 1), ''), '0') as bigint
                        )
                        {%- endfor %}
                    )
            end
        when regexp_extract({{ plain }}, '^-?[0-9]{1,18}([.][0-9]{1,6})?$', 0) <> ''
            then cast({{ plain }} as decimal(38, 6))
    end as decimal(38, 6))
{%- endmacro %}


{#- The decimals that a text prints. -#}
{% macro printed_decimals(text) -%}
    cast(length(regexp_extract({{ plain_figure(text) }}, '[.]([0-9]+)$', 1)) as bigint)
{%- endmacro %}


{#- A figure with as many decimals as a column says (0 to 6), half up, or cut off. -#}
{% macro rounded(value, decimals, cut_off=false) -%}
    case {{ decimals }}
        {%- for places in range(7) %}
        {%- set half = "0." ~ "0" * places ~ "5" -%}
        {%- set less = " - case when " ~ value ~ " < 0 then -" ~ half ~ " else " ~ half ~ " end" if cut_off and places < 6 %}
        when {{ places }} then cast(round({{ value }}{{ less }}, {{ places }}) as decimal(38, 6))
        {%- endfor %}
    end
{%- endmacro %}


{#- `August 2022 to January 2023`, or the one month where first and last are the same. -#}
{% macro month_words(first_month, last_month=none) -%}
    {%- set names = "January February March April May June July August September October November December".split() -%}
    case extract(month from {{ first_month }})
        {%- for name in names %} when {{ loop.index }} then '{{ name }} '{% endfor %}
    end
    || cast(extract(year from {{ first_month }}) as {{ dbt.type_string() }})
    {%- if last_month %}
    || case when {{ first_month }} < {{ last_month }} then ' to ' || {{ month_words(last_month) }} else '' end
    {%- endif %}
{%- endmacro %}
