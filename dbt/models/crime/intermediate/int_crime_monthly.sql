{{ measure_months(ref("int_crime_part_daily"), ["crime"]) }}
