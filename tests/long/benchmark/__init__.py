"""How much the warehouse costs, against plain DuckDB doing the same work. Run by `make bench`; no part of a night."""
