{% extends 'extract.sql' %}

{% set faults = 4 %}

{% block details %}
select
    *,
    on_the_clock(cast(event_date as timestamp) + to_seconds(second_of_day(draw, 'received')) - moved, draw)
        as received_at,
    (drawn(draw, 'partner', 1000) < 22) <> (change = 1) as from_partner_force
from placed
{% endblock %}

{% block cells %}
    to_hex(hash(draw, 'id')) as contact_id,
    case
        when change > 1 then ['other', 'email', 'contact_form', 'asb_report'][cast(change as int) - 1]
        else [
            'online_crime_report', 'online_crime_report', 'online_crime_report', 'online_crime_report',
            'live_chat', 'live_chat', 'live_chat', 'live_chat', 'live_chat', 'email', 'email', 'email', 'email',
            'contact_form', 'contact_form', 'asb_report', 'asb_report', 'road_traffic_report', 'social_media',
            'missing_person_report', 'sexual_offence_report', 'rural_crime_report', 'other'
        ][1 + drawn(draw, 'type', 23)]
    end as contact_type,
    cast(received_at as varchar) as received_at,
    flag(from_partner_force, draw, 'partner word') as from_partner_force,
    flag(drawn(draw, 'test', 1000) < 4, draw, 'test word') as is_test,
    cell(case
        when drawn(draw, 'linked', 20) < 4 then '46/' || to_hex(hash(draw, 'crime'))
        when drawn(draw, 'linked', 20) = 4
            then caller(event_date, force_code, drawn(draw, 'caller', 4000))
    end, draw, 'linked word') as linked_reference
{% endblock %}

{% block faults %}
    case when fault = 0 then 'fax' else contact_type end as contact_type,
    case when fault = 1 then '2022-13-41T10:00:00' else received_at end as received_at,
    case when fault = 2 then 'maybe' else from_partner_force end as from_partner_force,
    case when fault = 3 then null else contact_id end as contact_id
{% endblock %}
