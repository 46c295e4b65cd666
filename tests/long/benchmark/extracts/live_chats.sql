{% extends 'extract.sql' %}

{% set faults = 4 %}

{% block details %}
select
    *,
    case
        when drawn(draw, 'accepted', 1000) >= 65
            then on_the_clock(requested_at + to_seconds(cast(3 + skewed(draw, 'wait', 240) as bigint)), 1)
    end as accepted_at,
    on_the_clock(
        coalesce(accepted_at, requested_at)
        + to_seconds(cast(40 + skewed(draw, 'length', 2800) as bigint)), 1
    ) as ended_at
from (
    select
        *,
        on_the_clock(cast(event_date as timestamp) + to_seconds(second_of_day(draw, 'requested')) - moved, draw)
            as requested_at
    from placed
)
{% endblock %}

{% block cells %}
    to_hex(hash(draw, 'id')) as chat_id,
    cast(requested_at as varchar) as requested_at,
    cell(accepted_at, draw, 'accepted word') as accepted_at,
    cast(ended_at as varchar) as ended_at,
    cell(case
        when accepted_at is not null
            then 'OP-' || cast(1000 + (
                dayofyear(requested_at) * 12 + hour(requested_at) // 8 * 4 + drawn(draw, 'operator', 4)
            ) % 60 as varchar)
    end, draw, 'operator word') as operator_id,
    cell(case
        when change > 1 then ['other', 'asb', 'crime', 'domestic_abuse'][cast(change as int) - 1]
        else [
            'general', 'general', 'general', 'crime', 'crime', 'asb', 'domestic_abuse', 'missing_person', 'other',
            null
        ][1 + drawn(draw, 'topic', 10)]
    end, draw, 'topic word') as topic,
    flag((drawn(draw, 'incident', 100) < 11) <> (change = 1), draw, 'incident word') as created_incident
{% endblock %}

{% block faults %}
    case when fault = 0 then null else requested_at end as requested_at,
    case when fault = 1 then 'weather' else topic end as topic,
    case when fault = 2 then 'perhaps' else created_incident end as created_incident,
    case when fault = 3 then '2001-01-01 00:00:00' else ended_at end as ended_at
{% endblock %}
