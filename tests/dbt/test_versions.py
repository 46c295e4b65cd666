"""The record of publications: a killed one is one when its folder is there, and leaves no trace when it is not."""

import csv
import shutil
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.contracts import load_contracts
from dagster_project.publication import publish as publishing
from dagster_project.publication.pointer import current_publication
from dagster_project.publication.publish import publish
from dagster_project.publication.versions import recover_interrupted
from dagster_project.settings import CONTRACTS, DBT_PROJECT, Settings
from dagster_project.transformation.project import Mart, ensure_manifest, fingerprint, marts_of, read_manifest
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.tables import ensure_tables
from tests.dbt.running import run_dbt

MODELS = (
    *("stg_loads", "stg_publications", "stg_figure_versions", "chg_publication_interval", "chg_unpublished_loads"),
    *("chg_unpublished_months", "int_figure_change", "int_published_version", "int_revision"),
    *("stg_builds_started", "stg_corrections", "stg_load_forces", "int_force_root"),
    *("published_versions", "revisions"),
)
# The table of changes since the last publication; it reads views.
CHANGES = ("chg_unpublished_months",)


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


class Warehouse:
    """A warehouse with one measure, whose figures a test sets by hand in place of the models before."""

    def __init__(self, home: Path, marts: list[Mart]) -> None:
        self.settings = Settings(home=home, _env_file=None)
        self._marts = marts
        self._runs = 0

    def execute(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of a statement in the warehouse."""
        with loading_connection(self.settings.warehouse) as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    def build(self, value: int | None, *, force: str = "kent") -> None:
        """A delivery of calls, and the build that makes the force's figure of it."""
        number = len(self.execute("select 1 from audit.load")) + 1
        day = datetime(2022, 10, number)  # noqa: DTZ001 (a day)
        self.execute(
            "insert into audit.load (load_id, source, extract_date, rows_read, rows_loaded, rows_quarantined, status, "
            "is_synthetic, loaded_at, run_id, change_seq, first_change_seq) "
            "values ($1, 'call_segments', $2, 1, 1, 0, 'loaded', false, now(), 'run', $1, $1)",
            number,
            day,
        )
        self.execute(
            "insert into raw.call_segments (force_code, call_id, segment_no, arrived_at, load_id) "
            "values ($1, $2, 1, $3, $4)",
            force,
            f"call{number}",
            day.replace(hour=10),
            number,
        )
        with loading_connection(self.settings.warehouse) as connection:
            recover_interrupted(connection, self.settings.published)
        self.execute("delete from measures.int_measure_monthly where force_code = ?", force)
        self.execute(
            "insert into measures.int_measure_monthly values (?, 'calls_999.received', '2022-10-01', ?, false)",
            force,
            value,
        )
        for name in CHANGES:
            self.execute(f"create or replace table changes.{name} as from main.{name}")
        self.execute("insert into audit.build values ('run', ?, ?, false, now())", number, fingerprint())

    def publish(self) -> str:
        """Publish; the name of the publication."""
        self._runs += 1
        return publish(self.settings, self._marts, run_id=f"{self._runs:08}").run_id

    def versions(self) -> list[tuple[Any, ...]]:
        """Publication, force and value of all versions that readers see."""
        return self._published("run_id, force_code, value from marts.published_versions")

    def revisions(self) -> list[tuple[Any, ...]]:
        """Publication, the one before, force, values and deliveries of all revisions that readers see."""
        return self._published(
            "run_id, previous_run_id, force_code, previous_value, value, deliveries from marts.revisions"
        )

    def _published(self, query: str) -> list[tuple[Any, ...]]:
        file = current_publication(self.settings.published) / "fcir.duckdb"
        with duckdb.connect(str(file), read_only=True) as connection:
            return connection.execute(f"select {query} order by run_id, force_code").fetchall()


@pytest.fixture(scope="module")
def template(tmp_path_factory, parsed_project) -> tuple[Path, list[Mart], dict[str, Any]]:
    """A warehouse with the models of versions, built before anything was delivered; its two marts; the manifest."""
    home = tmp_path_factory.mktemp("template")
    shutil.copytree(parsed_project, home / "dbt")
    settings = Settings(home=home, _env_file=None)
    with loading_connection(settings.warehouse) as connection:
        ensure_tables(connection, load_contracts(CONTRACTS).values())
        connection.execute("create schema measures")
        connection.execute(
            "create table measures.int_measure_monthly "
            "(force_code varchar, measure varchar, month_start date, value decimal(38, 6), is_provisional boolean)"
        )
        connection.execute(
            "create table measures.int_measure_source as select 'calls_999.received' as measure, "
            "'call_segments' as source"
        )
        connection.execute("insert into audit.build_started (project_fingerprint) values (?)", [fingerprint()])
    results = run_dbt(settings, "run", "--select", *MODELS)
    compiled = {item.node.name: item.node.compiled_code for item in results if item.node.name in CHANGES}
    with loading_connection(settings.warehouse) as connection:
        for name in CHANGES:
            connection.execute(f"create view main.{name} as {compiled[name]}")
    manifest = read_manifest(ensure_manifest(settings))
    return settings.warehouse, [mart for mart in marts_of(manifest) if mart.name in MODELS], manifest


@pytest.fixture
def warehouse(template, tmp_path, monkeypatch) -> Warehouse:
    file, marts, _ = template
    assert len(marts) == 2
    home = tmp_path / "home"
    home.mkdir()
    for name in (file, file.with_name("marts.duckdb")):
        shutil.copy(name, home)
    # Sentences, papers and pages read other marts and are not what this is about.
    monkeypatch.setattr(publishing, "write_texts", lambda *_: None)
    monkeypatch.setattr(publishing, "events_of_forces", lambda *_: {})
    monkeypatch.setattr(publishing, "write_papers", lambda *_, **__: [])
    monkeypatch.setattr(publishing, "write_site", lambda *_, **__: 0)
    monkeypatch.setattr(publishing, "write_lineage", lambda *_, **__: None)
    return Warehouse(home, marts)


def kill(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, instant: str) -> None:
    """Publish and die just before a step of publishing."""

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(publishing, instant, die)
        with pytest.raises(Killed):
            warehouse.publish()


def test_every_source_of_a_measure_can_be_named_as_a_cause(template):
    _, _, manifest = template
    with (DBT_PROJECT / "seeds" / "measure_catalogue.csv").open(encoding="utf-8", newline="") as file:
        sources = {source for row in csv.DictReader(file) for source in row["sources"].split(",")}
    parents = manifest["parent_map"]["model.fcir.chg_unpublished_months"]
    assert sources == {parent.split(".")[-1] for parent in parents if parent.startswith("source.fcir.raw.")}


def recorded(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return warehouse.execute("select run_id, is_complete from audit.publication order by publication_no")


@pytest.mark.parametrize("instant", ["write_parquet", "_manifest", "sync"])
def test_a_publication_killed_before_its_folder_was_complete_does_not_count(warehouse, monkeypatch, instant):
    warehouse.build(1)
    first = warehouse.publish()
    warehouse.build(2)
    kill(warehouse, monkeypatch, instant)
    assert current_publication(warehouse.settings.published).name == first
    assert len(recorded(warehouse)) == 2
    third = warehouse.publish()
    assert recorded(warehouse) == [(first, True), (third, True)]
    assert warehouse.versions() == [(first, "kent", Decimal(1)), (third, "kent", Decimal(2))]
    assert warehouse.revisions()[-1] == (third, first, "kent", Decimal(1), Decimal(2), "call_segments 2022-10-02")


def test_a_build_after_a_publication_that_died_finds_what_has_changed_since_the_last_whole_one(warehouse, monkeypatch):
    warehouse.build(1)
    first = warehouse.publish()
    warehouse.build(2)
    kill(warehouse, monkeypatch, "write_parquet")
    warehouse.build(3)
    second = warehouse.publish()
    assert warehouse.versions() == [(first, "kent", Decimal(1)), (second, "kent", Decimal(3))]
    named = "call_segments 2022-10-02 to 2022-10-03"
    assert warehouse.revisions()[-1] == (second, first, "kent", Decimal(1), Decimal(3), named)


@pytest.mark.parametrize("instant", ["point_to", "complete"])
def test_a_publication_killed_after_its_folder_was_complete_counts(warehouse, monkeypatch, instant):
    warehouse.build(1)
    first = warehouse.publish()
    warehouse.build(2)
    kill(warehouse, monkeypatch, instant)
    [_, (second, is_complete)] = recorded(warehouse)
    assert not is_complete
    assert (warehouse.settings.published / second).is_dir()
    assert (current_publication(warehouse.settings.published).name == second) == (instant == "complete")
    third = warehouse.publish()
    assert recorded(warehouse) == [(first, True), (second, True), (third, True)]
    expected = [(first, "kent", 1), (second, "kent", 2), (third, "kent", 2)]
    assert warehouse.versions() == expected
    assert [row[0] for row in warehouse.revisions()] == [first, second]


def test_a_first_publication_that_died_leaves_the_next_one_the_first(warehouse, monkeypatch):
    warehouse.build(1)
    kill(warehouse, monkeypatch, "sync")
    name = warehouse.publish()
    assert warehouse.revisions() == [(name, None, "kent", None, Decimal(1), "call_segments 2022-10-01")]


def test_a_record_that_fails_leaves_nothing_recorded(warehouse):
    warehouse.build(1)
    warehouse.publish()
    warehouse.build(2)
    view = warehouse.execute("select sql from duckdb_views() where view_name = 'int_figure_change'")[0][0]
    warehouse.execute(
        "create or replace view measures.int_figure_change as "
        "select 'kent' as force_code, null as measure, null as month_start, null as value, null as is_provisional, "
        "false as is_removed, null as deliveries, 0 as delivery_count"
    )
    with pytest.raises(duckdb.ConstraintException):
        warehouse.publish()
    assert len(recorded(warehouse)) == 1
    assert warehouse.execute("select count(*) from audit.figure_version") == [(1,)]
    warehouse.execute(view.replace("CREATE VIEW", "CREATE OR REPLACE VIEW"))
    assert [value for *_, value in warehouse.versions()] == [Decimal(1)]
    warehouse.publish()
    assert [value for *_, value in warehouse.versions()] == [Decimal(1), Decimal(2)]


def test_versions_outlive_the_folders_of_their_publications(warehouse, monkeypatch):
    monkeypatch.setattr(publishing, "_KEPT", 2)
    names = []
    for value in (1, 2, 3, 4):
        warehouse.build(value)
        names.append(warehouse.publish())
    kept = {path.name for path in warehouse.settings.published.iterdir() if not path.is_symlink()}
    assert kept == set(names[-2:])
    assert warehouse.versions() == [(name, "kent", Decimal(n)) for n, name in enumerate(names, 1)]


def test_a_figure_that_goes_and_comes_again_is_removed_and_then_new(warehouse):
    warehouse.build(1)
    warehouse.build(10, force="essex")
    warehouse.publish()
    warehouse.build(2)
    warehouse.execute("delete from measures.int_measure_monthly where force_code = 'essex'")
    second = warehouse.publish()
    assert [row[1] for row in warehouse.versions() if row[0] == second] == ["kent"]
    warehouse.build(10, force="essex")
    third = warehouse.publish()
    revisions = [row for row in warehouse.revisions() if row[0] in (second, third) and row[2] == "essex"]
    assert [(row[0], *row[3:]) for row in revisions] == [
        (second, Decimal(10), None, "call_segments 2022-10-03"),
        (third, None, Decimal(10), "call_segments 2022-10-04"),
    ]
    marks = warehouse.execute(
        "select is_new, is_removed, was_provisional, is_provisional from marts.revisions "
        "where force_code = 'essex' order by run_id"
    )
    assert marks == [(True, False, None, False), (False, True, False, None), (True, False, None, False)]


def test_nothing_is_published_after_a_build_of_another_state_of_the_project_was_begun(warehouse):
    warehouse.build(1)
    warehouse.publish()
    # It failed, and the project was put back: the last good build is of this state, the tables may not be.
    warehouse.execute("update audit.build_started set project_fingerprint = 'another'")
    with pytest.raises(publishing.GateClosed, match="fcir run"):
        warehouse.publish()
    assert len(recorded(warehouse)) == 1
