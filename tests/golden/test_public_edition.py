"""The public edition has what is released in every form, and no small count."""

from __future__ import annotations

import json
import re
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from tests.public_attacker import Assumption, attack_of, controlled, learnt, rows_of, small_counts, true_counts


@pytest.fixture(scope="module")
def public(corrected) -> list[Path]:
    """The folders of both public editions."""
    return sorted((corrected.home / "published_public").glob("[0-9]*"))


def test_a_correction_changes_the_figures_of_its_events_alone(sample, corrected):
    differing = corrected.warehouse(
        "select section, measure, cast(month_start as varchar), abs(difference) from marts.reconciliation "
        "where verdict <> 'match' order by all"
    )
    # Some of the ten lines updated a crime that another line has; the rest do not move the share of cancelled ones.
    crimes = "select count(*) from marts.fct_crime where force_code = 'kent' and month(recorded_date) = 10"
    fewer = sample.warehouse(crimes)[0][0] - corrected.warehouse(crimes)[0][0]
    assert 0 < fewer <= 10
    assert differing == [
        ("crime", "recorded_crime", "2022-10-01", fewer),
        ("digital", "digital_contacts", "2022-09-01", 1),
    ]


def test_the_public_has_the_released_columns_in_every_form(marts, public):
    released = {(release.table, name) for mart in marts for release in mart.releases for name in release.columns}
    columns = "select table_name, column_name from duckdb_columns() where not internal and table_name <> 'shown_months'"
    for folder in public:
        assert {*rows_of(folder, columns)} == released
        for form in ("csv", "parquet"):
            assert {path.stem for path in (folder / form).iterdir()} == {"shown_months", *dict(released)}


def test_the_manifest_of_an_edition_lists_its_files_and_no_delivery(public):
    manifest = json.loads((public[1] / "manifest.json").read_text(encoding="utf-8"))
    # A hash could confirm a guess at a small delivery.
    assert (manifest["edition"], manifest["is_synthetic"], "inputs" in manifest) == ("public", True, False)
    there = {path.relative_to(public[1]).as_posix(): path for path in public[1].rglob("*") if path.is_file()}
    del there["manifest.json"]
    digests = {name: sha256(path.read_bytes()).hexdigest() for name, path in there.items()}
    assert {file["path"]: file["sha256"] for file in manifest["files"]} == digests
    # No page of the site: they show what disclosure control keeps private.
    pages = {name for name in there if name.endswith(".html") and "/" not in name}
    assert pages == {"index.html", "board_paper.html"}


def test_the_first_page_for_the_public_links_every_file_and_says_whom_to_ask(public):
    first, second = ((folder / "index.html").read_text(encoding="utf-8") for folder in public)
    files = {path.relative_to(public[1]).as_posix() for path in public[1].rglob("*") if path.is_file()}
    forms = {name for name in files if "board_paper." in name or name.startswith(("csv/", "parquet/"))}
    assert set(re.findall(r'href="([^"#:]+)"', second)) == forms
    first, second = (" ".join(re.sub(r"<[^>]+>", " ", page).split()) for page in (first, second))
    about = "Next release 16 February 2023 Owner Head of Data Contact statistics@force.example Licence OGL"
    assert (about in first, about in second) == (True, True)
    assert ("Approved for all ." in second, "Headline measures" in second, "were not answered" in second) == (True,) * 3


def test_nothing_for_the_board_and_nothing_of_an_event_is_public(public):
    texts = [path.read_text("utf-8") for form in ("html", "csv", "md") for path in public[1].rglob(f"*.{form}")]
    books = [path for path in public[1].rglob("board_paper.*") if path.suffix in (".xlsx", ".docx")]
    for book in map(zipfile.ZipFile, books):
        texts += [book.read(name).decode() for name in book.namelist() if name.endswith(".xml")]
    assert (len(texts) > 100, len(books) > 5) == (True, True)
    for words in (
        *("For the board alone", "Head of Unit", "OFFICIAL", "Exceptions", "Strike"),
        *("fcir trace", "fcir query", "fcir run", r"fcir\.duckdb"),
        *(r"\b[0-9a-f]{32}\b", r"4[68]/\d{6}/22", r"_2022-\d\d-\d\d\.", "J SMITH"),
    ):
        assert not [text for text in texts if re.search(words, text)], words


def test_public_counts_are_multiples_of_5_and_a_month_shown_stays_as_it_was(marts, public):
    months = "select distinct strftime(month_start, '%m'), first_edition from marts.shown_months order by all"
    of_first = [(month, public[0].name) for month in ("08", "09", "10", "11")]
    # The newest month may still change.
    assert [rows_of(folder, months) for folder in public] == [of_first, [*of_first, ("12", public[1].name)]]
    for release in controlled(marts):
        wrong = " or ".join(f"{count} < 5 or {count} % 5 <> 0" for count in release.counts)
        assert rows_of(public[1], f"from marts.{release.table} where {wrong}") == [], release.table
        kept = f"from marts.{release.table} where month_start < '2022-12-01' order by all"
        assert rows_of(public[0], kept) == rows_of(public[1], kept) != []
    district = "select count(*), count(cancelled_crime) from marts.kpi_crime_by_district_monthly"
    ((rows, shown),) = rows_of(public[1], district)
    assert rows > shown > 0
    # Figures of the force follow the correction.
    figure = "where measure = 'crime.recorded_crime' and month_start = '2022-10-01' and force_code = 'kent'"
    first, second = (rows_of(folder, f"select value from marts.kpi_measure_monthly {figure}") for folder in public)
    assert first > second


def test_a_solver_over_both_editions_learns_no_small_count(sample, corrected, marts, public):
    counts = [true_counts(root.home / "warehouse.duckdb", marts) for root in (sample, corrected)]
    assert counts[0] != counts[1]
    editions = list(zip(public, counts, strict=True))
    for assumption in Assumption:
        attack, truth = attack_of(marts, editions, assumption)
        tried = small_counts(truth, 5, at_most=10)
        of_releases = {(release.table, count) for release in controlled(marts) for count in release.counts}
        assert {name[1:3] for name in tried} == of_releases
        assert learnt(truth, attack.solve(tried), 5) == {}, assumption
