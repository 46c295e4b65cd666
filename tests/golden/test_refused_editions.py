"""Editions that are refused: they would disclose something, or nobody knows what earlier ones showed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest

from dagster_project.publication import editions
from dagster_project.publication.editions import EditionRefused, publish_public
from dagster_project.publication.files import point_to
from dagster_project.settings import Settings
from dagster_project.transformation.project import Mart
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.marts import note_written
from tests.golden.conftest import marts_in, write_about
from tests.public_attacker import controlled, rows_of
from tests.roots import DataRoot


@pytest.fixture(scope="module")
def published(three_days, tmp_path_factory) -> DataRoot:
    """A copy of the small root with a public edition."""
    root = three_days.copy(tmp_path_factory.mktemp("small") / "home")
    write_about(root)
    publish(root)
    return root


@pytest.fixture
def small(published, tmp_path) -> DataRoot:
    return published.copy(tmp_path / "home")


def publish(root: DataRoot, *, change: Callable[[Mart], Mart] = lambda mart: mart) -> Path:
    """Publish a public edition without papers."""
    with patch.object(editions, "write_papers", lambda *_, **__: []):
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
    monkeypatch.setattr(editions, "control", lambda counts, *_, **__: [count or None for count in counts])
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


def test_an_edition_that_does_not_exist_is_refused(published):
    done = published.fcir("publish", "--edition", "secret")
    assert (done.code, "secret" in done.err) == (2, True)


def test_an_edition_is_refused_when_marts_are_outdated(small):
    with loading_connection(small.home / "warehouse.duckdb") as connection:
        connection.execute("update audit.build_started set project_fingerprint = 'another'")
    done = small.fcir("publish", "--edition", "public")
    assert (done.code, "Run: fcir run" in done.out, "No edition was published" in done.out) == (1, True, True)
