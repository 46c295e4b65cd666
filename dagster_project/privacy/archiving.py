"""Keep what models have made of events before these are purged; dbt/macros/archive.sql puts it back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.sql import literal, quoted, table
from dagster_project.warehouse.connection import MARTS, WAREHOUSE, create_temp_table
from dagster_project.warehouse.state import purged_before


@dataclass(frozen=True)
class ArchivedModel:
    """A model that adds up events and keeps what it has made of purged ones: dbt/macros/archive.sql."""

    database: str
    schema: str
    name: str
    sources: tuple[str, ...]
    day: str | None
    """Its column with the day or month; None for a list of what events name."""
    is_by_source: bool

    def is_purged(self, cuts: Mapping[str, date]) -> str:
        """Return the SQL condition that a row is of purged days, given the days by source."""
        known = {source: cuts[source] for source in self.sources if source in cuts}
        if not known:
            return "false"
        if self.day is None:
            return "true"
        if not self.is_by_source:
            return f"{quoted(self.day)} < date '{max(known.values())}'"
        return " or ".join(
            f"(source = '{source}' and {quoted(self.day)} < date '{day}')" for source, day in known.items()
        )


def archived_models(manifest: Mapping[str, Any]) -> list[ArchivedModel]:
    """Return the models that keep what they have made of purged events."""
    found = []
    for node in manifest["nodes"].values():
        if stated := node["config"].get("meta", {}).get("archive"):
            place = (MARTS if node["schema"] == "marts" else WAREHOUSE, node["schema"], node["name"])
            sources = tuple(stated["sources"])
            found.append(ArchivedModel(*place, sources, stated.get("day"), stated.get("is_by_source", False)))
    return found


def archive(connection: duckdb.DuckDBPyConnection, models: Iterable[ArchivedModel], cuts: Mapping[str, date]) -> None:
    """Copy what the models have made of purged days.

    Args:
        connection: the new warehouse, with the old marts attached as `before`.
        models: the models to archive.
        cuts: by source, the day before which detail is purged.
    """
    known = purged_before(connection) | dict(cuts)
    for model in models:
        relation = table("before" if model.database == MARTS else WAREHOUSE, model.schema, model.name)
        connection.execute(
            f"create or replace table {table(WAREHOUSE, 'archive', model.name)} as "
            f"from {relation} where {model.is_purged(known)}"
        )


def count_files(connection: duckdb.DuckDBPyConnection, file: Path, cuts: Mapping[str, date]) -> None:
    """Add up which loads the sums of newly purged months were counted from, for `fcir trace`, and write it to a file.

    Args:
        connection: the old warehouse with its marts, which the events are read from.
        file: the Parquet file.
        cuts: by source, the day before which detail is purged.
    """
    create_temp_table(connection, "cut", {"source": "varchar", "day": "date"}, list(cuts.items()))
    connection.execute(
        f"""
        copy (
            select
                load.source,
                events.force_code,
                events.part,
                cast(date_trunc('month', events.day) as date) as month_start,
                events.load_id,
                count(events.amount) as events,
                cast(coalesce(sum(events.amount), 0) as decimal(38, 6)) as amount
            from measures.int_part_event as events
            inner join audit.load as load on events.load_id = load.load_id
            inner join cut on load.source = cut.source
            left join audit.purge as purge on load.source = purge.source
            where
                events.day < cut.day
                and events.day >= coalesce(purge.purged_before, date '0001-01-01')
            group by all
            order by all
        ) to {literal(str(file))} (format parquet)
        """
    )
