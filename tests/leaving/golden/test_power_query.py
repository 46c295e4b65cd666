"""Queries for Power BI and Excel, and the connection that Excel opens."""

import re

from lxml import etree


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
