"""The SQL dialect through which Great Expectations reads DuckDB. What is expected does not belong here.

Imported by SQLAlchemy on demand (`register` names it), since SQLAlchemy costs time that a run without
new deliveries need not pay.
"""

from __future__ import annotations

from typing import Any

import duckdb
from duckdb_sqlalchemy import ConnectionWrapper, Dialect, DuckDBExecutionContext
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy


class BufferedExecutionContext(DuckDBExecutionContext):
    """Execution context that holds a result apart from its connection.

    Great Expectations reads a result after it has closed the connection, which with DuckDB ends the
    result too. Its queries return one row, or at most a few hundred, so reading at once costs nothing.
    """

    def post_exec(self) -> None:
        """Read the whole result as soon as the statement has run."""
        super().post_exec()
        if self.cursor is not None and self.cursor.description is not None:
            self.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(
                self.cursor, initial_buffer=self.cursor.fetchall()
            )


class ReadOnlyDialect(Dialect):
    """DuckDB as Great Expectations needs it: buffered results on plain read-only connections."""

    execution_ctx_cls = BufferedExecutionContext
    supports_statement_cache = True

    def connect(self, *_positional: Any, database: str, **_options: Any) -> ConnectionWrapper:
        """Open the file without write access.

        The dialect's own connections carry a user agent, and DuckDB refuses two connections of one
        process to one file whose settings differ.
        """
        return ConnectionWrapper(duckdb.connect(database, read_only=True))
