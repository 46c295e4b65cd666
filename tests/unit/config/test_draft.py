"""A draft loads the exports that it was drafted from, asks what they do not tell, and names no person."""

import json
from itertools import cycle, islice

import pytest
import xlsxwriter
import yaml

from dagster_project.cli.app import run_command
from dagster_project.config import contracts_of
from dagster_project.config.draft import draft
from dagster_project.contracts import load_contracts
from dagster_project.loading.dry_run import check_deliveries
from dagster_project.settings import CONTRACTS, Settings

PERSONAL = ["Jane Smith", "Tom Brown", "07700 900123", "07700 900456", "jo@example.org"]
LINES, OUTCOMES = ["FCC_999_Q", "FCC_101_Q", "HR Desk"], ["Handled", "Abandoned in Queue", "Handled", "Test Call"]


def calls():
    """Return an export of calls: preamble, times in two columns of a twelve-hour clock, own words, a totals row."""
    lines = ["Historical Report,,,,,,,", "Run date,15/10/2022,,,,,,"]
    lines.append("Contact ID,Leg,Call Date,Call Time,Skill Name,Call Outcome,Wait (secs),Agent Name")
    for n, line, outcome, person in zip(range(120), cycle(LINES), cycle(OUTCOMES), cycle(PERSONAL), strict=False):
        clock, word = f"{n % 12 + 1}:{n % 60:02}:09 {'AM' if n % 2 else 'PM'}", outcome if n else "Marlowe"
        lines.append(f"UC-{n},1,14/10/2022,{clock},{line},{word},{n},{person}")
    return "\r\n".join([*lines, "Total,120,,,,,,", ""])


def configured(home, drafted, text=None):
    file = home / "config" / "contracts" / drafted.file_name
    file.parent.mkdir(parents=True)
    file.write_text(text or drafted.text, encoding="utf-8")
    settings = Settings(home=home, _env_file=None)
    return settings, contracts_of(settings)[drafted.file_name.split(".")[0]]


def test_a_foreign_export_of_calls_loads_when_the_questions_of_its_draft_are_answered(tmp_path):
    path = tmp_path / "call_segments_2022-10-14_of_Thames Valley.csv"
    path.write_text(calls(), encoding="utf-8")
    drafted = draft("call_segments", [path], load_contracts(CONTRACTS)["call_segments"])
    options = yaml.safe_load(drafted.text)
    assert options["timeOfDay"] == {"arrived_at": "Call Time"}
    assert options["timeFormats"] == {"arrived_at": "%d/%m/%Y %I:%M:%S %p"}
    assert options["values"] == {
        "line": {"FCC_999_Q": "999", "FCC_101_Q": "101"},
        "disposition": {"Handled": "answered", "Abandoned in Queue": "abandoned"},
    }
    assert options["fromFileName"] == {"force_code": "_of_([A-Za-z ]+)$"}
    asked = ['line: "HR Desk" (40 rows) is which of 999', 'disposition: "Test Call" (30 rows)']
    asked.append("what does 1 other value mean")
    assert all(any(text in question for question in drafted.questions) for text in asked)
    # A word that occurs once may be a name.
    assert not [text for text in ["Marlowe", *PERSONAL] if text in drafted.text]
    options["values"]["line"]["HR Desk"], options["values"]["disposition"]["Test Call"] = "other", ""
    settings, contract = configured(tmp_path, drafted, yaml.safe_dump(options | {"faultyShareLimit": 0.5}))
    [delivery] = check_deliveries(settings, contract, [path], shown=0)
    # A row without a disposition is quarantined: its column is required.
    assert delivery.verdict.is_accepted, delivery.verdict.reason
    assert (delivery.files[0].load.rows_read, delivery.files[0].load.rows_loaded) == (120, 89)


@pytest.mark.parametrize("kind", ["xlsx", "jsonl"])
def test_a_draft_needs_no_answer_where_names_and_cells_tell_enough(tmp_path, kind):
    path = tmp_path / f"live_chats_2022-10-14.{kind}"
    header = ["Session Id", "Date Requested", "Ended", "Advisor", "Topic", "Incident Created"]
    rows = [
        (f"WC{n}", f"14-Oct-2022 {n % 24:02}:10", f"14-Oct-2022 {n % 24:02}:40", person, topic, "Yes")
        for n, person, topic in islice(zip(range(60), cycle(PERSONAL), cycle(["ASB", "Missing Person"])), 60)
    ]
    if kind == "jsonl":
        rows = [(chat, 1665748800 + n, 1665748860123 + n, *rest) for n, (chat, _, _, *rest) in enumerate(rows)]
        nested = {"tags": ["secret"]}
        path.write_text("".join(json.dumps(dict(zip(header, row, strict=True)) | nested) + "\n" for row in rows))
    else:
        with xlsxwriter.Workbook(path) as book:
            for name, part in (("Fri", rows[:30]), ("Sat", rows[30:])):
                sheet = book.add_worksheet(name)
                for at, row in enumerate([["Chats"], header, *part]):
                    sheet.write_row(at, 0, row)
    drafted = draft("live_chats", [path], load_contracts(CONTRACTS)["live_chats"])
    assert kind == "xlsx" or {"%s", "%Q"} == {*yaml.safe_load(drafted.text)["timeFormats"].values()}
    assert kind == "xlsx" or "# Not loaded: tags (objects or lists)." in drafted.text
    assert (drafted.questions, "sheets: all" in drafted.text) == ((), kind == "xlsx")
    [delivery] = check_deliveries(*configured(tmp_path, drafted), [path], shown=0)
    assert (delivery.files[0].load.rows_loaded, delivery.verdict.is_accepted) == (60, True)


def test_a_draft_asks_for_what_would_change_figures_or_lose_rows_without_a_word(tmp_path):
    contracts = load_contracts(CONTRACTS)
    path = tmp_path / "crimes_2022-10-14.csv"
    lines = ["CRIME_NO,CREATED_DT,LAST_MOD_DT,CRIME_STATUS,OFFENCE_CODE,BEAT"]
    lines += [f"N{n},202210140{n % 10}1500,202210141{n % 10}1500,Recorded,8N,B{n % 3}" for n in range(60)]
    path.write_text("\n".join([*lines, ""]))
    drafted = draft("crimes", [path], contracts["crimes"])
    options = yaml.safe_load(drafted.text)
    assert options["defaults"] == {"updated_at": "recorded_at"}
    assert options["timeFormats"] == dict.fromkeys(("recorded_at", "updated_at"), "%Y%m%d%H%M%S")
    asked = " ".join(drafted.questions)
    assert "updated_at is taken from recorded_at. " in asked
    assert 'Is it "LAST_MOD_DT"? State a heading' in asked
    assert 'report_channel, district, which figures may need: is one of them "LAST_MOD_DT", "BEAT"?' in asked
    # What is missing on every sheet is asked for, and words of a flag; days may be times.
    path = tmp_path / "digital_contacts_2022-10-14.xlsx"
    with xlsxwriter.Workbook(path) as book:
        for name in ("Fri", "Sat"):
            sheet = book.add_worksheet(name)
            for at, row in enumerate([("Ref", "Day", "Test?"), *((f"{name}{n}", "14/10/2022", "X") for n in range(9))]):
                sheet.write_row(at, 0, row)
    drafted = draft("digital_contacts", [path], contracts["digital_contacts"])
    asked = " ".join(drafted.questions)
    assert yaml.safe_load(drafted.text) == {"aliases": {"contact_id": "Ref", "is_test": "Test?"}, "sheets": "all"}
    assert 'received_at is required; which heading is it? When the contact was received. Is it "Day"?' in asked
    assert 'is_test: "X" (18 rows) is which of true, false?' in asked
    # Parts that are counted from 0.
    path = tmp_path / "call_segments_2022-10-14.csv"
    text = calls().replace(",1,14/10", ",0,14/10").replace("UC-7,0", "UC-6,1")
    path.write_text(text, encoding="utf-8")
    asked = " ".join(draft("call_segments", [path], contracts["call_segments"]).questions)
    assert 'segment_no: "Leg" has 0, and the least is 1. Map all of them' in asked
    assert 'of other exports: {"0": "1", "1": "2"}.' in asked


@pytest.mark.parametrize(
    ("source", "header", "row", "stated", "asked"),
    [
        (
            "call_segments",
            "UCID,Call Date,Callback Date,Call Time,Line,Result,Queue Secs",
            "u{n},14/10/2022,15/10/2022,10:{n},101,Abandoned,5",
            {"timeOfDay": {"arrived_at": "Call Time"}, "defaults": {"segment_no": "1"}},
            ['is one of them "Callback Date"?'],
        ),
        (
            "crimes",
            "Crime Ref,Date Recorded,Date Updated,Time,Offence Code,Status",
            "46/{n}/22,14/10/2022,14/10/2022,10:{n},8N,Recorded",
            {"timeOfDay": {"recorded_at": "Time"}, "defaults": {"updated_at": "recorded_at"}},
            ['that the row describes. Is it "Date Updated"?'],
        ),
        (
            "online_crime_reports",
            "Reference,Crime Reference,Service,Started,Submitted",
            "R-{n},46/{n}/22,Report a crime,2022-10-14 10:{n},2022-10-14 11:{n}",
            {"aliases": {"submission_id": "Reference", "crime_ref": "Crime Reference"}},
            [],
        ),
    ],
)
def test_a_draft_loads_where_two_headings_could_be_one_column(tmp_path, source, header, row, stated, asked):
    path = tmp_path / f"{source}_2022-10-14.csv"
    path.write_text("\n".join([header, *(row.format(n=n) for n in range(10, 50)), ""]))
    drafted = draft(source, [path], load_contracts(CONTRACTS)[source])
    options = yaml.safe_load(drafted.text)
    assert {name: options[name] | value for name, value in stated.items()} == {name: options[name] for name in stated}
    assert all(any(text in question for question in drafted.questions) for text in asked), drafted.questions
    [delivery] = check_deliveries(*configured(tmp_path, drafted), [path], shown=9)
    assert (delivery.files[0].load.rows_loaded, delivery.verdict.is_accepted) == (40, True), delivery.files[0].rows


def test_a_draft_asks_to_leave_out_one_of_two_names_of_a_column(tmp_path):
    path = tmp_path / "call_segments_2022-10-14.csv"
    path.write_text("UCID,Call ID,Arrived At,Line\n" + "u1,c1,2022-10-14 10:00,101\n" * 9)
    questions = draft("call_segments", [path], load_contracts(CONTRACTS)["call_segments"]).questions
    assert 'call_id: both "UCID" and "Call ID" are names of it; leave one of them out of the export.' in questions


def test_a_draft_is_written_on_request_and_never_over_a_file(tmp_path, monkeypatch, capsys):
    path = tmp_path / "call_segments_2022-10-14.csv"
    path.write_text(calls(), encoding="utf-8")
    monkeypatch.setenv("FCIR_HOME", str(tmp_path))
    arguments = ["contract", "draft", "call_segments", str(path)]
    file = tmp_path / "config" / "contracts" / "call_segments.yaml"
    assert (run_command(arguments), file.exists()) == (0, False)
    assert (run_command([*arguments, "--write"]), file.exists()) == (0, True)
    file.write_text("answered")
    assert (run_command([*arguments, "--write"]), file.read_text()) == (2, "answered")
    assert "call_segments.yaml: exists and was not changed" in capsys.readouterr().err
