"""The record of publications: a killed one is one when its folder is there, and leaves no trace when it is not."""

import shutil
from datetime import datetime
from decimal import Decimal
from typing import Any
from unittest.mock import Mock

import duckdb
import pytest

from dagster_project.publication import publish as publishing
from dagster_project.publication.files import current_publication
from dagster_project.publication.publish import publish, recover_interrupted
from dagster_project.settings import Settings
from dagster_project.transformation.project import Mart, fingerprint, marts_of
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.marts import note_written
from tests.compiled_project import build_node, read_project

MODELS = (*("int_figure_change", "int_published_version", "int_revision", "published_versions", "revisions"),)


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


class Warehouse:
    """A warehouse with one measure, whose figures a test sets by hand in place of the models before."""

    def __init__(self, settings: Settings, marts: list[Mart]) -> None:
        self.settings, self._marts = settings, marts
        self._runs = 0

    def execute(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of a statement in the warehouse."""
        with loading_connection(self.settings.warehouse) as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    def build(self, value: int | None, *, force: str = "kent") -> None:
        """A delivery of calls, and the build that makes the force's figure of it."""
        number = len(self.execute("select 1 from audit.load")) + 1
        day = datetime(2022, 10, number)  # noqa: DTZ001 (a day)
        with loading_connection(self.settings.warehouse) as connection:
            connection.execute(
                "insert into audit.load (load_id, source, extract_date, rows_read, rows_loaded, rows_quarantined, "
                "status, is_synthetic, loaded_at, run_id, change_seq, first_change_seq) "
                "values ($1, 'call_segments', $2, 1, 1, 0, 'loaded', false, now(), 'run', $1, $1)",
                [number, day],
            )
            recover_interrupted(connection, self.settings.published)
            connection.execute("delete from fcir.marts.kpi_measure_monthly where force_code = ?", [force])
            connection.execute(
                "insert into fcir.marts.kpi_measure_monthly values (?, 'calls_999.received', '2022-10-01', ?, false)",
                [force, value],
            )
            connection.execute(
                "insert into audit.build values ('run', ?, ?, false, now())", [number, fingerprint(Settings())]
            )
        self._note_written()

    def remove(self, force: str) -> None:
        """Take the force's figure out of the marts."""
        self.execute("delete from fcir.marts.kpi_measure_monthly where force_code = ?", force)
        self._note_written()

    def _note_written(self) -> None:
        with loading_connection(self.settings.warehouse) as connection:
            note_written(connection)

    def publish(self) -> str:
        """Publish; the name of the publication."""
        self._runs += 1
        return publish(self.settings, self._marts, run_id=f"{self._runs:08}").run_id

    def recorded(self) -> list[tuple[Any, ...]]:
        """Publications of the warehouse, and whether each is known to be complete."""
        return self.execute("select run_id, is_complete from audit.publication order by publication_no")

    def versions(self, columns: str = "run_id, force_code, value", mart: str = "published_versions") -> list[Any]:
        """Columns of all versions that readers see, or of all revisions, in the order of the publications."""
        file = current_publication(self.settings.published) / "fcir.duckdb"
        with duckdb.connect(str(file), read_only=True) as connection:
            return connection.execute(f"select {columns} from marts.{mart} order by run_id, force_code").fetchall()


REVISIONS = ("run_id, previous_run_id, force_code, previous_value, value, deliveries", "revisions")


@pytest.fixture
def warehouse(compiled_manifest, tmp_path, monkeypatch) -> Warehouse:
    """A warehouse with the models of versions, built before anything was delivered."""
    project = read_project(compiled_manifest)
    settings = Settings(home=tmp_path / "home", _env_file=None)
    settings.home.mkdir()
    shutil.copy(compiled_manifest.parents[1] / "warehouse.duckdb", settings.warehouse)
    with loading_connection(settings.warehouse) as connection:
        connection.execute(
            "create schema measures; create schema if not exists fcir.marts; "
            "create table fcir.marts.kpi_measure_monthly "
            "(force_code varchar, measure varchar, month_start date, value decimal(38, 6), is_provisional boolean); "
            "create table measures.int_measure_source as "
            "select 'calls_999.received' as measure, 'call_segments' as source"
        )
        connection.execute(
            "insert into audit.build_started (project_fingerprint) values (?)", [fingerprint(Settings())]
        )
        for node in project.nodes.values():
            if node.name in MODELS:
                build_node(connection, node)
    # Sentences, papers and pages read other marts and are not what this is about.
    others = {"events_of_forces": {}, "write_papers": [], "write_site": 0, "write_lineage": None}
    for name, result in others.items():
        monkeypatch.setattr(publishing, name, Mock(return_value=result))
    marts = [mart for mart in marts_of(project.manifest) if mart.name in MODELS]
    return Warehouse(settings, marts)


def kill(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, instant: str) -> None:
    """Publish and die just before a step of publishing."""
    with monkeypatch.context() as patch:
        patch.setattr(publishing, instant, Mock(side_effect=Killed))
        with pytest.raises(Killed):
            warehouse.publish()


@pytest.mark.parametrize("instant", ["write_parquet", "_manifest", "sync"])
def test_a_publication_killed_before_its_folder_was_complete_does_not_count(warehouse, monkeypatch, instant):
    warehouse.build(1)
    first = warehouse.publish()
    warehouse.build(2)
    kill(warehouse, monkeypatch, instant)
    assert current_publication(warehouse.settings.published).name == first
    assert len(warehouse.recorded()) == 2
    # A build before the next publication finds what has changed since the last whole one.
    warehouse.build(3)
    third = warehouse.publish()
    assert warehouse.recorded() == [(first, True), (third, True)]
    assert warehouse.versions() == [(first, "kent", Decimal(1)), (third, "kent", Decimal(3))]
    named = "call_segments 2022-10-02 to 2022-10-03 (2 days)"
    assert warehouse.versions(*REVISIONS)[-1] == (third, first, "kent", Decimal(1), Decimal(3), named)


@pytest.mark.parametrize("instant", ["point_to", "complete"])
def test_a_publication_killed_after_its_folder_was_complete_counts(warehouse, monkeypatch, instant):
    warehouse.build(1)
    first = warehouse.publish()
    warehouse.build(2)
    kill(warehouse, monkeypatch, instant)
    [_, (second, is_complete)] = warehouse.recorded()
    assert not is_complete
    assert (warehouse.settings.published / second).is_dir()
    assert (current_publication(warehouse.settings.published).name == second) == (instant == "complete")
    third = warehouse.publish()
    assert warehouse.recorded() == [(first, True), (second, True), (third, True)]
    assert warehouse.versions() == [(first, "kent", 1), (second, "kent", 2), (third, "kent", 2)]
    assert [row[0] for row in warehouse.versions(*REVISIONS)] == [first, second]


def test_a_first_publication_that_died_leaves_the_next_one_the_first(warehouse, monkeypatch):
    warehouse.build(1)
    kill(warehouse, monkeypatch, "sync")
    name = warehouse.publish()
    assert warehouse.versions(*REVISIONS) == [(name, None, "kent", None, Decimal(1), "call_segments 2022-10-01")]


def test_a_record_that_fails_leaves_nothing_recorded(warehouse):
    warehouse.build(1)
    warehouse.publish()
    warehouse.build(2)
    [[view]] = warehouse.execute("select sql from duckdb_views() where view_name = 'int_figure_change'")
    warehouse.execute("drop view measures.int_figure_change")
    with pytest.raises(duckdb.CatalogException):
        warehouse.publish()
    assert len(warehouse.recorded()) == 1
    assert warehouse.execute("select count(*) from audit.figure_version") == [(1,)]
    warehouse.execute(view)
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
    warehouse.remove("essex")
    second = warehouse.publish()
    assert [row[1] for row in warehouse.versions() if row[0] == second] == ["kent"]
    warehouse.build(10, force="essex")
    third = warehouse.publish()
    marks = "is_new, is_removed, was_provisional, is_provisional"
    revisions = warehouse.versions(f"force_code, run_id, previous_value, value, deliveries, {marks}", "revisions")
    assert [row[1:] for row in revisions if row[0] == "essex" and row[1] in (second, third)] == [
        (second, Decimal(10), None, "call_segments 2022-10-03", False, True, False, None),
        (third, None, Decimal(10), "call_segments 2022-10-04", True, False, None, False),
    ]


def test_nothing_is_published_after_a_build_of_another_state_of_the_project_was_begun(warehouse):
    warehouse.build(1)
    warehouse.publish()
    # It failed, and the project was put back: the last good build is of this state, the tables may not be.
    warehouse.execute("update audit.build_started set project_fingerprint = 'another'")
    with pytest.raises(publishing.GateClosed):
        warehouse.publish()
    assert len(warehouse.recorded()) == 1
