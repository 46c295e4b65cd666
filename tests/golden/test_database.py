"""The database, Parquet, the dictionary and the queries that open them agree, and no person is in any file."""

from __future__ import annotations

import json
import re
import runpy
import zipfile
from hashlib import sha256
from pathlib import Path
from textwrap import dedent

import duckdb
import pandas as pd
import pyarrow.dataset as ds
import pytest
from lxml import etree
from pypdf import PdfReader

from dagster_project.publication.parquet_files import parquet_addresses
from dagster_project.settings import PROJECT_ROOT
from dagster_project.sql import table
from dagster_project.transformation.project import Mart, marts_of, read_manifest

# Of the sample: callers have numbers that no telephone has, and the two forces number crimes and operators like this.
PERSONAL = re.compile(rb"\b0(?:7700900|1632960)\d{3}\b|\b4[68]/\d{4,6}/2[23]\b|\bOP-\d{4}\b")


@pytest.fixture(scope="module")
def marts(sample) -> list[Mart]:
    return marts_of(read_manifest(sample.home / "dbt" / "manifest.json"))


@pytest.fixture(scope="module")
def manifest(sample) -> dict:
    return json.loads((sample.current / "manifest.json").read_text(encoding="utf-8"))


def test_the_database_has_the_marts_alone_in_the_version_that_older_clients_open(sample, marts, manifest):
    tables = sample.published("select schema_name, table_name from duckdb_tables() order by all")
    assert tables == [("marts", mart.name) for mart in marts]
    assert sample.published("select count(*) from duckdb_views() where not internal") == [(0,)]
    ((tags,),) = sample.published("select tags from duckdb_databases() where not internal")
    assert tags["storage_version"].startswith("v1.4")
    assert sorted(manifest["tables"]) == [mart.name for mart in marts]


def test_every_table_and_column_is_described_where_readers_look(sample, marts):
    described = {(mart.name, None): mart.description for mart in marts} | {
        (mart.name, column): text for mart in marts for column, text in mart.columns.items()
    }
    assert all(described.values())
    comments = sample.published(
        "select table_name, null, comment from duckdb_tables() "
        "union all select table_name, column_name, comment from duckdb_columns() where not internal"
    )
    assert {(name, column): comment for name, column, comment in comments} == described
    dictionary = sample.published(
        "select table_name, column_name, description, replace(upper(data_type), ', ', ',') from marts.data_dictionary "
        "where column_name is not null"
    )
    columns = "select table_name, column_name, comment, data_type from duckdb_columns() where not internal"
    assert sorted(dictionary) == sorted(sample.published(columns))
    for name in {name for name, _ in described}:
        page = (sample.current / "dictionary" / f"{name}.html").read_text(encoding="utf-8")
        assert [column for of, column in described if of == name and column and f">{column}<" not in page] == []


def test_parquet_the_database_and_the_warehouse_have_the_same_rows(sample, marts, manifest):
    folder = sample.current.resolve()
    with duckdb.connect() as connection:
        for alias, file in (("published", folder / "fcir.duckdb"), ("built", sample.home / "marts.duckdb")):
            connection.execute(f"attach '{file}' as {alias} (read_only)")
        for mart in marts:
            files = [str(folder / address) for address in parquet_addresses(folder, mart.name)]
            relations = (
                table("published", "marts", mart.name),
                table("built", "marts", mart.name),
                f"read_parquet({files}, hive_partitioning = false)",
            )
            sums = [
                connection.execute(f"select count(*), sum(hash(rows)) from {relation} as rows").fetchone()
                for relation in relations
            ]
            assert sums == [sums[0]] * 3, mart.name
            assert sums[0][0] == manifest["tables"][mart.name]
            assert (mart.month_of is not None) == (mart.name.startswith("fct_") and "/month=" in files[0])
            for file in files if mart.month_of else ():
                months = f"select distinct strftime({mart.month_of}, 'month=%Y-%m') from '{file}'"
                assert connection.execute(months).fetchall() == [(Path(file).parent.name,)]


def test_the_manifest_lists_every_file_and_delivery(sample, manifest):
    assert sample.damage() == []
    assert (manifest["is_synthetic"], manifest["failed"]) == (True, [])
    landed = {sha256(path.read_bytes()).hexdigest() for path in (sample.home / "landing").rglob("*_20*")}
    assert {item["sha256"] for item in manifest["inputs"]} == landed


def test_everyone_may_read_what_is_published_and_nothing_else(sample):
    def modes(path: Path) -> set[int]:
        return {file.stat().st_mode & 0o777 for file in [path, *path.rglob("*")] if not file.is_symlink()}

    assert modes(sample.home / "published") == {0o755, 0o644}
    names = {path.name for path in sample.home.iterdir()} - {"published"}
    assert names > {"commentary", "dagster", "dbt", "landing", "marts.duckdb", "secrets", "warehouse.duckdb"}
    assert {name for name in names if (sample.home / name).stat().st_mode & 0o077} == set()
    # An operator puts files into the landing folder with any mode.
    assert {mode for name in names - {"landing"} for mode in modes(sample.home / name) if mode & 0o077} == set()


def shows_a_person(path: Path) -> bool:
    """Whether a personal value is in the bytes of a file, or in what a reader finds in it that is compressed."""
    parts = [path.read_bytes()]
    if path.suffix in (".xlsx", ".docx", ".ods", ".pptx"):
        with zipfile.ZipFile(path) as book:
            parts += [book.read(name) for name in book.namelist()]
    if path.suffix == ".pdf":
        parts += [page.extract_text().encode() for page in PdfReader(path).pages]
    if path.suffix in (".parquet", ".duckdb"):
        with duckdb.connect() as connection:
            parts += [
                text.encode() for relation in relations(connection, path) for text in people(connection, relation)
            ]
    return any(PERSONAL.search(part) for part in parts)


def relations(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    if path.suffix == ".parquet":
        return [f"'{path}'"]
    connection.execute(f"attach '{path}' as searched (read_only)")
    names = "select database_name, schema_name, table_name from duckdb_tables() where database_name = 'searched'"
    return [table(*name) for name in connection.execute(names).fetchall()]


def people(connection: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    """Texts of a table with a personal value."""
    kinds = connection.execute(f"describe {relation}").fetchall()
    columns = ", ".join(f'"{name}"' for name, kind, *_ in kinds if "VARCHAR" in kind)
    if not columns:
        return []
    found = (
        f"select text from (select concat_ws(chr(10), {columns}) as text from {relation}) where regexp_matches(text, ?)"
    )
    return [text for (text,) in connection.execute(found, [PERSONAL.pattern.decode()]).fetchall()]


def test_no_person_of_the_sample_is_in_any_file_but_the_deliveries(sample, golden):
    files = [path for path in sample.home.rglob("*") if path.is_file() and not path.is_symlink()]
    landed = {path for path in files if path.is_relative_to(sample.home / "landing")}
    known = {value for path in landed if path.suffix == ".csv" for value in PERSONAL.findall(path.read_bytes())}
    assert len(known) > 5000
    # The search finds them in files that it has to open, too.
    assert all(
        shows_a_person(next(path for path in landed if path.match(name))) for name in ("crimes_*.parquet", "call*.xlsx")
    )
    assert [path for path in files if path not in landed and shows_a_person(path)] == []
    assert not PERSONAL.search((golden.night.out + golden.night.err).encode())


PAGE = (PROJECT_ROOT / "docs" / "analyst_access.md").read_text(encoding="utf-8")
READERS = re.findall(r"^\| (\w+) \| `([^`]*FOLDER[^`]*)` \| `([^`]*FOLDER[^`]*)` \|$", PAGE, re.MULTILINE)


def blocks(language: str, published: Path) -> list[str]:
    """Code on the page about analyst access, for a publication."""
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL)
    return [dedent(code).replace("/srv/fcir/data/published/current", str(published)) for code in found]


def test_code_for_analysts_reads_the_publication(sample):
    code = blocks("python", sample.current)
    # Polars is not among the libraries of the project.
    mine = [block for block in code if "import polars" not in block]
    assert (len(code), len(mine)) == (3, 2)
    for block in mine:
        exec(f"from pathlib import Path\n{block}", {})  # noqa: S102 - code of the project
    describe, attach = blocks("sql", sample.current)
    with duckdb.connect() as connection:
        connection.execute(attach)
        assert connection.execute("select count(*) > 0 from memory.main.mine").fetchone() == (True,)
        assert all(comment for _, _, comment in connection.execute(describe).fetchall())


def test_readers_on_the_page_for_analysts_open_a_fact_whole_and_from_a_month_on(sample):
    assert [reader for reader, *_ in READERS] == ["DuckDB", "Polars", "pandas", "pyarrow"]
    ((whole, later),) = sample.published(
        "select count(*), count(*) filter (arrived_date >= '2022-11-01') from marts.fct_call"
    )
    for reader, *expressions in READERS:
        if reader == "Polars":
            continue
        for expression, expected in zip(expressions, (whole, later), strict=True):
            code = expression.replace("FOLDER", str(sample.current / "parquet" / "fct_call"))
            rows = duckdb.sql(code) if reader == "DuckDB" else eval(code, {"pd": pd, "ds": ds})  # noqa: S307 - own code
            assert "month" in (rows.column_names if reader == "pyarrow" else rows.columns)
            assert len(rows) == expected, reader


def test_notebooks_show_the_published_figures(sample, monkeypatch):
    monkeypatch.setenv("FCIR_HOME", str(sample.home))
    notebooks = PROJECT_ROOT / "docs" / "notebooks"
    share = "where force_code = 'kent' and section = 'calls_101' and measure = 'pct_not_answered'"
    expected = sample.published(f"select strftime(month_start, '%Y-%m'), display_value from marts.board_paper {share}")
    _, shown = runpy.run_path(str(notebooks / "explore.py"))["app"].run()
    with shown["opened"]:
        assert shown["reconciled"]["figures"].sum() == 108
        assert {row["Month"]: row["Figure"] for row in shown["series"]} == dict(expected)
        assert len(shown["answer"]) == 24
        with pytest.raises(duckdb.Error):
            shown["published"].execute("create table main.mine as select 1")
    # The other one needs public libraries only.
    assert "dagster_project" not in (notebooks / "analysis.py").read_text(encoding="utf-8")
    _, shown = runpy.run_path(str(notebooks / "analysis.py"))["app"].run()
    headlines = dict(shown["headlines"][["measure", "figure"]].itertuples(index=False))
    assert (len(headlines), headlines["999 calls received"]) == (10, "28,441")
    assert list(shown["months"]["value"].round(2))[-1] == 15.89
    assert len(shown["control_chart"].to_dict()["layer"]) == 5
    assert (f"{shown['worst_month']:%Y-%m}", shown["worst_figure"]) == ("2022-10", "53.27%")
    assert f"{shown['share']:.2f}%" == shown["worst_figure"]
    assert len(shown["days"]) == 31


QUERY_TYPES = {
    "VARCHAR": "type text",
    "BIGINT": "Int64.Type",
    "DATE": "type date",
    "TIMESTAMP": "type datetime",
    "BOOLEAN": "type logical",
}


def test_queries_for_power_bi_and_excel_name_every_table_column_and_type(sample):
    tables = (sample.current / "queries" / "tables.pq").read_text(encoding="utf-8")
    measures = (sample.current / "queries" / "measures.pq").read_text(encoding="utf-8")
    line = re.compile(r'^ +\{"(\w+)", "[^"]+", Table\.TransformColumnTypes\((\w+)\("(\w+)"\), \{(.*)\}\)\},?$', re.M)
    declared = {}
    for name, function, of_file, columns in line.findall(tables):
        assert name == of_file
        assert (sample.current / "parquet" / name).is_dir() is (function == "MonthFiles"), name
        declared |= {(name, column): kind for column, kind in re.findall(r'\{"(\w+)", ([^}]+)\}', columns)}
    published = sample.published("select table_name, column_name, data_type from duckdb_columns() where not internal")
    assert declared == {(name, column): QUERY_TYPES.get(kind, "type number") for name, column, kind in published}
    assert {kind for *_, kind in published if kind not in QUERY_TYPES and not kind.startswith("DECIMAL")} == set()
    headers = {
        file.read_text(encoding="utf-8").splitlines()[0] for file in (sample.current / "measures").rglob("*.csv")
    }
    typed = re.search(r"TransformColumnTypes\(FirstDays, \{(.*)\}, ", measures)
    assert headers == {",".join(re.findall(r'"(\w+)"', typed[1]))}
    for text in (tables, measures):
        assert text.count(r"\\server") == 1
        # Nobody here can run it: its brackets match, and it gives its last step.
        code = re.sub(r'"[^"]*"|//.*', "", text)
        assert [pair for pair in ("()", "[]", "{}") if code.count(pair[0]) != code.count(pair[1])] == []
        steps, result = re.fullmatch(r"\s*let\n(.*)\nin\n    (\w+)\n", code, re.S).groups()
        assert re.findall(r"^    (\w+) =", steps, re.M)[-1] == result


def test_the_connection_file_of_excel_has_the_query_of_the_measures(sample):
    folder = sample.current / "queries"
    page = etree.fromstring((folder / "measures.odc").read_text(encoding="utf-8"))
    mashup = etree.fromstring(page.findtext(".//{urn:schemas-microsoft-com:office:odc}PowerQueryMashupData"))
    query = mashup.find(".//{http://schemas.microsoft.com/DataMashup}Query")
    assert query[0].text == (folder / "measures.pq").read_text(encoding="utf-8")
    connection = page.findtext(".//{urn:schemas-microsoft-com:office:odc}ConnectionString")
    assert f"Location={query.get('Name')};" in connection
    dictionary = (sample.current / "dictionary" / "index.html").read_text(encoding="utf-8")
    linked = re.findall(r'href="\.\./(queries/[^"]+)"', dictionary)
    assert linked == ["queries/tables.pq", "queries/measures.pq", "queries/measures.odc"]
