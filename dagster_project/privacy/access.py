"""What is held under an identifier, as a report for the disclosure officer."""

import io
from collections.abc import Iterator, Mapping
from typing import Any

import duckdb

from dagster_project.clock import utc_now
from dagster_project.contracts import Contract
from dagster_project.privacy.findings import Findings
from dagster_project.privacy.person import Person
from dagster_project.privacy.values import Values
from dagster_project.publication.result_formats import write_markdown
from dagster_project.settings import Settings
from dagster_project.sql import column_names, quoted, table
from dagster_project.words import counted


def report(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    contracts: Mapping[str, Contract],
    person: Person,
    found: Findings,
    *,
    reason: str,
) -> tuple[str, dict[str, int]]:
    """Return the report as Markdown, and the number of rows by source.

    Every row of the warehouse that has a pseudonym of the person in a personal column is listed with its other columns,
    its file and its row number, also those that a later delivery has replaced. Personal columns are only named.

    Args:
        settings: the data root.
        connection: its warehouse.
        contracts: all contracts.
        person: who asks, or is asked about.
        found: where the person is held.
        reason: why the report was made.
    """
    rows = {source: _rows(connection, contract, person) for source, contract in contracts.items()}
    counts = {source: len(of_source) for source, (_, of_source) in rows.items() if of_source}
    lines = [
        "# What is held under an identifier",
        "",
        f"Data root {settings.home}, {utc_now():%Y-%m-%d %H:%M} UTC. Reason: {reason}.",
        f"Keys searched: {', '.join(person.pseudonyms)}. The identifier is not repeated here.",
        "",
        *_summary(person, counts),
    ]
    for source, (columns, of_source) in rows.items():
        if of_source:
            table_of_rows = io.StringIO()
            write_markdown(columns, of_source, table_of_rows)
            lines += ["", f"## {source}: {counted(len(of_source), 'row')}", "", contracts[source].description, ""]
            lines += [f"Days: {', '.join(_days(columns, of_source))}.", "", table_of_rows.getvalue().rstrip()]
    lines += ["", "## Where it is held", "", *(f"    {line}" for line in found.lines()), ""]
    # Names of files and columns that are not personal may have it.
    hidden = Values({}, person.identifier, "(the identifier)")
    return hidden.replace_in("\n".join(lines).encode())[0].decode(), counts


def _summary(person: Person, counts: Mapping[str, int]) -> Iterator[str]:
    total = sum(counts.values())
    if total:
        yield f"{counted(total, 'row')} in {counted(len(counts), 'source')}."
    else:
        yield "No row is held under it."
    if person.suppressed:
        yield (
            f"The identifier was erased on {person.suppressed.since[:10]}. Rows that it was erased from have a random "
            "value in its place, and are not listed."
        )


def _days(columns: list[str], rows: list[tuple[Any, ...]]) -> Iterator[str]:
    at = columns.index("extract_date")
    counts: dict[Any, int] = {}
    for row in rows:
        counts[row[at]] = counts.get(row[at], 0) + 1
    yield from (f"{day} ({count:,})" for day, count in sorted(counts.items()))


def _rows(
    connection: duckdb.DuckDBPyConnection, contract: Contract, person: Person
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the columns and the rows of a source that have the person, by day, file and row."""
    personal = [column.name for column in contract.columns if column.is_personal]
    if not personal:
        return [], []
    shown = ", ".join(f"rows.{quoted(column.name)}" for column in contract.columns if not column.is_personal)
    has_person = {name: f"list_contains($pseudonyms, rows.{quoted(name)})" for name in personal}
    held_as = ", ".join(f"case when {condition} then '{name}' end" for name, condition in has_person.items())
    cursor = connection.execute(
        f"""
        select
            rows.extract_date,
            coalesce(load.delivered_name, load.file_name),
            rows.source_row,
            load.status as load_status,
            concat_ws(', ', {held_as}) as held_as,
            {shown}
        from {table("raw", contract.source)} as rows
        inner join audit.load as load on rows.load_id = load.load_id
        where {" or ".join(f"coalesce({condition}, false)" for condition in has_person.values())}
        order by rows.extract_date, load.file_name, rows.source_row
        """,
        {"pseudonyms": list(person.pseudonyms.values())},
    )
    return column_names(cursor), cursor.fetchall()
