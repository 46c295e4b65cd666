"""The same work by dlt and dbt: `python -m tests.long.benchmark.peers.dlt_dbt LANDING DATABASE ...`.

dlt loads the extracts as text, in Arrow tables that DuckDB reads from the files, into the schema `landing` of the
database; the dbt project of `dbt_alone.py` builds from there. It does all that the reference does, and stores every
cell again: personal values too, before dbt makes pseudonyms of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import dlt
import duckdb
import pyarrow as pa
import yaml

from tests.long.benchmark.peers import dbt_alone, models
from tests.long.benchmark.peers.arguments import Asked, asked_for
from tests.long.benchmark.reference import SOURCES

# Rows of an Arrow table; one of a million texts takes about 100 MB.
_ROWS_AT_ONCE = 250_000


def load(asked: Asked, folder: Path) -> None:
    """Load all extracts into the schema `landing`.

    Args:
        asked: what is loaded, and into which file.
        folder: where dlt keeps its state and what is on the way.
    """
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    pipeline = dlt.pipeline(
        "peer",
        pipelines_dir=str(folder),
        destination=dlt.destinations.duckdb(str(asked.database)),
        dataset_name="landing",
    )
    resources = [
        dlt.resource(_read, name=source, write_disposition="replace")(models.extract_of(source, asked))
        for source in SOURCES
    ]
    pipeline.run(resources, loader_file_format="parquet")


def _read(extract: str) -> Iterator[pa.RecordBatch]:
    with duckdb.connect() as connection:
        yield from connection.sql(f"from {extract}").to_arrow_reader(_ROWS_AT_ONCE)


def main() -> None:
    """Load, write the dbt project beside the database, and build it."""
    asked = asked_for()
    load(asked, asked.database.parent / "dlt")
    folder = asked.database.parent / "dbt"
    dbt_alone.write_project(folder, asked, lambda source: f"{{{{ source('landing', '{source}') }}}}")
    sources = {"sources": [{"name": "landing", "tables": [{"name": source} for source in SOURCES]}]}
    (folder / "models" / "sources.yml").write_text(yaml.safe_dump(sources), encoding="utf-8")
    dbt_alone.build(folder)


if __name__ == "__main__":
    main()
