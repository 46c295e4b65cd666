{% extends 'extract.sql' %}

{% set faults = 4 %}

{% block details %}
select
    *,
    cast(event_date as timestamp) + to_seconds(second_of_day(draw, 'submitted')) - moved as began_at,
    on_the_clock(began_at, draw) as submitted_at
from placed
{% endblock %}

{% block cells %}
    to_hex(hash(draw, 'id')) as submission_id,
    ['report_a_crime', 'report_a_crime', 'report_a_crime', 'report_a_crime', 'report_a_crime',
        'report_a_crime', 'report_a_crime', 'report_a_crime', 'missing_person', 'sexual_offence', 'rural_crime'][
        1 + (drawn(draw, 'service', 11) + case when change > 0 then 7 + change % 3 else 0 end) % 11] as service,
    cell(case
        when drawn(draw, 'started', 20) > 0 and not (month(began_at) = 3 and hour(submitted_at) < 5)
            then submitted_at - to_seconds(cast(60 + skewed(draw, 'filling', 3600) as bigint))
    end, draw, 'started word') as started_at,
    cast(submitted_at as varchar) as submitted_at,
    cell(
        case when drawn(draw, 'repeats', 50) = 0 then to_hex(hash(draw, 'repeated')) end, draw, 'repeat word'
    ) as duplicate_of,
    cell(
        case when drawn(draw, 'crime', 10) < 3 then '46/' || to_hex(hash(draw, 'crime ref')) end, draw, 'crime word'
    ) as crime_ref
{% endblock %}

{% block faults %}
    case when fault = 0 then 'report_crime' else service end as service,
    case when fault = 1 then null else submitted_at end as submitted_at,
    case when fault = 2 then '2099-01-01 00:00:00' else started_at end as started_at,
    case when fault = 3 then 'NULL' else submission_id end as submission_id
{% endblock %}
