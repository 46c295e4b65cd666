select force_name
from marts.dim_force
where force_code = $force_code
