"""Access, erasure, rotation of keys, retention and purge, on the vault of people. Knows no Dagster."""
