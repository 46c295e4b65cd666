"""Erasure as an operator does it, and a search for what is left that shares no code with it. No tests here."""

from __future__ import annotations

import base64
import gzip
import hmac
import html
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

import duckdb
from pypdf import PdfReader

from tests.leaving.end_to_end.command import CALLS, CHATS, CRIMES, START, Command, call, figures

CALLER, OPERATOR, CRIME = "07700 900999", "op-planted-77", "46/777777/22"
PLANTED = (CALLER, OPERATOR, CRIME)
REPORTS = "submission_id,service,started_at,submitted_at,crime_ref"
CONTACTS = "contact_id,contact_type,received_at,linked_reference"
DAYS = ("2022-10-29", "2022-10-30")

KILL = """
import os, signal, sys
from pathlib import Path
verb, name, left = sys.argv.pop(1).split(" ")
real, left = getattr(Path, verb), int(left)
def deadly(self, *arguments, **options):
    global left
    left -= name in str(arguments[0] if verb == "replace" else self)
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, *arguments, **options)
setattr(Path, verb, deadly)
"""
"""Kills the process when it is about to put a file in its place, or to remove it, for the given time.

Its argument is for example `replace marts.duckdb 1` or `unlink intent.json 1`.
"""


def land_planted(command: Command) -> None:
    """Two days with an identifier in every personal column; callers who call back, and a crime in three sources."""
    for number, day in enumerate(DAYS):
        calls = [call(n, day, queue=n, disposition="abandoned" if n % 4 == 0 else "answered") for n in range(6)]
        planted = f"planted{number},1,999,{day} 12:0{number},9,{'abandoned' if number == 0 else 'answered'},,{CALLER}"
        lines = [f"{line}," for line in (*calls, planted, planted.replace("d,1", "d-b,1").replace("12:", "13:"))]
        lines[1] += OPERATOR
        # Another call number each day.
        named = [line.replace("call", f"c{number}-") for line in lines]
        command.land(f"call_segments_{day}.csv", f"{CALLS},operator_id", *named)
        chats = [
            f"chat{number}{n},{day} 09:00,{day} 09:0{n},{day} 09:30,{op}" for n, op in enumerate((OPERATOR, "op1"))
        ]
        command.land(f"live_chats_{day}.csv", CHATS, *chats)
        status = ("recorded,,", f"cancelled,{day} 12:00,C2")[number]
        crimes = [
            f"{CRIME},{day} 12:00,2022-10-29 11:00,8N,{status}",
            f"46/{number}/22,{day} 12:00,{day} 11:00,8N,recorded,,",
        ]
        command.land(f"crimes_{day}.csv", CRIMES, *crimes)
        command.land(
            f"online_crime_reports_{day}.csv", REPORTS, f"S{number},report_a_crime,{day} 09:00,{day} 09:20,{CRIME}"
        )
        command.land(f"digital_contacts_{day}.csv", CONTACTS, f"D{number},email,{day} 10:00,{(CALLER, CRIME)[number]}")


def ask(command: Command, *arguments: str, identifier: str, code: str = START) -> subprocess.CompletedProcess[str]:
    """Run a command that reads an identifier from standard input."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=command.home.parent,
        env=command.environment,
        input=identifier,
        capture_output=True,
        text=True,
        check=False,
    )


def pseudonyms(home: Path, identifiers: Iterable[str] = PLANTED) -> dict[str, str]:
    """The pseudonyms that a data root's key gives to identifiers."""
    key = bytes.fromhex((home / "secrets" / "pseudonym.key").read_text().strip())
    return {text: hmac.new(key, text.encode(), sha256).hexdigest()[:32] for text in identifiers}


def substitutes(home: Path, identifiers: Iterable[str] = PLANTED) -> dict[str, str]:
    """The substitute of each erased identifier."""
    key = bytes.fromhex((home / "suppression" / "suppression.key").read_text().strip())
    entries = json.loads((home / "suppression" / "suppressed.json").read_text())["entries"]
    hashed = {text: hmac.new(key, text.encode(), sha256).hexdigest()[:32] for text in identifiers}
    return {text: entries[listed][0] for text, listed in hashed.items() if listed in entries}


def _cells(connection: duckdb.DuckDBPyConnection, file: Path, wanted: set[str]) -> list[str]:
    """Text columns of a database or a Parquet file with one of the values in a cell."""
    if file.suffix == ".parquet":
        names = [f"read_parquet('{file}', hive_partitioning = false)"]
    else:
        connection.execute(f"attach '{file}' as d (read_only)")
        tables = "select schema_name, table_name from duckdb_tables() where database_name = 'd'"
        names = [f'd."{schema}"."{name}"' for schema, name in connection.execute(tables).fetchall()]
    pattern = "|".join(map(re.escape, wanted))
    found = []
    for name in names:
        described = connection.execute(f"describe from {name}").fetchall()
        columns = [row[0] for row in described if "VARCHAR" in row[1]]
        has_value = ", ".join(f'bool_or(regexp_matches("{column}", $1))' for column in columns)
        # Own tables.
        row = connection.execute(f"select {has_value} from {name}", [pattern]).fetchone() if columns else None
        found += [f"{name} {column}" for column, has in zip(columns, row or (), strict=True) if has]
    if file.suffix != ".parquet":
        connection.execute("detach d")
    return found


@cache
def _text_of_pdf(content: bytes) -> bytes:
    """The text of a PDF without spaces, for lines end anywhere."""
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    return re.sub(r"\s", "", text).encode()


def _contents(content: bytes) -> Iterator[bytes]:
    """The bytes of a file; and what is packed in them, the text of pages, and escaped characters, as they read."""
    yield content
    if content.startswith(b"PK\3\4"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield from _contents(archive.read(name))
    elif content.startswith(b"%PDF-"):
        yield _text_of_pdf(content)
    elif content[8:12] != b"DUCK" and not content.startswith((b"PAR1", b"SQLite")):
        for packed in re.findall(rb"H4sI[0-9A-Za-z+/]{20,}=*", content):
            yield gzip.decompress(base64.b64decode(packed))
        if b"&#" in content or b"&quot;" in content:
            yield html.unescape(content.decode(errors="replace")).encode()
        if b"\\" in content:
            text = content.decode(errors="replace").replace('\\"', '"')
            yield re.sub(r"\\u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), text).encode(errors="replace")


def places(root: Path, values: Iterable[str]) -> list[str]:
    """Where values are below a folder, without landing folders: in bytes, decoded ones, and text columns of tables."""
    wanted = set(values)
    needles = [needle.encode() for value in wanted for needle in {value, value.replace(" ", "")}]
    found: list[str] = []
    clean: set[tuple[int, int]] = set()
    with duckdb.connect() as connection:
        for file in sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink()):
            state = file.stat()
            # Publications share files through hard links.
            if "landing" in file.relative_to(root).parts or (state.st_dev, state.st_ino) in clean:
                continue
            before = len(found)
            content = file.read_bytes()
            if any(needle in text for text in _contents(content) for needle in needles):
                found.append(str(file.relative_to(root)))
            if content[8:12] == b"DUCK" or content[:4] == b"PAR1":
                found += [f"{file.relative_to(root)} {place}" for place in _cells(connection, file, wanted)]
            if len(found) == before:
                clean.add((state.st_dev, state.st_ino))
    return found


Rows = dict[str, Counter[tuple[object, ...]]]


def figures_with(command: Command) -> Rows:
    """The published figures, with how often each row occurs."""
    return {name: Counter(rows) for name, rows in figures(command).items()}


def figures_of(found: Rows, replaced: dict[str, str]) -> Rows:
    """The same figures with pseudonyms replaced."""

    def row_of(row: tuple[object, ...]) -> tuple[object, ...]:
        return tuple(replaced.get(cell, cell) if isinstance(cell, str) else cell for cell in row)

    return {name: Counter(row_of(row) for row in rows.elements()) for name, rows in found.items()}


def copy_of(command: Command, folder: Path) -> Command:
    """A copy of a data root, with its links and its times."""
    shutil.copytree(command.home, folder, symlinks=True)
    return Command(folder, settings=dict(command.settings))
