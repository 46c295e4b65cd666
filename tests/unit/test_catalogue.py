"""The list of measures of `fcir measures`: the targets in force on the day of the question."""

from datetime import date

import duckdb
import pytest

from dagster_project.publication import catalogue
from dagster_project.settings import Settings
from tests.cases import sql_of


@pytest.fixture
def settings(tmp_path) -> Settings:
    folder = tmp_path / "published" / "one"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "fcir.duckdb")) as connection:
        connection.execute(sql_of(__file__))
    folder.with_name("current").symlink_to("one")
    return Settings(home=tmp_path)


@pytest.mark.parametrize(
    ("today", "target"),
    [
        (date(2023, 3, 31), 3),
        # One that was entered ahead is not yet in force, and one with a last day still is.
        (date(2023, 4, 1), 2),
        (date(2024, 3, 31), 2),
        (date(2024, 4, 1), None),
    ],
)
def test_a_measure_has_the_target_in_force_today(settings, monkeypatch, today, target):
    monkeypatch.setattr(catalogue, "london_today", lambda: today)
    listing = catalogue.list_measures(settings, text="", section="")
    found = {row[0]: row[listing.columns.index("target")] for row in listing.rows}
    assert found == {"calls.answered": None, "calls.lost": target}
