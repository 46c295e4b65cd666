"""Four hundred drawn files: every row is loaded or quarantined for the right reason, and no personal value shows."""

import os
import random
from collections import Counter
from contextlib import suppress
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dagster_project.extracts import container
from dagster_project.loading.candidate import FileLoad, read_deliveries
from dagster_project.loading.landing import LandedFile
from dagster_project.loading.people import People
from dagster_project.loading.plan import Delivery
from dagster_project.sql import rows_as_dicts
from dagster_project.warehouse.connection import dry_connection
from dagster_project.warehouse.tables import ensure_tables, incoming
from tests.long.fuzz.drafts import DEFAULT_FORCE, FORMS, MARKER, STAYS_COLUMNS, Draft, Misfit, drawn, written
from tests.long.fuzz.mutations import KINDS, Kind
from tests.unit.extracts.stays import STAYS

SEED, MUTATED, UNUSUAL = 20261030 + int(os.environ.get("FUZZ_SEED", "0")), 300, 100
PERSONAL = [column.name for column in STAYS.columns if column.is_personal]


def drawn_files() -> list[Draft]:
    """Files with one to three kinds, then valid ones with up to eight; the rarest kind so far comes first."""
    chance = random.Random(SEED)
    counts: Counter[str] = Counter()
    drafts = []
    for number in range(MUTATED + UNUSUAL):
        is_valid = number >= MUTATED
        kinds = [kind for kind in KINDS.values() if kind.is_harmless or not is_valid]
        first = min(kinds, key=lambda kind: (counts[kind.name], chance.random()))
        day = date(2022, 3, 20) + timedelta(days=number)
        for _ in range(50):
            draft = _with_kinds(chance, first, kinds, day, number, 7 if is_valid else 2)
            if first.name in draft.kinds:
                break
        counts.update(draft.kinds)
        drafts.append(draft)
    assert counts.keys() == KINDS.keys()
    assert {draft.form for draft in drafts} == set(FORMS)
    return drafts


def _with_kinds(chance: random.Random, first: Kind, kinds: list[Kind], day: date, number: int, most: int) -> Draft:
    """A file with a kind and up to `most` others that it does not exclude."""
    draft = drawn(chance, chance.choice(first.forms), day, number)
    chosen, taken = [first], set(first.slots)
    for other in chance.sample(kinds, min(len(kinds), 12 * most)):
        if draft.form in other.forms and other is not first and taken.isdisjoint(other.slots) and len(chosen) <= most:
            chosen.append(other)
            taken.update(other.slots)
    for kind in sorted(chosen, key=lambda each: each.layer):
        with suppress(Misfit):
            kind.apply(draft)
            draft.kinds.append(kind.name)
    return draft


Surrogates = dict[tuple[str, str], int]


def read(
    drafts: list[Draft], folder: Path
) -> tuple[dict[date, Any], dict[str | None, list[dict[str, Any]]], Surrogates]:
    """Write the files and read them as loading does.

    Returns the file of each day, the rows of each candidate table, and the surrogate of each personal value and force.
    """
    deliveries = []
    for draft in drafts:
        path = folder / draft.name
        path.write_bytes(written(draft))
        status = path.stat()
        landed = LandedFile(STAYS.source, draft.day, path, status.st_size, status.st_mtime_ns)
        deliveries.append(Delivery(STAYS.source, draft.day, (landed,), ()))
    with dry_connection() as connection:
        ensure_tables(connection, [STAYS])
        people = People(folder / "people.duckdb", "", (b"k" * 32,), b"e" * 32)
        options = {"people": people, "default_force": DEFAULT_FORCE, "load_ids": count(1)}
        found = read_deliveries(connection, STAYS, deliveries, **options)
        tables = {
            part: rows_as_dicts(connection.execute(f"select * from {incoming(STAYS, part)}"))
            for part in (None, "quarantine")
        }
    values = [row.loaded(draft.names) for draft in drafts for row in draft.rows]
    held = [(row[name], row["force_code"]) for row in values for name in PERSONAL if row[name]]
    columns = [pa.chunked_array([pa.array(part, pa.string())]) for part in zip(*held, strict=True)]
    with people.opened() as vault:
        surrogates = vault.surrogates(columns[0], STAYS.column(PERSONAL[0]), columns[1], DEFAULT_FORCE).to_pylist()
    return {file.extract_date: file for file in found.files}, tables, dict(zip(held, surrogates, strict=True))


@pytest.fixture(scope="module")
def drafts() -> list[Draft]:
    return drawn_files()


@pytest.fixture(scope="module")
def found(drafts, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        # As much as readers take at once: less than a file with many rows or long cells.
        patch.setattr(container, "_CHUNK", 1 << 14)
        return read(drafts, tmp_path_factory.mktemp("extracts"))


def rows_of_day(rows: list[dict[str, Any]]) -> dict[date, dict[int, dict[str, Any]]]:
    by_day: dict[date, dict[int, dict[str, Any]]] = {}
    for row in rows:
        by_day.setdefault(row["extract_date"], {})[row["source_row"]] = row
    return by_day


def outcome_of(draft: Draft, file: FileLoad, good: dict[int, Any], bad: dict[int, Any]) -> dict[object, object]:
    """What came of a file: its error and counts, and of each row its values or the reason for its quarantine."""
    return {
        "error": file.error_code if file.error_code in draft.rejected else file.error,
        "counts": (file.rows_read, file.rows_loaded, file.rows_quarantined),
        "unknown": sorted(file.unknown_columns),
        **{number: {name: row[name] for name in (*STAYS_COLUMNS, "is_dst_ambiguous")} for number, row in good.items()},
        **{number: (row["reason_code"], row["column_name"]) for number, row in bad.items()},
    }


def expected_of(draft: Draft, found: dict[object, object], surrogates: Surrogates) -> dict[object, object]:
    if draft.rejected:
        # Which of the codes depends on the other changes of the file.
        error = found["error"] if found["error"] in draft.rejected else draft.rejected
        # One of the names that were not recognised may be another name of the missing column.
        return {"error": error, "counts": (0, 0, 0), "unknown": sorted(draft.unknown) * (error == "missing_column")}
    good = sum(not row.verdict for row in draft.rows)
    outcomes: dict[object, object] = {
        "error": None,
        "counts": (len(draft.rows), good, len(draft.rows) - good),
        "unknown": sorted(draft.unknown),
    }
    for row in draft.rows:
        values = row.loaded(draft.names)
        held = {name: values[name] and surrogates[values[name], values["force_code"]] for name in PERSONAL}
        outcomes[row.number] = row.verdict or values | held
    return outcomes


def test_every_row_is_loaded_with_its_values_or_quarantined_for_its_reason(drafts, found):
    files, tables, surrogates = found
    loaded, quarantined = rows_of_day(tables[None]), rows_of_day(tables["quarantine"])
    wrong = []
    for draft in drafts:
        day = draft.day
        outcomes = outcome_of(draft, files[day], loaded.get(day, {}), quarantined.get(day, {}))
        expected = expected_of(draft, outcomes, surrogates)
        different = [part for part in outcomes | expected if outcomes.get(part) != expected.get(part)]
        if different:
            first = different[0]
            seen = f"{first}: expected {expected.get(first)!r:.500}, found {outcomes.get(first)!r:.500}"
            wrong.append(f"{draft.name} ({', '.join(draft.kinds)}): {seen}")
    assert not wrong, "\n".join([f"{len(wrong)} files are wrong", *wrong[:20]])


def test_reasons_name_column_and_found_shape_and_nothing_shows_a_personal_value(drafts, found):
    files, tables, _ = found
    by_day = {draft.day: draft for draft in drafts}
    for row in tables["quarantine"]:
        draft = by_day[row["extract_date"]]
        (origin,) = [each for each in draft.rows if each.number == row["source_row"]]
        cell = origin.cells.get(row["column_name"])
        assert row["file_name"] == draft.name
        assert (row["column_name"] or "") in row["reason"]
        if isinstance(cell, str) and cell.isalpha() and row["column_name"] not in PERSONAL:
            assert f"found text of {len(cell)} letter" in row["reason"]
        # Read, or the default of a file without the column.
        assert row["force_code"] in (origin.values.get("force_code"), None, DEFAULT_FORCE)
    shown = repr(list(map(vars, files.values()))) + repr(tables)
    assert MARKER.casefold() not in shown.casefold()
