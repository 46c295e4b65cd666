"""Harmful and personal values in every column of every source: none is loaded, shown or used as a force."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unicodedata import category

import duckdb
import pytest

from dagster_project.contracts import CellType, Column, Contract, load_contracts
from dagster_project.loading.pipeline import load_source
from dagster_project.loading.plan import Range
from dagster_project.settings import CONTRACTS, Settings, known_forces

CONTRACT = load_contracts(CONTRACTS)
DAY = "2022-10-30"

HARMFUL = (
    "../../../../escaped-by-a-cell",
    "..\\..\\escaped-by-a-cell",
    "/etc/cron.d/escaped-by-a-cell",
    "C:\\escaped-by-a-cell",
    "\\\\server\\share\\escaped-by-a-cell",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)//",
    "data:text/html;base64,PHNjcmlwdD4=",
    "//evil.example/x.js",
    "https://evil.example/?q=",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><script>alert(1)</script>",
    "{{ 7*7 }}",
    "${7*7}",
    "#{7*7}",
    "%s%s%n",
    "=cmd|' /c calc'!A1",
    "+cmd|' /c calc'!A1",
    "@SUM(1+1)*cmd|' /c calc'!A0",
    '=HYPERLINK("https://evil.example","figures")',
    "\t=1+1",
    "\uff1d1+1",
    "'; drop table raw.crimes; --",
    '"; drop table raw.crimes; --',
    "$(touch escaped-by-a-cell)",
    "`touch escaped-by-a-cell`",
    "kent\nsurrey",
    "kent\u202egnidaer",
    "kent\u0007\u001b[2J",
    "k\u0435nt",
    "kent\u200b",
    "CON",
    "\U0001f6a8",
    "x" * 10_000,
)
# Characters that no message repeats: those of markup, and those that steer a terminal or are invisible.
MARKUP = set('<>&"`|*[]{}$@\\~^\n\t\u202e\u0007\u001b\u200b\uff1d\u0435\U0001f6a8')
# Of free text, which may hold anything and is escaped where it is shown.
FREE_TEXT = {"statement", "published_value", "threshold"}
PERSONAL = (
    "07700900123",
    "07700 900123",
    "+44 7700 900123",
    "0044-7700-900123",
    "(020) 7946 0958",
    "AB123456C",
    "AB 12 34 56 C",
    "jane.doe@example.com",
    "Jane Doe <jane.doe@example.com>",
)
GOOD: dict[str, dict[str, object]] = {
    "call_segments": {
        "call_id": "c1",
        "segment_no": 1,
        "line": "999",
        "arrived_at": f"{DAY} 10:00:00",
        "queue_seconds": 5,
        "disposition": "answered",
    },
    "crimes": {
        "crime_ref": "46/1/22",
        "updated_at": f"{DAY} 10:00:00",
        "recorded_at": f"{DAY} 09:00:00",
        "offence_code": "8N",
        "status": "recorded",
    },
    "digital_contacts": {"contact_id": "d1", "contact_type": "email", "received_at": f"{DAY} 10:00:00"},
    "live_chats": {
        "chat_id": "l1",
        "requested_at": f"{DAY} 10:00:00",
        "accepted_at": f"{DAY} 10:01:00",
        "ended_at": f"{DAY} 10:10:00",
    },
    "national_call_answering": {
        "month": "2022-10",
        "force_code": "kent",
        "calls": 100,
        "mean_answer_seconds": "9.5",
        "pct_under_10s": "90",
        "pct_10_to_60s": "8",
        "pct_over_60s": "2",
    },
    "online_crime_reports": {
        "submission_id": "s1",
        "service": "report_a_crime",
        "submitted_at": f"{DAY} 10:00:00",
    },
    "published_figures": {
        "report_id": "paper",
        "section": "crime",
        "measure": "recorded_crime",
        "unit": "count",
        "month": "2022-10",
        "published_value": "1",
    },
    "published_statements": {
        "report_id": "paper",
        "statement_id": "C1",
        "test_no": 1,
        "kind": "claim",
        "section": "crime",
        "statement": "crime rises",
        "measure": "crime.recorded_crime",
        "comparison": "rises",
    },
}


def key_of(contract: Contract, number: int) -> dict[str, object]:
    """Return a key of its own for a row: a value of the first key column that takes any, or month and force."""
    names = [column.name for column in contract.key if column.cell_type is CellType.TEXT and not column.values]
    if not names:
        # A month of a force.
        months, force = divmod(number, len(known_forces()))
        return {"month": f"{2022 + months // 12}-{months % 12 + 1:02}", "force_code": known_forces()[force]}
    return {names[0]: f"{'46/' if names[0] == 'crime_ref' else 'k'}{number}"}


def rows_with(contract: Contract, columns: list[Column], values: tuple[str, ...]) -> list[dict[str, object]]:
    """Return good rows of different keys, one for each column and value that the column holds."""
    cells = [(column.name, value) for column in columns for value in values]
    return [GOOD[contract.source] | key_of(contract, n) | {name: value} for n, (name, value) in enumerate(cells)]


def load(home: Path, source: str, rows: list[dict[str, object]]) -> duckdb.DuckDBPyConnection:
    """Load one delivery with these rows, whatever share of them is faulty, and open the warehouse."""
    settings = Settings(home=home, quiet_seconds=0, _env_file=None)
    folder = settings.landing / source
    folder.mkdir(parents=True)
    # Good rows, so that the faulty ones are few enough not to reject the delivery.
    padding = [GOOD[source] | key_of(CONTRACT[source], 10_000 + number) for number in range(30 * len(rows))]
    lines = [json.dumps(row) for row in [*rows, *padding]]
    (folder / f"{source}_{DAY}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    report = load_source(settings, CONTRACT, source, wanted=Range(), run_id="run")
    assert [delivery.status for delivery in report.deliveries] == ["loaded"]
    assert report.rows_read == len(lines)
    return duckdb.connect(str(settings.warehouse), read_only=True)


def texts_of(connection: duckdb.DuckDBPyConnection) -> str:
    """Every cell of every table of the warehouse, as text."""
    tables = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
    found: list[Any] = []
    for schema, name in tables:
        found += connection.execute(f'select * from "{schema}"."{name}"').fetchall()  # noqa: S608 (names of tables)
    return "\n".join(str(cell) for row in found for cell in row)


@pytest.mark.parametrize("source", CONTRACT)
def test_no_harmful_cell_is_loaded_except_as_free_text_or_identifier(tmp_path, source):
    contract = CONTRACT[source]
    columns = [column for column in contract.columns if not column.is_personal and column.name not in FREE_TEXT]
    rows = rows_with(contract, columns, HARMFUL)
    with load(tmp_path, source, rows) as connection:
        loaded = connection.execute(f'select * from raw."{source}"').fetchall()  # noqa: S608 (a source)
        cells = {str(cell) for row in loaded for cell in row}
        accepted = {value for value in HARMFUL if value in cells}
        # Identifiers may have any characters but blanks, control characters and `@`.
        assert accepted <= {value for value in HARMFUL if is_identifier(value)}, accepted
        forces = {row[0] for row in connection.execute(f'select distinct force_code from raw."{source}"').fetchall()}  # noqa: S608
        assert forces <= set(known_forces())
        reasons = "\n".join(str(row) for row in connection.execute("select reason from audit.quarantine").fetchall())
        hidden = [value for value in HARMFUL if MARKUP & set(value) or "://" in value or len(value) > 40]
        assert [value for value in hidden if value in reasons] == []


def is_identifier(value: str) -> bool:
    return len(value) <= 64 and not any(
        character.isspace() or character == "@" or category(character) == "Cc" for character in value
    )


@pytest.mark.parametrize("source", CONTRACT)
def test_no_personal_value_is_kept_in_any_column(tmp_path, source):
    contract = CONTRACT[source]
    columns = [column for column in contract.columns if not column.is_personal]
    with load(tmp_path, source, rows_with(contract, columns, PERSONAL)) as connection:
        codes = dict(connection.execute("select reason_code, count(*) from audit.quarantine group by all").fetchall())
        kept = texts_of(connection)
    assert not [value for value in PERSONAL if value.casefold() in kept.casefold()]
    assert "7700900" not in kept
    assert sum(codes.values()) == len(PERSONAL) * len(columns)
    # A force is read in lower case, which no National Insurance number has: two of them are unknown forces instead.
    of_forces = 2 * ("force_code" in {column.name for column in columns})
    assert codes["looks_personal"] >= len(PERSONAL) * len(columns) - of_forces
