"""Macros alone, rendered without dbt: figures as Python prints them, and refused sessions."""

from decimal import Decimal
from itertools import product
from types import SimpleNamespace

import duckdb
import pytest

from dagster_project.publication.report.display import NOTHING, display
from tests.dbt.rendering import macros_of

# Around every place where something changes: a digit, a separator, a unit of time, a half that is rounded, the sign.
EDGES = (0, 1, 9, 10, 59, 60, 61, 99, 100, 999, 1000, 3599, 3600, 3661, 9999, 35_634, 86_400, 999_999, 10**9)
FRACTIONS = ("0", "0.000001", "0.004999", "0.005", "0.049999", "0.05", "0.449999", "0.45", "0.499999", "0.5", "0.95")
FRACTIONS += ("0.994999", "0.995", "0.999999")
VALUES = sorted({sign * (edge + Decimal(part)) for sign, edge, part in product((1, -1), EDGES, FRACTIONS)})


def test_sql_and_python_print_the_same_text_of_every_number():
    text = macros_of("duckdb")["display_value"]("value", "unit", "decimals")
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select value, unit, decimals, {text} from "
            "(select unnest($values::decimal(38, 6)[]) as value), (select unnest($units) as unit), "
            "range(4) as r(decimals)",
            {
                "values": [None, *map(str, VALUES)],
                "units": ["count", "percent", "duration", "hours", "days", "ratio"],
            },
        ).fetchall()
    assert len(rows) == (len(VALUES) + 1) * 6 * 4
    texts = [(value, unit, decimals, NOTHING if text is None else text) for value, unit, decimals, text in rows]
    assert [row for row in texts if row[3] != display(*row[:3])] == []


class CompilerError(Exception):
    """What dbt raises."""


EXACT = {"set spark.sql.ansi.enabled": "true", "select current_timezone()": "UTC"}


@pytest.mark.parametrize(
    "other", [{}, {"set spark.sql.ansi.enabled": "false"}, {"select current_timezone()": "Europe/London"}]
)
def test_a_session_with_which_figures_would_differ_ends_the_build(other):
    def refuse(text: str) -> None:
        raise CompilerError(text)

    def run_query(sql: str) -> SimpleNamespace:
        return SimpleNamespace(rows=[("", answers[sql]) if sql.startswith("set") else (answers[sql],)])

    answers = EXACT | other
    exceptions = SimpleNamespace(raise_compiler_error=refuse)
    macros = macros_of("spark", execute=True, exceptions=exceptions, run_query=run_query)
    if not other:
        macros["require_exact_engine"]()
        return
    with pytest.raises(CompilerError, match=r"Nothing was built\. Set both for the server; one that obeys .* cannot"):
        macros["require_exact_engine"]()
