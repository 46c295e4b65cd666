"""The sample as a whole: its figures, its audit, its form. Recounted from the files without the warehouse."""

import csv
import gzip
import hashlib
import re
from pathlib import Path

import pytest

from dagster_project import sample
from dagster_project.sample import SampleSummary, generate
from dagster_project.sample.check import Recount, recount
from dagster_project.sample.targets import PRINTED_FIGURES

SOURCES = {
    "call_segments",
    "digital_contacts",
    "online_crime_reports",
    "live_chats",
    "crimes",
    "published_figures",
    "published_statements",
}
OF_THE_PAPER = {"published_figures", "published_statements"}
FILE_NAME = re.compile(r"([a-z_]+?)_(\d{4}-\d\d-\d\d)(_[a-z]+)?\.(csv|csv\.gz|xlsx|parquet|jsonl)")


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SampleSummary]:
    out = tmp_path_factory.mktemp("sample") / "landing"
    return out, sample.write(out)


@pytest.fixture(scope="session")
def recounted(written: tuple[Path, SampleSummary]) -> Recount:
    return recount(written[0])


def printed_figures() -> list[dict[str, str]]:
    with PRINTED_FIGURES.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_all_108_printed_figures_come_out_of_the_files(recounted: Recount) -> None:
    differing = []
    for row in printed_figures():
        measure = row["measure"]
        if measure == "pct_cancelled":  # the paper changes the formula from November on
            measure += "_of_recorded" if row["month"] >= "2022-11" else "_of_initially_recorded"
        ours = recounted.figures.get((row["section"], measure, row["month"]))
        if row["published_value"] != ours:
            differing.append((row["section"], row["measure"], row["month"], row["published_value"], ours))
    assert len(printed_figures()) == 108
    assert differing == []


def test_no_event_lies_outside_the_printed_months(recounted: Recount) -> None:
    assert {month for _, _, month in recounted.figures} == {row["month"] for row in printed_figures()}


def test_the_summary_counts_what_the_files_hold(written: tuple[Path, SampleSummary], recounted: Recount) -> None:
    out, summary = written
    delivered = {source: rows for source, rows in summary.rows.items() if source not in OF_THE_PAPER}
    quarantined = {source: summary.quarantined[source] for source in delivered}
    assert dict(recounted.rows) == delivered
    assert dict(recounted.not_current) == quarantined
    assert summary.rows["published_figures"] == 108
    assert summary.rows["published_statements"] == 29
    assert summary.files == sum(1 for path in out.rglob("*") if path.is_file()) - 1  # the marker


def test_faulty_rows_stay_far_below_the_share_that_rejects_a_delivery(
    written: tuple[Path, SampleSummary],
) -> None:
    _, summary = written
    for source, count in summary.quarantined.items():
        assert count < 0.01 * summary.rows[source] or count == 0


def test_every_file_name_says_its_source_and_day(written: tuple[Path, SampleSummary]) -> None:
    out, _ = written
    assert {path.name for path in out.iterdir() if path.is_dir()} == SOURCES
    for path in out.glob("*/*"):
        match = FILE_NAME.fullmatch(path.name)
        assert match is not None, path.name
        assert match[1] == path.parent.name


def test_every_daily_source_delivers_each_of_184_days(written: tuple[Path, SampleSummary]) -> None:
    out, _ = written
    for source in SOURCES - OF_THE_PAPER:
        days = {path.name.removeprefix(f"{source}_")[:10] for path in (out / source).iterdir()}
        assert len(days) == 184
        assert (min(days), max(days)) == ("2022-08-01", "2023-01-31")


def test_all_five_formats_occur(recounted: Recount) -> None:
    assert recounted.formats == {"csv", "csv.gz", "xlsx", "parquet", "jsonl"}


def test_the_printed_figures_arrive_as_a_delivery(written: tuple[Path, SampleSummary]) -> None:
    path = written[0] / "published_figures" / "published_figures_2023-03-15.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        delivered = list(csv.DictReader(lines))
    names = {"report_id": "kent_fcir_2023-03-15", "published_on": "2023-03-15"}
    assert delivered == [names | row for row in printed_figures()]


def test_what_the_paper_says_arrives_as_ten_figures_and_fifteen_claims(written: tuple[Path, SampleSummary]) -> None:
    path = written[0] / "published_statements" / "published_statements_2023-03-15.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        delivered = list(csv.DictReader(lines))
    assert {row["report_id"] for row in delivered} == {"kent_fcir_2023-03-15"}
    ids = {kind: {row["statement_id"] for row in delivered if row["kind"] == kind} for kind in ("figure", "claim")}
    assert ids["figure"] == {f"N{number}" for number in range(1, 11)}
    assert ids["claim"] == {f"C{number}" for number in range(1, 16)}
    # The printed texts as another hand copied them.
    printed = [row["published_value"] for row in delivered if row["kind"] == "figure"]
    assert printed == ["1.33%", "19s", "5m 1s", "35.38%", "38.77%", "8m 7s", "14,327", "-590", "3.35%", "-0.08%"]


def test_one_extract_arrives_twice_under_two_names(written: tuple[Path, SampleSummary]) -> None:
    copies = list(written[0].glob("*/*_copy.*"))
    assert len(copies) == 1
    original = copies[0].with_name(copies[0].name.replace("_copy", ""))
    assert copies[0].read_bytes() == original.read_bytes()


def test_the_clock_change_night_has_both_readings_with_and_without_offset(
    written: tuple[Path, SampleSummary],
) -> None:
    path = written[0] / "call_segments" / "call_segments_2022-10-30.csv.gz"
    rows = csv.DictReader(gzip.decompress(path.read_bytes()).decode().splitlines())
    names = {name.lower().replace(" ", "").replace("_", "").replace("-", ""): name for name in rows.fieldnames or ()}
    offsets = [row[names["utcoffsetminutes"]] for row in rows if row[names["arrivedat"]].startswith("2022-10-30T01:")]
    assert {"0", "60", "-"} <= set(offsets)


def test_the_folder_says_that_it_is_synthetic(written: tuple[Path, SampleSummary]) -> None:
    text = (written[0] / "SYNTHETIC").read_text(encoding="utf-8")
    assert "synthetic" in text
    assert "Kent Police" in text


def test_callers_have_numbers_that_are_reserved_for_drama(written: tuple[Path, SampleSummary]) -> None:
    text = (written[0] / "call_segments" / "call_segments_2022-08-17_corrected.csv").read_text(encoding="utf-8")
    callers = {row["CALLER_NUMBER"] for row in csv.DictReader(text.splitlines())} - {"NULL"}
    assert callers
    assert all(re.fullmatch(r"07700900\d{3}|01632960\d{3}", caller) for caller in callers)


def test_the_same_seed_gives_the_same_bytes(written: tuple[Path, SampleSummary], tmp_path: Path) -> None:
    sample.write(tmp_path / "again")
    assert hashes(tmp_path / "again") == hashes(written[0])


def test_a_folder_with_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "landing" / "crimes").mkdir(parents=True)
    kept = tmp_path / "landing" / "crimes" / "crimes_2022-08-01.csv"
    kept.write_text("crime_ref\n", encoding="utf-8")
    with pytest.raises(FileExistsError, match="new or empty folder"):
        sample.write(tmp_path / "landing")
    assert hashes(tmp_path) == {"landing/crimes/crimes_2022-08-01.csv": hashlib.sha256(b"crime_ref\n").hexdigest()}


def test_a_sample_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(folder: Path, _typed: Path) -> int:
        raise OSError(28, "No space left on device", str(folder))

    monkeypatch.setattr(generate, "_true_events", lambda _seed: [])
    monkeypatch.setattr(generate, "_write_of_the_paper", fail)
    with pytest.raises(OSError, match="No space left"):
        sample.write(tmp_path / "landing")
    assert list(tmp_path.iterdir()) == []


def test_empty_folders_are_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "_true_events", lambda _seed: [])
    (tmp_path / "landing" / "crimes").mkdir(parents=True)
    sample.write(tmp_path / "landing")
    assert {path.name for path in (tmp_path / "landing").iterdir()} == {"SYNTHETIC", *OF_THE_PAPER}


def test_a_sample_is_private_unless_its_folder_has_modes_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "_true_events", lambda _seed: [])
    sample.write(tmp_path / "new")
    (tmp_path / "there").mkdir()
    (tmp_path / "there").chmod(0o2770)
    sample.write(tmp_path / "there")
    assert [(tmp_path / name).stat().st_mode & 0o7777 for name in ("new", "there")] == [0o700, 0o2770]
