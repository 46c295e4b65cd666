"""Numbers of data roots and of their loads. A hub takes in the loads of several roots, so no two may share a number.

The number of a load has the number of its root in its high bits: `root * 2^24 + n`, which stays below 2^31. The first
root that an installation has is number 0, so its loads are 1, 2, 3 and so on.
"""

import duckdb

from dagster_project.errors import OperatorError
from dagster_project.sql import scalar

LOADS_OF_A_ROOT = 1 << 24


class RootMismatch(OperatorError):
    """The warehouse belongs to a data root with another number, or is a hub; the message says what to do."""


class NoLoadNumberLeft(OperatorError):
    """A data root has used all its load numbers."""


def root_of(load_id: int) -> int:
    """Return the number of the data root that made a load."""
    return load_id // LOADS_OF_A_ROOT


def root_of_force(connection: duckdb.DuckDBPyConnection, force_code: str) -> int | None:
    """Return the number of the data root that a force delivers to, from any fact of it in the schema `marts`.

    Returns:
        None if there is no fact of the force; the public edition has no facts.
    """
    facts = connection.execute(
        """
        select table_name
        from information_schema.columns
        where table_schema = 'marts' and column_name = 'load_id' and starts_with(table_name, 'fct_')
        order by table_name
        """
    ).fetchall()
    for (fact,) in facts:
        found = connection.execute(
            f"select load_id from marts.{fact} where force_code = ? limit 1",
            [force_code],
        ).fetchone()
        if found:
            return root_of(found[0])
    return None


def of_root(number: int) -> str:
    """Return the number of a data root for messages; empty for number 0, which may be the only root that there is."""
    return f" (root {number})" if number else ""


def root_in_sql(load_id: str) -> str:
    """Return SQL (DuckDB) for the number of the data root that made a load."""
    return f"({load_id} // {LOADS_OF_A_ROOT})"


def record_root(connection: duckdb.DuckDBPyConnection, number: int | None) -> None:
    """Record which data root the warehouse belongs to, before its first load.

    Args:
        connection: a loading connection.
        number: number of the root, as configured; None for a hub, which makes no loads itself.

    Raises:
        RootMismatch: the warehouse belongs to another root, or is a hub and the installation is not, or the reverse.
    """
    newest = scalar(connection, "select max(load_id) from audit.load")
    if newest is None or not scalar(connection, "select count(*) from audit.root"):
        # The settings decide, as long as nothing is loaded.
        # Until 0.4: a warehouse of version 0.2 has loads and no number, so it is root 0.
        connection.execute("delete from audit.root")
        connection.execute("insert into audit.root values (?)", [number if newest is None else root_of(newest)])
    recorded = recorded_root(connection)
    if recorded == number:
        return
    stands = "Nothing was changed."
    if recorded is None:
        raise RootMismatch(
            f"this data root is a hub, and FCIR_MEMBERS is not set. {stands} Set FCIR_MEMBERS to its members, or "
            "FCIR_HOME to another folder"
        )
    if number is None:
        raise RootMismatch(
            f"this data root has loads of its own (root {recorded}), so it cannot be a hub. {stands} Give the hub a "
            "folder of its own: FCIR_HOME=NEW_FOLDER"
        )
    raise RootMismatch(
        f"this data root has number {recorded}, and FCIR_ROOT_NUMBER is {number}. {stands} Its loads carry the number, "
        f"so it cannot change: set FCIR_ROOT_NUMBER={recorded}, or FCIR_HOME to another folder"
    )


def recorded_root(connection: duckdb.DuckDBPyConnection) -> int | None:
    """Return the number of the data root that the warehouse belongs to; None for a hub, and before the first load."""
    # All rows, because an unfinished result would keep this connection from registering a table.
    rows = connection.execute("select max(root_number) from audit.root").fetchall()
    number: int | None = rows[0][0]
    return number


def last_load(connection: duckdb.DuckDBPyConnection | None) -> int:
    """Return the number of the last load; before the first, the number that comes before it."""
    if connection is None:
        return 0
    newest = scalar(connection, "select coalesce(max(load_id), 0) from audit.load")
    return max(newest, (recorded_root(connection) or 0) * LOADS_OF_A_ROOT)


def next_load(connection: duckdb.DuckDBPyConnection, count: int) -> int:
    """Return the first of some new, consecutive load numbers.

    Raises:
        NoLoadNumberLeft: the root has fewer numbers left.
    """
    last = last_load(connection)
    if root_of(last + count) != root_of(last):
        raise NoLoadNumberLeft(
            f"data root {root_of(last)} has no number left for {count} more loads: it has {LOADS_OF_A_ROOT - 1:,}. "
            "Nothing was loaded. Load into a new data root with another FCIR_ROOT_NUMBER"
        )
    return last + 1
