"""What the warehouse costs, compared with plain DuckDB and with dbt alone. Run by `make bench`."""
