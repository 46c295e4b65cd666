"""SQL for the marts and Python for limits print every figure as the same text."""

from decimal import Decimal
from itertools import product

import duckdb
import pytest

from dagster_project.publication.report.display import NOTHING, display
from tests.dbt.running import run_dbt

UNITS = ("count", "percent", "duration", "hours", "days", "ratio")

# Around every place where something changes: a digit, a separator, a unit of time, a half that is rounded, the sign.
EDGES = (0, 1, 9, 10, 16, 17, 59, 60, 61, 99, 100, 999, 1000, 3599, 3600, 3661, 9999, 35_634, 86_400, 999_999, 10**9)
FRACTIONS = ("0", "0.000001", "0.004999", "0.005", "0.04", "0.049999", "0.05", "0.4", "0.449999", "0.45", "0.499999")
FRACTIONS += ("0.5", "0.500001", "0.95", "0.994999", "0.995", "0.999999")
VALUES = sorted({sign * (edge + Decimal(part)) for sign, edge, part in product((1, -1), EDGES, FRACTIONS)})


@pytest.fixture(scope="module")
def query(settings):
    """A query over the relation `grid` that gives the text of each row, as the project compiles it."""
    sql = "select value, unit, decimals, {{ display_value('value', 'unit', 'decimals') }} as text from grid"
    (result,) = run_dbt(settings, "compile", "--inline", sql)
    return result.node.compiled_code


def test_sql_and_python_print_the_same_text_of_every_number(query):
    with duckdb.connect() as connection:
        connection.execute("create table grid (value decimal(38, 6), unit varchar, decimals integer)")
        connection.execute(
            "insert into grid select unnest($values::decimal(38, 6)[]) as value, unit, decimals "
            "from (select unnest($units) as unit), range(4) as counted (decimals)",
            {"values": [str(value) for value in VALUES], "units": list(UNITS)},
        )
        connection.execute("insert into grid values (null, 'count', 0)")
        rows = connection.execute(query).fetchall()
    assert len(rows) == len(VALUES) * len(UNITS) * 4 + 1
    differing = [
        (value, unit, decimals, text)
        for value, unit, decimals, text in rows
        if (NOTHING if text is None else text) != display(value, unit, decimals)
    ]
    assert differing == []
