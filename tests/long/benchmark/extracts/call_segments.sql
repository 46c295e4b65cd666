{% extends 'extract.sql' %}

{% set faults = 8 %}

{% block events %}
select
    * exclude (day, starts),
    day + cast(starts / 86400 as int)
    + cast(segment_no > 1 and drawn(seed, 'late segment', 50) = 0 as int) as event_date,
    cast(day as timestamp) + to_seconds(starts) as began_at,
    hash(hash(seed, segment_no)) as draw
from (
    select
        *,
        unnest(range(1, segments + 1)) as segment_no,
        second_of_day(seed, 'arrived') + cast((segment_no - 1) * (20 + drawn(seed, 'apart', 400)) as bigint)
            as starts
    from (
        select
            *,
            case
                when drawn(seed, 'segments', 100) < 3 then 3 when drawn(seed, 'segments', 100) < 13 then 2
                else 1
            end as segments,
            ['999', '101', 'switchboard', 'other'][
                case when drawn(seed, 'line', 100) < 52 then 1 when drawn(seed, 'line', 100) < 94 then 2
                    when drawn(seed, 'line', 100) < 97 then 3 else 4 end
            ] as line
        from occurrences
    )
)
{% endblock %}

{% block details %}
select
    *,
    case
        when version >= 1 and change = 1 and disposed = 'answered' then 'disconnected'
        when version >= 1 and change = 1 then 'answered'
        else disposed
    end as disposition,
    case
        when disposition in ('answered', 'transferred')
            then cast((80 + skewed(draw, 'talk', 24000)) / 10.0 as decimal(9, 1))
    end + case when change > 1 then 30 + change else 0 end as talk_seconds,
    case
        when not is_taken and segment_no = segments
            and drawn(draw, 'called back', 100) < case line when '999' then 94 else 7 end
            then on_the_clock(arrived_at + to_seconds(
                queue_seconds + 30 + drawn(draw, 'delay', 1800)
                + case when drawn(draw, 'called back', 100) < 3 then 43200 else 0 end
            ), 1)
    end as called_back_at
from (
    select
        *,
        on_the_clock(began_at - moved, draw) as arrived_at,
        drawn(seed, 'taken', 100) < case line when '999' then 98 when '101' then 62 else 93 end as is_taken,
        case
            when segment_no = segments and is_taken then 'answered'
            when segment_no = segments and drawn(draw, 'cut off', 100) < 3 then 'disconnected'
            when segment_no = segments then 'abandoned'
            when is_taken and drawn(draw, 'way', 5) = 0 then 'answered'
            when drawn(draw, 'way', 5) = 1 then 'transferred'
            else 'overflow'
        end as disposed,
        cast(case
            when line = '999' and drawn(draw, 'waits', 5) > 0 then 1 + drawn(draw, 'queue', 9)
            when line = '999' then 8 + skewed(draw, 'queue', 400)
            else skewed(draw, 'queue', 2400)
        end + case when version = 1 then 1 else 0 end as bigint) as queue_seconds
    from placed
)
{% endblock %}

{% block cells %}
    to_hex(hash(seed, 'id')) as call_id,
    cast(segment_no as varchar) as segment_no,
    line,
    cast(arrived_at as varchar) as arrived_at,
    case
        when drawn(draw, 'offset', 50) > 0 then cast(utc_offset(arrived_at, draw) as varchar)
        else no_value(draw, 'offset word')
    end as utc_offset_minutes,
    cast(queue_seconds as varchar) as queue_seconds,
    disposition,
    cell(talk_seconds, draw, 'talk word') as talk_seconds,
    cell(called_back_at, draw, 'back word') as called_back_at,
    cell(case
        when disposition in ('answered', 'transferred')
            then 'OP' || lpad(cast((
                hour(arrived_at) // 8 * 100 + dayofweek(arrived_at) * 10 + drawn(draw, 'operator', 40)
            ) % 300 as varchar), 4, '0')
    end, draw, 'operator word') as operator_id,
    cell(case
        when drawn(seed, 'withheld', 100) >= 8
            then caller(cast(began_at as date), force_code, drawn(seed, 'caller', 4000))
    end, draw, 'caller word') as caller_number
{% endblock %}

{% block faults %}
    case when fault = 0 then '112' else line end as line,
    case when fault = 1 then '31/09/2022 25:10' else arrived_at end as arrived_at,
    case when fault = 2 then '-12' else queue_seconds end as queue_seconds,
    case when fault = 3 then null else disposition end as disposition,
    case when fault = 4 then 'n/k' else talk_seconds end as talk_seconds,
    case when fault = 5 then '0' else segment_no end as segment_no,
    case when fault = 6 then '2001-01-01 00:00:00' else called_back_at end as called_back_at,
    case when fault = 7 then '90' else utc_offset_minutes end as utc_offset_minutes
{% endblock %}
