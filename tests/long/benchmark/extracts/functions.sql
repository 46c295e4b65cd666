-- Functions of the queries of extracts.

-- A whole number from 0 to below `size`, another one for each `what`. Hashed twice: the first hash is an exclusive
-- or of those of its arguments, so that numbers drawn for two words would have the same difference of low bits.
create temp macro drawn(seed, what, size) as cast(hash(hash(seed, what)) % size as bigint);

-- The same, small numbers more often than large ones: mean a quarter of `size`.
create temp macro skewed(seed, what, size) as drawn(seed, what, size) * drawn(seed, what || ' too', size) // size;

create temp macro second_of_day(seed, what) as
    {{ hours }}[1 + drawn(seed, what || ' hour', {{ hours | length }})] * 3600 + drawn(seed, what, 3600);

-- From eight to six, when registrars work.
create temp macro office_second(seed, what) as 28800 + drawn(seed, what, 36000);

create temp macro last_sunday(t, m) as
    make_date(year(t), m, 31) - cast(dayofweek(make_date(year(t), m, 31)) as int);

-- A sixteenth of the times that the spring clock change leaves out stay as they are, and are faulty.
create temp macro on_the_clock(t, seed) as case
    when month(t) = 3 and day(t) > 24 and dayofweek(t) = 0 and hour(t) = 1 and seed % 16 <> 0
        then t + interval 1 hour
    else t
end;

create temp macro utc_offset(t, seed) as case
    when month(t) between 4 and 9 then 60
    when month(t) = 3 and t >= last_sunday(t, 3) + interval 1 hour then 60
    when month(t) = 10 and t < last_sunday(t, 10) + interval 1 hour then 60
    when month(t) = 10 and t < last_sunday(t, 10) + interval 2 hour then 60 * drawn(seed, 'reading', 2)
    else 0
end;

-- Number of one of the 4,000 people who may call a force on a day; a force has 400,000.
create temp macro caller(on_day, of_force, place) as
    '07' || lpad(cast(400009 * drawn(hash(on_day, of_force), place, 400000) % 1000000000 as varchar), 9, '0');

create temp macro no_value(seed, what) as [null, null, null, 'NULL', 'N/A', '-'][1 + drawn(seed, what, 6)];

create temp macro cell(content, seed, what) as coalesce(cast(content as varchar), no_value(seed, what));

create temp macro flag(truth, seed, what) as case
    when truth then 'Y' when drawn(seed, what, 3) > 0 then 'N' else no_value(seed, what)
end
