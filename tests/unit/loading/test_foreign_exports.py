"""Exports of a force whose systems write other words: they load by its configuration alone, in each format alike."""

import datetime as dt
import json

import pytest
import xlsxwriter

from dagster_project.cli.check import check_files
from dagster_project.config import contracts_of
from dagster_project.settings import Settings
from tests.unit.loading.installation import Installation

CONFIG = """
aliases: {call_id: Contact ID, arrived_at: Call Date, line: Skill, disposition: Outcome}
timeOfDay: {arrived_at: Call Time}
timeFormats: {arrived_at: "%d/%m/%Y %I:%M:%S %p"}
values:
  line: {FCC_999_Q: "999", FCC_101_Q: "101"}
  disposition: {Handled: answered, Gave Up: abandoned, N/A: overflow}
  force_code: {A&S: avon-and-somerset}
defaults: {segment_no: 1, queue_seconds: talk_seconds}
sheets: all
fromFileName: {force_code: "_of_([A-Za-z ]+)$"}
"""
HEADER = ["Contact ID", "Call Date", "Call Time", "Skill", "Outcome", "Talk", "Force Code", "Caller Number"]
ROWS = [
    ["c1", "03/11/2022", "01:05:00 PM", "fcc_999_q", "Handled", "60", "Avon and Somerset", "07700 900001"],
    ["c2", "03/11/2022", "12:30:00 AM", "FCC_101_Q", "gave up", "", "A&S", "07700 900002"],
    ["c3", "03/11/2022", "11:59:59 PM", "101", "N/A", "", "Avon and Somerset Constabulary", "07700 900002"],
    ["c4", "03/11/2022 13:05:00", "", "Sales", "Handled", "60", "kent", "07700 900002"],
]
GOOD = [
    ("avon-and-somerset", "c1", 1, "999", dt.datetime(2022, 11, 3, 13, 5), "answered", 60),  # noqa: DTZ001
    ("avon-and-somerset", "c2", 1, "101", dt.datetime(2022, 11, 3, 0, 30), "abandoned", None),  # noqa: DTZ001
    ("avon-and-somerset", "c3", 1, "101", dt.datetime(2022, 11, 3, 23, 59, 59), "overflow", None),  # noqa: DTZ001
]


def written(path, kind, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "csv":
        path.write_text("\n".join(map(",".join, [header, *rows, []])), encoding="utf-8")
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(dict(zip(header, row, strict=True))) + "\n" for row in rows))
    else:
        # A sheet for each two rows, the first with real dates and times; each ends with a totals row.
        with xlsxwriter.Workbook(path) as book:
            date, clock = (book.add_format({"num_format": form}) for form in ("dd/mm/yyyy", "hh:mm:ss"))
            for number in range(0, len(rows), 2):
                sheet = book.add_worksheet()
                for at, row in enumerate([header, *rows[number : number + 2], ["Total", "2"]]):
                    sheet.write_row(at, 0, row)
                if not number:
                    sheet.write_datetime(1, 1, dt.datetime(2022, 11, 3), date)  # noqa: DTZ001
                    sheet.write_datetime(1, 2, dt.time(13, 5), clock)
    return path


@pytest.mark.parametrize("kind", ["csv", "jsonl", "xlsx"])
def test_an_export_loads_by_configuration_alone(tmp_path, kind):
    file = tmp_path / "config" / "contracts" / "call_segments.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(CONFIG, encoding="utf-8")
    contract = contracts_of(Settings(home=tmp_path, _env_file=None))["call_segments"]
    root = Installation(tmp_path, contract)
    header = [{"Talk": "talk_seconds"}.get(name, name) for name in HEADER]
    folder = root.settings.landing / "call_segments"
    written(folder / f"call_segments_2022-11-03_of_Kent.{kind}", kind, header, ROWS)
    without = [i for i, name in enumerate(header) if name != "Force Code"]
    second = [[["c9", *ROWS[0][1:]][i] for i in without]]
    written(folder / f"call_segments_2022-11-03_of_Surrey.{kind}", kind, [header[i] for i in without], second)
    [[first, _], *_] = (
        delivery.files for delivery in check_files(root.settings, sorted(folder.iterdir()), source=None, shown=0)
    )
    cells = {column: (text, value) for row, column, text, value in first.first_rows if row == first.first_rows[0][0]}
    assert cells["line"] == ('"fcc_999_q"', "999")
    assert cells["arrived_at"][1] == "2022-11-03 13:05:00 UTC"
    assert cells["caller_number"] == ("(personal)", "(personal)")
    root.run(source="call_segments")
    columns = "force_code, call_id, segment_no, line, arrived_at, disposition, queue_seconds"
    assert root.query(f"select {columns} from raw.call_segments order by call_id") == [
        *GOOD,
        ("surrey", "c9", *GOOD[0][2:]),
    ]
    # The queue of c4 is known to no line.
    assert [row[2] for row in root.quarantine()] == ["not_in_list"]
    assert root.query("select count(distinct caller_number) from raw.call_segments") == [(2,)]
