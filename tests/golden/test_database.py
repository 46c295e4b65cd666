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
import pytest
from pypdf import PdfReader

from dagster_project.publication.files import is_of_rows
from dagster_project.publication.parquet_files import parquet_addresses
from dagster_project.settings import PROJECT_ROOT
from dagster_project.sql import table
from tests.troubled import TOLD

# Of the sample: callers have numbers that no telephone has, and the two forces number crimes and operators like this.
PERSONAL = re.compile(rb"\b0(?:7700900|1632960)\d{3}\b|\b4[68]/\d{4,6}/2[23]\b|\bOP-\d{4}\b")
DOCS = PROJECT_ROOT / "docs"


def test_every_table_and_column_is_described_where_readers_look(sample, marts):
    described = {(mart.name, column): text for mart in marts for column, text in mart.columns.items()}
    assert all(described.values())
    columns = sample.published("select table_name, column_name, comment from duckdb_columns() where not internal")
    assert {(name, column): comment for name, column, comment in columns} == described
    # Of a mart and of nothing else.
    comments = sample.published("select schema_name, table_name, comment from duckdb_tables() order by all")
    assert comments == [("marts", mart.name, mart.description) for mart in marts]
    dictionary = (sample.current / "dictionary.html").read_text(encoding="utf-8")
    for mart in marts:
        page = dictionary.partition(f'id="{mart.name}"')[2].partition("</details>")[0]
        assert [column for column in mart.columns if f">{column}<" not in page] == []


def test_parquet_the_database_and_the_warehouse_have_the_same_rows(sample, marts):
    folder = sample.current.resolve()
    counts = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["tables"]
    assert sorted(counts) == [mart.name for mart in marts]
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
            assert [rows for rows, _ in sums] == [counts[mart.name]], mart.name
            assert (mart.month_of is not None) == (mart.name.startswith("fct_") and "/month=" in files[0])
            for file in files if mart.month_of else ():
                months = f"select distinct strftime({mart.month_of}, 'month=%Y-%m') from '{file}'"
                assert connection.execute(months).fetchall() == [(Path(file).parent.name,)]


def test_the_manifest_lists_every_file_and_delivery(sample):
    assert sample.damage() == []
    manifest = json.loads((sample.current / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["is_synthetic"], manifest["failed"]) == (True, [])
    landed = {sha256(path.read_bytes()).hexdigest() for path in (sample.home / "landing").rglob("*_20*")}
    assert {item["sha256"] for item in manifest["inputs"]} == landed


def test_everyone_may_read_papers_and_pages_and_nothing_else(sample):
    def modes(path: Path) -> set[int]:
        return {file.stat().st_mode & 0o777 for file in [path, *path.rglob("*")] if not file.is_symlink()}

    published = sample.current.resolve()
    of_rows = {path for path in published.rglob("*") if is_of_rows(path.relative_to(published).as_posix())}
    assert {path.stat().st_mode & 0o777 for path in of_rows} == {0o700, 0o600}
    assert {path.stat().st_mode & 0o777 for path in {published, *published.rglob("*")} - of_rows} == {0o755, 0o644}
    names = {path.name for path in sample.home.iterdir()} - {"published"}
    assert names > {"commentary", "dagster", "dbt", "landing", "marts.duckdb", "secrets", "warehouse.duckdb"}
    assert {name for name in names if (sample.home / name).stat().st_mode & 0o077} == set()
    # An operator puts files into the landing folder with any mode.
    assert {mode for name in names - {"landing"} for mode in modes(sample.home / name) if mode & 0o077} == set()


def shows_a_person(path: Path, personal: re.Pattern[bytes] = PERSONAL) -> bool:
    """Whether a personal value is in the bytes of a file, or in what a reader finds in it that is compressed there."""
    texts = [path.read_bytes()]
    if path.suffix in (".xlsx", ".docx"):
        with zipfile.ZipFile(path) as book:
            texts += [book.read(name) for name in book.namelist()]
    if path.suffix == ".pdf":
        texts += [page.extract_text().encode() for page in PdfReader(path).pages]
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
                found = f"select concat_ws(' ', {columns}) as text from {relation} where regexp_matches(text, ?)"
                texts.append(str(connection.execute(found, [personal.pattern.decode()]).fetchall()).encode())
    return any(personal.search(text) for text in texts)


def test_no_person_of_the_sample_is_in_any_file_but_the_deliveries(sample, golden):
    files = [path for path in sample.home.rglob("*") if path.is_file() and not path.is_symlink()]
    landed = {path for path in files if path.is_relative_to(sample.home / "landing")}
    # The search finds them in files of every kind that it has to open.
    for name in ("crimes_*.csv", "crimes_*.parquet", "call*.xlsx"):
        assert shows_a_person(next(path for path in landed if path.match(name))), name
    assert [path for path in files if path not in landed and shows_a_person(path)] == []
    assert not PERSONAL.search((golden.night.out + golden.night.err).encode())


def test_no_personal_text_is_in_a_publication_a_log_or_the_storage_of_dagster(troubled):
    home, told = troubled.root.home, re.compile("|".join(map(re.escape, TOLD)).encode())
    assert len(TOLD) >= 20
    # Whole names of files, names of columns and unlisted districts stay in these.
    private = [home / name for name in ("landing", "history", "warehouse.duckdb")]
    files = [path for path in home.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) > 100
    kept = [path for path in files if not any(path == one or one in path.parents for one in private)]
    assert [path for path in kept if shows_a_person(path, told)] == []
    nights = troubled.first.out + troubled.first.err + troubled.second.out + troubled.second.err
    assert not told.search(nights.encode())
    checked = troubled.root.fcir("check", *map(str, sorted((home / "landing" / "digital_contacts").iterdir())))
    assert all(text in checked.out for text in ("O BRIEN 03/04/81", "for Mrs Quillfeather"))


def test_code_on_the_page_for_analysts_reads_the_publication(sample):
    page = (DOCS / "analyst_access.md").read_text(encoding="utf-8")
    page = page.replace("/srv/fcir/data/published/current", str(sample.current))
    blocks = re.findall(r"^ *```(\w+)\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL)
    code = {kind: [dedent(text) for of, text in blocks if of == kind] for kind in ("python", "sql")}
    [python] = code["python"]
    exec(python, {})  # noqa: S102 - code of the project
    describe, attach = code["sql"]
    with duckdb.connect() as connection:
        connection.execute(attach)
        assert connection.execute("select count(*) > 0 from memory.main.mine").fetchone() == (True,)
        assert all(comment for _, _, comment in connection.execute(describe).fetchall())


def test_notebooks_show_the_published_figures(sample, monkeypatch):
    monkeypatch.setenv("FCIR_HOME", str(sample.home))
    _, explored = runpy.run_path(str(DOCS / "notebooks" / "explore.py"))["app"].run()
    with explored["opened"]:
        assert explored["reconciled"]["figures"].sum() == 108
        assert [row["Figure"] for row in explored["series"]][:3] == ["15.89%", "20.68%", "38.85%"]
        assert len(explored["answer"]) == 24
        with pytest.raises(duckdb.Error):
            explored["published"].execute("create table main.mine as select 1")
    _, analysed = runpy.run_path(str(DOCS / "notebooks" / "analysis.py"))["app"].run()
    headlines = dict(analysed["headlines"][["measure", "figure"]].itertuples(index=False))
    assert (len(headlines), headlines["999 calls received"]) == (16, "28,441")
    assert list(analysed["months"]["value"].round(2))[-1] == 15.89
    assert (f"{analysed['share']:.2f}%", analysed["worst_figure"], len(analysed["days"])) == ("53.27%", "53.27%", 31)
