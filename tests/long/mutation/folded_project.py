"""The compiled project with its arithmetic macros folded: calls of functions where their text would stand.

`ratio` alone is 400 characters of SQL wherever a quotient is made. Mutating each copy would try the macro a hundred
times, and the model that uses it hardly at all. Folded, a mutant of a model is a fault of that model; the macros have a
test of their own (`dbt/tests/quotients_are_exact_and_rounded_as_asked.sql`, for Erlang's formulas
`dbt/tests/erlang_functions_give_published_figures.sql`, for months
`dbt/tests/months_are_written_and_numbered.sql`).
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import duckdb
from sqlglot import exp, parse_one

from dagster_project.settings import DBT_PROJECT
from tests.reference.compiled_project import CompiledProject, compile_project, run_dbt

_ROUNDINGS = ("half_up", "cut_off", "half_even")
# Macro to its parameters; those that take a rounding are one function for each.
_FOLDED = {
    "power_of_ten": ("exponent",),
    "from_trillionths": ("amount",),
    "ratio": ("numerator", "denominator", "scale=1"),
    "rounded_quotient": ("numerator", "denominator", "scale=1", "rounding='half_up'"),
    "display_units": ("units", "unit", "decimals"),
    "least_operators": ("erlangs", "handle_seconds", "target_seconds", "service_level_pct"),
    "erlang_c_service_level_pct": ("operators", "erlangs", "handle_seconds", "target_seconds"),
    "erlang_c_wait_seconds": ("operators", "erlangs", "handle_seconds"),
    "month_text": ("day",),
    "month_number": ("day",),
    "months_text": ("first_month", "last_month"),
    "display_quotient": ("numerator", "denominator", "unit", "decimals", "rounding='half_up'"),
}


def compile_folded(folder: Path) -> tuple[CompiledProject, dict[str, str]]:
    """Compile a copy of the project in which the macros are folded.

    Returns:
        The project, and the functions that it calls: name with parameters to SQL.
    """
    source = folder / "dbt"
    shutil.copytree(DBT_PROJECT, source, ignore=shutil.ignore_patterns("target", "logs"))
    for path in sorted((source / "macros").glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        for name in _FOLDED:
            text = re.sub(rf"macro {name}\(", f"macro expanded_{name}(", text)
        path.write_text(text, encoding="utf-8")
    unfolded = "\n".join(_forwarding(name, parameters) for name, parameters in _FOLDED.items())
    file = source / "macros" / "folded.sql"
    file.write_text(unfolded, encoding="utf-8")
    functions = _functions(folder, source)
    file.write_text("\n".join(_call(name, parameters) for name, parameters in _FOLDED.items()), encoding="utf-8")
    return compile_project(folder, source=source), functions


def define(connection: duckdb.DuckDBPyConnection, functions: dict[str, str]) -> None:
    """Define the functions in a warehouse."""
    for head, sql in functions.items():
        connection.execute(f"create or replace macro {head} as ({sql})")


def _names(parameters: tuple[str, ...]) -> list[str]:
    return [parameter.partition("=")[0] for parameter in parameters]


def _forwarding(name: str, parameters: tuple[str, ...]) -> str:
    arguments = ", ".join(_names(parameters))
    return f"{{% macro {name}({', '.join(parameters)}) -%}} {{{{ expanded_{name}({arguments}) }}}} {{%- endmacro %}}\n"


def _call(name: str, parameters: tuple[str, ...]) -> str:
    values = ", ".join(f"{{{{ {item} }}}}" for item in _names(parameters) if item != "rounding")
    suffix = "_{{ rounding }}" if "rounding" in _names(parameters) else ""
    return f"{{% macro {name}({', '.join(parameters)}) -%}} folded_{name}{suffix}({values}) {{%- endmacro %}}\n"


def _functions(folder: Path, source: Path) -> dict[str, str]:
    """The SQL of every function, as dbt writes it for columns named like the parameters."""
    columns, heads = [], []
    for name, parameters in _FOLDED.items():
        names = [item for item in _names(parameters) if item != "rounding"]
        for rounding in _ROUNDINGS if "rounding" in _names(parameters) else (None,):
            arguments = [f"'p_{item}'" for item in names] + ([f"rounding='{rounding}'"] if rounding else [])
            suffix = f"_{rounding}" if rounding else ""
            heads.append(f"folded_{name}{suffix}({', '.join(f'p_{item}' for item in names)})")
            columns.append(f"{{{{ expanded_{name}({', '.join(arguments)}) }}}} as c{len(columns)}")
    output = run_dbt(folder, ["compile", "--inline", f"select {', '.join(columns)}"], source=source)
    select = parse_one(output[output.index("select") :], dialect="duckdb")
    assert isinstance(select, exp.Select)
    return {head: column.this.sql(dialect="duckdb") for head, column in zip(heads, select.expressions, strict=True)}
