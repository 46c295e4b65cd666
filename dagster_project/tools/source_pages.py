"""One page for the owner of each source: how its extract has to look. Written from its contract, with any settings.

What the readers accept of each type is in `extracts/cells.py`; the words for it are here. `docs/landing.md` says how
files are named and delivered, `docs/reasons.md` what each reason means.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dagster_project.contracts import FORCE_COLUMN, CellType, Column, Contract
from dagster_project.validation import Expectation, expectations_of
from dagster_project.writing import make_private_folder, write_whole

_FORMATS = {
    CellType.TEXT: ("text", "A-1001"),
    CellType.INTEGER: ("a whole number in digits: 42", "42"),
    CellType.DECIMAL: ("a number in digits with a point: 51.5", "51.5"),
    CellType.SECONDS: ("a duration: seconds (75), MM:SS, H:MM:SS or 1m 15s", "75"),
    CellType.TIMESTAMP: (
        "a time: 2023-01-31 09:02:00, 31/01/2023 09:02, ISO 8601 with an offset, or an Excel time",
        "2023-01-31 09:02:00",
    ),
    CellType.DATE: ("a day: 2023-01-31, 31/01/2023 or an Excel date", "2023-01-31"),
    CellType.MONTH: ("a month: 2023-01", "2023-01"),
    CellType.BOOLEAN: ("Y or N, Yes or No, True or False, 1 or 0", "Y"),
}
_EXAMPLE_DAY = date(2023, 1, 31)
# Of these, the first that fits the pattern of a column is its example.
_TEXTS = ("A-1001", "1001", "8N", "calls_999", "Example")
_FOLDER = Path(__file__).parent


def write_source_pages(contracts: Mapping[str, Contract], folder: Path) -> list[Path]:
    """Write a page for each contract, and return their paths."""
    make_private_folder(folder)
    files = {folder / f"{source}.html": source_page(contract) for source, contract in contracts.items()}
    for file, page in files.items():
        write_whole(file, page.encode())
    return list(files)


def source_page(contract: Contract) -> str:
    """Return the page of a source as HTML that needs no other file."""
    environment = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)
    expectations: Iterable[Expectation] = expectations_of(contract)
    return environment.get_template("source_page.html.j2").render(
        contract=contract,
        file_name=f"{contract.source}_{_EXAMPLE_DAY - timedelta(contract.extract_date_offset)}.csv",
        columns=[(column, _FORMATS[column.cell_type][0], rules_of(column)) for column in contract.columns],
        times=[column.name for column in contract.columns if column.cell_type is CellType.TIMESTAMP],
        example=_example(contract),
        expectations=[(item.description, item.consequence) for item in expectations],
    )


def rules_of(column: Column) -> list[str]:
    """Return in words what a cell of the column must be besides its format; a row that breaks it is quarantined."""
    rules = []
    if column.values:
        rules.append(f"one of: {', '.join(column.values)} (case does not matter)")
    elif column.form and not column.is_personal:
        rules.append(column.form)
    if column.cell_type is CellType.DECIMAL:
        rules.append(f"at most {column.scale} digits after the point")
    if column.minimum is not None:
        rules.append(f"not below {column.minimum}")
    if column.maximum is not None:
        rules.append(f"not above {column.maximum}: {column.maximum_reason}")
    rules += [f"not before {name}" for name in column.not_before] + [f"not after {name}" for name in column.not_after]
    if column.required_when:
        rules.append("not empty where " + " and ".join(f"{name} is {it}" for name, it in column.required_when.items()))
    if column.name == FORCE_COLUMN:
        rules.append("the identifier of a listed force")
    return rules


def _example(contract: Contract) -> list[str]:
    """Return the lines of an extract of one row, which has values in the columns that must have one."""
    row: dict[str, str] = {column.name: _cell(column) for column in contract.columns}
    for column in contract.columns:
        needed = bool(column.required_when) and all(row[name] == it for name, it in column.required_when.items())
        if not (column.is_required or column.values or needed):
            row[column.name] = ""
    return [",".join(row), ",".join(row.values())]


def _cell(column: Column) -> str:
    if column.values:
        return next(iter(column.values))
    if column.name == FORCE_COLUMN:
        return "kent"
    if column.cell_type is CellType.TEXT and column.pattern:
        # Patterns are of RE2, which Arrow has.
        fits = pc.match_substring_regex(pa.array(_TEXTS), f"^(?:{column.pattern})$")
        return next(iter(pa.array(_TEXTS).filter(fits).to_pylist()), _TEXTS[0])
    return _FORMATS[column.cell_type][1]
