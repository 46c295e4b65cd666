select section, section_title
from marts.measures
group by all
order by min(section_order), section
