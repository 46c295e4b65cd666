"""The code in docs/analyst_access.md reads a publication as the page says."""

import re
from importlib.util import find_spec
from textwrap import dedent

import duckdb
import pandas as pd
import pyarrow.dataset as ds
import pytest

from tests.end_to_end.command import PROJECT, Command

PAGE = (PROJECT / "docs" / "analyst_access.md").read_text(encoding="utf-8")
READERS = re.findall(r"^\| (\w+) \| `([^`]*FOLDER[^`]*)` \| `([^`]*FOLDER[^`]*)` \|$", PAGE, re.MULTILINE)


def blocks(language: str) -> list[str]:
    return [dedent(code) for code in re.findall(rf"^ *```{language}\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL)]


def of_sample(code: str, sample: Command) -> str:
    return code.replace("/srv/fcir/data/published/current", str(sample.current))


def needs(library: str) -> None:
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed; make env-peers installs it")


@pytest.mark.parametrize("code", blocks("python"), ids=["DuckDB", "Polars", "one publication"])
def test_python_code_runs(code, sample):
    if "import polars" in code:
        needs("polars")
    exec(f"from pathlib import Path\n{of_sample(code, sample)}", {})  # noqa: S102 - code of the project


def test_sql_code_runs(sample):
    describe, attach = blocks("sql")
    with duckdb.connect() as connection:
        connection.execute(of_sample(attach, sample))
        assert connection.execute("select count(*) > 0 from memory.main.mine").fetchone() == (True,)
        columns = connection.execute(describe).fetchall()
        assert columns
        assert all(comment for _, _, comment in columns)


def test_readers_of_month_folders_are_on_the_page():
    assert [reader for reader, _, _ in READERS] == ["DuckDB", "Polars", "pandas", "pyarrow"]


@pytest.mark.parametrize(("reader", "every", "some"), READERS, ids=[reader for reader, _, _ in READERS])
def test_a_reader_opens_a_folder_of_months_whole_and_from_a_month_on(reader, every, some, sample):
    names = {"pd": pd, "ds": ds}
    if reader == "Polars":
        needs("polars")
        names["pl"] = __import__("polars")
    counts = []
    for expression in (every, some):
        code = expression.replace("FOLDER", str(sample.current / "parquet" / "fct_call"))
        rows = duckdb.sql(code) if reader == "DuckDB" else eval(code, names)  # noqa: S307 - code of the project
        assert "month" in (rows.column_names if reader == "pyarrow" else rows.columns)
        counts.append(len(rows))
    assert counts == list(
        *sample.published("select count(*), count(*) filter (arrived_date >= '2022-11-01') from marts.fct_call")
    )
