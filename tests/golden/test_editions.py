"""Editions: the public learns what is released and no small count, and a force sees no row of another one."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from unittest.mock import patch

import duckdb
import pytest

from dagster_project.disclosure.force_rows import LEFT_OUT, ForceRows, whole_release
from dagster_project.publication import public_edition
from dagster_project.publication.pointer import point_to
from dagster_project.publication.public_edition import EditionRefused, publish_public
from dagster_project.settings import Settings
from dagster_project.transformation.project import Mart, marts_of, read_manifest
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.marts import note_written
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


def marts_in(root: DataRoot) -> list[Mart]:
    return marts_of(read_manifest(root.home / "dbt" / "manifest.json"))


@pytest.fixture(scope="module")
def marts(corrected) -> list[Mart]:
    return marts_in(corrected)


@pytest.fixture(scope="module")
def public(corrected) -> list[Path]:
    """The folders of both public editions."""
    return sorted((corrected.home / "published_public").glob("[0-9]*"))


@pytest.fixture(scope="module")
def edition(corrected) -> Path:
    """The folder of the edition of a force."""
    return (corrected.home / "published_force" / OWN / "current").resolve()


@pytest.fixture
def query(corrected, edition):
    """A query of the tables of the edition of a force, beside all marts (`whole`) and the warehouse."""
    home = corrected.home
    with duckdb.connect() as connection:
        connection.execute(f"attach '{edition / 'fcir.duckdb'}' as edition (read_only)")
        connection.execute(f"attach '{home / 'marts.duckdb'}' as whole (read_only)")
        connection.execute(f"attach '{home / 'warehouse.duckdb'}' as warehouse (read_only)")
        yield lambda sql: connection.execute(sql).fetchall()


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


@pytest.mark.parametrize("kind", ["public", "force"])
def test_the_manifest_of_an_edition_lists_its_files_and_no_delivery(public, edition, kind):
    folder = public[1] if kind == "public" else edition
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    # A hash could confirm a guess at a small delivery.
    assert (manifest["edition"], manifest["is_synthetic"], "inputs" in manifest) == (kind, True, False)
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    del there["manifest.json"]
    digests = {name: sha256(path.read_bytes()).hexdigest() for name, path in there.items()}
    assert {file["path"]: file["sha256"] for file in manifest["files"]} == digests
    # No page of the site: they show what disclosure control keeps private.
    pages = {name for name in there if name.endswith(".html") and "/" not in name}
    assert pages == ({"index.html", "board_paper.html"} if kind == "public" else set())


def test_the_public_has_the_released_columns_in_every_form(marts, public):
    released = {(release.table, name) for mart in marts for release in mart.releases for name in release.columns}
    columns = "select table_name, column_name from duckdb_columns() where not internal and table_name <> 'shown_months'"
    for folder in public:
        assert {*rows_of(folder, columns)} == released
        for form in ("csv", "parquet"):
            assert {path.stem for path in (folder / form).iterdir()} == {"shown_months", *dict(released)}
    assert "fct_national_call_answering" not in dict(released)
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
    texts = [path.read_text("utf-8") for form in ("html", "csv", "md") for path in public[1].rglob(f"*.{form}")]
    books = [path for path in public[1].rglob("board_paper.*") if path.suffix in (".xlsx", ".docx", ".ods", ".pptx")]
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
        for sql in (f"from marts.{release.table} where {wrong}", f"select count(*) = 0 from marts.{release.table}"):
            assert [rows_of(folder, sql) for folder in public] in ([[], []], [[(False,)], [(False,)]]), release.table
        kept = f"from marts.{release.table} where month_start < '2022-12-01' order by all"
        assert rows_of(public[0], kept) == rows_of(public[1], kept)
    district = "select count(*), count(cancelled_crime) from marts.kpi_crime_by_district_monthly"
    ((rows, shown),) = rows_of(public[1], district)
    assert rows > shown > 0
    # Figures of the force follow the correction.
    figure = "where measure = 'crime.recorded_crime' and month_start = '2022-10-01' and force_code = 'kent'"
    first, second = (rows_of(folder, f"select value from marts.kpi_measure_monthly {figure}") for folder in public)
    assert first > second


@pytest.mark.parametrize("assumption", Assumption)
def test_a_solver_over_both_editions_learns_no_small_count(sample, corrected, marts, public, assumption):
    counts = [true_counts(root.home / "warehouse.duckdb", marts) for root in (sample, corrected)]
    assert counts[0] != counts[1]
    attack, truth = attack_of(marts, list(zip(public, counts, strict=True)), assumption)
    tried = small_counts(truth, 5, at_most=10)
    of_releases = {(release.table, count) for release in controlled(marts) for count in release.counts}
    assert {name[1:3] for name in tried} == of_releases
    assert learnt(truth, attack.solve(tried), 5) == {}


def rows_for(mart: Mart) -> str:
    """The query over all marts that gives the rows of a table of the edition of a force."""
    release = whole_release(mart.releases)
    released = [name for name in mart.columns if release and name in release.columns]
    kept = [name for name in mart.columns if name not in LEFT_OUT]
    own, other = f"force_code = '{OWN}'", ", ".join(name if name in released else f"null as {name}" for name in kept)
    public, every = f"({(release and release.where) or 'true'})", f"from whole.marts.{mart.name}"
    used = f"offence_code in (select offence_code from whole.marts.fct_crime where {own})"
    return {
        ForceRows.OWN: f"select {', '.join(kept)} {every} where {own}",
        # The only mart of this kind.
        ForceRows.USED_AND_RELEASED: f"{every} where {public} or {used}",
        ForceRows.OWN_AND_RELEASED: f"select {', '.join(kept)} {every} where {own} "
        f"union all select {other} {every} where not {own} and {public}",
        ForceRows.RELEASED: f"select {', '.join(released)} {every} where {public}",
        ForceRows.ALL: every,
    }[mart.force_rows]


def test_a_force_has_its_own_rows_whole_and_of_others_what_is_public(marts, query, edition):
    stated = {mart.name: mart for mart in marts if mart.force_rows is not ForceRows.NONE}
    found = {name for (name,) in query("select table_name from duckdb_tables() where database_name = 'edition'")}
    assert found == set(stated) == {path.stem for path in (edition / "parquet").iterdir()}
    for name, mart in stated.items():
        # Nothing is missing and nothing is more.
        for shown in (f"from edition.marts.{name}", f"from '{edition / 'parquet' / name}.parquet'"):
            for one, other in ((rows_for(mart), shown), (shown, rows_for(mart))):
                assert query(f"select count(*) from (({one}) except all ({other}))") == [(0,)], name


def test_nothing_of_another_force_can_be_counted_read_or_found_in_the_bytes(query, edition, marts):
    # The gaps between row numbers of a shared file would count the rows of the other force.
    assert {mart.name for mart in marts if "source_row" in mart.columns} >= {*PSEUDONYMS, "quarantine"}
    numbers = "from duckdb_columns() where database_name = 'edition' and column_name = 'source_row'"
    assert query(numbers) == []
    listed = "select offence_code from warehouse.reference.offences"
    assert query(f"select offence_code from edition.marts.dim_offence except {listed}") == [(UNLISTED[OWN],)]
    public = "select measure from warehouse.reference.public_measures where release = 'whole'"
    private = (
        f"select distinct force_code from {{}}.marts.kpi_measure_monthly where measure not in ({public}) order by 1"
    )
    assert [query(private.format(name)) for name in ("whole", "edition")] == [[(OWN,), (OTHER,)], [(OWN,)]]
    # Of the whole files, so free blocks too; pseudonyms of the own force show that the search can find one.
    content = b"".join(path.read_bytes() for path in edition.rglob("*") if path.is_file())
    found = {OWN: 0, OTHER: 0}
    for fact, column in PSEUDONYMS.items():
        values = f"select {column} from whole.marts.{fact} where {column} is not null and force_code"
        for force, other in ((OWN, OTHER), (OTHER, OWN)):
            rows = query(f"{values} = '{force}' except {values} = '{other}' limit 50")
            assert rows, fact
            found[force] += sum(value.encode() in content for (value,) in rows)
    assert (found[OWN] > 50, found[OTHER]) == (True, 0)


@pytest.fixture(scope="module")
def published(three_days, tmp_path_factory) -> DataRoot:
    """A copy of the small root with a public edition."""
    root = three_days.copy(tmp_path_factory.mktemp("small") / "home")
    publish(root)
    return root


@pytest.fixture
def small(published, tmp_path) -> DataRoot:
    return published.copy(tmp_path / "home")


def publish(root: DataRoot, *, change: Callable[[Mart], Mart] = lambda mart: mart) -> Path:
    """Publish a public edition without papers."""
    with patch.object(public_edition, "write_papers", lambda *_, **__: []):
        settings = Settings(home=root.home, _env_file=None)
        return publish_public(settings, [change(mart) for mart in marts_in(root)], run_id="12345678").folder


def complete_october(root: DataRoot) -> None:
    """Let the next edition show a month of calls."""
    with loading_connection(root.home / "warehouse.duckdb") as connection:
        connection.execute("update reference.disclosure_rules set value = 0 where rule = 'months_to_settle'")
        connection.execute("update marts.kpi_calls_hourly set is_provisional = false")
        note_written(connection)


def test_an_edition_that_discloses_a_small_count_is_refused(small, monkeypatch):
    before = (small.home / "published_public" / "current").resolve()
    complete_october(small)
    monkeypatch.setattr(public_edition, "control", lambda counts, *_, **__: [count or None for count in counts])
    with pytest.raises(EditionRefused, match=r"October 2022: a cell .* Nothing was published"):
        publish(small)
    assert (small.home / "published_public" / "current").resolve() == before


def test_an_edition_is_refused_when_the_one_before_is_missing_or_has_other_columns(small, tmp_path):
    folder = (small.home / "published_public" / "current").resolve()
    away = folder.rename(tmp_path / "away")
    with pytest.raises(EditionRefused, match="Put its folder back"):
        publish(small)
    away.rename(folder)

    def changed(mart: Mart) -> Mart:
        releases = tuple(replace(item, counts=item.counts[:1], within={}) for item in controlled([mart]))
        return replace(mart, releases=releases) if mart.name == "kpi_calls_hourly" else mart

    with pytest.raises(EditionRefused, match="cannot be shown with others"):
        publish(small, change=changed)


def test_an_edition_killed_before_its_pointer_was_swapped_counts_as_shown(small):
    root = small.home / "published_public"
    complete_october(small)
    first, second = (root / "current").resolve(), publish(small)
    point_to(root, first.name)
    shown = rows_of(publish(small), "select distinct first_edition from marts.shown_months")
    assert shown == [(second.name,)]


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
def test_a_wrong_edition_is_refused(small, arguments, code, message):
    done = small.fcir("publish", *arguments)
    assert (done.code, message in done.out + done.err) == (code, True), done.out + done.err
    assert not (small.home / "published_force" / "essex" / "current").exists()


@pytest.mark.parametrize("edition_of", [("public",), ("force", "--force", "kent")])
def test_an_edition_is_refused_when_marts_are_outdated(small, edition_of):
    with loading_connection(small.home / "warehouse.duckdb") as connection:
        connection.execute("update audit.build_started set project_fingerprint = 'another'")
    done = small.fcir("publish", "--edition", *edition_of)
    assert (done.code, "Run: fcir run" in done.out, "No edition was published" in done.out) == (1, True, True)
