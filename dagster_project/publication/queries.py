"""Queries in Power Query M that open a publication in Power BI and Excel. They name its tables, columns and types."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from dagster_project.publication.tables import HISTORY_COLUMNS

TABLES = "queries/tables.pq"
"""Address of the query of all tables, from their Parquet files."""
MEASURES = "queries/measures.pq"
"""Address of the query of the measures by month, from their CSV files."""
CONNECTION = "queries/measures.odc"
"""Address of the data connection of Excel with the query of the measures."""

# A reader replaces it; the share has another name at every force.
_FOLDER = r"""    // The folder of the publication. Change only this line.
    PublicationFolder = "\\server\fcir\published\current","""

# By the beginning of the data type in the data dictionary.
_TYPES = {
    "varchar": "type text",
    "bigint": "Int64.Type",
    "decimal": "type number",
    "date": "type date",
    "timestamp": "type datetime",
    "boolean": "type logical",
}
_HISTORY_TYPES = {"month": "type date", "value": "type number", "is_provisional": "type logical"}

_CONNECTION = """\
<html xmlns:o="urn:schemas-microsoft-com:office:office" xmlns="http://www.w3.org/TR/REC-html40">
<head>
<meta http-equiv="Content-Type" content="text/x-ms-odc; charset=utf-8"/>
<meta name="ProgId" content="ODC.Database"/>
<meta name="SourceType" content="OLEDB"/>
<title>{name}</title>
<xml id="docprops"><o:DocumentProperties><o:Description>{description}</o:Description><o:Name>{name}</o:Name>\
</o:DocumentProperties></xml>
<xml id="msodc"><odc:OfficeDataConnection xmlns:odc="urn:schemas-microsoft-com:office:odc">
<odc:PowerQueryConnection odc:Type="OLEDB">
<odc:ConnectionString>Provider=Microsoft.Mashup.OleDb.1;Data Source=$Workbook$;Location={name};\
Extended Properties=""</odc:ConnectionString>
<odc:CommandType>SQL</odc:CommandType>
<odc:CommandText>SELECT * FROM [{name}]</odc:CommandText>
</odc:PowerQueryConnection>
<odc:PowerQueryMashupData>{mashup}</odc:PowerQueryMashupData>
</odc:OfficeDataConnection></xml>
</head>
<body></body>
</html>
"""
_MASHUP = """\
<Mashup xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns="http://schemas.microsoft.com/DataMashup">\
<Client>EXCEL</Client><Version>2.21.0.0</Version><MinVersion>2.21.0.0</MinVersion><Culture>en-GB</Culture>\
<SafeCombine>true</SafeCombine><Items><Query Name="{name}"><Formula>{query}</Formula>\
<IsParameterQuery xsi:nil="true"/><IsDirectQuery xsi:nil="true"/></Query></Items></Mashup>"""


def tables_query(tables: Iterable[Mapping[str, Any]]) -> str:
    """Return the query of all tables: name, grain, and the rows with typed columns, read when they are opened.

    Args:
        tables: `table_name`, `grain`, `columns` with `column_name` and `data_type`, and `is_by_month` for a table with
            one file for each month.
    """
    lines = ",\n".join(_table(table) for table in tables)
    return f"""\
// All tables of a publication of fcir, for Power BI: Get data, Blank query, Advanced editor; paste this file and name
// the query fcir. The rows of a table are in its column Data. A query of one table:
//     = fcir{{[Name = "kpi_measure_period"]}}[Data]
let
{_FOLDER}

    TableFile = (name as text) as table =>
        Parquet.Document(File.Contents(PublicationFolder & "\\parquet\\" & name & ".parquet")),
    MonthFiles = (name as text) as table =>
        Table.Combine(
            List.Transform(
                Table.SelectRows(
                    Folder.Files(PublicationFolder & "\\parquet\\" & name), each [Extension] = ".parquet"
                )[Content],
                each Parquet.Document(_)
            )
        ),
    Tables = #table(
        type table [Name = text, Grain = text, Data = table],
        {{
{lines}
        }}
    )
in
    Tables
"""


def measures_query() -> str:
    """Return the query of all measures of all forces by month, as their pages show them; it needs no Parquet."""
    types = _typed((name, _HISTORY_TYPES.get(name, "type text")) for name in HISTORY_COLUMNS)
    return f"""\
// All measures of a publication of fcir by month, for Excel and Power BI: Get data, Blank query, Advanced editor; paste
// this file. value is the number (percentages 0 to 100, durations in seconds), text is the printed text.
let
{_FOLDER}

    Files = Table.SelectRows(Folder.Files(PublicationFolder & "\\measures"), each [Extension] = ".csv"),
    Rows = Table.Combine(
        List.Transform(
            Files[Content],
            each Table.PromoteHeaders(Csv.Document(_, [Delimiter = ",", Encoding = 65001, QuoteStyle = QuoteStyle.Csv]))
        )
    ),
    WithNulls = Table.ReplaceValue(Rows, "", null, Replacer.ReplaceValue, {{"value"}}),
    FirstDays = Table.TransformColumns(WithNulls, {{{{"month", each _ & "-01", type text}}}}),
    Typed = Table.TransformColumnTypes(FirstDays, {types}, "en-GB")
in
    Typed
"""


def connection_file() -> str:
    """Return the query of the measures as a data connection file, which Excel opens as a table.

    Its format is that of a query that Excel exports (MS-ODCFF, with the query as `PowerQueryMashupData`).
    """
    name = "fcir_measures"
    mashup = _MASHUP.format(name=name, query=escape(measures_query()))
    return _CONNECTION.format(name=name, description="Measures by month", mashup=escape(mashup))


def _table(table: Mapping[str, Any]) -> str:
    name = _text(table["table_name"])
    rows = f"{'MonthFiles' if table['is_by_month'] else 'TableFile'}({name})"
    types = _typed((column["column_name"], _type(column["data_type"])) for column in table["columns"])
    return f"            {{{name}, {_text(table['grain'])}, Table.TransformColumnTypes({rows}, {types})}}"


def _typed(columns: Iterable[Sequence[str]]) -> str:
    return f"{{{', '.join(f'{{{_text(name)}, {kind}}}' for name, kind in columns)}}}"


def _type(data_type: str) -> str:
    return _TYPES[data_type.lower().partition("(")[0]]


def _text(text: str) -> str:
    """Return a text as M writes it."""
    return '"' + text.replace('"', '""').replace("#(", "#(#)(") + '"'
