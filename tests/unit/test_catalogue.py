"""The list of measures of `fcir measures`: the targets in force on the day of the question."""

from datetime import date

import duckdb
import pytest

from dagster_project.publication import catalogue
from dagster_project.settings import Settings


@pytest.fixture
def settings(tmp_path) -> Settings:
    folder = tmp_path / "published" / "one"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "fcir.duckdb")) as connection:
        connection.execute(
            """
            create schema marts;
            create table marts.measures as
            select
                *, measure as label, 'percent' as unit, 'calls' as section, 'Calls' as section_title, '' as definition,
                null as synonyms, 'a' as numerator, 'b' as denominator, 'lower' as better, 'calls' as sources,
                true as is_headline, 1 as section_order, 1 as board_paper_order
            from (values ('calls.answered'), ('calls.lost')) as measures (measure);
            create table marts.definitions as
            from (values
                ('benchmark', 'calls.lost', '*', date '2000-01-01', date '2023-03-31', '3.000000'),
                ('target', 'calls.lost', '*', date '2023-04-01', date '2024-03-31', '2.000000'),
                ('target', 'calls.lost', 'kent', date '2000-01-01', null, '1.000000'),
                ('formula', 'calls.lost', '*', date '2000-01-01', null, 'calls.lost_of_all')
            ) as definitions (definition, applies_to, force_code, valid_from, valid_to, value);
            """
        )
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
