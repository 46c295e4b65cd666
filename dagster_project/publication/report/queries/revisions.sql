select measure, month_start, published_at, previous_value, value, cause, is_provisional
from marts.revisions
where force_code = $force_code
order by published_at
