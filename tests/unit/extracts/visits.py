"""A small contract, files under it, and what comes of reading them, for the tests of the readers."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dagster_project.contracts import CellType, Column, Contract
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.reading import Extract, open_extract
from tests.unit.small_contracts import small_contract

VISITS = small_contract(
    "visits",
    Column("visit_id", CellType.TEXT, "", is_required=True, key_position=1, aliases=("Visit", "ref no")),
    Column("room", CellType.TEXT, "", is_required=True),
    Column("begun_at", CellType.TIMESTAMP, "", is_required=True),
    Column("stay", CellType.SECONDS, ""),
    Column("note", CellType.TEXT, ""),
    Column("day", CellType.DATE, ""),
)
NAMES = ("visit_id", "room", "begun_at", "stay", "note")
HEADER = ",".join(NAMES)
CSV = f"{HEADER}\n1,a,b,c,d\n".encode()
JSON = b'{"visit_id": "1", "room": "a", "begun_at": "b"}\n'


def written(folder: Path, data: str | bytes, name: str = "v.csv") -> Path:
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


def read(path: Path, under: Contract = VISITS) -> tuple[list[dict[str, Any]], Extract]:
    """All rows, without the columns that are null, and the extract after reading."""
    with open_extract(path, under) as extract:
        tables = list(extract.batches())
    assert all(table.num_rows for table in tables)
    rows = [{name: value for name, value in row.items() if value is not None} for t in tables for row in t.to_pylist()]
    assert extract.rows_read == len(rows)
    return rows, extract


def rows_of(path: Path, under: Contract = VISITS) -> list[str]:
    """Every row as `2 1|a|b|c|d`: number and cells; a faulty one as `2 too_few_cells`, with its column if there is one.

    No other column of a faulty row has a value.
    """
    return [_shown(row, under) for row in read(path, under)[0]]


def _shown(row: dict[str, Any], under: Contract) -> str:
    cells = "|".join(row.get(column.name, "") for column in under.columns).rstrip("|")
    if "fault" not in row:
        return f"{row['source_row']} {cells}"
    assert not cells
    return " ".join(map(str, filter(None, (row["source_row"], row["fault"], row.get("record_column")))))


def refusal(path: Path, under: Contract = VISITS) -> UnreadableExtract:
    """The error that reading the file to its end raises; it names the file, and has no cause that could show a cell."""
    with pytest.raises(UnreadableExtract) as caught:
        read(path, under)
    assert path.name in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


def rows_or_code(path: Path, under: Contract = VISITS) -> str:
    """Every row, with `; ` between them, or the code for which the file is refused."""
    try:
        return "; ".join(rows_of(path, under))
    except UnreadableExtract as error:
        return error.code
