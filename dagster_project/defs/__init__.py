"""What Dagster sees: assets, checks, jobs, schedules. What the assets do is in the packages that they call."""
