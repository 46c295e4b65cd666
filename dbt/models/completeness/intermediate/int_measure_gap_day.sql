{{ config(materialized="view") }}

{{ lacking_days() }}
