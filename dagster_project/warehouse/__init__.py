"""The DuckDB file: connections, the lock of its one writer, tables that loading owns. SQL of figures is dbt's."""
