"""Lay the rows of a force over the shipped seeds by key: `seeds/NAME.csv` in its configuration folder."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from dagster_project.errors import OperatorError
from dagster_project.settings import DBT_PROJECT, Settings
from dagster_project.words import counted, printable
from dagster_project.writing import make_private_folder, private_files

_FOLDER, _SUFFIX = "seeds", ".csv"
# Seeds that a force may lay rows over, with the columns that identify a row. Case does not tell rows apart.
_KEYS = {"districts": ("force_code", "district")}


class SeedError(OperatorError, ValueError):
    """A file of the configuration that cannot be laid over a seed; the message names file and line."""


def laid_over(settings: Settings) -> dict[str, str]:
    """Return the content of each seed that a file of the configuration is laid over, by name.

    A row of the file replaces the shipped row of the same key; the others are added.

    Raises:
        SeedError: a file cannot be used.
    """
    folder = settings.config_folder / _FOLDER
    if not folder.is_dir():
        return {}
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        name = path.name.removesuffix(_SUFFIX)
        shown = printable(f"{settings.config_folder.name}/{_FOLDER}/{path.name}")
        if not path.name.endswith(_SUFFIX) or name not in _KEYS:
            known = ", ".join(f"{seed}{_SUFFIX}" for seed in _KEYS)
            raise SeedError(f"{shown}: not a list that a force may add rows to; known: {known}")
        columns, shipped = _read(DBT_PROJECT / "seeds" / path.name, path.name)
        stated, rows = _read(path, shown)
        if stated != columns:
            raise SeedError(f"{shown}, line 1: found the columns {', '.join(stated)}; expected {', '.join(columns)}")
        by_key = {tuple(row[column].casefold() for column in _KEYS[name]): row for row in (*shipped, *rows)}
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(by_key.values())
        found[name] = text.getvalue()
    return found


def write_seeds(folder: Path, seeds: Mapping[str, str]) -> dict[str, Path]:
    """Write seeds, by name, into a folder of the data root; return the file of each."""
    files = {name: folder / f"{name}{_SUFFIX}" for name in seeds}
    if files:
        make_private_folder(folder)
    with private_files():
        for name, file in files.items():
            file.write_text(seeds[name], encoding="utf-8")
    return files


def _read(path: Path, shown: str) -> tuple[list[str], list[dict[str, str]]]:
    """Return the columns of a list and its rows."""
    try:
        lines = csv.reader(path.read_text(encoding="utf-8-sig").splitlines(), strict=True)
        columns = next(lines, [])
        rows = []
        for cells in lines:
            row = dict(zip(columns, (cell.strip() for cell in cells), strict=False))
            if len(cells) != len(columns) or not all(row.values()):
                found = f"{counted(len(cells), 'cell')}, {sum(map(bool, cells))} with text"
                raise SeedError(f"{shown}, line {lines.line_num}: found {found}; expected {len(columns)} with text")
            rows.append(row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SeedError(f"{shown}: cannot be read as CSV in UTF-8: {error}") from error
    return columns, rows
