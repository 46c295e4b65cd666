"""Editions: the public learns what is released and no small count, and a force sees no row of another one."""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.disclosure.force_rows import LEFT_OUT, ForceRows, whole_release
from dagster_project.publication.pointer import point_to
from dagster_project.publication.public_edition import EditionRefused, publish_public
from dagster_project.settings import Settings
from dagster_project.transformation.project import Mart, marts_of, read_manifest
from dagster_project.warehouse.connection import loading_connection
from tests.golden.conftest import OTHER, OWN, UNLISTED
from tests.public_attacker import Assumption, attack_of, controlled, learnt, rows_of, small_counts, true_counts
from tests.roots import DataRoot

PSEUDONYMS = {
    "fct_call": "call_id",
    "fct_crime": "crime_ref",
    "fct_live_chat": "operator_id",
    "fct_digital_contact": "contact_id",
    "fct_online_crime_report": "submission_id",
}


@pytest.fixture(scope="module")
def marts(corrected) -> list[Mart]:
    return marts_of(read_manifest(corrected.home / "dbt" / "manifest.json"))


@pytest.fixture(scope="module")
def public(corrected) -> list[Path]:
    """The folders of both public editions."""
    return sorted((corrected.home / "published_public").glob("[0-9]*"))


@pytest.fixture(scope="module")
def edition(corrected) -> Path:
    """The folder of the edition of a force."""
    return (corrected.home / "published_force" / OWN / "current").resolve()


@pytest.fixture
def both(corrected, edition):
    """The tables of the edition of a force beside all marts and the reference lists."""
    with duckdb.connect() as connection:
        for name, file in (
            ("warehouse", corrected.home / "warehouse.duckdb"),
            ("whole", corrected.home / "marts.duckdb"),
            ("edition", edition / "fcir.duckdb"),
        ):
            connection.execute(f"attach '{file}' as {name} (read_only)")
        connection.execute("use warehouse")
        yield connection


@pytest.mark.parametrize("kind", ["public", "force"])
def test_the_manifest_of_an_edition_lists_its_files_and_no_delivery(public, edition, kind):
    """A hash could confirm a guess at a small delivery."""
    folder = public[1] if kind == "public" else edition
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["edition"], manifest["is_synthetic"], "inputs" in manifest) == (kind, True, False)
    listed = {file["path"]: file["sha256"] for file in manifest["files"]}
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    del there["manifest.json"]
    assert listed == {name: sha256(path.read_bytes()).hexdigest() for name, path in there.items()}
    if kind == "force":
        assert {Path(name).suffix for name in there} == {".duckdb", ".parquet"}
    else:
        # Pages of the site show what disclosure control keeps private.
        assert {name for name in there if name.endswith(".html") and "/" not in name} == {
            "index.html",
            "board_paper.html",
        }


def test_the_public_has_the_released_columns_in_every_form(marts, public):
    released = {release.table: sorted(release.columns) for mart in marts for release in mart.releases}
    for folder in public:
        columns: dict[str, list[str]] = {}
        for name, column in rows_of(
            folder, "select table_name, column_name from duckdb_columns() where not internal order by all"
        ):
            columns.setdefault(name, []).append(column)
        columns.pop("shown_months")
        assert columns == released
        for form in ("csv", "parquet"):
            assert {path.stem for path in (folder / form).iterdir()} == {*released, "shown_months"}
    assert "fct_national_call_answering" not in released
    assert rows_of(public[1], "select count(*) from marts.national_call_answering") == [(15 * 46,)]


def test_the_first_page_for_the_public_links_every_file_and_says_whom_to_ask(corrected, public):
    first, second = ((folder / "index.html").read_text(encoding="utf-8") for folder in public)
    files = {path.relative_to(public[1]).as_posix() for path in public[1].rglob("*") if path.is_file()}
    forms = {name for name in files if "board_paper." in name or name.startswith(("csv/", "parquet/"))}
    assert set(re.findall(r'href="([^"#:]+)"', second)) == forms
    first, second = (" ".join(re.sub(r"<[^>]+>", " ", page).split()) for page in (first, second))
    assert "Next release 16 February 2023 Owner not stated Contact statistics@force.example Licence" in first
    assert "Contact not stated" in second
    said = corrected.home.with_name("said").read_text(encoding="utf-8")
    assert "public.md, line 2: no field 'marking'; known: next_release, owner, contact, licence" in said
    assert "then run: fcir publish --edition public. This edition does not say whom to ask." in said


def test_nothing_for_the_board_and_nothing_of_an_event_is_public(public):
    texts = [
        path.read_text(encoding="utf-8") for form in ("html", "csv", "md") for path in public[1].rglob(f"*.{form}")
    ]
    books = [path for path in public[1].rglob("board_paper.*") if path.suffix in (".xlsx", ".docx", ".ods", ".pptx")]
    for book in map(zipfile.ZipFile, books):
        texts += [book.read(name).decode() for name in book.namelist() if name.endswith(".xml")]
    assert (len(texts) > 100, len(books) > 5) == (True, True)
    for words in (
        *("For the board alone", "Head of Unit", "OFFICIAL", "Exceptions", "Strike"),
        *("fcir trace", "fcir query", "fcir run", "fcir.duckdb"),
        *(r"\b[0-9a-f]{32}\b", r"4[68]/\d{6}/22", r"_2022-\d\d-\d\d\.", "J SMITH"),
    ):
        assert not [text for text in texts if re.search(words, text)], words


def test_public_counts_are_multiples_of_5_and_a_month_shown_stays_as_it_was(marts, public):
    months = "select distinct strftime(month_start, '%m'), first_edition from marts.shown_months order by all"
    of_first = [(month, public[0].name) for month in ("08", "09", "10", "11")]
    assert rows_of(public[0], months) == of_first
    # The newest month may still change.
    assert rows_of(public[1], months) == [*of_first, ("12", public[1].name)]
    for release in controlled(marts):
        wrong = " or ".join(f"{count} < 5 or {count} % 5 <> 0" for count in release.counts)
        assert [rows_of(folder, f"select count(*) from marts.{release.table} where {wrong}") for folder in public] == [
            [(0,)]
        ] * 2
        kept = f"from marts.{release.table} where month_start < '2022-12-01' order by all"
        assert rows_of(public[0], kept) == rows_of(public[1], kept)
    ((rows, shown),) = rows_of(
        public[1], "select count(*), count(cancelled_crime) from marts.kpi_crime_by_district_monthly"
    )
    assert rows > shown > 0
    # Figures of the force follow the correction.
    figure = (
        "select value from marts.kpi_measure_monthly "
        "where measure = 'crime.recorded_crime' and month_start = '2022-10-01' and force_code = 'kent'"
    )
    assert rows_of(public[0], figure) > rows_of(public[1], figure)


@pytest.mark.parametrize("assumption", Assumption)
def test_a_solver_over_both_editions_learns_no_small_count(sample, corrected, marts, public, assumption):
    counts = [true_counts(root.home / "warehouse.duckdb", marts) for root in (sample, corrected)]
    assert counts[0] != counts[1]
    attack, truth = attack_of(marts, list(zip(public, counts, strict=True)), assumption)
    tried = small_counts(truth, 5, at_most=20)
    assert {name[1:3] for name in tried} == {
        (release.table, count) for release in controlled(marts) for count in release.counts
    }
    assert learnt(truth, attack.solve(tried), 5) == {}


def rows_for(mart: Mart) -> str:
    """The query over all marts that gives the rows of a table of the edition of a force."""
    release = whole_release(mart.releases)
    public = [name for name in mart.columns if release and name in release.columns]
    source, where = f"from whole.marts.{mart.name}", (release.where if release else None) or "true"
    kept = [name for name in mart.columns if name not in LEFT_OUT]
    own = f"select {', '.join(kept)} {source} where force_code = '{OWN}'"
    others = ", ".join(name if name in public else f"null as {name}" for name in kept)
    used = f"select offence_code from whole.marts.fct_crime where force_code = '{OWN}'"
    return {
        ForceRows.OWN: own,
        # The only mart of this kind.
        ForceRows.USED_AND_RELEASED: f"select * {source} where ({where}) or offence_code in ({used})",
        ForceRows.OWN_AND_RELEASED: (
            f"{own} union all select {others} {source} where force_code <> '{OWN}' and ({where})"
        ),
        ForceRows.RELEASED: f"select {', '.join(public)} {source} where {where}",
        ForceRows.ALL: f"select * {source}",
    }[mart.force_rows]


def test_a_force_has_its_own_rows_whole_and_of_others_what_is_public(marts, both, edition):
    stated = {mart.name: mart for mart in marts if mart.force_rows is not ForceRows.NONE}
    found = both.execute("select table_name from duckdb_tables() where database_name = 'edition'").fetchall()
    assert {name for (name,) in found} == set(stated) == {path.stem for path in (edition / "parquet").iterdir()}
    for name, mart in stated.items():
        # Nothing is missing and nothing is more.
        for shown in (f"from edition.marts.{name}", f"from '{edition / 'parquet' / name}.parquet'"):
            for one, other in ((rows_for(mart), shown), (shown, rows_for(mart))):
                assert both.execute(f"select count(*) from (({one}) except all ({other}))").fetchone() == (0,), name


def test_a_table_with_all_rows_is_public_or_made_of_files_of_the_project(marts, both, corrected):
    parents = read_manifest(corrected.home / "dbt" / "manifest.json")["parent_map"]

    def has_extracts(node: str) -> bool:
        return any(name.startswith("source.") or has_extracts(name) for name in parents.get(node, []))

    for mart in (mart for mart in marts if mart.force_rows is ForceRows.ALL):
        release = whole_release(mart.releases)
        is_public = (
            release
            and set(mart.columns) <= {*release.columns}
            and not both.execute(
                f"select 1 from edition.marts.{mart.name} where not ({release.where or 'true'}) limit 1"
            ).fetchone()
        )
        assert is_public or not has_extracts(f"model.fcir.{mart.name}"), mart.name


def test_nothing_of_another_force_can_be_counted_read_or_found_in_the_bytes(both, edition, marts):
    # The gaps between row numbers of a shared file would count the rows of the other force.
    assert {mart.name for mart in marts if "source_row" in mart.columns} >= {*PSEUDONYMS, "quarantine"}
    assert not both.execute(
        "select 1 from duckdb_columns() where database_name = 'edition' and column_name = 'source_row'"
    ).fetchall()
    unlisted = both.execute(
        "select offence_code from edition.marts.dim_offence "
        "where offence_code not in (select offence_code from reference.offences)"
    ).fetchall()
    assert unlisted == [(UNLISTED[OWN],)]
    private = "measure not in (select measure from warehouse.reference.public_measures where release = 'whole')"
    figures = f"select distinct force_code from {{}}.marts.kpi_measure_monthly where {private} order by 1"
    assert [both.execute(figures.format(name)).fetchall() for name in ("whole", "edition")] == [
        [(OWN,), (OTHER,)],
        [(OWN,)],
    ]
    # Of the whole files, so free blocks too; pseudonyms of the own force show that the search can find one.
    content = b"".join(path.read_bytes() for path in edition.rglob("*") if path.is_file())
    found = {OWN: 0, OTHER: 0}
    for fact, column in PSEUDONYMS.items():
        values = f"select {column} from whole.marts.{fact} where {column} is not null and force_code"
        for force, other in ((OWN, OTHER), (OTHER, OWN)):
            rows = both.execute(f"{values} = '{force}' except {values} = '{other}' limit 300").fetchall()
            assert rows, fact
            found[force] += sum(value.encode() in content for (value,) in rows)
    assert (found[OWN] > 100, found[OTHER]) == (True, 0)


@pytest.fixture
def small(three_days, tmp_path) -> DataRoot:
    """A copy of the small root with a public edition."""
    root = three_days.copy(tmp_path / "home")
    done = root.fcir("publish", "--edition", "public")
    assert done.code == 0, done.out
    return root


def publish(root: DataRoot, *, change: Any = lambda mart: mart) -> Path:
    settings = Settings(home=root.home, _env_file=None)
    marts = marts_of(read_manifest(root.home / "dbt" / "manifest.json"))
    return publish_public(settings, [change(mart) for mart in marts], run_id="again000").folder


def test_an_edition_is_refused_when_the_one_before_is_missing_or_has_other_columns(small, tmp_path):
    folder = (small.home / "published_public" / "current").resolve()
    away = folder.rename(tmp_path / "away")
    with pytest.raises(EditionRefused, match="Put its folder back"):
        publish(small)
    away.rename(folder)

    def changed(mart: Mart) -> Mart:
        releases = [
            replace(item, counts=item.counts[:1], within={}) for item in mart.releases if item in controlled([mart])
        ]
        return replace(mart, releases=tuple(releases)) if mart.name == "kpi_calls_hourly" else mart

    with pytest.raises(EditionRefused, match="cannot be shown with others"):
        publish(small, change=changed)


def test_an_edition_killed_before_its_pointer_was_swapped_counts_as_shown(small):
    root = small.home / "published_public"
    first, second = (root / "current").resolve(), publish(small)
    point_to(root, first.name)
    third = publish(small)
    assert first.name < second.name < third.name == (root / "current").resolve().name


def test_an_edition_is_refused_when_marts_are_outdated(three_days, tmp_path):
    root = three_days.copy(tmp_path / "home")
    with loading_connection(root.home / "warehouse.duckdb") as connection:
        connection.execute("update audit.build_started set project_fingerprint = 'another'")
    for edition in (["public"], ["force", "--force", "kent"]):
        done = root.fcir("publish", "--edition", *edition)
        assert done.code == 1
        assert "Run: fcir run" in done.out
        assert "No edition was published" in done.out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--edition", "secret"), 2, "secret"),
        (("--edition", "force"), 2, "--edition force and --force FORCE go together"),
        (("--force", OWN), 2, "--edition force and --force FORCE go together"),
        (("--edition", "force", "--force", "../kent"), 2, "police.uk identifier"),
        (("--edition", "force", "--force", "kemt"), 2, "did you mean kent?"),
        (("--edition", "force", "--force", "essex"), 1, "no figure of the force essex"),
    ],
)
def test_a_wrong_edition_is_refused(three_days, tmp_path, arguments, code, message):
    root = three_days.copy(tmp_path / "home")
    done = root.fcir("publish", *arguments)
    assert (done.code, message in done.out + done.err) == (code, True), done.out + done.err
    assert not (root.home / "published_force" / "essex" / "current").exists()
