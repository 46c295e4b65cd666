"""Dagster definitions: assets, checks, jobs, schedules. The work is done in the packages that they call."""
