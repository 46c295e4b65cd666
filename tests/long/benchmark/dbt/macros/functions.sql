{% macro generate_schema_name(schema, node) %}{{ schema or target.schema }}{% endmacro %}

-- Functions of the models: clock changes, pseudonyms.
{% macro create_functions() %}
create or replace macro last_sunday(t, m) as
    make_date(year(t), m, 31) - cast(dayofweek(make_date(year(t), m, 31)) as integer);

-- Minutes by which a local time is ahead of UTC: -1 in the hour that occurs twice, null in the one that is left out.
-- The rule is that of 1996; a conversion by the engine's calendar costs four times as much.
create or replace macro ahead(t) as case
    when month(t) between 4 and 9 then 60
    when month(t) = 3 and t < last_sunday(t, 3) + interval 1 hour then 0
    when month(t) = 3 and t >= last_sunday(t, 3) + interval 2 hour then 60
    when month(t) = 10 and t < last_sunday(t, 10) + interval 1 hour then 60
    when month(t) = 10 and t < last_sunday(t, 10) + interval 2 hour then -1
    when month(t) <> 3 then 0
end;

-- The instant of a local time; of the hour that occurs twice the second one where `is_second`.
create or replace macro instant(t, minutes, is_second) as case
    when minutes = 0 then t
    when minutes = 60 then t - interval 1 hour
    when minutes = -1 and is_second then t
    when minutes = -1 then t - interval 1 hour
end;

-- Whether of the two readings of a time only the second is not before the row's own start.
create or replace macro is_after_start(t, start) as coalesce(t - interval 1 hour < start and t >= start, false);

-- What is wrong with the text of a point in time, or null.
create or replace macro fault_of_time(cell, t, utc) as case
    when t is null and length(cell) <= 10 and try_cast(cell as date) is not null then 'no_time_of_day'
    when t is null and cell is not null then 'not_a_timestamp'
    when t is not null and utc is null then 'time_never_existed'
end;

create or replace macro local_time(cell) as case when length(cell) = 19 then try_cast(cell as timestamp) end;

create or replace macro boolean_of(cell) as case
    when lower(coalesce(cell, 'n')) in ('y', 'yes', 'true', '1') then true
    when lower(coalesce(cell, 'n')) in ('n', 'no', 'false', '0') then false
end;

-- HMAC-SHA-256 (RFC 2104) by its two keys.
create or replace macro pseudonym(cell) as substr(
    sha256(unhex('{{ var("outer_key") }}') || unhex(sha256(unhex('{{ var("inner_key") }}') || encode(cell)))), 1, 32
);

create or replace macro seconds_between(earlier, later) as
    cast(cast(epoch_us(later) - epoch_us(earlier) as decimal(24, 0)) * cast(0.000001 as decimal(7, 6)) as decimal(18, 6))
{% endmacro %}
