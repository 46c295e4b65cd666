"""Lay the rows of a force over the shipped seeds by key: `seeds/NAME.csv` in its configuration folder."""

import csv
import io
from functools import cache
from pathlib import Path
from typing import Any

from dagster_project.config.files import ConfigError, entries, shown
from dagster_project.settings import DBT_PROJECT, Settings
from dagster_project.warehouse.connection import cursor
from dagster_project.words import counted, printable

FOLDER, _SUFFIX = "seeds", ".csv"
KEYS = {
    "call_parameters": ("force_code", "line", "valid_from"),
    "cancelled_crime_formulas": ("force_code", "valid_from"),
    "districts": ("force_code", "district"),
    "measure_alternatives": ("measure", "alternative"),
    "measure_catalogue": ("measure",),
    "measure_parts": ("measure", "role", "part"),
    "measure_sections": ("section",),
    "measure_synonyms": ("term",),
    "measure_targets": ("force_code", "measure", "valid_from"),
    "offences": ("offence_code",),
    "police_forces": ("force_code",),
    "public_measures": ("measure",),
    "similar_forces": ("force_code", "similar_force_code", "valid_from"),
}
"""Seeds that a force may lay rows over, with the columns that identify a row. Case does not tell rows apart."""

_FORMS = {
    "date": "a date, as in 2024-02-01",
    **dict.fromkeys(("integer", "bigint"), "a whole number"),
    "decimal": "a number, as in 85.5",
    "boolean": "true or false",
}
"""What a cell must be that its type cannot be cast from, by the types of the shipped seeds."""

Row = dict[str, str]


def laid_over(settings: Settings) -> dict[str, str]:
    """Return the content of each seed that a file of the configuration is laid over, by name.

    A row of the file replaces what it states of the shipped row of the same key; the others are added. Columns that the
    file does not have stay as shipped, so that a later version may add some; those of an added row are empty.

    Raises:
        ConfigError: a file cannot be used.
    """
    found = {}
    for name, stated in stated_rows(settings).items():
        by_key = shipped_rows(name)
        columns = list(next(iter(by_key.values())))
        for row in stated:
            by_key[key_of(name, row)] = {**dict.fromkeys(columns, ""), **by_key.get(key_of(name, row), {}), **row}
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(by_key.values())
        found[name] = text.getvalue()
    return found


def stated_rows(settings: Settings) -> dict[str, list[Row]]:
    """Return the rows of the force by seed, each with the columns that its file has.

    Raises:
        ConfigError: a file cannot be used.
    """
    found = {}
    for path in entries(settings.config_folder / FOLDER):
        name, place = path.name.removesuffix(_SUFFIX), shown(settings, path)
        if not path.name.endswith(_SUFFIX) or name not in KEYS:
            known = ", ".join(f"{seed}{_SUFFIX}" for seed in KEYS)
            raise ConfigError(f"{place}: not a list that a force may add rows to; known: {known}")
        shipped = shipped_rows(name)
        allowed = next(iter(shipped.values()))
        columns, by_line = _read(path, place, key=KEYS[name])
        found[name] = list(by_line.values())
        _require_types(name, by_line, place)
        what, needed = "the key,", KEYS[name]
        has_key = set(needed) <= set(columns)
        if added := [line for line, row in by_line.items() if has_key and key_of(name, row) not in shipped]:
            what, needed = "for added rows", _required(name)
        if added and name == "police_forces":
            # Loading knows the shipped ones.
            raise ConfigError(f"{place}, line {added[0]}: no force of the shipped list; expected another name of one")
        if not set(needed) <= set(columns) <= set(allowed):
            raise ConfigError(
                f"{place}, line 1: found the columns {printable(', '.join(columns))}; expected {what} "
                f"{', '.join(needed)}, and any of {', '.join(allowed)}"
            )
    return found


def _require_types(name: str, rows: dict[int, Row], place: str) -> None:
    """Raise `ConfigError` for the first cell that is not of the type of its column."""
    # dbt would name a row of the whole seed, and no line of the file.
    for column, cell_type in _described()[name]["config"]["column_types"].items():
        cells = {line: row[column] for line, row in rows.items() if row.get(column)}
        with cursor() as connection:
            sql = f"select try_cast(unnest($1::varchar[]) as {cell_type}) is null"
            are_faulty = connection.execute(sql, [list(cells.values())]).fetchall()
        faulty = [item for item, (is_faulty,) in zip(cells.items(), are_faulty, strict=True) if is_faulty]
        for line, cell in faulty[:1]:
            found, expected = printable(repr(cell)), _FORMS[cell_type.partition("(")[0]]
            raise ConfigError(
                f"{place}, line {line}: {column} is {found}; expected {expected}. Correct it, then: fcir config check"
            )


def _required(name: str) -> tuple[str, ...]:
    """Return the columns in which each row of a seed has a value, as the test of the seed states them."""
    tests = _described()[name].get("data_tests", [])
    stated = (test["integrity"]["arguments"]["required"] for test in tests if "integrity" in test)
    return tuple(next(stated, KEYS[name]))


@cache
def _described() -> dict[str, dict[str, Any]]:
    """Return what dbt is told of the shipped seeds, by name."""
    import yaml

    seeds = yaml.safe_load((DBT_PROJECT / "seeds" / "_seeds__seeds.yml").read_text(encoding="utf-8"))["seeds"]
    return {seed["name"]: seed for seed in seeds}


def shipped_rows(name: str) -> dict[tuple[str, ...], Row]:
    """Return the rows of a shipped seed by their keys."""
    return {key_of(name, row): row for row in _read(DBT_PROJECT / "seeds" / f"{name}{_SUFFIX}", name)[1].values()}


def key_of(name: str, row: Row) -> tuple[str, ...]:
    """Return the key of a row, in lower case."""
    return tuple(row[column].casefold() for column in KEYS[name])


def _read(path: Path, place: str, key: tuple[str, ...] = ()) -> tuple[list[str], dict[int, Row]]:
    """Return the columns of a list, and its rows by line: with text in the columns of the key, and each key once."""
    try:
        lines = csv.reader(path.read_text(encoding="utf-8-sig").splitlines(), strict=True)
        columns = [column.strip() for column in next(lines, [])]
        rows: dict[int, Row] = {}
        seen: dict[tuple[str, ...], int] = {}
        for cells in lines:
            row = dict(zip(columns, (cell.strip() for cell in cells), strict=False))
            if len(cells) != len(columns):
                found = counted(len(cells), "cell")
                raise ConfigError(f"{place}, line {lines.line_num}: found {found}; expected {len(columns)}")
            if empty := [column for column in key if not row.get(column, "-")]:
                raise ConfigError(f"{place}, line {lines.line_num}: {empty[0]} is empty; expected the key of a row")
            first = seen.setdefault(tuple(row.get(column, "").casefold() for column in key), lines.line_num)
            if key and first != lines.line_num:
                raise ConfigError(f"{place}, line {lines.line_num}: the same {', '.join(key)} as in line {first}")
            rows[lines.line_num] = row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{place}: cannot be read as CSV in UTF-8: {error}") from error
    return columns, rows
