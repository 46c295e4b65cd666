"""The DuckDB files: connections, the writer lock, and the tables that loading owns. dbt has the SQL of figures."""
