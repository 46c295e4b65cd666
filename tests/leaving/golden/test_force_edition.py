"""The edition of a force has its own rows whole and no private row of another one; manifests of editions."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import duckdb
import pytest

from dagster_project.disclosure.force_rows import LEFT_OUT, ForceRows, whole_release
from dagster_project.transformation.project import Mart
from tests.golden.conftest import UNLISTED, succeed
from tests.roots import DataRoot

OWN, OTHER = "city-of-london", "kent"
"""The force of the edition, and another one."""

KEYS = {
    "fct_call": "call_id",
    "fct_live_chat": "chat_id",
    "fct_digital_contact": "contact_id",
    "fct_online_crime_report": "submission_id",
}


@pytest.fixture(scope="module")
def root(corrected, tmp_path_factory) -> DataRoot:
    """A copy of the corrected root with the edition of a force."""
    root = corrected.copy(tmp_path_factory.mktemp("of_a_force") / "home")
    succeed(root, "publish", "--edition", "force", "--force", OWN)
    return root


@pytest.fixture(scope="module")
def edition(root) -> Path:
    """The folder of the edition of a force."""
    return (root.home / "published_force" / OWN / "current").resolve()


@pytest.fixture
def query(root, edition):
    """A query of the tables of the edition of a force, beside all marts (`whole`) and the warehouse."""
    home = root.home
    with duckdb.connect() as connection:
        connection.execute(f"attach '{edition / 'fcir.duckdb'}' as edition (read_only)")
        connection.execute(f"attach '{home / 'marts.duckdb'}' as whole (read_only)")
        # Conditions of releases read its lists.
        connection.execute(f"attach '{home / 'warehouse.duckdb'}' as warehouse (read_only); use warehouse")
        yield lambda sql: connection.execute(sql).fetchall()


def test_the_manifest_of_an_edition_lists_its_files_and_no_delivery(edition):
    manifest = json.loads((edition / "manifest.json").read_text(encoding="utf-8"))
    # A hash could confirm a guess at a small delivery.
    assert (manifest["edition"], manifest["is_synthetic"], "inputs" in manifest) == ("force", True, False)
    there = {path.relative_to(edition).as_posix(): path for path in edition.rglob("*") if path.is_file()}
    del there["manifest.json"]
    digests = {name: sha256(path.read_bytes()).hexdigest() for name, path in there.items()}
    assert {file["path"]: file["sha256"] for file in manifest["files"]} == digests
    # No page of the site: they show what disclosure control keeps private.
    assert not [name for name in there if name.endswith(".html") and "/" not in name]


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
    assert {mart.name for mart in marts if "source_row" in mart.columns} >= {*KEYS, "quarantine"}
    numbers = "from duckdb_columns() where database_name = 'edition' and column_name = 'source_row'"
    assert query(numbers) == []
    listed = "select offence_code from warehouse.reference.offences"
    assert query(f"select offence_code from edition.marts.dim_offence except {listed}") == [(UNLISTED[OWN],)]
    # Of the whole files, so free blocks too; identifiers of the own force show that the search can find one.
    content = b"".join(path.read_bytes() for path in edition.rglob("*") if path.is_file())
    found = {OWN: 0, OTHER: 0}
    for fact, column in KEYS.items():
        values = f"select {column} from whole.marts.{fact} where {column} is not null and force_code"
        for force, other in ((OWN, OTHER), (OTHER, OWN)):
            rows = query(f"{values} = '{force}' except {values} = '{other}' limit 50")
            assert rows, fact
            found[force] += sum(value.encode() in content for (value,) in rows)
    assert (found[OWN] > 50, found[OTHER]) == (True, 0)
