"""The sample reproduces the 108 printed figures, and changing one event changes its figure."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import runpy
import subprocess
import sys
from decimal import Decimal
from functools import cache
from hashlib import sha256
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import duckdb
import pyarrow.parquet as pq
import pytest
from pypdf import PdfReader
from python_calamine import CalamineWorkbook

from dagster_project.publication.parquet_files import parquet_addresses
from dagster_project.publication.report.display import display
from dagster_project.warehouse.connection import open_read_only
from tests.end_to_end.command import PROJECT

MATCHES = "select count(*) from marts.reconciliation where verdict in ('match', 'match_other_formula')"


def test_first_run_reproduces_all_108_printed_figures(sample):
    assert sample.published(MATCHES) == [(108,)]
    assert sample.published("select count(*) from marts.reconciliation") == [(108,)]
    formulas = sample.published(
        "select count(distinct formula), count(*) from marts.reconciliation where measure = 'pct_cancelled'"
    )
    assert formulas == [(2, 6)]


def test_ten_narrative_figures_are_explained_or_name_missing_months(sample):
    rows = sample.published(
        "select statement_id, verdict, warehouse_value, formula, months_needed from marts.reconciliation_narrative"
    )
    loaded = "pooled over the loaded months 2022-08 to 2023-01, instead of 2022-04 to 2023-01"
    year_needs, change_needs = "2022-04 to 2022-07", "2022-02 to 2022-07"
    assert {name: found for name, *found in rows} == {
        # 2,572 of 192,764; 3,623,649 s of 190,192 calls, 19.05 s.
        "N1": ["match_other_formula", None, loaded, year_needs],
        "N2": ["match_other_formula", None, loaded, year_needs],
        "N3": ["no_data", None, None, year_needs],
        "N4": ["no_data", None, None, year_needs],
        "N5": ["no_data", None, None, "not stated"],
        "N6": ["no_data", None, None, year_needs],
        # 85,967 / 6 = 14,327.83.
        "N7": ["match_other_formula", "14,328", "mean per month, cut off", None],
        "N8": ["no_data", None, None, change_needs],
        # 3.6, 2.7, 3.0, 3.6, 3.7 and 3.5 make 20.1; 2,915 of 87,400 are 3.34%.
        "N9": ["match_other_formula", "3.34%", "mean of rounded months", None],
        "N10": ["no_data", None, None, change_needs],
    }


def test_fifteen_claims_have_verdicts_and_evidence(sample):
    rows = sample.published(
        "select statement_id, test_no, verdict, claim_verdict, months_needed, evidence from marts.claims"
    )
    assert {name: verdict for name, _, _, verdict, *_ in rows} == {
        **dict.fromkeys(("C6", "C7", "C9", "C11", "C12", "C13"), "supported"),
        "C1": "supported_so_far",
        **dict.fromkeys(("C3", "C4", "C8", "C10"), "contradicted"),
        **dict.fromkeys(("C2", "C5", "C14", "C15"), "not_testable"),
    }
    found = {(name, number): (verdict, needed, evidence) for name, number, verdict, _, needed, evidence in rows}
    assert found["C1", 1] == (
        "supported_so_far",
        "2022-04 to 2022-07",
        "1.33% over August 2022 to January 2023, under the benchmark of 2%. 6 of the 10 months are loaded; not loaded: "
        "April 2022 to July 2022.",
    )
    assert found["C2", 1] == (
        "not_testable",
        None,
        "The control chart with August 2022 to January 2023 has 6 of the 12 points that a verdict needs.",
    )
    # 35,634 calls of 31 days and 28,441 of 31.
    assert found["C3", 1] == (
        "contradicted",
        None,
        "Fell from 1,149.5 a day in August 2022 to 917.5 a day in January 2023.",
    )
    assert found["C5", 1] == (
        "not_testable",
        "2021-02 to 2022-01, 2022-02 to 2022-07",
        "Not loaded: February 2021 to July 2022. Loaded: August 2022 to January 2023.",
    )
    assert found["C7", 1] == (
        "supported",
        None,
        "Fell from 53.27% in October 2022 to 15.89% in January 2023; lower is better.",
    )
    assert found["C8", 1] == (
        "contradicted",
        None,
        "Fell from 1,606.7 a day in August 2022 to 1,378.2 a day in January 2023.",
    )
    assert found["C10", 1] == (
        "contradicted",
        None,
        "Not the sum in 6 of 6 months, August 2022 to January 2023: 122,028 in total, the other measures 60,971.",
    )
    assert {found["C14", number][:2] for number in (1, 2)} == {("not_testable", "2022-07")}


def test_trust_page_shows_claims_and_evidence(sample):
    page = unescape((sample.current / "trust.html").read_text(encoding="utf-8"))
    assert "Supported by the months loaded so far (August 2022 to January 2023)" in page
    for statement, evidence in sample.published("select statement, evidence from marts.claims"):
        assert statement in page
        assert evidence in page


def test_evidence_is_equal_in_warehouse_database_and_parquet(sample):
    query = "select report_id, statement_id, test_no, evidence from {} order by all"
    published = sample.published(query.format("marts.claims"))
    assert all(evidence for *_, evidence in published)
    assert duckdb.sql(query.format(f"'{sample.current / 'parquet' / 'claims.parquet'}'")).fetchall() == published
    with open_read_only(sample.home / "warehouse.duckdb") as connection:
        assert connection.execute(query.format("marts.claims")).fetchall() == published


def test_claims_about_events_agree_with_the_events(sample):
    values = dict(sample.published("select statement_id, value from marts.claims where statement_id in ('C4', 'C13')"))
    ((called_back, not_answered),) = sample.published(
        "select count(*) filter (where called_back_date = arrived_date), count(*) "
        "from marts.fct_call where line = '999' and not is_answered and force_code = 'kent' "
        # Rows that arrived late in the first days are of the month before.
        "and arrived_date >= '2022-08-01'"
    )
    assert abs(float(values["C4"]) - 100 * called_back / not_answered) < 1e-6
    chats = sample.published(
        "select operator_id, date_trunc('month', requested_date), accepted_at, ended_at "
        "from marts.fct_live_chat where is_accepted and operator_id is not null and force_code = 'kent' "
        "and requested_date >= '2022-08-01' order by all"
    )
    several, latest = set(), {}
    for operator, month, accepted, ended in chats:
        if operator in latest and latest[operator][0] == month:
            if accepted < latest[operator][1]:
                several.add((operator, month))
            ended = max(ended, latest[operator][1])
        latest[operator] = (month, ended)
    operators = {(operator, month) for operator, month, *_ in chats}
    assert abs(float(values["C13"]) - 100 * len(several) / len(operators)) < 1e-6


def test_audit_of_first_run_adds_up(sample):
    ((files, broken),) = sample.published(
        "select count(*), count(*) filter (where rows_read <> rows_loaded + rows_quarantined) from marts.load_audit"
    )
    assert files > 900
    assert broken == 0
    # Each quarantined row is there with its reason.
    assert sample.published("select count(*) from marts.quarantine") == sample.published(
        "select sum(rows_quarantined) from marts.load_audit where status = 'loaded'"
    )
    assert sample.published("select count(distinct reason_code) > 5 from marts.quarantine") == [(True,)]


def test_publication_is_whole_and_synthetic(sample):
    assert sample.damage() == []
    manifest = json.loads((sample.current / "manifest.json").read_text())
    assert manifest["is_synthetic"] is True
    landed = {sha256(path.read_bytes()).hexdigest() for path in (sample.home / "landing").rglob("*_20*")}
    assert {item["sha256"] for item in manifest["inputs"]} == landed
    for name, rows in manifest["tables"].items():
        addresses = parquet_addresses(sample.current, name)
        assert sum(pq.read_metadata(sample.current / address).num_rows for address in addresses) == rows, name


def test_every_form_of_the_paper_shows_the_same_108_texts(sample):
    printed = sample.published(
        "select concat(section, '.', measure), strftime(month_start, '%Y-%m'), display_value from marts.board_paper"
        " where force_code = 'kent'"
    )
    assert len(printed) == 108
    paper = sample.current / "papers" / "kent" / "2023-01"
    rows = [
        row
        for section in {measure.partition(".")[0] for measure, _, _ in printed}
        for row in csv.DictReader(io.StringIO((paper / f"{section}.csv").read_text(encoding="utf-8")))
    ]
    texts = {(row["measure"], row["column"]): row["text"] for row in rows}
    assert {(measure, month): text for measure, month, text in printed}.items() <= texts.items()
    page = (paper / "board_paper.html").read_text(encoding="utf-8")
    pages = [page.extract_text() for page in PdfReader(paper / "board_paper.pdf").pages]
    assert len(pages) < 6
    for text in texts.values():
        assert f">{text}<" in page
        assert text in " ".join(pages)
    for form in ("board_paper.html", "board_paper.pdf", "board_paper.xlsx"):
        # Links to the traces begin at the folder of the page.
        expected = (paper / form).read_bytes().replace(b'href="../../../', b'href="')
        assert (sample.current / form).read_bytes() == expected


def test_the_paper_in_the_documentation_is_that_of_the_sample(sample):
    paper = PROJECT / "docs" / "sample" / "board_paper.pdf"
    assert paper.read_bytes() == (sample.current / "board_paper.pdf").read_bytes(), "run: make pictures"


def test_year_to_date_names_first_delivery_once_per_table(sample):
    page = (sample.current / "board_paper.html").read_text(encoding="utf-8")
    # The section on all forces has months only.
    tables = [table for table in page.split("<table>")[1:] if "Year to date" in table.partition("</thead>")[0]]
    assert len(tables) == 6
    assert [table.count("since August 2022") for table in tables] == [1] * len(tables)
    # The formula of one measure changes within the months shown; nothing else has a note.
    assert set(re.findall(r"<sup>.*?</sup>", page)) == {'<sup><a href="#note-1" aria-label="note 1">1</a></sup>'}
    assert "Change of formula: until October 2022 crimes cancelled divided by" in page
    assert "Provisional" not in page


def test_paper_command_renders_chosen_months(sample, tmp_path):
    done = sample.run("paper", "--month", "2022-10", "--months", "3", "--out", str(tmp_path / "paper"))
    assert done.returncode == 0, done.stderr
    assert {Path(line).name for line in done.stdout.splitlines()} == {
        path.name for path in (tmp_path / "paper").iterdir()
    }
    page = (tmp_path / "paper" / "board_paper.html").read_text(encoding="utf-8")
    assert "August 2022 to October 2022" in page
    assert "Jan 2023" not in page
    refused = sample.run("paper", "--month", "2021-10", "--out", str(tmp_path / "none"))
    assert refused.returncode == 2
    assert "kent has August 2022 to January 2023" in refused.stderr
    assert not (tmp_path / "none").exists()


def test_texts_of_marts_equal_python_texts(sample):
    """Limits and axes have no text in the marts; theirs follows the same rule."""
    rows = sample.published(
        "select distinct value, unit, decimals, display_value from marts.kpi_measure_period"
        " inner join marts.measures using (measure) where value is not null"
    )
    assert len(rows) > 500
    # The value has six decimals; at exactly a half the text is made from the sums and may be the other.
    half = [row for row in rows if display(row[0], row[1], row[2]) != row[3]]
    assert [row for row in half if row[0].quantize(Decimal("0.000001")) != row[0]] == []
    assert len(half) <= 1


def test_data_docs_are_complete_and_offline(sample):
    done = sample.run("docs", "--data-docs")
    index = sample.home / "data_docs" / "index.html"
    assert done.stdout.split() == ["Data", "Docs", str(index)]
    expected = sample.published(
        "select source, count(*), count(*) filter (where not success) from marts.expectation_results group by source"
    )
    for source, expectations, failed in expected:
        (page,) = index.parent.glob(f"validations/{source}/*/*/*.html")
        marks = [page.read_text(encoding="utf-8").count(f"{icon} text-") for icon in ("fa-check-circle", "fa-times")]
        # One mark is that of the whole suite.
        assert (sum(marks), marks[1]) == (expectations + 1, failed + bool(failed))
    for page in index.parent.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "default-src 'none'" in text
        assert not re.findall(r"https?://|<script|<link|<img", text), page
        for address in re.findall(r'(?:href|src)="([^"#]+)', text):
            assert (page.parent / unquote(address)).exists(), (page, address)


def test_published_database_is_read_only_and_has_only_marts(sample):
    with duckdb.connect(str(sample.current / "fcir.duckdb"), read_only=True) as connection:
        schemas = connection.execute("select distinct schema_name from duckdb_tables()").fetchall()
        assert schemas == [("marts",)]
        with pytest.raises(duckdb.Error, match="read-only"):
            connection.execute("delete from marts.fct_call")
        # The version that 1.4 clients open.
        ((tags,),) = connection.execute("select tags from duckdb_databases() where not internal").fetchall()
        assert tags["storage_version"].startswith("v1.4")


def test_second_run_changes_nothing(sample):
    before = sample.current.readlink(), (sample.home / "warehouse.duckdb").stat().st_mtime_ns
    done = sample.run("run")
    assert done.returncode == 0
    assert "Nothing is new" in done.stdout
    assert (sample.current.readlink(), (sample.home / "warehouse.duckdb").stat().st_mtime_ns) == before


def test_status_lists_every_source(sample):
    done = sample.run("status")
    assert done.returncode == 0
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line and line[0].islower()}
    assert set(rows) >= {"call_segments", "crimes", "digital_contacts", "live_chats", "online_crime_reports"}
    assert rows["crimes"][:3] == ["184", "0", "0"]
    assert "2023-01-31" in rows["crimes"]
    assert sample.current.readlink().name in done.stdout


QUERY = (
    "select month_start, received, pct_not_answered, null as nothing, 'a|b' as bar "
    "from kpi_calls_monthly where force_code = 'kent' and line = '999' order by month_start limit 2"
)


def test_query_answers_in_four_formats(sample):
    expected = sample.published(QUERY.replace("from kpi", "from marts.kpi"))
    texts = [["" if cell is None else str(cell) for cell in row] for row in expected]
    names = ["month_start", "received", "pct_not_answered", "nothing", "bar"]

    rows = list(csv.reader(io.StringIO(sample.run("query", QUERY, "--csv").stdout)))
    assert rows == [names, *texts]

    objects = json.loads(sample.run("query", QUERY, "--json").stdout)
    assert [[item["month_start"], item["received"], item["nothing"]] for item in objects] == [
        [str(row[0]), row[1], None] for row in expected
    ]

    lines = sample.run("query", QUERY, "--markdown").stdout.splitlines()
    assert len(lines) == 4
    assert lines[0] == f"| {' | '.join(names)} |"
    assert texts[0][1] in lines[2]
    assert "a\\|b" in lines[2]

    lines = sample.run("query", QUERY).stdout.splitlines()
    assert lines[0].split() == names
    assert [line.split()[:2] for line in lines[-2:]] == [row[:2] for row in texts]


def test_first_page_shows_the_main_points_of_each_force(sample):
    index = (sample.current / "index.html").read_text(encoding="utf-8")
    for force in ("kent", "city-of-london"):
        paper = (sample.current / "papers" / force / "2023-01" / "board_paper.html").read_text(encoding="utf-8")
        points = re.search(r'<h2 id="main-points">Main points</h2>\s*<ol>(.*?)</ol>', paper, re.S)[1]
        assert points.count("<li>") > 1
        assert re.sub(r"\s+", " ", points) in re.sub(r"\s+", " ", index)


NOTEBOOK = PROJECT / "docs" / "notebooks" / "explore.py"


def test_notebook_runs_as_script_and_shows_published_figures(sample, monkeypatch):
    monkeypatch.setenv("FCIR_HOME", str(sample.home))
    done = subprocess.run(
        [sys.executable, NOTEBOOK], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(PROJECT)}
    )
    assert (done.returncode, done.stderr) == (0, "")
    expected = sample.published(
        "select strftime(month_start, '%Y-%m'), display_value from marts.board_paper "
        "where force_code = 'kent' and section = 'calls_101' and measure = 'pct_not_answered'"
    )
    _, shown = runpy.run_path(str(NOTEBOOK))["app"].run()
    with shown["opened"]:
        assert shown["reconciled"]["figures"].sum() == 108
        assert {row["Month"]: row["Figure"] for row in shown["series"]} == dict(expected)
        assert len(shown["answer"]) == 24
        with pytest.raises(duckdb.Error):
            shown["published"].execute("create table main.mine as select 1")


def test_notebook_with_public_libraries_shows_figures_control_chart_and_days(sample, monkeypatch):
    notebook = NOTEBOOK.with_name("analysis.py")
    assert "dagster_project" not in notebook.read_text(encoding="utf-8")
    monkeypatch.setenv("FCIR_HOME", str(sample.home))
    done = subprocess.run([sys.executable, notebook], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    _, shown = runpy.run_path(str(notebook))["app"].run()
    headlines = dict(shown["headlines"][["measure", "figure"]].itertuples(index=False))
    assert headlines["999 calls received"] == "28,441"
    assert len(headlines) == 10
    assert list(shown["months"]["value"].round(2))[-1] == 15.89
    assert len(shown["control_chart"].to_dict()["layer"]) == 5
    assert (f"{shown['worst_month']:%Y-%m}", shown["worst_figure"]) == ("2022-10", "53.27%")
    assert f"{shown['share']:.2f}%" == shown["worst_figure"]
    assert len(shown["days"]) == 31


@pytest.mark.parametrize(
    "sql",
    [
        "select nonsense from kpi_calls_monthly",
        "delete from kpi_calls_monthly",
        "create table t (a int)",
        "select * from read_text('/etc/hostname')",
        "copy kpi_calls_monthly to '{folder}/stolen.csv'",
        "attach '{folder}/other.duckdb' as other",
        "set enable_external_access = true",
        "install httpfs",
    ],
)
def test_wrong_or_writing_query_ends_with_2(sample, tmp_path, sql):
    done = sample.run("query", sql.format(folder=tmp_path))
    assert done.returncode == 2, done.stdout
    assert done.stderr.startswith("fcir: ")
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@cache
def records(path: Path) -> list[Any]:
    """Return the records of a landed file in order, read by other means than the project's."""
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    if path.suffix == ".xlsx":
        book = CalamineWorkbook.from_path(path)
        sheets = [book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names]
        return max(sheets, key=len)
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1"
    return content.decode(encoding).splitlines()


@pytest.mark.parametrize(
    ("measure", "key", "formats"),
    [
        ("calls_101.not_answered", "call_id", {".csv", ".gz", ".xlsx"}),
        ("digital.email", "contact_id", {".jsonl"}),
        ("live_chat.accepted", "chat_id", {".xlsx"}),
        ("crime.cancelled.C5", "cancel_code", {".parquet"}),
    ],
)
def test_figure_is_traced_to_records_of_its_events(sample, measure, key, formats):
    figures = dict(
        sample.published(
            "select measure, cast(value as bigint) from marts.kpi_measure_monthly "
            "where force_code = 'kent' and month_start = '2022-10-01'"
        )
    )
    done = sample.run("trace", measure, "2022-10", "--rows", "--csv")
    assert (done.returncode, done.stderr) == (0, "")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert sum(row["amount"] == "1.000000" for row in rows) == figures[measure] > 0
    keys = {
        row[:2]: row[2]
        for row in sample.warehouse(f"select load_id, source_row, {key} from raw.{rows[0]['source']}")  # noqa: S608
    }
    for row in rows:
        path = sample.home / "landing" / row["source"] / row["file_name"]
        record = records(path)[int(row["source_row"]) - 1]
        assert keys[int(row["load_id"]), int(row["source_row"])] in str(record), row
    assert formats <= {Path(row["file_name"]).suffix for row in rows}


def test_trace_shows_figure_as_printed(sample):
    ((printed,),) = sample.published(
        "select display_value from marts.board_paper "
        "where force_code = 'kent' and section = 'crime' and measure = 'pct_cancelled' "
        "and month_start = date '2022-10-01'"
    )
    done = sample.run("trace", "crime.pct_cancelled", "2022-10")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert f"Figure       {printed}   (percent)" in lines
    # As Kent reported it until the end of that month.
    assert any(line.startswith("Formula      crime.pct_cancelled_of_initially_recorded") for line in lines)
    assert f"Published    {sample.current.readlink().name} has the same figure" in lines
    assert "Adds up      the rows below give these sums" in lines


def personal_values(landing: Path) -> list[str]:
    """Some callers and crime references of the sample."""
    found: list[str] = []
    for path in sorted((landing / "call_segments").glob("*.csv.gz"))[::20]:
        found += re.findall(r"\b0(?:7700900|1632960)\d{3}\b", gzip.decompress(path.read_bytes()).decode())[:2]
    for path in sorted((landing / "crimes").glob("*.parquet"))[::20]:
        table = pq.read_table(path)
        name = next(column for column in table.column_names if re.fullmatch(r"crime.?ref", column, re.IGNORECASE))
        found += table[name].to_pylist()[:2]
    return found


def test_personal_values_of_the_sample_appear_nowhere(sample):
    texts = personal_values(sample.home / "landing")
    assert len(texts) > 15
    for path in sample.home.rglob("*"):
        if path.is_file() and "landing" not in path.relative_to(sample.home).parts:
            content = path.read_bytes()
            assert not [text for text in texts if text.encode() in content], path
    output = (sample.home.parent / "said").read_text(encoding="utf-8")
    assert "All is well" in output
    assert not [text for text in texts if text in output]
    # Columns are compressed on disk, so their values are searched too.
    private = sample.home / "warehouse.duckdb"
    for file, schemas in ((sample.current / "fcir.duckdb", ["marts"]), (private, ["raw", "audit"])):
        with duckdb.connect(str(file), read_only=True) as connection:
            columns = connection.execute(
                "select table_schema, table_name, column_name from information_schema.columns "
                "where data_type = 'VARCHAR' and list_contains(?, table_schema)",
                [schemas],
            ).fetchall()
            assert columns
            for schema, table, column in columns:
                query = f'select count(*) from "{schema}"."{table}" where list_contains(?, "{column}")'  # noqa: S608
                assert connection.execute(query, [texts]).fetchone() == (0,), (schema, table, column)
