"""`fcir check` gives the verdict that a run gives, and changes nothing."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from dagster_project.cli import check as check_command
from dagster_project.cli.check import check_files, print_checks
from dagster_project.console import report_as
from dagster_project.contracts import Rule, Severity
from dagster_project.errors import UsageError
from dagster_project.loading import dry_run
from dagster_project.settings import LogFormat
from tests.unit.loading.installation import DAY, HEADER, PAPERS, VISITS, Installation, row, rows

BETWEEN, TWO_AND_MORE = "expect_column_values_to_be_between", {"column": "mean_minutes", "min_value": 2}
COPY = "same_content_as_other_day"
TWO_MINUTES = Rule("visits_are_long", "A reason.", "accuracy", Severity.CRITICAL, True, BETWEEN, TWO_AND_MORE)


@pytest.fixture
def installation(tmp_path, monkeypatch):
    """A data root with a rule, which `fcir check` knows, too."""
    ruled = replace(VISITS, rules=(TWO_MINUTES,), delivery_measures={"mean_minutes": "avg(minutes)"})
    installation = Installation(tmp_path / "home", ruled, PAPERS)
    known = installation.contracts
    monkeypatch.setattr(check_command, "contracts_of", lambda _: known)
    monkeypatch.setattr(check_command, "named_contracts", lambda _, names: {name: known[name] for name in names})
    return installation


def deliver(folder: Path, lines: list[str], suffix: str = "", *, day=DAY) -> Path:
    path = folder / f"visits_{day}{suffix}.csv"
    path.write_text("\n".join([HEADER, *lines, ""]))
    return path


def check(installation, *paths: Path, source: str | None = None):
    return check_files(installation.settings, paths, source=source, shown=20)


@pytest.fixture
def printed(installation, capsys):
    """Return a function that gives what `fcir check` prints of files."""

    def output(*paths: Path, form: LogFormat = LogFormat.TEXT, source: str | None = None) -> str:
        report_as(form)
        print_checks(check(installation, *paths, source=source))
        report_as(LogFormat.TEXT)
        return capsys.readouterr().out

    return output


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"}


def test_a_check_gives_the_verdicts_of_a_run_in_order_and_changes_nothing(installation, tmp_path, printed):
    weeks = [DAY + timedelta(weeks=week) for week in range(-4, 5)]
    for day in weeks[:4]:
        installation.land(day, *rows(day, 300))
    installation.run()
    usual, faulty, copy, short, few = weeks[4:]
    lines = {usual: rows(usual, 300), faulty: rows(faulty, 300, faulty=30), copy: rows(weeks[3], 300)}
    lines |= {short: rows(short, 300, minutes=1), few: rows(few, 100)}
    paths = [deliver(tmp_path, of_day, day=day) for day, of_day in reversed(lines.items())]
    before = contents(installation.settings.home)
    checked = check(installation, *paths)
    output = printed(*paths)
    assert contents(installation.settings.home) == before
    for day, of_day in lines.items():
        installation.land(day, *of_day)
    deliveries = installation.run().deliveries
    assert [(item.extract_date, item.verdict.is_accepted, item.verdict.reason) for item in checked] == [
        (item.extract_date, item.is_accepted, item.reason) for item in deliveries
    ]
    assert [(item.files[0].load.rows_read, item.files[0].load.rows_quarantined) for item in checked] == [
        (item.files[0].rows_read, item.files[0].rows_quarantined) for item in deliveries
    ]
    codes = [(), ("faulty_rows_are_within_limits",), ("events_outside_day", "repeated_day", COPY)]
    codes += [("visits_are_long",), ("volume_is_not_far_below_the_recent_past",)]
    assert [item.verdict.codes for item in checked] == codes
    assert [output.count(f"[{code}]") for of_day in codes for code in of_day] == [1] * 6, "each is said once"
    summary = output.partition("In all 5 files: 1 delivery accepted, 4 rejected\n")[2].splitlines()
    assert summary == [
        f"  REJECTED: visits of {day} (visits_{day}.csv): {', '.join(of_day)}"
        for day, of_day in zip(weeks[5:], codes[1:], strict=True)
    ]


def test_the_summary_of_several_files_counts_days_of_which_nothing_is_loaded(tmp_path, printed):
    days = [DAY, DAY + timedelta(1)]
    paths = [deliver(tmp_path, rows(day, 3, faulty=3), day=day) for day in days]
    output = printed(*paths)
    assert "Found: rows_quarantined 3, rows_read 3, not_an_integer=3. [few_rows_are_quarantined]" in output
    assert output.endswith("In all 2 files: 2 deliveries accepted (2 of them without a good row), 0 rejected\n")
    for path in paths:
        header, *lines = path.read_text().splitlines()
        path.write_text("\n".join([f"{header},shoes", *(f"{line},9" for line in lines), ""]))
    output = printed(*paths)
    assert (
        output.count("not in the contract, not loaded (also of 1 other file)\n")
        == output.count("contract, not loaded")
        == 1
    )
    assert (
        output.count("  columns not in the contract: 'shoes' (also of 1 other file)\n")
        == output.count("contract: ")
        == 1
    )
    assert printed(*paths, form=LogFormat.JSON).count("not in the contract: 'shoes'") == 2


def test_the_first_rows_are_those_of_the_first_file_that_is_read(installation, tmp_path):
    days = [DAY + timedelta(number) for number in range(3)]
    paths = [deliver(tmp_path, rows(day, 3), day=day) for day in days]
    paths[0].write_text("nothing")
    checked = dry_run.check_deliveries(installation.settings, VISITS, paths, shown=1, compared=1)
    assert [bool(item.files[0].first_rows) for item in checked] == [False, True, False]


def test_the_rows_of_a_file_are_shown_with_their_faults_and_the_comparisons(installation, tmp_path, printed):
    for week in range(1, 5):
        installation.land(DAY - timedelta(weeks=week), *rows(DAY - timedelta(weeks=week), 300))
    installation.run()
    installation.land(DAY, *rows(DAY, 250), suffix="_north")
    south = deliver(tmp_path, [line.replace("221101", "s") for line in rows(DAY, 60, faulty=4)], "_south")
    output = printed(south)
    for text in (
        "visits_2022-11-01_south.csv (visits): would be loaded: 60 rows read, 56 good, 4 quarantined\n",
        "        4  not_an_integer\n",
        '  row 58 and 3 others, column minutes: not a whole number in digits; found "never" [not_an_integer]\n',
        "  with 1 other file of 2022-11-01 in the landing folder: visits_2022-11-01_north.csv\n",
        "  volume: 310 rows; usual for a Tuesday: 300 (median of 4)\n",
        "  faulty: 4 of 310 rows, and 4 of 1,210 with the accepted deliveries of the 27 days before; rejected above 5%",
        "  verdict on visits of 2022-11-01: accepted\n",
    ):
        assert text in output
    # A file of the same name or content takes the place of the other.
    assert check(installation, deliver(tmp_path, rows(DAY, 250), "_copy"))[0].others == ()
    assert check(installation, deliver(tmp_path, rows(DAY, 240), "_north"))[0].others == ()
    sunday = deliver(tmp_path, [row("a", day="2022-12-27")], day="2022-12-27")
    assert "usual for a Sunday (it is a bank holiday): not known yet" in printed(sunday)


def test_a_file_that_cannot_be_read_is_rejected_and_a_faulty_one_may_be_accepted(installation, tmp_path, printed):
    broken = deliver(tmp_path, [])
    broken.write_text("visit_id,minutes\nv,1\n")
    assert "fcir run --accept" not in printed(broken)
    path = installation.land(DAY, *rows(DAY, 60, faulty=30))
    installation.run()
    output = printed(path)
    assert "REJECTED: More than 5% and more than 20 faulty rows" in output
    assert "fcir run --accept" in output
    installation.accept(DAY, "an outage")
    assert "accepted (accepted by an operator: an outage (despite" in printed(path)
    installation.run()
    assert "it is already loaded, and a run has nothing to do" in printed(path)
    path.unlink()
    assert "accepted, and replaces what is loaded for the day\n" in printed(deliver(tmp_path, rows(DAY, 61)))


def test_comparisons_that_are_not_possible_are_named(installation, tmp_path, printed, monkeypatch):
    path, copy = (deliver(tmp_path, rows(DAY, 3), suffix) for suffix in ("_a", "_b"))
    output = printed(copy, path)
    assert "usual for a Tuesday: not known yet" in output
    assert "note: nothing is loaded yet; not compared: volume, faulty rows of other days, copies of other" in output
    assert "visits_2022-11-01_b.csv (visits): would be skipped: same content as visits_2022-11-01_a.csv" in output
    assert not installation.settings.home.exists()
    undated = path.rename(tmp_path / "export.csv")
    assert "a name has no extract date" in printed(undated, source="visits")
    installation.land(DAY, row("p"), source="papers")
    installation.run(source="papers")
    assert "note: nothing of visits is loaded yet; not compared" in printed(copy)

    def locked(*_):
        raise dry_run.WarehouseLocked("process 7 is running.")

    monkeypatch.setattr(dry_run, "reading_audit", locked)
    assert "note: process 7 is running; not compared: volume" in printed(copy)


def test_days_of_a_file_of_history_with_the_same_outcome_are_printed_once(tmp_path, printed):
    days = [DAY + timedelta(number) for number in range(6)]
    lines = [line for day in days for line in rows(day, 100, faulty=0 if day in days[1::2] else 30 + day.day)]
    output = printed(deliver(tmp_path, [*lines, row("late", day="2023-01-01")], day=f"{days[0]}_to_{days[-1]}"))
    name = "visits_2022-11-01_to_2022-11-06.csv (visits)"
    for text in (
        f"{name}: would be REJECTED: 2022-11-01 to 2022-11-05 (3 days): 300 rows read, 201 good, 99 quarantined\n",
        "       99  not_an_integer\n",
        '  row 71 and 98 others, column minutes: not a whole number in digits; found "never" [not_an_integer]\n',
        "  rejected days: 2022-11-01, 2022-11-03, 2022-11-05\n",
        "  verdict on visits of 2022-11-01 to 2022-11-05 (3 days): REJECTED; of 2022-11-01: More than 5% and more than",
        f"{name}: would be loaded: 2022-11-02 to 2022-11-06 (3 days): 301 rows read, 301 good, 0 quarantined\n",
        "Found: rows_after_extract_date 1. [events_are_not_after_the_extract_date]\n",
        "  verdict on visits of 2022-11-02 to 2022-11-06 (3 days): accepted\n",
    ):
        assert output.count(text) == 1, text


def test_json_has_file_row_column_reason_and_counts_as_keys(tmp_path, printed):
    output = printed(deliver(tmp_path, rows(DAY, 60, faulty=30)), form=LogFormat.JSON)
    lines = [json.loads(line) for line in output.splitlines()]
    about = {"source": "visits", "extract_date": "2022-11-01"}
    of_file = about | {"file": "visits_2022-11-01.csv"}
    rows_of_file = of_file | {"rows_read": 60, "rows_good": 30, "rows_quarantined": 30}
    code = of_file | {"reason_code": "not_an_integer"}
    equal = code | {"row": 32, "equal_rows": 29, "column": "minutes"}
    verdict = about | {"verdict": "rejected", "reason_codes": ["faulty_rows_are_within_limits"], "level": "error"}
    for expected in (rows_of_file, code | {"count": 30}, equal, verdict | {"faulty_rows": 30}):
        assert [line for line in lines if line | expected == line], expected


def test_a_folder_or_a_personal_name_cannot_be_checked(installation, tmp_path):
    with pytest.raises(UsageError, match="is a folder; name files: fcir check "):
        check(installation, tmp_path)
    with pytest.raises(UsageError, match="the name of a file contains an email address"):
        check(installation, tmp_path / "visits_2022-11-01_07700900123.csv")
