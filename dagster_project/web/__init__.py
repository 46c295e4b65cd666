"""Dagster's web server behind a check of every request. Nothing else of the project imports it."""
