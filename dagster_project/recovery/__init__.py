"""Recover a data root: copies of what only the warehouse knows, and rebuilding it. Knows no Dagster."""
