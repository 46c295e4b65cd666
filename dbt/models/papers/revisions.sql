{#- Publishing adds the rows of the publication that is being written, which is recorded after dbt has run:
    publication/database.py. -#}

select * from {{ ref("int_revision") }}
