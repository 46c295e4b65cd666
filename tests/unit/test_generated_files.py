"""Generated files of the dbt project are up to date, and their sources are right."""

import csv
from datetime import date

import pytest

from dagster_project.settings import PROJECT_ROOT
from dagster_project.tools.generate import bank_holidays, generated_files


def test_a_generated_file_is_what_its_origin_gives():
    stale = [path.name for path, text in generated_files().items() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "run python -m dagster_project.tools.generate"


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2022, 6, 3), "Platinum Jubilee of Elizabeth II"),
        (date(2022, 9, 19), "State Funeral of Queen Elizabeth II"),
        (date(2022, 12, 27), "Christmas Day (observed)"),
        (date(2023, 5, 8), "Coronation of Charles III"),
    ],
)
def test_the_single_bank_holidays_of_recent_years_are_known(day, name):
    assert bank_holidays(2022, 2023)[day] == name


def test_a_scottish_holiday_is_not_an_english_one():
    assert date(2023, 1, 3) not in bank_holidays(2023, 2023)


@pytest.mark.parametrize(
    ("seed", "key", "rows"), [("police_forces", "force_code", 46), ("offences", "offence_code", None)]
)
def test_a_seed_names_each_key_once(seed, key, rows):
    with (PROJECT_ROOT / f"dbt/seeds/{seed}.csv").open(encoding="utf-8", newline="") as file:
        keys = [row[key] for row in csv.DictReader(file)]
    assert len(set(keys)) == len(keys)
    assert rows is None or len(keys) == rows
