"""Macros of the project, rendered without dbt and without an engine. No tests here."""

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from jinja2 import Environment, StrictUndefined

from dagster_project.settings import DBT_PROJECT


class Returned(Exception):
    """What `return` gives the caller of a macro in dbt."""


def give(value: object) -> None:
    raise Returned(value)


def macros_of(engine: str, **known: object) -> dict[str, Callable[..., Any]]:
    """Return all macros.

    Args:
        engine: prefix of the macros that a dispatch finds.
        known: what they find in the context.
    """
    environment = Environment(undefined=StrictUndefined, autoescape=False, extensions=["jinja2.ext.do"])  # noqa: S701 (SQL)
    macros: dict[str, Callable[..., Any]] = {}
    environment.globals |= {
        **known,
        "return": give,
        "dbt": SimpleNamespace(type_string=lambda: "varchar"),
        "adapter": SimpleNamespace(dispatch=lambda name, _: macros[f"{engine}__{name}"]),
    }
    for path in sorted((DBT_PROJECT / "macros").rglob("*.sql")):
        text = path.read_text(encoding="utf-8")
        for macro, name in re.findall(r"(\{% macro (\w+)\(.*?\{%-? endmacro %\})", text, re.DOTALL):
            macros[name] = called(environment, macro, name)
    environment.globals |= {name: macro for name, macro in macros.items() if name not in known}
    return macros


def called(environment: Environment, macro: str, name: str) -> Callable[..., Any]:
    def call(*arguments: object, **named: object) -> Any:
        try:
            return getattr(environment.from_string(macro).module, name)(*arguments, **named)
        except Returned as returned:
            return returned.args[0]

    return call
