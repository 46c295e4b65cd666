"""A small contract, and files of it with their rows in short form, for the tests of the readers."""

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dagster_project.contracts import CellType, Column, Contract
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.reading import Extract, open_extract
from tests.unit.small_contracts import small_contract

HEADER = "visit_id,room,begun_at,stay,note"
NAMES = tuple(HEADER.split(","))


def contract(sheet: str | None = None) -> Contract:
    """Visits: three required columns, a duration and a note."""
    columns = (
        Column("visit_id", CellType.TEXT, "", is_required=True, key_position=1, aliases=("Visit", "ref no")),
        Column("room", CellType.TEXT, "", is_required=True),
        Column("begun_at", CellType.TIMESTAMP, "", is_required=True),
        Column("stay", CellType.SECONDS, ""),
        Column("note", CellType.TEXT, ""),
        Column("day", CellType.DATE, ""),
    )
    return small_contract("visits", *columns, start_column="begun_at", event_column="begun_at", sheet=sheet)


def with_count() -> Contract:
    """The same with a column of whole numbers."""
    return replace(contract(), columns=(*contract().columns, Column("count", CellType.INTEGER, "")))


def single_contract() -> Contract:
    """A contract of one column."""
    column = Column("visit_id", CellType.TEXT, "", is_required=True, key_position=1)
    return small_contract("visits", column, start_column="begun_at", event_column="begun_at")


def written(folder: Path, data: str | bytes, name: str = "visits_2022-10-30.csv") -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def repacked(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The workbook after a change of its parts."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in parts.items():
            new.writestr(name, data)
    return path


def read(path: Path, under: Contract | None = None) -> tuple[list[dict[str, Any]], Extract]:
    """All rows, without the columns that are null, and the extract after reading."""
    with open_extract(path, under or contract()) as extract:
        tables = list(extract.batches())
    assert all(table.num_rows for table in tables)
    rows = [
        {name: value for name, value in row.items() if value is not None}
        for table in tables
        for row in table.to_pylist()
    ]
    assert extract.rows_read == len(rows)
    return rows, extract


def refusal(path: Path, under: Contract | None = None) -> UnreadableExtract:
    """The error that reading the file to its end raises; it names the file."""
    with pytest.raises(UnreadableExtract) as caught:
        read(path, under)
    assert path.name in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


def numbered(rows: list[dict[str, Any]]) -> list[tuple[int, str | None]]:
    """Source row and visit of each row."""
    return [(row["source_row"], row.get("visit_id")) for row in rows]


def faults(rows: list[dict[str, Any]]) -> list[tuple[int, str]]:
    """Source row and code of the rows with a fault."""
    return [(row["source_row"], row["fault"]) for row in rows if "fault" in row]
