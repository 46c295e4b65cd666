"""Run the dbt project and read what it did. SQL is in `dbt/`; Dagster's view of it is in `defs/transformations.py`."""
