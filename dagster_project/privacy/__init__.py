"""Erasure, access and re-keying: finds pseudonyms in every file of a data root, and replaces them. Knows no Dagster."""
