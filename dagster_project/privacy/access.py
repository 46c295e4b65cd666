"""What is held under an identifier, as a report for the disclosure officer."""

import io
from collections import Counter
from collections.abc import Iterator, Sequence

from dagster_project.clock import utc_now
from dagster_project.privacy.person import HeldRows, Named, Person
from dagster_project.publication.query import write_markdown
from dagster_project.settings import Settings
from dagster_project.words import counted


def report(settings: Settings, person: Person, held: Sequence[HeldRows], named: Named, *, reason: str) -> str:
    """Return the report as Markdown.

    Args:
        settings: the data root.
        person: who asks, or is asked about.
        held: the rows of the person.
        named: files that name the person.
        reason: why the report was made.
    """
    count = sum(len(source.rows) for source in held)
    lines = [
        "# What is held under an identifier",
        "",
        f"Data root {settings.home}, {utc_now():%Y-%m-%d %H:%M} UTC. Reason: {reason}.",
        f"References and operators of: {', '.join(person.forces)}. The identifier is not repeated here.",
        "",
        f"{counted(count, 'row')} in {counted(len(held), 'source')}." if held else "No row is held under it.",
        *(f"\n{line}" for line in erased_lines(person, held)),
    ]
    for source in held:
        contract, days = source.contract, Counter(map(str, source.values("extract_date")))
        table_of_rows = io.StringIO()
        write_markdown(source.columns, source.rows, table_of_rows)
        lines += ["", f"## {contract.source}: {counted(len(source.rows), 'row')}", "", contract.description, ""]
        lines += [f"Days: {', '.join(f'{day} ({count:,})' for day, count in sorted(days.items()))}.", ""]
        lines.append(table_of_rows.getvalue().rstrip())
    lines += ["", "## Files that name the person", "", *(f"- {name}" for name in named.files or ["none"])]
    lines += ["", "## Not searched", "", *not_searched_lines(named), ""]
    return "\n".join(lines)


def erased_lines(person: Person, held: Sequence[HeldRows]) -> Iterator[str]:
    """Yield a sentence for each identifier that was erased, with the number of rows that were loaded since."""
    for found in person.found:
        if found.erased_at:
            since = sum(
                found.surrogate in surrogates and loaded_at > found.erased_at
                for source in held
                for surrogates, loaded_at in zip(source.surrogates, source.values("loaded_at"), strict=True)
            )
            yield f"The {found.kind} was erased on {found.erased_at:%Y-%m-%d}; rows loaded since: {since:,}."


def not_searched_lines(named: Named) -> Iterator[str]:
    """Yield what was not searched: files that could not be read, and places that are never searched."""
    yield from (f"- {name}" for name in named.not_searched)
    yield "- backups, publications that were copied elsewhere, and the source systems"
