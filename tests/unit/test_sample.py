"""The sample as a whole: its figures, its audit, its form. Recounted from the files without the warehouse."""

import csv
import datetime as dt
import gzip
import hashlib
import re
from decimal import Decimal
from pathlib import Path

import pytest

from dagster_project import sample
from dagster_project.sample import SampleSummary, generate
from dagster_project.sample.calls import DRAMA_STEMS
from dagster_project.sample.targets import PRINTED_FIGURES, targets_of
from dagster_project.settings import known_forces
from tests.reference.measures import month_of
from tests.reference.sample_figures import Sample, read_sample

OF_THE_PAPER = {"published_figures", "published_statements"}
NATIONAL = "national_call_answering"
DAILY = {"call_segments", "digital_contacts", "online_crime_reports", "live_chats", "crimes"}
SOURCES = {*DAILY, *OF_THE_PAPER, NATIONAL}
FILE_NAME = re.compile(r"([a-z_]+?)_(\d{4}-\d\d-\d\d)(_[a-z]+)?\.(csv|csv\.gz|xlsx|parquet|jsonl)")


@pytest.fixture(scope="session")
def out(tmp_path_factory) -> Path:
    """The landing folder of the sample."""
    return tmp_path_factory.mktemp("sample") / "landing"


@pytest.fixture(scope="session", autouse=True)
def summary(out) -> SampleSummary:
    return sample.write(out, first=dt.date(2022, 8, 1))


@pytest.fixture(scope="session")
def read(out, summary) -> Sample:
    assert summary
    return read_sample(out)


@pytest.fixture
def no_events(monkeypatch) -> None:
    """The sample without events, which takes no time."""
    monkeypatch.setattr(generate, "_true_events", lambda **_range: [])


def delivered(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def printed_figures() -> list[dict[str, str]]:
    return delivered(PRINTED_FIGURES)


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_all_108_printed_figures_come_out_of_the_files(read) -> None:
    figures = read.figures("kent")
    printed = {
        (f"{row['section']}.{row['measure']}", row["month"]): row["published_value"] for row in printed_figures()
    }
    assert len(printed) == 108
    assert {cell: figures.get(cell) for cell in printed} == printed


def test_the_first_month_of_both_forces_has_the_assumed_figures(tmp_path) -> None:
    # Its last rows arrive a week into the next month.
    sample.write(tmp_path / "landing", last=dt.date(2021, 3, 8))
    read = read_sample(tmp_path / "landing")
    for force in ("kent", "city-of-london"):
        figures = read.figures(force)
        # Some crimes that are cancelled in February are put back weeks later.
        targets = targets_of(force).values.items()
        expected = {cell: n for cell, n in targets if cell[2] == "2021-02" and cell[1] != "cancelled_crime"}
        assert len(expected) == 12
        for (section, measure, month), value in expected.items():
            printed = f"{value // 60}m {value % 60}s" if value >= 60 else f"{value}s"
            text = printed if measure.startswith("avg_") else f"{value:,}"
            assert figures[f"{section}.{measure}", month] == text, (force, section, measure)


def test_the_assumed_months_agree_with_what_the_paper_says_in_words() -> None:
    targets = targets_of("kent")
    year, base = targets.months.index("2022-04"), targets.months.index("2022-02")
    printed = targets.months.index("2022-08")

    def total(section: str, measure: str, first: int, after: int = 24) -> int:
        return sum(targets.of(section, measure)[first:after])

    def share_lost(section: str, after: int = 24) -> float:
        received, answered = (total(section, measure, year, after) for measure in ("received", "answered"))
        return round(100 * (received - answered) / received, 2)

    def mean_seconds(section: str, measure: str) -> float:
        answered = targets.of(section, "answered")[year:]
        seconds = targets.of(section, measure)[year:]
        return round(sum(a * s for a, s in zip(answered, seconds, strict=True)) / sum(answered))

    assert share_lost("calls_999") == 1.33  # N1
    assert mean_seconds("calls_999", "avg_queue_time") == 19  # N2
    assert mean_seconds("calls_999", "avg_talk_time") == 301  # N3
    # Both shares of 101 come out of one pair of numbers for April to July, when the earlier position is October's.
    assert share_lost("calls_101") == 35.38  # N4
    assert share_lost("calls_101", targets.months.index("2022-11")) == 38.77  # N5
    assert mean_seconds("calls_101", "avg_queue_time") == 487  # N6
    recorded = targets.of("crime", "recorded_crime")
    assert sum(recorded[printed:]) - sum(recorded[base:printed]) == -590 * 6  # N8
    assert recorded.index(max(recorded)) == targets.months.index("2022-07")  # C14
    cancelled = targets.of("crime", "cancelled_crime")[base:printed]
    shares = [round(100 * c / (c + r), 1) for c, r in zip(cancelled, recorded[base:printed], strict=True)]
    assert round(20.1 / 6 - sum(shares) / 6, 2) == -0.08  # N10
    calls = targets.of("calls_101", "received")
    assert sum(calls[12:]) < sum(calls[:12])  # C5


def test_months_before_the_range_have_only_crimes_that_changed_in_it(read) -> None:
    began = {
        "call_segments": "arrived_at",
        "digital_contacts": "received_at",
        "online_crime_reports": "submitted_at",
        "live_chats": "requested_at",
        "crimes": "recorded_at",
    }
    # The last hours of July arrive with the first of August.
    early = {
        source for source, at in began.items() for row in read.history.rows[source] if month_of(row[at]) < (2022, 7)
    }
    assert early == {"crimes"}


def test_a_day_has_the_same_files_whichever_range_is_asked_for(out, tmp_path) -> None:
    sample.write(tmp_path / "landing", first=dt.date(2022, 9, 28), last=dt.date(2022, 10, 4))
    of_both = hashes(out)
    part = {name: digest for name, digest in hashes(tmp_path / "landing").items() if "_2022-" in name}
    assert len(part) > 5 * 7
    assert part.items() <= of_both.items()


@pytest.mark.parametrize(("first", "last"), [("2021-01-31", "2021-02-02"), ("2022-08-02", "2022-08-01")])
def test_a_range_outside_of_the_sample_is_refused(first: str, last: str, tmp_path) -> None:
    with pytest.raises(ValueError, match="the sample covers 2021-02-01 to 2023-01-31"):
        sample.write(tmp_path / "landing", first=dt.date.fromisoformat(first), last=dt.date.fromisoformat(last))
    assert not (tmp_path / "landing").exists()


def test_the_small_force_has_a_row_in_each_extract_of_calls_and_contacts(read) -> None:
    days = {
        source: len({row["extract_date"] for row in rows if row["force_code"] == "city-of-london"})
        for source, rows in read.history.rows.items()
    }
    assert (days["call_segments"], days["digital_contacts"], days["crimes"]) == (184, 184, 184)
    # Few enough that there are days without any.
    assert 150 < days["live_chats"] < 184
    assert 150 < days["online_crime_reports"] < 184


def test_the_summary_counts_what_the_files_hold(out, summary, read) -> None:
    assert read.rows == {source: rows for source, rows in summary.rows.items() if source in DAILY}
    assert read.quarantined == {source: summary.quarantined[source] for source in read.rows}
    assert summary.rows["published_figures"] == 108
    assert summary.rows["published_statements"] == 29
    assert summary.files == sum(1 for path in out.rglob("*") if path.is_file()) - 1  # the marker


def test_faulty_rows_stay_far_below_the_share_that_rejects_a_delivery(summary) -> None:
    for source, count in summary.quarantined.items():
        assert count < 0.01 * summary.rows[source] or count == 0


def test_every_file_name_says_its_source_and_day(out) -> None:
    assert {path.name for path in out.iterdir() if path.is_dir()} == SOURCES
    for path in out.glob("*/*"):
        assert FILE_NAME.fullmatch(path.name)[1] == path.parent.name, path.name


def test_every_daily_source_delivers_each_of_184_days(out) -> None:
    for source in DAILY:
        days = {path.name.removeprefix(f"{source}_")[:10] for path in (out / source).iterdir()}
        assert len(days) == 184
        assert (min(days), max(days)) == ("2022-08-01", "2023-01-31")


def test_all_five_formats_occur(out) -> None:
    suffixes = {path.name.split(".", 1)[1] for path in out.glob("*/*")}
    assert suffixes == {"csv", "csv.gz", "xlsx", "parquet", "jsonl"}


def test_the_printed_figures_arrive_as_a_delivery(out) -> None:
    names = {"report_id": "kent_fcir_2023-03-15", "published_on": "2023-03-15"}
    rows = delivered(out / "published_figures" / "published_figures_2023-03-15.csv")
    assert rows == [names | row for row in printed_figures()]


def test_what_the_paper_says_arrives_as_ten_figures_and_fifteen_claims(out) -> None:
    rows = delivered(out / "published_statements" / "published_statements_2023-03-15.csv")
    assert {row["report_id"] for row in rows} == {"kent_fcir_2023-03-15"}
    ids = {kind: {row["statement_id"] for row in rows if row["kind"] == kind} for kind in ("figure", "claim")}
    assert ids["figure"] == {f"N{number}" for number in range(1, 11)}
    assert ids["claim"] == {f"C{number}" for number in range(1, 16)}
    # The printed texts as another hand copied them.
    printed = [row["published_value"] for row in rows if row["kind"] == "figure"]
    assert printed == ["1.33%", "19s", "5m 1s", "35.38%", "38.77%", "8m 7s", "14,327", "-590", "3.35%", "-0.08%"]


def test_the_national_table_has_every_force_and_the_calls_of_the_sample(out, summary) -> None:
    rows = delivered(out / NATIONAL / f"{NATIONAL}_2023-03-15.csv")
    months = {row["month"] for row in rows}
    assert (min(months), max(months), len(months)) == ("2021-11", "2023-01", 15)
    assert {(row["force_code"], row["month"]) for row in rows} == {
        (f, month) for f in known_forces() for month in months
    }
    assert len(rows) == summary.rows[NATIONAL] == 15 * 46
    for force in ("kent", "city-of-london"):
        received = {
            month: n
            for (section, name, month), n in targets_of(force).values.items()
            if name == "received" and section == "calls_999"
        }
        assert {row["month"]: int(row["calls"]) for row in rows if row["force_code"] == force} == {
            month: received[month] for month in months
        }
    for row in rows:
        shares = [Decimal(row[name]) for name in ("pct_under_10s", "pct_10_to_60s", "pct_over_60s")]
        assert abs(sum(shares) - 100) <= Decimal("0.02"), row
        assert 3 < Decimal(row["mean_answer_seconds"]) < 100, row


def test_one_extract_arrives_twice_under_two_names(out) -> None:
    (copy,) = out.glob("*/*_copy.*")
    assert copy.read_bytes() == copy.with_name(copy.name.replace("_copy", "")).read_bytes()


def test_the_clock_change_night_has_both_readings_with_and_without_offset(out) -> None:
    path = out / "call_segments" / "call_segments_2022-10-30.csv.gz"
    rows = csv.DictReader(gzip.decompress(path.read_bytes()).decode().splitlines())
    names = {name.lower().replace(" ", "").replace("_", "").replace("-", ""): name for name in rows.fieldnames or ()}
    offsets = [row[names["utcoffsetminutes"]] for row in rows if row[names["arrivedat"]].startswith("2022-10-30T01:")]
    assert {"0", "60", "-"} <= set(offsets)


def test_the_folder_says_that_it_is_synthetic(out) -> None:
    text = (out / "SYNTHETIC").read_text(encoding="utf-8")
    assert "synthetic" in text
    assert "Kent Police" in text


def test_callers_have_numbers_that_are_reserved_for_drama(out) -> None:
    rows = delivered(out / "call_segments" / "call_segments_2022-08-17_corrected.csv")
    callers = {row["CALLER_NUMBER"] for row in rows} - {"NULL"}
    assert callers
    assert all(caller[:-3] in DRAMA_STEMS for caller in callers)


def test_a_folder_with_files_is_refused_and_left_alone(tmp_path) -> None:
    (tmp_path / "landing" / "crimes").mkdir(parents=True)
    kept = tmp_path / "landing" / "crimes" / "crimes_2022-08-01.csv"
    kept.write_text("crime_ref\n", encoding="utf-8")
    with pytest.raises(FileExistsError, match="new or empty folder"):
        sample.write(tmp_path / "landing")
    assert hashes(tmp_path) == {"landing/crimes/crimes_2022-08-01.csv": hashlib.sha256(b"crime_ref\n").hexdigest()}


@pytest.mark.usefixtures("no_events")
def test_a_sample_that_fails_leaves_nothing_behind(tmp_path, monkeypatch) -> None:
    def fail(folder: Path, _typed: Path) -> int:
        raise OSError(28, "No space left on device", str(folder))

    monkeypatch.setattr(generate, "_write_of_the_paper", fail)
    with pytest.raises(OSError, match="No space left"):
        sample.write(tmp_path / "landing")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_events")
def test_empty_folders_are_filled(tmp_path) -> None:
    (tmp_path / "landing" / "crimes").mkdir(parents=True)
    sample.write(tmp_path / "landing")
    assert {path.name for path in (tmp_path / "landing").iterdir()} == {"SYNTHETIC", *OF_THE_PAPER, NATIONAL}


@pytest.mark.usefixtures("no_events")
def test_a_sample_is_private_unless_its_folder_has_modes_of_its_own(tmp_path) -> None:
    sample.write(tmp_path / "new")
    (tmp_path / "there").mkdir()
    (tmp_path / "there").chmod(0o2770)
    sample.write(tmp_path / "there")
    assert [(tmp_path / name).stat().st_mode & 0o7777 for name in ("new", "there")] == [0o700, 0o2770]
