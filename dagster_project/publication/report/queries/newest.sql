-- Deliveries of printed papers do not count: a paper is typed in weeks after the data that it is compared with.
select
    max(extract_date) as day,
    coalesce(bool_or(is_synthetic), false) as is_synthetic
from marts.load_audit
where
    status in ('loaded', 'empty')
    and source in (
        select unnest(string_split(sources, ',')) from marts.measures where in_board_paper or not $is_of_paper
    )
