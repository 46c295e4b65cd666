"""What reading costs: a clean extract of calls against DuckDB's own strict CSV reader. Whole runs: `__main__.py`.

Both make a table with typed columns and the same pseudonyms in a DuckDB file. This project also finds encoding,
delimiter and header, hashes the file, counts its rows independently, judges every row, settles clock changes and sees
to repeated keys. Different tables fail the benchmark; the ratio is printed and judged by its reader.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable
from datetime import date
from itertools import count
from pathlib import Path

import duckdb

from dagster_project.contracts import load_contracts
from dagster_project.loading.candidate import read_deliveries
from dagster_project.loading.landing import LandedFile
from dagster_project.loading.plan import Delivery
from dagster_project.loading.pseudonyms import PSEUDONYM_LENGTH, PseudonymKey
from dagster_project.settings import CONTRACTS
from dagster_project.sql import literal
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.tables import ensure_tables
from tests.long.benchmark.reference import hmac_pads

ROWS = 5_000_000
_SOURCE = "call_segments"
_DAY = date(2022, 10, 3)
_KEY = PseudonymKey(bytes(range(32)))

# 300 operators, nearly as many callers as calls, one call in ten unanswered, a day in summer time.
_CALLS = """
    with drawn as (
        select
            range as number,
            cast(hash(range, 'time') % 86400 as bigint) as second,
            cast(hash(range, 'length') % 900 as bigint) as length,
            cast(hash(range, 'outcome') % 30 as bigint) as outcome,
            cast(hash(range, 'caller') % 1000000000 as bigint) as caller
        from range($rows)
    )

    select
        'C' || lpad(cast(number as varchar), 9, '0') as call_id,
        1 as segment_no,
        ['999', '101', '101', 'switchboard'][1 + length % 4] as line,
        strftime(timestamp '2022-10-03' + to_seconds(second), '%Y-%m-%d %H:%M:%S') as arrived_at,
        60 as utc_offset_minutes,
        second % 300 as queue_seconds,
        case when outcome >= 3 then 'answered' else 'abandoned' end as disposition,
        case when outcome >= 3 then length end as talk_seconds,
        case when outcome = 0 then '2022-10-04 10:00:00' end as called_back_at,
        'OP' || lpad(cast(caller % 300 as varchar), 4, '0') as operator_id,
        '07' || lpad(cast(caller as varchar), 9, '0') as caller_number
    from drawn
"""


def write_calls(path: Path, rows: int) -> None:
    """Write an extract of calls as CSV: the same rows every time."""
    with duckdb.connect() as connection:
        connection.execute(f"create table calls as {_CALLS}", {"rows": rows})
        connection.execute(f"copy calls to {literal(str(path))} (format csv, header)")


def read_by_duckdb(extract: Path, database: Path) -> None:
    """The reference: DuckDB's strict reader into a typed table, pseudonyms computed in SQL."""
    pseudonym = "substr(sha256($outer || unhex(sha256($inner || encode({})))), 1, {})"
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            f"""
            create table calls as
            select
                * replace (
                    {pseudonym.format("operator_id", PSEUDONYM_LENGTH)} as operator_id,
                    {pseudonym.format("caller_number", PSEUDONYM_LENGTH)} as caller_number
                )
            from read_csv(
                $extract,
                header = true, delim = ',', quote = '"', auto_detect = false, strict_mode = true,
                columns = {{
                    'call_id': 'varchar', 'segment_no': 'bigint', 'line': 'varchar', 'arrived_at': 'timestamp',
                    'utc_offset_minutes': 'bigint', 'queue_seconds': 'decimal(18, 6)', 'disposition': 'varchar',
                    'talk_seconds': 'decimal(18, 6)', 'called_back_at': 'timestamp', 'operator_id': 'varchar',
                    'caller_number': 'varchar'
                }}
            )
            """,
            {"extract": str(extract)} | hmac_pads(_KEY.secret),
        )


def read_by_this_project(extract: Path, database: Path) -> None:
    """The candidate load of the extract, as a run makes it."""
    contract = load_contracts(CONTRACTS)[_SOURCE]
    status = extract.stat()
    landed = LandedFile(_SOURCE, _DAY, extract, status.st_size, status.st_mtime_ns)
    with loading_connection(database) as connection:
        ensure_tables(connection, [contract])
        read_deliveries(
            connection,
            contract,
            [Delivery(_SOURCE, _DAY, (landed,), ())],
            key=_KEY,
            default_force="kent",
            load_ids=count(1),
        )


_READERS: dict[str, Callable[[Path, Path], None]] = {
    "DuckDB": read_by_duckdb,
    "this project": read_by_this_project,
}


def compare(measure: Callable[[list[str]], float], *, rounds: int, rows: int = ROWS) -> str:
    """Let both read the same extract in turns, each in a process of its own.

    Args:
        measure: runs a command and tells its CPU seconds.
        rounds: how often.
        rows: rows of the extract.

    Returns:
        A table of the medians, and their ratio.

    Raises:
        RuntimeError: the two tables differ.
    """
    seconds: dict[str, list[float]] = {name: [] for name in _READERS}
    with tempfile.TemporaryDirectory(prefix="fcir-bench-") as scratch:
        extract = Path(scratch) / "calls.csv"
        write_calls(extract, rows)
        databases = {name: Path(scratch) / f"{number}.duckdb" for number, name in enumerate(_READERS)}
        for _ in range(rounds):
            for name, database in databases.items():
                database.unlink(missing_ok=True)
                seconds[name].append(measure([sys.executable, "-m", __name__, name, str(extract), str(database)]))
        _check_equal(*databases.values())
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    lines = [
        f"{f'reading {rows:,} calls, {name}':<44}{medians[name]:>8.2f}{min(values):>8.2f}{max(values):>8.2f}"
        for name, values in seconds.items()
    ]
    ratio = medians["this project"] / medians["DuckDB"]
    return "\n".join([*lines, f"{'ratio of the medians':<44}{ratio:>8.2f}", ""])


def _check_equal(reference: Path, project: Path) -> None:
    """Both tables in one sum over all rows; the reference keeps local time and leaves an empty talk time empty."""
    columns = "call_id, segment_no, line, {}, utc_offset_minutes, queue_seconds, disposition, {}, {}, operator_id"
    summed = f"select count(*), sum(hash({columns}, caller_number)) from "
    with duckdb.connect() as connection:
        connection.execute(f"attach {literal(str(reference))} as reference (read_only)")
        connection.execute(f"attach {literal(str(project))} as project (read_only)")
        hour = "{} - interval 1 hour"
        expected = connection.execute(
            summed.format(hour.format("arrived_at"), "coalesce(talk_seconds, 0)", hour.format("called_back_at"))
            + "reference.calls"
        ).fetchall()
        found = connection.execute(
            summed.format("arrived_at", "talk_seconds", "called_back_at") + "project.incoming.call_segments"
        ).fetchall()
    if expected != found:
        raise RuntimeError(f"the tables differ: DuckDB has rows and sum {expected[0]}, this project {found[0]}")


if __name__ == "__main__":
    _READERS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
