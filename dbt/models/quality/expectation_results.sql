select * from {{ ref("stg_expectation_results") }}
