"""`fcir check` gives the verdict that a run gives, and changes nothing."""

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from dagster_project.cli import check as check_command
from dagster_project.cli.check import check_files, print_check
from dagster_project.console import report_as
from dagster_project.contracts import Rule, Severity
from dagster_project.errors import UsageError
from dagster_project.loading import dry_run
from dagster_project.loading.dry_run import CheckedDelivery
from dagster_project.settings import LogFormat
from tests.unit.loading_helpers import CONTRACTS, HEADER, VISITS, Installation, row, visits

DAY = date(2022, 11, 1)
TWO_MINUTES = Rule(
    "visits_are_long",
    "A reason.",
    "accuracy",
    Severity.CRITICAL,
    on_deliveries=True,
    expectation="expect_column_values_to_be_between",
    arguments={"column": "mean_minutes", "min_value": 2},
)


@pytest.fixture(autouse=True)
def contracts(monkeypatch):
    ruled = replace(VISITS, rules=(TWO_MINUTES,), delivery_measures={"mean_minutes": "avg(minutes)"})
    known = CONTRACTS | {"visits": ruled}
    monkeypatch.setattr(check_command, "load_contracts", lambda _: known)
    monkeypatch.setattr(check_command, "named_contracts", lambda names: {name: known[name] for name in names})
    return known


@pytest.fixture
def installation(tmp_path, contracts):
    return Installation(tmp_path / "home", contracts)


def text_of(*rows: str) -> str:
    return "\n".join([HEADER, *rows, ""])


def deliver(folder: Path, day: date, rows: list[str] | str, suffix: str = "") -> Path:
    path = folder / f"visits_{day}{suffix}.csv"
    path.write_text(rows if isinstance(rows, str) else text_of(*rows))
    return path


def check(installation: Installation, *paths: Path, source: str | None = None) -> list[CheckedDelivery]:
    return check_files(installation.settings, paths, source=source, shown=20)


def printed(capsys, checked: list[CheckedDelivery], form: LogFormat = LogFormat.TEXT) -> str:
    report_as(form)
    try:
        for delivery in checked:
            print_check(delivery)
    finally:
        report_as(LogFormat.TEXT)
    return capsys.readouterr().out


def contents(installation: Installation) -> dict[Path, bytes]:
    """All files but the empty lock."""
    files = (path for path in installation.settings.home.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in files if path != installation.settings.lock_file}


def load_weeks(installation: Installation, weeks: int = 4) -> None:
    for day in (DAY - timedelta(weeks=week) for week in range(1, weeks + 1)):
        installation.land(day, *visits(day, 300))
    assert not installation.run().rejected


CASES = {
    "accepted": (visits(DAY, 300), ()),
    "too few rows": (visits(DAY, 100), ("volume_is_not_far_below_the_recent_past",)),
    "too many faults": (visits(DAY, 300, faulty=30), ("faulty_rows_are_within_limits",)),
    "a copy": (visits(DAY - timedelta(weeks=1), 300), ("events_outside_day", "same_content_as_other_day")),
    "other days": (visits(DAY, 300, at=DAY - timedelta(days=4)), ("events_outside_day",)),
    "a key of many": (
        visits(DAY, 200) + [row("v", minutes) for minutes in range(2, 102)],
        ("key_not_unique",),
    ),
    "a rule": (visits(DAY, 300, minutes=1), ("visits_are_long",)),
    "cut off": (text_of(*visits(DAY, 300)) + '"', ("cut_off",)),
    "no header": ("nothing\n", ("missing_column",)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_check_gives_the_verdict_of_a_run(installation, tmp_path, case):
    rows, codes = CASES[case]
    load_weeks(installation)
    path = deliver(tmp_path, DAY, rows)
    (checked,) = check(installation, path)
    installation.land(DAY, text=path.read_text())
    (delivery,) = installation.run().deliveries
    assert checked.verdict.is_accepted == delivery.is_accepted
    assert checked.verdict.reason == delivery.reason
    assert checked.verdict.codes == codes or case == "no header"
    counts = [(file.rows_read, file.rows_quarantined) for file in (checked.files[0].load, *delivery.files)]
    assert counts[0] == counts[1]


def test_a_check_says_everything_once(installation, tmp_path, capsys):
    load_weeks(installation)
    output = printed(capsys, check(installation, deliver(tmp_path, DAY, visits(DAY, 300, faulty=30))))
    assert '  row 272, column minutes: not a whole number in digits; found "never" [not_an_integer]\n' in output
    assert "REJECTED: More than 5% and more than 20 faulty rows" in output
    assert "Found: faulty_rows 30, rows_read 300. [faulty_rows_are_within_limits]\n" in output
    assert output.count("faulty_rows_are_within_limits") == 1
    output = printed(capsys, check(installation, deliver(tmp_path, DAY, visits(DAY, 100))))
    assert output.count("volume_is_not_far_below_the_recent_past") == 1
    output = printed(capsys, check(installation, deliver(tmp_path, DAY, CASES["a key of many"][0])))
    assert output.count("key_not_unique") == 1
    assert "superseded_rows_are_within_limits" not in output
    output = printed(capsys, check(installation, deliver(tmp_path, DAY, CASES["cut off"][0])))
    assert output.count("[cut_off]") == 1
    assert "visits_2022-11-01.csv (visits): would be REJECTED: it cannot be read\n" in output


def test_a_quarantined_row_says_why_its_value_is_not_shown(installation):
    installation.land(DAY, row("a", "0770.0900.123", DAY), *visits(DAY, 50))
    installation.run()
    assert installation.query("select reason from audit.quarantine") == [
        (
            "minutes: not a whole number in digits; the value is not shown: it has an at sign, or a number like a "
            "telephone or National Insurance number",
        )
    ]


def test_days_are_judged_together_and_in_order_as_in_a_run(installation, tmp_path):
    days = [DAY + timedelta(days=number) for number in range(7)]
    paths = [deliver(tmp_path, day, visits(day, 40, faulty=3)) for day in reversed(days)]
    checked = check(installation, *paths)
    assert [item.extract_date for item in checked] == days
    assert [item.verdict.codes for item in checked] == [*[()] * 6, ("faulty_rows_of_28_days_are_within_limits",)]


def test_loaded_deliveries_count_and_nothing_is_changed(installation, tmp_path, capsys):
    load_weeks(installation)
    before = contents(installation)
    checked = check(installation, deliver(tmp_path, DAY, visits(DAY, 290, faulty=4)))
    output = printed(capsys, checked)
    assert "volume: 290 rows; usual for a Tuesday: 300 (median of 4)" in output
    assert "faulty: 4 of 290 rows, and 4 of 1,190 with the accepted deliveries of the 27 days before" in output
    assert "verdict on visits of 2022-11-01: accepted\n" in output
    assert before == contents(installation)


def test_without_a_warehouse_the_missing_comparisons_are_named(installation, tmp_path, capsys):
    output = printed(capsys, check(installation, deliver(tmp_path, DAY, visits(DAY, 3))))
    assert "usual for a Tuesday: not known yet" in output
    assert "note: nothing is loaded yet; not compared" in output
    assert "not compared: volume, faulty rows of other days, copies of other days" in output
    assert not installation.settings.home.exists()


def test_while_a_run_holds_the_warehouse_files_are_checked_alone(installation, tmp_path, capsys, monkeypatch):
    load_weeks(installation, 1)

    def locked(*_):
        raise dry_run.WarehouseLocked("process 7 is running")

    monkeypatch.setattr(dry_run, "reading_audit", locked)
    output = printed(capsys, check(installation, deliver(tmp_path, DAY, visits(DAY, 3))))
    assert "note: process 7 is running; not compared: volume" in output
    assert "accepted" in output


def test_the_other_files_of_the_day_are_judged_with_it(installation, tmp_path, capsys):
    load_weeks(installation)
    installation.land(DAY, *visits(DAY, 250), suffix="_north")
    south = deliver(tmp_path, DAY, [line.replace("v1101", "s") for line in visits(DAY, 60)], "_south")
    output = printed(capsys, check(installation, south))
    assert "with 1 other file of 2022-11-01 in the landing folder: visits_2022-11-01_north.csv" in output
    assert "volume: 310 rows" in output
    # One of the same name or content takes its place.
    same = deliver(tmp_path, DAY, visits(DAY, 250), "_copy")
    assert check(installation, same)[0].others == ()
    north = deliver(tmp_path, DAY, visits(DAY, 240), "_north")
    assert check(installation, north)[0].others == ()


def test_a_file_with_the_content_of_another_is_skipped_as_in_a_run(installation, tmp_path, capsys):
    paths = [deliver(tmp_path, DAY, visits(DAY, 3), suffix) for suffix in ("_b", "_a")]
    output = printed(capsys, check(installation, *paths))
    assert "visits_2022-11-01_b.csv (visits): would be skipped: same content as visits_2022-11-01_a.csv" in output
    assert "visits_2022-11-01_a.csv (visits): would be loaded: 3 rows read, 3 good" in output


def test_a_waiver_is_applied(installation, capsys):
    load_weeks(installation)
    path = installation.land(DAY, *visits(DAY, 100))
    installation.run()
    assert not check(installation, path)[0].verdict.is_accepted
    installation.accept(DAY, "an outage")
    output = printed(capsys, check(installation, path))
    assert "accepted (accepted by an operator: an outage" in output
    installation.run()
    assert "it is already loaded, and a run has nothing to do" in printed(capsys, check(installation, path))


def test_json_has_file_row_column_reason_and_counts_as_keys(installation, tmp_path, capsys):
    path = deliver(tmp_path, DAY, visits(DAY, 60, faulty=30))
    lines = [json.loads(line) for line in printed(capsys, check(installation, path), LogFormat.JSON).splitlines()]
    (file,) = [line for line in lines if "rows_good" in line]
    assert (file["file"], file["rows_read"], file["rows_good"], file["rows_quarantined"]) == (path.name, 60, 30, 30)
    (count,) = [line for line in lines if "count" in line]
    assert (count["reason_code"], count["count"]) == ("not_an_integer", 30)
    rows = [line for line in lines if "row" in line]
    assert len(rows) == 20
    assert (rows[0]["file"], rows[0]["row"], rows[0]["column"]) == (path.name, 32, "minutes")
    assert rows[0]["reason_code"] == "not_an_integer"
    (verdict,) = [line for line in lines if "verdict" in line]
    assert verdict["verdict"] == "rejected"
    assert verdict["reason_codes"] == ["faulty_rows_are_within_limits"]


def test_a_missing_file_is_reported_before_its_name_is_read(installation, tmp_path):
    with pytest.raises(UsageError, match=r"nowhere\.csv: no such file"):
        check(installation, tmp_path / "nowhere.csv")


def test_a_file_without_a_date_is_judged_without_its_dates(installation, tmp_path, capsys):
    path = tmp_path / "export.csv"
    path.write_text(text_of(*visits(DAY, 30)))
    checked = check(installation, path, source="visits")
    assert checked[0].verdict.is_accepted
    assert "a name has no extract date" in printed(capsys, checked)
