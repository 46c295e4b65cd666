"""The queries for Power BI and Excel name every published table and column, and parsers accept them."""

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from lxml import etree

# Installs its argument's parser where npm is there; Power BI and Excel are not.
_PARSE = """
const { DefaultSettings, TaskUtils } = require("@microsoft/powerquery-parser");
const text = require("fs").readFileSync(0, "utf8");
TaskUtils.tryLexParse(DefaultSettings, text).then((task) => {
  if (!TaskUtils.isParseStageOk(task)) { console.error(task.error.message); process.exitCode = 1; }
});
"""
_PARSER = "@microsoft/powerquery-parser@0.18.4"
_DECLARED = re.compile(r'^ +\{"(\w+)", "[^"]+", Table\.TransformColumnTypes\((\w+)\("(\w+)"\), \{(.*)\}\)\},?$', re.M)
_TYPES = {
    "VARCHAR": "type text",
    "BIGINT": "Int64.Type",
    "DATE": "type date",
    "TIMESTAMP": "type datetime",
    "BOOLEAN": "type logical",
}


def text_of(published: Path, name: str) -> str:
    return (published / "queries" / name).read_text(encoding="utf-8")


def test_every_table_and_column_has_its_type(sample):
    declared = {}
    for name, function, of_file, columns in _DECLARED.findall(text_of(sample.current, "tables.pq")):
        assert name == of_file
        assert (sample.current / "parquet" / name).is_dir() is (function == "MonthFiles"), name
        declared |= {(name, column): kind for column, kind in re.findall(r'\{"(\w+)", ([^}]+)\}', columns)}
    published = sample.published(
        "select table_name, column_name, data_type from information_schema.columns where table_schema = 'marts'"
    )
    expected = {(table, column): _TYPES.get(kind, "type number") for table, column, kind in published}
    assert {kind for *_, kind in published if kind not in _TYPES and not kind.startswith("DECIMAL")} == set()
    assert declared == expected


def test_the_folder_is_stated_once(sample):
    for name in ("tables.pq", "measures.pq"):
        text = text_of(sample.current, name)
        assert text.count(r"\\server") == 1
        assert text.index(r"\\server") < text.index("Folder.Files")


def test_the_query_of_measures_names_the_columns_of_their_files(sample):
    files = list((sample.current / "measures").rglob("*.csv"))
    headers = {file.read_text(encoding="utf-8").splitlines()[0] for file in files}
    typed = re.search(r"TransformColumnTypes\(FirstDays, \{(.*)\}, ", text_of(sample.current, "measures.pq"))
    assert [",".join(re.findall(r'"(\w+)"', typed[1]))] == list(headers)


def test_the_connection_file_has_the_same_query(sample):
    page = etree.fromstring(text_of(sample.current, "measures.odc"))
    mashup = etree.fromstring(page.findtext(".//{urn:schemas-microsoft-com:office:odc}PowerQueryMashupData"))
    query = mashup.find(".//{http://schemas.microsoft.com/DataMashup}Query")
    assert query[0].text == text_of(sample.current, "measures.pq")
    connection = page.findtext(".//{urn:schemas-microsoft-com:office:odc}ConnectionString")
    assert f"Location={query.get('Name')};" in connection


def test_the_dictionary_leads_to_the_queries(sample):
    page = (sample.current / "dictionary" / "index.html").read_text(encoding="utf-8")
    linked = re.findall(r'href="\.\./(queries/[^"]+)"', html.unescape(page))
    assert linked == ["queries/tables.pq", "queries/measures.pq", "queries/measures.odc"]
    assert all((sample.current / address).is_file() for address in linked)


@pytest.fixture(scope="module")
def parser(tmp_path_factory) -> Path:
    """A folder with Microsoft's parser of M."""
    npm = shutil.which("npm")
    if not npm:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("parser")
    done = subprocess.run([npm, "install", "--no-audit", "--no-fund", _PARSER], cwd=folder, capture_output=True)
    if done.returncode:
        pytest.skip(f"{_PARSER} cannot be installed")
    return folder


@pytest.mark.parametrize("name", ["tables.pq", "measures.pq"])
def test_the_parser_of_power_query_accepts_it(sample, parser, name):
    def parse(text: str) -> int:
        command = ["node", "-e", _PARSE]
        return subprocess.run(command, cwd=parser, input=text, text=True, capture_output=True).returncode

    query = text_of(sample.current, name)
    assert parse(query) == 0
    assert parse(query.replace("\nlet\n", "\nlett\n")) == 1
