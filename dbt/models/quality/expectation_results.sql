select * from {{ source("audit", "expectation_result") }}
