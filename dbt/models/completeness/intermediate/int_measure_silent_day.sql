with

loads as (select * from {{ ref("stg_loads") }}),

silent_columns as (select * from {{ ref("stg_silent_columns") }}),

source_days as (select * from {{ ref("int_source_day") }}),

measures as (select * from {{ ref("measure_catalogue") }}),

listed as (

    select
        measure,
        {{ list_items("columns") }} as source_and_column
    from measures
    where columns <> ''

),

needed as (

    select
        measure,
        split_part(source_and_column, ':', 1) as source,
        split_part(source_and_column, ':', 2) as column_name
    from listed

),

final as (

    select distinct
        needed.measure,
        needed.source,
        needed.column_name,
        silent_columns.force_code,
        loads.extract_date as day
    from silent_columns
    inner join loads
        on silent_columns.load_id = loads.load_id
    inner join needed
        on loads.source = needed.source
        and silent_columns.column_name = needed.column_name
    inner join source_days
        on loads.source = source_days.source
        and silent_columns.force_code = source_days.force_code
        and loads.extract_date = source_days.day
    where
        -- A file that has only a header may be first of its day.
        loads.status in ('loaded', 'empty')
        and source_days.is_loaded

)

select * from final
