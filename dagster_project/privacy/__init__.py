"""Erasure, access, re-keying and retention: replaces or removes pseudonyms in every file. Knows no Dagster."""
