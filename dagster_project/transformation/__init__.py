"""Run the dbt project and read its results. SQL is in `dbt/`; the resource and Dagster definitions are in `defs/`."""
