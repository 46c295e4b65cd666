{% extends 'extract.sql' %}

{% set faults = 6 %}

{% block events %}
select
    * exclude (day, lag),
    day + cast(lag as int) as event_date,
    hash(hash(seed, state)) as draw
from (
    select
        *,
        unnest(
            [0]
            || case when drawn(seed, 'updated', 100) < 14 then [1] else [] end
            || case when is_cancelled then [2] else [] end
            || case when is_reinstated then [3] else [] end
        ) as state,
        case state when 0 then 0 when 1 then update_lag when 2 then cancel_lag else reinstate_lag end as lag
    from (
        select
            *,
            day as recorded_date,
            1 + drawn(seed, 'update lag', 40) as update_lag,
            drawn(seed, 'cancelled', 1000) < 32 as is_cancelled,
            1 + skewed(seed, 'cancel lag', 100) as cancel_lag,
            is_cancelled and drawn(seed, 'reinstated', 12) = 0 as is_reinstated,
            1 + cancel_lag + drawn(seed, 'reinstate lag', 14) as reinstate_lag
        from occurrences
    )
)
{% endblock %}

{% block details %}
select
    *,
    recorded_on - moved as recorded_at,
    case state
        when 0 then least(
            on_the_clock(recorded_on + to_seconds(drawn(draw, 'entered', 600)), 1),
            cast(recorded_date as timestamp) + interval 86399 second
        )
        else cast(event_date as timestamp) + to_seconds(office_second(draw, 'updated'))
    end as updated_at,
    case
        when state = 2 or state = 1 and is_cancelled and update_lag > cancel_lag
            and not (is_reinstated and update_lag > reinstate_lag) then 'cancelled'
        else 'recorded'
    end as status,
    case
        when status = 'cancelled' or state = 3 and drawn(draw, 'keeps', 2) = 0
            then cast(recorded_date as timestamp) + to_days(cast(cancel_lag as int))
                + to_seconds(office_second(hash(hash(seed, 2)), 'updated'))
    end as cancelled_at,
    case
        when cancelled_at is not null
            then ['C1', 'C2', 'C2', 'C3', 'C3', 'C4', 'C4', 'C1', 'C2', 'C3', 'C4', 'C5', null][
                1 + drawn(hash(seed, change % 2), 'code', 13)]
    end as cancel_code
from (
    select
        *,
        on_the_clock(cast(recorded_date as timestamp) + to_seconds(second_of_day(seed, 'recorded')), seed)
            as recorded_on
    from placed
)
{% endblock %}

{% block cells %}
    '46/' || to_hex(hash(seed, 'id')) as crime_ref,
    cast(updated_at as varchar) as updated_at,
    cast(recorded_at as varchar) as recorded_at,
    [
        '8N', '8N', '105A', '105A', '8L', '8R', '8Q', '30C', '28E', '34B', '39', '44', '45', '46', '49', '49',
        '58A', '58B', '58C', '58D', '9A', '92E', '10D', '126'
    ][1 + drawn(case when change = 2 then draw else seed end, 'offence', 24)] as offence_code,
    status,
    cell(cancelled_at, draw, 'cancelled word') as cancelled_at,
    cell(cancel_code, draw, 'code word') as cancel_code,
    cell([
        '999', '999', '999', '101', '101', '101', 'online', 'online', 'live_chat', 'front_counter', 'officer',
        'other', null
    ][1 + drawn(seed, 'channel', 13)], draw, 'channel word') as report_channel,
    cell(case
        when drawn(draw, 'district gap', 250) > 0
            then 'District ' || chr(65 + cast(
                drawn(seed, 'district' || case when change = 2 then 0 else change end, 13) as int
            ))
    end, draw, 'district word') as district
{% endblock %}

{% block faults %}
    case when fault = 0 then null else offence_code end as offence_code,
    case when fault = 1 then 'pending' else status end as status,
    case when fault = 2 then 'pigeon' else report_channel end as report_channel,
    case when fault = 3 then 'yesterday' else recorded_at end as recorded_at,
    case when fault = 4 then '2001-01-01 00:00:00' else cancelled_at end as cancelled_at,
    case when fault = 5 then substr(recorded_at, 1, 10) else updated_at end as updated_at
{% endblock %}
