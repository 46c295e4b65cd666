-- The rows of the extracts of one source from `$first` to `$last`, in the order of the files, and `part`, the file of
-- each. A source says what happened, how a row of it reads, and which cells can be faulty.
with days as (
    select cast(unnest(generate_series($first_event, $last, interval 1 day)) as date) as day
),

occurrences as (
    select
        days.day,
        forces.force_code,
        hash(hash(days.day, forces.force_code, numbers.number, '{{ source }}')) as seed
    from days
    cross join (select unnest($forces) as force_code) as forces
    cross join lateral (
        select unnest(range(cast(
            $events_a_day * $weekdays[isodow(days.day)]
            * (0.97 + 0.0001 * drawn(days.day, forces.force_code || '{{ source }}', 600)) as bigint
        ))) as number
    ) as numbers
),

-- What happened, a row for each that a source delivers on a day of its own: draw, the row's own number, and event_date,
-- the extract that it is in when all goes well.
events as (
    {% block events %}
    select force_code, seed as draw, day as event_date from occurrences
    {% endblock %}
),

-- version: 0 as it happened, 1 the other row of a tie, 2 corrected, 3 corrected late.
versions as (
    select *, 0 as version, event_date as extract_date
    from events
    union all by name
    select *, 1 as version, event_date as extract_date
    from events
    where drawn(draw, 'tie', 2000) = 0
    union all by name
    select *, 2 as version, event_date + 1 + cast(drawn(draw, 'lag', 30) as int) as extract_date
    from events
    where drawn(draw, 'corrected', 100) = 0
    {% if late_days %}
    union all by name
    select *, 3 as version, $last as extract_date
    from events
    where
        event_date between $last - {{ late_days }} and $last - 1
        and drawn(draw, 'late' || cast($last as varchar), {{ 100 * late_days }}) = 0
    {% endif %}
),

delivered as (
    select
        *,
        hash(hash(draw, version)) as seen,
        -- Of a corrected row: how many days its event moves back, and whether what it says changes.
        case
            when version >= 2 and drawn(draw, 'moves' || version, 5) = 0
                then to_days(cast(1 + drawn(draw, 'days' || version, 5) as int))
            else interval 0 day
        end as moved,
        case when version >= 1 then 1 + drawn(draw, 'change' || version, 5) else 0 end as change,
        drawn(extract_date, '{{ source }}', 33) = 0 as in_two_files
    from versions
    where extract_date between $first and $last
),

placed as (
    select *, unnest(case
        when not in_two_files then ['']
        when drawn(seen, 'file', 10) >= 8 then ['_more']
        when drawn(seen, 'file', 10) < 4 then ['', '_more']
        else ['']
    end) as file
    from delivered
),

spelt as (
    select
        {% if has_force_column %}force_code,{% endif %}
        {% block cells %}{% endblock %},
        case when drawn(seen, 'faulty', 5000) = 0 then drawn(seen, 'fault', {{ faults }}) end as fault,
        cast(extract_date as varchar) || file as part,
        hash(hash(seen, file)) as place
    from ({% block details %}{% endblock %}) as detailed
),

final as (
    select * replace ({% block faults %}{% endblock %})
    from spelt
)

select * exclude (fault, place)
from final
order by part, place
