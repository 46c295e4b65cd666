"""Personal values planted in every place of an extract; none may be anywhere outside the landing folder."""

from __future__ import annotations

import gzip
import io
import json
import re
import subprocess
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from dagster_project.sql import quoted
from tests.leaving.chaos.roots import Roots
from tests.leaving.dagster import tiny_landing
from tests.leaving.dagster.tiny_landing import HEADERS
from tests.leaving.end_to_end.command import Command

# Good rows by source, without their personal cells.
_ROWS = {
    "call_segments": "c{n},1,999,{day}T10:00:00,5,answered,60",
    "digital_contacts": "d{n},email,{day}T11:00:00",
    "online_crime_reports": "s{n},report_a_crime,{day}T09:00:00,{day}T09:20:00",
    "live_chats": "l{n},{day}T12:00:00,{day}T12:01:00,{day}T12:10:00",
    "crimes": "{day}T08:00:00,{day}T07:00:00,8N,recorded",
}
_COLUMNS = {
    "call_segments": "call_id,segment_no,line,arrived_at,queue_seconds,disposition,talk_seconds",
    "crimes": "updated_at,recorded_at,offence_code,status",
}
_PERSONAL = (
    ("call_segments", "caller_number"),
    ("call_segments", "operator_id"),
    ("digital_contacts", "linked_reference"),
    ("live_chats", "operator_id"),
    ("online_crime_reports", "crime_ref"),
    ("crimes", "crime_ref"),
)


PLANTED = 200
"""Number of planted values, at least."""

_ENCODINGS = ("utf-8", "utf-16-le")
_BEGINNINGS = ("07700", "planted.", "AB123", "Planted")
"""Every planted value begins with one of these: a file without them has no value."""


class _Planting:
    """Writes extracts, and keeps each value with the place that it was written to."""

    def __init__(self, landing: Path) -> None:
        self.values: list[tuple[str, str]] = []
        self._landing = landing
        self._numbers, self._people = count(1), count(100)

    def value(self, place: str, *, is_recognised: bool = True) -> str:
        """Return a new value: a telephone or National Insurance number, an address, or elsewhere a name."""
        n = next(self._people)
        forms = [f"07700900{n}", f"planted.{n}@people.example", f"07700 900{n}", f"AB123{n}C"]
        # Nothing recognises a name, so it is planted only where every value is personal.
        forms += [] if is_recognised else [f"Planted Person{n}"]
        text = forms[n % len(forms)]
        assert text.startswith(_BEGINNINGS)
        self.values.append((text, place))
        return text

    def columns(self, source: str, *more: str) -> str:
        """Return the header of a source without its personal columns, with others added."""
        header = _COLUMNS.get(source) or ",".join(HEADERS[source].split(",")[: _ROWS[source].count(",") + 1])
        return ",".join((header, *more))

    def row(self, source: str, day: str, *more: str) -> str:
        """Return a good row of a source, with cells added."""
        return ",".join((_ROWS[source].format(n=next(self._numbers), day=day), *more))

    def save(self, source: str, name: str, content: bytes) -> None:
        """Write a file into the landing folder of a source."""
        folder = self._landing / source
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)

    def text(self, source: str, name: str, *lines: str) -> None:
        """Write a text file into the landing folder of a source."""
        self.save(source, name, "\n".join((*lines, "")).encode())


def _plant_cells(planting: _Planting) -> None:
    """Plant in personal columns: of good rows, of rows with a fault, and of every format."""
    for source, column in _PERSONAL:
        more = () if column == "crime_ref" else ("",) if source == "crimes" else ()
        header = planting.columns(source, column)
        for day, fault in (("2022-11-01", ""), ("2022-11-02", f"2022-11-02T{'07' if source == 'crimes' else '1'}")):
            rows = []
            for number in range(14 if not fault else 8):
                place = f"{source}.{column} of {'a faulty' if fault and number < 5 else 'a good'} row"
                cell = planting.value(place, is_recognised=False) if not fault or number < 5 else "x"
                row = planting.row(source, day, cell, *more)
                rows.append(row.replace(fault, "soon", 1) if fault and number < 5 else row)
            planting.text(source, f"{source}_{day}_{column}.csv", header, *rows)
    _plant_formats(planting)


def _plant_formats(planting: _Planting) -> None:
    buffer = io.BytesIO()
    workbook = xlsxwriter.Workbook(buffer, {"in_memory": True})
    workbook.set_properties({name: planting.value(f"{name} of a workbook") for name in ("author", "title", "comments")})
    rows = [planting.columns("live_chats", "operator_id").split(",")]
    rows += [
        planting.row("live_chats", "2022-11-03", planting.value("cell of a workbook", is_recognised=False)).split(",")
        for _ in range(5)
    ]
    for sheet in (workbook.add_worksheet(planting.value("name of a sheet")) for _ in range(2)):
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    workbook.close()
    planting.save("live_chats", "live_chats_2022-11-03.xlsx", buffer.getvalue())

    names = planting.columns("digital_contacts", "linked_reference").split(",")
    lines = []
    for _ in range(5):
        cell = planting.value("value of JSON Lines", is_recognised=False)
        row = planting.row("digital_contacts", "2022-11-04", cell).split(",")
        lines.append(json.dumps(dict(zip(names, row, strict=True)) | {planting.value("name in JSON Lines"): 1}))
    planting.text("digital_contacts", "digital_contacts_2022-11-04.jsonl", *lines)

    names = planting.columns("online_crime_reports", "crime_ref").split(",")
    cells = [
        planting.row("online_crime_reports", "2022-11-05", planting.value("cell of Parquet", is_recognised=False))
        for _ in range(5)
    ]
    table = pa.table(dict(zip(names, map(list, zip(*(row.split(",") for row in cells), strict=True)), strict=True)))
    table = table.append_column(planting.value("column of Parquet"), pa.array([1] * 5))
    table = table.replace_schema_metadata({"author": planting.value("metadata of Parquet")})
    sink = io.BytesIO()
    pq.write_table(table, sink)
    planting.save("online_crime_reports", "online_crime_reports_2022-11-05.parquet", sink.getvalue())

    cells = [
        planting.row("crimes", "2022-11-06", planting.value("cell of csv.gz", is_recognised=False)) for _ in range(5)
    ]
    sink = io.BytesIO()
    with gzip.GzipFile(planting.value("name within gzip") + ".csv", "wb", fileobj=sink) as file:
        file.write("\n".join((planting.columns("crimes", "crime_ref"), *cells, "")).encode())
    planting.save("crimes", "crimes_2022-11-06.csv.gz", sink.getvalue())


def _plant_elsewhere(planting: _Planting) -> None:
    """Plant in other columns, in names of files, folders and columns, and in rows that are no rows."""
    for source in _ROWS:
        header = planting.columns(source)
        for position, column in enumerate(header.split(",")):
            cells = planting.row(source, "2022-11-07").split(",")
            cells[position] = planting.value(f"{source}.{column}")
            ordinary = [planting.row(source, "2022-11-07") for _ in range(6)]
            planting.text(source, f"{source}_2022-11-07_{position}.csv", header, ",".join(cells), *ordinary)
        name = planting.value(f"name of a file of {source}")
        planting.text(source, f"{source}_2022-11-08_{name}.csv", header, planting.row(source, "2022-11-08"))
        name = planting.value(f"name of a column of {source}")
        planting.text(source, f"{source}_2022-11-09.csv", f"{header},{name}", planting.row(source, "2022-11-09", "1"))
        first, _, rest = header.partition(",")
        name = planting.value(f"name of a column in place of {source}.{first}")
        planting.text(source, f"{source}_2022-11-10.csv", f"{name},{rest}", planting.row(source, "2022-11-10"))
        value = planting.value(f"more cells than columns in {source}")
        rows = [planting.row(source, "2022-11-11", value, value), planting.value(f"a row of one cell in {source}")]
        rows += [planting.row(source, "2022-11-11") for _ in range(6)]
        planting.text(source, f"{source}_2022-11-11.csv", header, *rows)
        quote = planting.row(source, "2022-11-12") + ',"' + planting.value(f"an open quotation in {source}")
        planting.text(source, f"{source}_2022-11-12.csv", header, planting.row(source, "2022-11-12"), quote)
        broken = planting.value(f"a row that is not UTF-8 in {source}").encode() + b"\xff\xfe\x00," * 3
        planting.save(source, f"{source}_2022-11-13.csv", header.encode() + b"\n" + broken + b"\n")
    for folder in (planting.value("name of a folder"), f"crimes/{planting.value('name of a folder of crimes')}"):
        planting.text(folder, "crimes_2022-11-14.csv", planting.columns("crimes"))


def write(landing: Path) -> list[tuple[str, str]]:
    """Write extracts with planted values into a landing folder; return each value with its place."""
    planting = _Planting(landing)
    _plant_cells(planting)
    _plant_elsewhere(planting)
    return planting.values


def _contents(file: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, and what is packed in them."""
    content = file.read_bytes()
    yield content
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    if file.suffix == ".pdf":
        for stream in re.findall(rb"stream\r?\n(.*?)endstream", content, re.S):
            with suppress(zlib.error):
                yield zlib.decompress(stream)
    if file.suffix == ".duckdb":
        # DuckDB compresses texts.
        with duckdb.connect(str(file), read_only=True) as connection:
            names = "select database_name, schema_name, table_name from duckdb_tables()"
            for name in connection.execute(names).fetchall():
                sql = f"from {'.'.join(map(quoted, name))}"
                yield repr(connection.execute(sql).fetchall()).encode()
    if file.suffix == ".parquet":
        yield repr(duckdb.execute("from read_parquet(?)", [str(file)]).fetchall()).encode()


def _haystack(roots: Roots) -> tuple[list[tuple[str, str]], dict[str, bytes]]:
    """Load, publish and describe the planted extracts; return the values, and contents elsewhere that may have one."""
    home = roots.folder / "planted"
    command = Command(home)
    if roots.parsed:
        command.know_the_project(roots.parsed)
    tiny_landing.write(home / "landing")
    values = write(home / "landing")
    contents = {}
    files = sorted(str(path) for path in (home / "landing").rglob("*2022-11-0[1-7]*") if path.is_file())
    for arguments in (["run"], ["status", "--all"], ["check", *files[:12]], ["tables"]):
        done: subprocess.CompletedProcess[str] = command.run(*arguments)
        assert done.returncode in (0, 1), done.stderr
        assert "Traceback" not in done.stderr
        # `fcir check` was given the names of the files.
        contents[f"output of fcir {arguments[0]}"] = (done.stdout + done.stderr).encode()
    for file in sorted(path for path in home.rglob("*") if path.is_file() and not path.is_symlink()):
        name = str(file.relative_to(home))
        if not name.startswith(("landing/", "published/current/")):
            contents[name] = b"\n".join((name.encode(), *_contents(file)))
    # Otherwise, each of 200 values would be looked for in 100 MB.
    beginnings = [text.encode(encoding) for text in _BEGINNINGS for encoding in _ENCODINGS]
    return values, {name: content for name, content in contents.items() if any(text in content for text in beginnings)}


def planted(seed: int, roots: Roots, _folder: Path) -> None:
    """Look for one of the planted values in everything outside the landing folder."""
    if "planted" not in roots.kept:
        roots.kept["planted"] = _haystack(roots)
    values, contents = roots.kept["planted"]
    assert len(values) >= PLANTED, f"only {len(values)} values"
    value, place = values[(seed - 1) % len(values)]
    forms = {value, value.replace(" ", "")}
    needles = [form.encode(encoding) for form in forms for encoding in _ENCODINGS]
    found = [name for name, content in contents.items() if any(needle in content for needle in needles)]
    assert not found, f"a value planted as {place} is in {', '.join(found[:5])} ({len(found)} in all)"
