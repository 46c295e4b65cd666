"""The edition of a force of the sample: its own detail whole, of the other force only what is public."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.disclosure.force_rows import LEFT_OUT, ForceRows, whole_release
from dagster_project.transformation.project import Mart, marts_of, read_manifest
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.marts import note_writing, note_written
from tests.end_to_end.command import Command

OWN, OTHER = "city-of-london", "kent"
PSEUDONYMS = {
    "fct_call": "call_id",
    "fct_crime": "crime_ref",
    "fct_live_chat": "operator_id",
    "fct_digital_contact": "contact_id",
    "fct_online_crime_report": "submission_id",
}
# Offence codes that the list lacks, each of one crime.
UNLISTED = {OWN: "own 01/02/80", OTHER: "J SMITH 01/02/80"}


@pytest.fixture(scope="module")
def home(sample, tmp_path_factory) -> Command:
    """A copy of the sample, in which each force has an unlisted offence code, with an edition of the smaller force."""
    copy = Command(tmp_path_factory.mktemp("force_edition") / "home")
    shutil.copytree(sample.home, copy.home, symlinks=True)
    with loading_connection(copy.home / "warehouse.duckdb") as connection:
        note_writing(connection)
        for force, code in UNLISTED.items():
            connection.execute(
                "update marts.fct_crime set offence_code = ? where force_code = ? and crime_ref = "
                "(select min(crime_ref) from marts.fct_crime where force_code = ?)",
                [code, force, force],
            )
            connection.execute(
                "insert into marts.dim_offence values (?, 'Not in the offence list', 'Unclassified')", [code]
            )
        note_written(connection)
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
    kept = [name for name in mart.columns if name not in LEFT_OUT]
    own = f"select {', '.join(kept)} {source} where force_code = '{OWN}'"
    others = ", ".join(name if name in public else f"null as {name}" for name in kept)
    used = f"select offence_code from whole.marts.fct_crime where force_code = '{OWN}'"
    return {
        ForceRows.OWN: own,
        # The only mart of this kind.
        ForceRows.USED_AND_RELEASED: f"select * {source} where ({where}) or offence_code in ({used})",
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


def test_no_table_has_a_number_that_counts_rows_of_another_force(marts, both, edition):
    """The gaps between row numbers of a shared file would count the rows of the other force."""
    assert {mart.name for mart in marts if "source_row" in mart.columns} >= {*PSEUDONYMS, "quarantine"}
    files = f"'{edition / 'parquet'}/*.parquet'"
    found = both.execute(
        "select table_name from duckdb_columns() where database_name = 'edition' and column_name = 'source_row' "
        f"union all select file_name from parquet_schema({files}) where name = 'source_row'"
    )
    assert found.fetchall() == []


def test_an_unlisted_offence_code_is_only_in_the_edition_of_its_force(both):
    found = both.execute(
        "select offence_code from edition.marts.dim_offence except select offence_code from reference.offences"
    ).fetchall()
    assert (UNLISTED[OWN],) in found
    assert (UNLISTED[OTHER],) not in found


def test_a_mart_of_which_all_rows_are_in_the_edition_has_only_public_rows_or_none_of_extracts(marts, both, home):
    """The catalogue and the dictionary describe more than is public; they are made of files of the project alone."""
    manifest = read_manifest(home.home / "dbt" / "manifest.json")
    beyond = set()
    for mart in marts:
        if mart.force_rows is not ForceRows.ALL:
            continue
        release = whole_release(mart.releases)
        hidden = (
            f"select 1 from edition.marts.{mart.name} where not ({(release.where or 'true') if release else 'false'})"
        )
        if both.execute(f"{hidden} limit 1").fetchone() or set(mart.columns) - set(release.columns if release else ()):
            beyond.add(mart.name)
    assert beyond == {"measures", "data_dictionary"}
    assert all(not has_extracts(manifest, f"model.fcir.{name}") for name in beyond)


def has_extracts(manifest: dict[str, Any], node: str) -> bool:
    """Whether a node reads an extract, or a model that does."""
    above = manifest["parent_map"].get(node, [])
    return any(name.startswith("source.") or has_extracts(manifest, name) for name in above)


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
