"""Dagster's web server, behind a check of every request. No other part of the project imports it."""
