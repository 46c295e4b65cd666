"""Generated files of the dbt project are up to date, and their sources are right."""

from datetime import date

from dagster_project.settings import DBT_PROJECT
from dagster_project.tools.generate import bank_holidays, generated_files


def test_a_generated_file_is_what_its_origin_gives():
    stale = [path.name for path, text in generated_files().items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "run python -m dagster_project.tools.generate"


def test_the_single_bank_holidays_of_recent_years_are_known_and_scottish_ones_are_not_english():
    holidays = bank_holidays(2022, 2023)
    assert holidays[date(2022, 6, 3)] == "Platinum Jubilee of Elizabeth II"
    assert holidays[date(2022, 9, 19)] == "State Funeral of Queen Elizabeth II"
    assert holidays[date(2022, 12, 27)] == "Christmas Day (observed)"
    assert holidays[date(2023, 5, 8)] == "Coronation of Charles III"
    assert date(2023, 1, 3) not in holidays


def test_seeds_name_each_key_once():
    for seed in ("police_forces", "offences"):
        rows = (DBT_PROJECT / "seeds" / f"{seed}.csv").read_text(encoding="utf-8").splitlines()
        keys = [row.partition(",")[0] for row in rows]
        assert len(set(keys)) == len(keys), seed
