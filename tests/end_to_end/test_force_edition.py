"""The edition of a force of the sample: its own detail whole, of the other force only what is public."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path

import duckdb
import pytest
from command import Command

from dagster_project.disclosure.force_rows import ForceRows, whole_release
from dagster_project.transformation.project import Mart, marts_of, read_manifest

OWN, OTHER = "city-of-london", "kent"
PSEUDONYMS = {
    "fct_call": "call_id",
    "fct_crime": "crime_ref",
    "fct_live_chat": "operator_id",
    "fct_digital_contact": "contact_id",
    "fct_online_crime_report": "submission_id",
}


@pytest.fixture(scope="module")
def home(sample, tmp_path_factory) -> Command:
    """A copy of the sample with an edition of the smaller force."""
    copy = Command(tmp_path_factory.mktemp("force_edition") / "home")
    shutil.copytree(sample.home, copy.home, symlinks=True)
    done = copy.run("publish", "--edition", "force", "--force", OWN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"(edition of {OWN})" in done.stdout
    return copy


@pytest.fixture(scope="module")
def edition(home) -> Path:
    return (home.home / "published_force" / OWN / "current").resolve()


@pytest.fixture(scope="module")
def marts(home):
    return marts_of(read_manifest(home.home / "dbt" / "manifest.json"))


@pytest.fixture
def both(home, edition):
    """The edition beside all marts and the reference lists."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home.home / 'warehouse.duckdb'}' as warehouse (read_only)")
        connection.execute(f"attach '{home.home / 'marts.duckdb'}' as whole (read_only)")
        connection.execute(f"attach '{edition / 'fcir.duckdb'}' as edition (read_only)")
        connection.execute("use warehouse")
        yield connection


def test_the_edition_has_the_tables_that_state_a_part_and_no_other(marts, edition, both):
    stated = {mart.name for mart in marts if mart.force_rows is not ForceRows.NONE}
    found = both.execute("select table_name from duckdb_tables() where database_name = 'edition'").fetchall()
    assert {name for (name,) in found} == stated
    assert {path.stem for path in (edition / "parquet").iterdir()} == stated
    assert not both.execute("select 1 from duckdb_views() where database_name = 'edition' and not internal").fetchall()


def expected_rows(mart: Mart) -> str:
    """The query over all marts that gives the rows of a table of the edition."""
    release = whole_release(mart.releases)
    public = [name for name in mart.columns if release and name in release.columns]
    source, where = f"from whole.marts.{mart.name}", (release.where if release else None) or "true"
    own = f"select * {source} where force_code = '{OWN}'"
    others = ", ".join(name if name in public else f"null as {name}" for name in mart.columns)
    return {
        ForceRows.OWN: own,
        ForceRows.OWN_AND_RELEASED: f"{own} union all "
        f"select {others} {source} where force_code <> '{OWN}' and ({where})",
        ForceRows.RELEASED: f"select {', '.join(public)} {source} where {where}",
        ForceRows.ALL: f"select * {source}",
    }[mart.force_rows]


def test_each_table_has_its_own_rows_whole_and_of_the_other_force_what_is_public(marts, both, edition):
    """Both ways: nothing is missing and nothing is more. The Parquet files have the same rows."""
    for mart in marts:
        if mart.force_rows is ForceRows.NONE:
            continue
        expected = expected_rows(mart)
        for found in (f"from edition.marts.{mart.name}", f"from '{edition / 'parquet' / mart.name}.parquet'"):
            for one, other in ((expected, found), (found, expected)):
                assert both.execute(f"select count(*) from (({one}) except all ({other}))").fetchone() == (0,), (
                    mart.name
                )


def test_facts_and_detail_have_no_row_of_another_force(both):
    tables = both.execute(
        "select table_name from duckdb_columns() where database_name = 'edition' and column_name = 'force_code'"
    ).fetchall()
    forces = {
        name: {force for (force,) in both.execute(f"select distinct force_code from edition.marts.{name}").fetchall()}
        for (name,) in tables
    }
    detail = {name for name in forces if name.startswith("fct_") or "operator" in name or "hourly" in name}
    assert len(detail) >= 10
    assert {name: forces[name] for name in detail if forces[name] - {OWN}} == {}
    # Published figures and national marts have both.
    for name in ("kpi_measure_monthly", "kpi_measure_period", "national_figures"):
        assert forces[name] == {OWN, OTHER}, name


def test_a_private_measure_of_the_other_force_cannot_be_read_or_computed(both):
    private = "measure not in (select measure from warehouse.reference.public_measures where release = 'whole')"
    assert both.execute(f"select count(*) from whole.marts.national_totals where {private}").fetchone()[0] > 0
    for name in ("national_figures", "national_totals"):
        assert both.execute(f"select count(*) from edition.marts.{name} where {private}").fetchone() == (0,), name
    own, other = (
        both.execute(
            f"select count(*) from edition.marts.kpi_measure_monthly where {private} and force_code = ?", [force]
        ).fetchone()[0]
        for force in (OWN, OTHER)
    )
    assert (own > 0, other) == (True, 0)


def test_no_byte_of_the_files_is_a_pseudonym_of_another_force(both, edition):
    """Of the whole files, so free blocks too; pseudonyms of the own force show that the search can find one."""
    content = b"".join(path.read_bytes() for path in sorted(edition.rglob("*")) if path.is_file())
    found = {OWN: 0, OTHER: 0}
    for table, column in PSEUDONYMS.items():
        values = f"select {column} from whole.marts.{table} where {column} is not null and force_code"
        for force, other in ((OWN, OTHER), (OTHER, OWN)):
            rows = both.execute(f"{values} = '{force}' except {values} = '{other}' limit 300").fetchall()
            assert rows, table
            found[force] += sum(value.encode() in content for (value,) in rows)
    assert (found[OWN] > 100, found[OTHER]) == (True, 0)


def test_the_manifest_lists_every_file_and_no_delivery(edition, both):
    manifest = json.loads((edition / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["edition"], manifest["force_code"], manifest["is_synthetic"]) == ("force", OWN, True)
    listed = {file["path"]: file["sha256"] for file in manifest["files"]}
    on_disk = {str(path.relative_to(edition)) for path in edition.rglob("*") if path.is_file()} - {"manifest.json"}
    assert set(listed) == on_disk
    assert {Path(path).suffix for path in on_disk} == {".duckdb", ".parquet"}
    assert all(sha256((edition / path).read_bytes()).hexdigest() == digest for path, digest in listed.items())
    for name, rows in manifest["tables"].items():
        assert both.execute(f"select count(*) from edition.marts.{name}").fetchone() == (rows,)
    assert "inputs" not in manifest


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--edition", "force"), 2, "--edition force and --force FORCE go together"),
        (("--force", OWN), 2, "--edition force and --force FORCE go together"),
        (("--edition", "force", "--force", "../kent"), 2, "police.uk identifier"),
        (("--edition", "force", "--force", "kemt"), 2, "did you mean kent?"),
        (("--edition", "force", "--force", "essex"), 1, "no figure of the force essex"),
    ],
)
def test_wrong_forces_are_refused(home, arguments, code, said):
    done = home.run("publish", *arguments)
    assert (done.returncode, said in done.stdout + done.stderr) == (code, True), done.stdout + done.stderr
    assert {path.name for path in (home.home / "published_force").iterdir()} == {OWN}
