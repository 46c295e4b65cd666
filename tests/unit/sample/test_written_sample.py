"""The sample as it is written: its printed figures, its files, and that no row of it ever changes unnoticed."""

import csv
import datetime as dt
import gzip
import hashlib
import re
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from dagster_project import sample
from dagster_project.sample import SampleSummary, generate
from dagster_project.sample.calls import DRAMA_STEMS
from dagster_project.sample.deliveries import File
from dagster_project.sample.draws import fit_sum
from dagster_project.sample.forces import FORCES
from dagster_project.sample.styles import style_of
from dagster_project.sample.targets import PRINTED_FIGURES, printed_figures, targets_of

# An extract is sent twice on the first day, and the clock changes in October.
FIRST, LAST = dt.date(2022, 9, 14), dt.date(2022, 10, 31)
DAILY = ("call_segments", "digital_contacts", "online_crime_reports", "live_chats", "crimes")
OF_THE_PAPER = {"published_figures", "published_statements"}
NATIONAL = "national_call_answering"
NAME = re.compile(r"([a-z_]+?)_(\d{4}-\d\d-\d\d)(_[a-z]+)?\.(csv|csv\.gz|xlsx|parquet|jsonl)")


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("sample") / "landing"


@pytest.fixture(scope="module", autouse=True)
def summary(out) -> SampleSummary:
    return sample.write(out, first=FIRST, last=LAST)


def delivered(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def hashes(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def cells(path: Path) -> bytes:
    """The cells of a file, without what the version of a library writes around them."""
    if path.suffix == ".parquet":
        return repr(duckdb.sql(f"from read_parquet('{path}')").fetchall()).encode()
    if path.suffix == ".xlsx":
        book = CalamineWorkbook.from_path(path)
        return repr([book.get_sheet_by_name(name).to_python() for name in book.sheet_names]).encode()
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


# What the documentation shows of the sample is of these rows; change a digest together with it.
DIGESTS = {
    "call_segments": "72f08a8cc37c0167",
    "digital_contacts": "94353bbe0b46783a",
    "online_crime_reports": "977df57064e2b6d5",
    "live_chats": "3465cde4e2266ccb",
    "crimes": "33d42a2272277dd6",
    "national_call_answering": "299b423a9343d2ee",
    "styles": "cd8bc43edba78ba7",
    "targets": "ff9a3cd98be12212",
}


@pytest.mark.parametrize("part", DIGESTS)
def test_the_sample_is_what_it_always_was(part, out) -> None:
    digest = hashlib.sha256()
    days = [dt.date(2021, 2, 1) + dt.timedelta(days=number) for number in range(730)]
    if part == "styles":
        for source in DAILY:
            digest.update(repr([style_of(source, date=day, file=file) for day in days for file in File]).encode())
    elif part == "targets":
        digest.update(repr([sorted(targets_of(force.code).values.items()) for force in FORCES]).encode())
    else:
        for path in sorted((out / part).iterdir()):
            digest.update(path.name.encode() + cells(path))
    assert digest.hexdigest()[:16] == DIGESTS[part]


def test_a_day_has_the_same_files_whichever_range_is_asked_for(out, tmp_path) -> None:
    sample.write(tmp_path / "landing", first=dt.date(2022, 9, 28), last=dt.date(2022, 10, 2))
    part = {name: digest for name, digest in hashes(tmp_path / "landing").items() if "_2022-" in name}
    assert len(part) > 5 * 5
    assert part.items() <= hashes(out).items()


def test_files_are_named_by_source_and_day_in_five_formats_and_counted(out, summary) -> None:
    found = [(path, NAME.fullmatch(path.name)) for path in out.glob("*/*")]
    assert all(match[1] == path.parent.name for path, match in found)
    assert {match[1] for _, match in found} == {*DAILY, *OF_THE_PAPER, NATIONAL}
    assert {match[4] for _, match in found} == {"csv", "csv.gz", "xlsx", "parquet", "jsonl"}
    for source in DAILY:
        assert len({match[2] for _, match in found if match[1] == source}) == (LAST - FIRST).days + 1
    assert summary.files == len(found)
    assert {source: summary.rows[source] for source in OF_THE_PAPER} == {
        "published_figures": 108,
        "published_statements": 29,
    }
    for source in DAILY:
        # Far below the share that rejects a delivery.
        assert 0 < summary.quarantined[source] < 0.01 * summary.rows[source]
    [copy] = out.glob("*/*_copy.*")
    assert copy.read_bytes() == copy.with_name(copy.name.replace("_copy", "")).read_bytes()


def test_what_the_paper_prints_and_says_arrives_as_deliveries(out) -> None:
    names = {"report_id": "kent_fcir_2023-03-15", "published_on": "2023-03-15"}
    figures = delivered(out / "published_figures" / "published_figures_2023-03-15.csv")
    typed = delivered(PRINTED_FIGURES)
    stated = ("section", "label", "measure", "unit")
    assert figures == [
        names | {name: row[name] for name in stated} | {"month": month, "published_value": row[month]}
        for row in typed
        for month in list(row)[len(stated) :]
    ]
    rows = delivered(out / "published_statements" / "published_statements_2023-03-15.csv")
    ids = {kind: {row["statement_id"] for row in rows if row["kind"] == kind} for kind in ("figure", "claim")}
    assert ids["figure"] == {f"N{number}" for number in range(1, 11)}
    assert ids["claim"] == {f"C{number}" for number in range(1, 16)}
    # The printed texts as another hand copied them.
    texts = [row["published_value"] for row in rows if row["kind"] == "figure"]
    assert texts == ["1.33%", "19s", "5m 1s", "35.38%", "38.77%", "8m 7s", "14,327", "-590", "3.35%", "-0.08%"]


def test_rows_are_marked_as_invented(out) -> None:
    text = (out / "SYNTHETIC").read_text(encoding="utf-8")
    assert "synthetic" in text
    assert "Kent Police" in text
    callers = {row["CALLER_NUMBER"] for row in delivered(out / "call_segments/call_segments_2022-10-18_corrected.csv")}
    # In any spelling, the last ten digits are those without the zero.
    numbers = {re.sub(r"\D", "", caller.removesuffix(" x2"))[-10:] for caller in callers} - {"", "0"}
    assert numbers
    assert {number[:-3] for number in numbers} <= {stem[1:] for stem in DRAMA_STEMS}


@pytest.mark.parametrize(("first", "last"), [("2021-01-31", "2021-02-02"), ("2022-08-02", "2022-08-01")])
def test_a_range_outside_of_the_sample_is_refused(first: str, last: str, tmp_path) -> None:
    with pytest.raises(ValueError, match="the sample covers 2021-02-01 to 2023-01-31"):
        sample.write(tmp_path / "landing", first=dt.date.fromisoformat(first), last=dt.date.fromisoformat(last))
    assert not (tmp_path / "landing").exists()


def test_a_folder_with_files_is_refused_and_left_alone(tmp_path) -> None:
    kept = tmp_path / "landing" / "crimes" / "crimes_2022-08-01.csv"
    kept.parent.mkdir(parents=True)
    kept.write_text("crime_ref\n", encoding="utf-8")
    with pytest.raises(FileExistsError, match="new or empty folder"):
        sample.write(tmp_path / "landing")
    assert hashes(tmp_path) == {"landing/crimes/crimes_2022-08-01.csv": hashlib.sha256(b"crime_ref\n").hexdigest()}


@pytest.fixture
def no_events(monkeypatch) -> None:
    """The sample without events, which takes no time."""
    monkeypatch.setattr(generate, "_true_events", lambda **_range: [])


@pytest.mark.usefixtures("no_events")
def test_a_sample_that_fails_leaves_nothing_behind(tmp_path, monkeypatch) -> None:
    def fail(folder: Path, _delivered: object) -> None:
        raise OSError(28, "No space left on device", str(folder))

    monkeypatch.setattr(generate, "_write_rows", fail)
    with pytest.raises(OSError, match="No space left"):
        sample.write(tmp_path / "landing")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_events")
def test_empty_folders_are_filled_and_a_new_sample_is_private(tmp_path) -> None:
    sample.write(tmp_path / "new")
    (tmp_path / "there" / "crimes").mkdir(parents=True)
    (tmp_path / "there").chmod(0o2770)
    sample.write(tmp_path / "there")
    assert {path.name for path in (tmp_path / "there").iterdir()} == {"SYNTHETIC", *OF_THE_PAPER, NATIONAL}
    assert [(tmp_path / name).stat().st_mode & 0o7777 for name in ("new", "there")] == [0o700, 0o2770]


# -- sums and targets


@given(
    st.lists(st.floats(min_value=0.01, max_value=1e5), min_size=1, max_size=50),
    st.integers(min_value=0, max_value=10),
    st.integers(min_value=0, max_value=10**6),
)
def test_fitted_values_add_up_exactly_and_none_is_below_the_minimum(values: list[float], minimum: int, more: int):
    total = minimum * len(values) + more
    fitted = fit_sum(np.array(values), total=total, minimum=minimum)
    assert int(fitted.sum()) == total
    assert int(fitted.min()) >= minimum
    with pytest.raises(ValueError, match="cannot add up"):
        fit_sum(np.array(values), total=minimum * len(values) - 1, minimum=minimum)


def test_targets_are_read_from_the_printed_file_and_another_spelling_is_an_error(monkeypatch, tmp_path: Path):
    targets = targets_of("kent")
    assert targets.months[-6:] == ("2022-08", "2022-09", "2022-10", "2022-11", "2022-12", "2023-01")
    assert targets.of("calls_101", "avg_queue_time")[-4] == 15 * 60 + 29
    assert targets.of("calls_999", "received")[-6] == 35_634
    path = tmp_path / "figures.csv"
    path.write_text("section,label,measure,unit,2022-08\nx,z,y,duration,04:56\n", encoding="utf-8")
    monkeypatch.setattr("dagster_project.sample.targets.printed_figures", lambda: printed_figures(path))
    with pytest.raises(ValueError, match="'04:56' is not a duration"):
        targets_of("kent")
