"""What is held under an identifier, as a report for the disclosure officer."""

import io
from collections import Counter
from collections.abc import Iterator, Mapping

import duckdb

from dagster_project.clock import utc_now
from dagster_project.contracts import Contract
from dagster_project.privacy.person import Named, Person, rows_of
from dagster_project.publication.result_formats import write_markdown
from dagster_project.settings import Settings
from dagster_project.words import counted


def report(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    contracts: Mapping[str, Contract],
    person: Person,
    named: Named,
    *,
    reason: str,
) -> tuple[str, dict[str, int]]:
    """Return the report as Markdown, and the number of rows by source.

    Args:
        settings: the data root.
        connection: its warehouse.
        contracts: all contracts.
        person: who asks, or is asked about.
        named: files that name the person.
        reason: why the report was made.
    """
    held = list(rows_of(connection, contracts, person))
    counts = {contract.source: len(rows) for contract, _, rows in held}
    lines = [
        "# What is held under an identifier",
        "",
        f"Data root {settings.home}, {utc_now():%Y-%m-%d %H:%M} UTC. Reason: {reason}.",
        f"References and operators of: {', '.join(person.forces)}. The identifier is not repeated here.",
        "",
        f"{counted(sum(counts.values()), 'row')} in {counted(len(counts), 'source')}."
        if counts
        else "No row is held under it.",
        *(f"\n{line}" for line in erased_lines(connection, contracts, person)),
    ]
    for contract, columns, rows in held:
        days = Counter(str(row[columns.index("extract_date")]) for row in rows)
        table_of_rows = io.StringIO()
        write_markdown(columns, rows, table_of_rows)
        lines += ["", f"## {contract.source}: {counted(len(rows), 'row')}", "", contract.description, ""]
        lines += [f"Days: {', '.join(f'{day} ({count:,})' for day, count in sorted(days.items()))}.", ""]
        lines.append(table_of_rows.getvalue().rstrip())
    lines += ["", "## Files that name the person", "", *(f"- {name}" for name in named.files or ["none"])]
    lines += ["", "## Not searched", "", *not_searched_lines(named), ""]
    return "\n".join(lines), counts


def erased_lines(
    connection: duckdb.DuckDBPyConnection, contracts: Mapping[str, Contract], person: Person
) -> Iterator[str]:
    """Yield a sentence for each identifier that was erased, with the number of rows that were loaded since."""
    for found in person.found:
        if found.erased_at:
            since = [
                row
                for _, columns, rows in rows_of(connection, contracts, Person("", person.forces, (found,)))
                for row in rows
                if row[columns.index("loaded_at")] > found.erased_at
            ]
            yield f"The {found.kind} was erased on {found.erased_at:%Y-%m-%d}; rows loaded since: {len(since):,}."


def not_searched_lines(named: Named) -> Iterator[str]:
    """Yield what was not searched: files that could not be read, and places that are never searched."""
    yield from (f"- {name}" for name in named.not_searched)
    yield "- backups, publications that were copied elsewhere, and the source systems"
