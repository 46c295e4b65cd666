select
    split_part(file, '/', -2) as source,
    row_number() over (order by file) as load_id,
    row_number() over (partition by split_part(file, '/', -2) order by file) - 1 as file_no,
    cast(substr(parse_filename(file), length(split_part(file, '/', -2)) + 2, 10) as date) as extract_date,
    parse_filename(file) as file_name
from glob('{{ var("landing") }}/*/*.csv')
