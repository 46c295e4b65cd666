select answering.*, coalesce(forces.force_name, answering.force_code) as force_name
from marts.national_call_answering as answering
left join marts.dim_force as forces on answering.force_code = forces.force_code
where $force_code is null or answering.force_code = $force_code
order by answering.month_start, force_name, answering.force_code
