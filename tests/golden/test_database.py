"""The database, Parquet, the dictionary and the queries that open them agree, and no person is in any file."""

from __future__ import annotations

import json
import re
import runpy
import zipfile
from collections.abc import Iterator
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
DOCS = PROJECT_ROOT / "docs"


@pytest.fixture(scope="module")
def marts(sample) -> list[Mart]:
    return marts_of(read_manifest(sample.home / "dbt" / "manifest.json"))


@pytest.fixture(scope="module")
def manifest(sample) -> dict:
    return json.loads((sample.current / "manifest.json").read_text(encoding="utf-8"))


def test_the_database_has_the_marts_alone_in_the_version_that_older_clients_open(sample, marts):
    tables = sample.published("select schema_name, table_name from duckdb_tables() order by all")
    assert tables == [("marts", mart.name) for mart in marts]
    assert sample.published("select count(*) from duckdb_views() where not internal") == [(0,)]
    ((tags,),) = sample.published("select tags from duckdb_databases() where not internal")
    assert tags["storage_version"].startswith("v1.4")


def test_every_table_and_column_is_described_where_readers_look(sample, marts):
    described = {(mart.name, column): text for mart in marts for column, text in mart.columns.items()}
    assert all(described.values())
    columns = sample.published(
        "select table_name, column_name, comment, data_type from duckdb_columns() where not internal order by all"
    )
    assert {(name, column): comment for name, column, comment, _ in columns} == described
    dictionary = sample.published(
        "select table_name, column_name, description, replace(upper(data_type), ', ', ',') from marts.data_dictionary "
        "where column_name is not null order by all"
    )
    assert dictionary == columns
    comments = sample.published("select table_name, comment from duckdb_tables() order by all")
    assert comments == [(mart.name, mart.description) for mart in marts]
    for mart in marts:
        page = (sample.current / "dictionary" / f"{mart.name}.html").read_text(encoding="utf-8")
        assert [column for column in mart.columns if f">{column}<" not in page] == []


def test_parquet_the_database_and_the_warehouse_have_the_same_rows(sample, marts, manifest):
    folder = sample.current.resolve()
    assert sorted(manifest["tables"]) == [mart.name for mart in marts]
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
            counted = "select count(*), sum(hash(rows)) from {} as rows"
            sums = {connection.execute(counted.format(relation)).fetchone() for relation in relations}
            assert [rows for rows, _ in sums] == [manifest["tables"][mart.name]], mart.name
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


def texts_in(path: Path) -> Iterator[bytes]:
    """The bytes of a file, and what a reader finds in it that is compressed there."""
    yield path.read_bytes()
    if path.suffix in (".xlsx", ".docx", ".ods", ".pptx"):
        with zipfile.ZipFile(path) as book:
            yield from (book.read(name) for name in book.namelist())
    if path.suffix == ".pdf":
        yield from (page.extract_text().encode() for page in PdfReader(path).pages)
    if path.suffix in (".parquet", ".duckdb"):
        with duckdb.connect() as connection:
            relations = [f"'{path}'"]
            if path.suffix == ".duckdb":
                connection.execute(f"attach '{path}' as searched (read_only)")
                names = connection.execute("select database_name, schema_name, table_name from duckdb_tables()")
                relations = [table(*name) for name in names.fetchall()]
            for relation in relations:
                kinds = connection.execute(f"describe {relation}").fetchall()
                columns = ", ".join(f'"{name}"' for name, kind, *_ in kinds if "VARCHAR" in kind) or "null"
                texts = f"select concat_ws(chr(10), {columns}) as text from {relation}"
                found = f"select text from ({texts}) where regexp_matches(text, ?)"
                rows = connection.execute(found, [PERSONAL.pattern.decode()]).fetchall()
                yield from (text.encode() for (text,) in rows)


def shows_a_person(path: Path) -> bool:
    return any(PERSONAL.search(text) for text in texts_in(path))


def test_no_person_of_the_sample_is_in_any_file_but_the_deliveries(sample, golden):
    files = [path for path in sample.home.rglob("*") if path.is_file() and not path.is_symlink()]
    landed = {path for path in files if path.is_relative_to(sample.home / "landing")}
    # The search finds them in files of every kind that it has to open.
    for name in ("crimes_*.csv", "crimes_*.parquet", "call*.xlsx"):
        assert shows_a_person(next(path for path in landed if path.match(name))), name
    assert [path for path in files if path not in landed and shows_a_person(path)] == []
    assert not PERSONAL.search((golden.night.out + golden.night.err).encode())


def test_code_on_the_page_for_analysts_reads_the_publication(sample):
    page = (DOCS / "analyst_access.md").read_text(encoding="utf-8")
    page = page.replace("/srv/fcir/data/published/current", str(sample.current))
    blocks = re.findall(r"^ *```(\w+)\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL)
    code = {kind: [dedent(text) for of, text in blocks if of == kind] for kind in ("python", "sql")}
    # Polars is not among the libraries of the project.
    without_polars = [text for text in code["python"] if "import polars" not in text]
    assert (len(code["python"]), len(without_polars)) == (3, 2)
    for text in without_polars:
        exec(f"from pathlib import Path\n{text}", {})  # noqa: S102 - code of the project
    describe, attach = code["sql"]
    with duckdb.connect() as connection:
        connection.execute(attach)
        assert connection.execute("select count(*) > 0 from memory.main.mine").fetchone() == (True,)
        assert all(comment for _, _, comment in connection.execute(describe).fetchall())

    readers = re.findall(r"^\| (\w+) \| `([^`]*FOLDER[^`]*)` \| `([^`]*FOLDER[^`]*)` \|$", page, re.MULTILINE)
    assert [reader for reader, *_ in readers] == ["DuckDB", "Polars", "pandas", "pyarrow"]
    calls = "select count(*), count(*) filter (arrived_date >= '2022-11-01') from marts.fct_call"
    for reader, *expressions in (line for line in readers if line[0] != "Polars"):
        counts = []
        for expression in expressions:
            text = expression.replace("FOLDER", str(sample.current / "parquet" / "fct_call"))
            rows = duckdb.sql(text) if reader == "DuckDB" else eval(text, {"pd": pd, "ds": ds})  # noqa: S307 - own code
            assert "month" in (rows.column_names if reader == "pyarrow" else rows.columns)
            counts.append(len(rows))
        assert [tuple(counts)] == sample.published(calls), reader


def test_notebooks_show_the_published_figures(sample, monkeypatch):
    monkeypatch.setenv("FCIR_HOME", str(sample.home))
    _, shown = runpy.run_path(str(DOCS / "notebooks" / "explore.py"))["app"].run()
    with shown["opened"]:
        assert shown["reconciled"]["figures"].sum() == 108
        assert [row["Figure"] for row in shown["series"]][:3] == ["15.89%", "20.68%", "38.85%"]
        assert len(shown["answer"]) == 24
        with pytest.raises(duckdb.Error):
            shown["published"].execute("create table main.mine as select 1")
    # The other one needs public libraries only.
    analysis = DOCS / "notebooks" / "analysis.py"
    assert "dagster_project" not in analysis.read_text(encoding="utf-8")
    _, shown = runpy.run_path(str(analysis))["app"].run()
    headlines = dict(shown["headlines"][["measure", "figure"]].itertuples(index=False))
    assert (len(headlines), headlines["999 calls received"]) == (10, "28,441")
    assert list(shown["months"]["value"].round(2))[-1] == 15.89
    assert len(shown["control_chart"].to_dict()["layer"]) == 5
    assert (f"{shown['worst_month']:%Y-%m}", shown["worst_figure"], len(shown["days"])) == ("2022-10", "53.27%", 31)
    assert f"{shown['share']:.2f}%" == shown["worst_figure"]


def test_queries_for_power_bi_and_excel_name_every_table_column_and_type(sample):
    tables, measures = (
        (sample.current / "queries" / f"{name}.pq").read_text("utf-8") for name in ("tables", "measures")
    )
    line = r'^ +\{"(\w+)", "[^"]+", Table\.TransformColumnTypes\((\w+)\("(\w+)"\), \{(.*)\}\)\},?$'
    declared = {}
    for name, function, of_file, columns in re.findall(line, tables, re.MULTILINE):
        assert name == of_file
        assert (sample.current / "parquet" / name).is_dir() is (function == "MonthFiles"), name
        declared |= {(name, column): kind for column, kind in re.findall(r'\{"(\w+)", ([^}]+)\}', columns)}
    types = {"VARCHAR": "type text", "BIGINT": "Int64.Type", "DATE": "type date", "TIMESTAMP": "type datetime"}
    types |= {"BOOLEAN": "type logical", "DECIMAL": "type number"}
    published = sample.published("select table_name, column_name, data_type from duckdb_columns() where not internal")
    assert declared == {(name, column): types[kind.partition("(")[0]] for name, column, kind in published}
    headers = {file.read_text("utf-8").splitlines()[0] for file in (sample.current / "measures").rglob("*.csv")}
    typed = re.search(r"TransformColumnTypes\(FirstDays, \{(.*)\}, ", measures)
    assert headers == {",".join(re.findall(r'"(\w+)"', typed[1]))}
    for text in (tables, measures):
        assert text.count(r"\\server") == 1
        # Nobody here can run it: its brackets match, and it gives its last step.
        code = re.sub(r'"[^"]*"|//.*', "", text)
        assert [pair for pair in ("()", "[]", "{}") if code.count(pair[0]) != code.count(pair[1])] == []
        steps, result = re.fullmatch(r"\s*let\n(.*)\nin\n    (\w+)\n", code, re.DOTALL).groups()
        assert re.findall(r"^    (\w+) =", steps, re.MULTILINE)[-1] == result

    page = etree.fromstring((sample.current / "queries" / "measures.odc").read_text("utf-8"))
    office = "{urn:schemas-microsoft-com:office:odc}"
    mashup = etree.fromstring(page.findtext(f".//{office}PowerQueryMashupData"))
    query = mashup.find(".//{http://schemas.microsoft.com/DataMashup}Query")
    assert query[0].text == measures
    assert f"Location={query.get('Name')};" in page.findtext(f".//{office}ConnectionString")
