"""Run the dbt project and read what it did. SQL is in `dbt/`; the resource and what Dagster shows are in `defs/`."""
