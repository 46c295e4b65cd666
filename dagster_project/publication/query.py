"""Query the current publication, within limits. For how a result is printed, see `result_formats.py`.

Imports only what this needs, so that a query is answered quickly.
"""

import resource
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import MappingProxyType

import duckdb

from dagster_project.errors import UsageError
from dagster_project.publication.database import DATABASE
from dagster_project.publication.pointer import current_publication
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import is_damage, reading_connection
from dagster_project.words import printable

SECONDS = 60.0
"""Default time limit of a query, including printing."""

LONGEST_SECONDS = 3600.0
"""Greatest limit that can be set: a longer query belongs in a tool that reads the file (analyst_access.md)."""

_LIMITS: dict[str, str | int] = {"memory_limit": "1GB", "threads": 2}

# DuckDB's limit covers its buffers, but not the text that a function builds: with a limit of 1 GB, repeat('x', 1e9)
# used 3.9 GB. This limit is for the whole process, which has 0.11 GB before the query. At 1.3 GB, a sort still reaches
# DuckDB's own limit first. A failed allocation raises an error of DuckDB or Python, in all of 40 queries. A crash, such
# as that of json_contains on 300,000 nested lists, ends only the child in which `fcir query` runs (`cli/query.py`).
_PROCESS_BYTES = 1250 << 20

# DuckDB reacts to an interruption between two blocks of rows, within 0.6 s in all queries tried, but not within a
# function: regexp_replace on a text of 100 MB continues for 13 s.
_GRACE_SECONDS = 1.0

# DuckDB quotes a value that it could not convert in full, whatever its length.
_LONGEST_LINE = 1000

# Rows in Python's memory while a result is streamed. 7 million rows of fct_call take 26 s and 0.1 GB of memory.
_ROWS_AT_ONCE = 500

_READS = {
    duckdb.StatementType.SELECT,
    duckdb.StatementType.EXPLAIN,
    # A PIVOT, which first creates a temporary type from the values that become columns.
    duckdb.StatementType.MULTI,
}

Row = tuple[object, ...]


class LimitReached(UsageError):
    """A limit ended a query; the message names the limit and what to do."""


@contextmanager
def published_database(
    settings: Settings, limits: Mapping[str, str | int] = MappingProxyType({})
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the database of the current publication, read-only; its tables need no schema name.

    Raises:
        NotPublished: nothing is published yet.
        DatabaseUnreadable: the database is damaged.
    """
    with reading_connection(current_publication(settings.published) / DATABASE, limits) as connection:
        connection.execute("set schema = 'marts'")
        yield connection


class PublishedQuery:
    """A checked query. Every method runs it; `published_query` lists the errors.

    Attributes:
        columns: names of the columns in order; they may repeat.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, sql: str) -> None:
        self._connection = connection
        self._sql = sql
        self._relation = connection.sql(sql)
        self.columns: list[str] = list(self._relation.columns)

    def first(self, rows: int) -> list[Row]:
        """Return the first rows; DuckDB need not produce the others, and a sort keeps only these."""
        return self._relation.limit(rows).fetchall()

    def chunks(self) -> Iterator[list[Row]]:
        """Yield all rows as they are produced; the first chunk comes as soon as it is ready."""
        cursor = self._connection.execute(self._sql)
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            yield rows

    def count(self, seconds: float, give_up: Callable[[], object]) -> int | None:
        """Count the rows.

        Args:
            seconds: time limit for counting.
            give_up: called in another thread if even an interruption does not stop the count; must end the process.

        Returns:
            The number of rows, or None if counting takes longer or fails.
        """
        with suppress(duckdb.Error, MemoryError), _interrupted_after(self._connection, seconds, give_up):
            return int(self._relation.aggregate("count(*)").fetchall()[0][0])
        return None


@contextmanager
def published_query(
    settings: Settings, sql: str, *, seconds: float = SECONDS, end: Callable[[LimitReached], object]
) -> Iterator[PublishedQuery]:
    """Query the published database, read-only and within limits.

    Args:
        settings: settings of the installation.
        sql: one statement that reads.
        seconds: time limit for everything within the `with` block.
        end: called in another thread if the time is over and even an interruption does not stop the query; must end the
            process.

    Yields:
        The query, checked but not yet run.

    Raises:
        NotPublished: nothing is published yet.
        LimitReached: the query took too long or needed too much memory.
        UsageError: the query is empty, does more than read, or cannot be answered; the message is DuckDB's.
    """
    too_long = LimitReached(
        f"the query took more than {seconds:g} second{'' if seconds == 1 else 's'} (--timeout) and was ended; what it "
        "printed is incomplete. Ask for less, or allow more, up to an hour: "
        f'fcir query --timeout {min(seconds * 5, LONGEST_SECONDS):g} "..."'
    )
    with published_database(settings, _LIMITS) as connection:
        try:
            sql = _as_utf8(sql)
            with _interrupted_after(connection, seconds, lambda: end(too_long)):
                _check(connection, sql)
                yield PublishedQuery(connection, sql)
        except duckdb.InterruptException:
            raise too_long from None
        except (duckdb.OutOfMemoryException, duckdb.InternalException, MemoryError) as error:
            if isinstance(error, duckdb.InternalException) and "bad_alloc" not in str(error):
                raise UsageError(f"DuckDB cannot answer this query: {_shown(str(error).splitlines()[0])}") from None
            raise LimitReached(
                "the query needed more than 1 GB of memory and was ended; what it printed is incomplete. Sort, join or "
                "group fewer rows, or open the database in another tool: docs/analyst_access.md"
            ) from None
        except RecursionError:
            raise UsageError("a value is nested too deeply to be printed; unnest it in the query") from None
        except duckdb.Error as error:
            # reading_connection tells the user what to do about a damaged file.
            if is_damage(error):
                raise
            # DuckDB's message quotes the query and the values that it could not convert.
            lines = [_shown(line) for line in str(error).split("\n")]
            lines.append('Tables and their columns: fcir query "from data_dictionary"')
            raise UsageError("\n".join(lines)) from None


def limit_memory() -> None:
    """Limit the memory of this process, which must then serve this one query only, and turn off core dumps.

    A core dump would contain data. Where the system does not enforce it (macOS), only DuckDB's limit applies.
    """
    for kind, limit in ((resource.RLIMIT_DATA, _PROCESS_BYTES), (resource.RLIMIT_CORE, 0)):
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, resource.getrlimit(kind)[1]))


def count_matches(settings: Settings) -> tuple[int, int, bool]:
    """Return how many printed figures the current publication reproduces, of how many, and whether it is a sample."""
    with published_database(settings) as connection:
        [counts] = connection.execute(
            """
            select
                count(*) filter (where verdict in ('match', 'match_other_formula')),
                count(*),
                (select coalesce(bool_or(is_synthetic), false) from load_audit)
            from reconciliation
            """
        ).fetchall()
        return counts


def _shown(line: str) -> str:
    """Return a line of DuckDB's messages on one line of at most `_LONGEST_LINE` characters."""
    line = line if line.isprintable() else printable(line)
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}..."


def _as_utf8(sql: str) -> str:
    """Return the query as typed: if the locale is not UTF-8, Python represents bytes of an argument as surrogates."""
    try:
        return sql.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeError:
        raise UsageError("the query is not UTF-8 text; nothing was done") from None


def _check(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Raise UsageError if the text is not one statement that reads.

    The settings of the connection protect the server, also from what EXPLAIN ANALYZE runs: it can read this file only.
    """
    statements = connection.extract_statements(sql)
    if not statements:
        raise UsageError('the query is empty; nothing was done. An example: fcir query "from measures"')
    if len(statements) > 1:
        raise UsageError(
            f"expected one query, found {len(statements)} statements; nothing was done. Run them one by one"
        )
    try:
        kind = statements[0].type
    except ValueError:
        # Its Python client does not know every statement of DuckDB, such as UPDATE EXTENSIONS.
        kind = None
    if kind not in _READS:
        raise UsageError(
            f"{kind.name if kind else 'this'} is not a query; nothing was done. fcir query only reads: SELECT, FROM, "
            "WITH, VALUES, PIVOT, UNPIVOT, DESCRIBE, SHOW, SUMMARIZE, EXPLAIN"
        )


@contextmanager
def _interrupted_after(
    connection: duckdb.DuckDBPyConnection, seconds: float, end: Callable[[], object]
) -> Iterator[None]:
    """Interrupt the connection after a time limit; call `end` if the interruption does not stop it."""
    finished = threading.Event()

    def watch() -> None:
        if not finished.wait(seconds):
            connection.interrupt()
            if not finished.wait(_GRACE_SECONDS):
                end()

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        finished.set()
