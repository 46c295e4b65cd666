"""Generated files of the dbt project are written when they are missing or outdated, and their sources are right."""

import os
import re
from datetime import date
from pathlib import Path

import pytest

from dagster_project.contracts import load_contracts
from dagster_project.settings import CONTRACTS, DBT_PROJECT
from dagster_project.tools import generate
from dagster_project.tools.generate import bank_holidays, write_generated_files
from dagster_project.tools.source_pages import write_source_pages
from tests.roots import DataRoot


def test_files_are_written_when_missing_or_older_than_a_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "uv.lock").touch()
    contracts = tmp_path / "expectations"
    contracts.symlink_to(CONTRACTS)
    columns, holidays = tmp_path / "columns.md", tmp_path / "holidays.csv"
    for name, value in (("PROJECT_ROOT", tmp_path), ("COLUMN_TEXTS", columns), ("BANK_HOLIDAYS", holidays)):
        monkeypatch.setattr(generate, name, value)
    write_generated_files(only_outdated=True)
    assert "{% docs crimes__crime_ref %}" in columns.read_text(encoding="utf-8")
    assert "2022-09-19,State Funeral of Queen Elizabeth II\n" in holidays.read_text(encoding="utf-8")
    for file in (columns, holidays):
        file.write_text("changed")
    write_generated_files(only_outdated=True)
    assert (columns.read_text(), holidays.read_text()) == ("changed", "changed")
    os.utime(columns, (0, 0))
    write_generated_files(only_outdated=True)
    assert columns.read_text() != "changed"
    assert holidays.read_text() == "changed"
    # In a wheel, the times of files say nothing.
    (tmp_path / "pyproject.toml").unlink()
    os.utime(holidays, (0, 0))
    write_generated_files(only_outdated=True)
    assert holidays.read_text() == "changed"


def test_two_processes_may_write_the_files_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put_in_place = generate.put_in_place

    def put_after_the_other(draft: Path, file: Path, **mode: int) -> None:
        with monkeypatch.context() as other:
            other.setattr(generate, "put_in_place", put_in_place)
            write_generated_files()
        put_in_place(draft, file, **mode)

    for name in ("COLUMN_TEXTS", "BANK_HOLIDAYS"):
        monkeypatch.setattr(generate, name, tmp_path / name)
    monkeypatch.setattr(generate, "put_in_place", put_after_the_other)
    write_generated_files()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["BANK_HOLIDAYS", "COLUMN_TEXTS"]


def test_the_example_on_the_page_of_a_source_is_loaded(tmp_path: Path):
    pages = write_source_pages(load_contracts(CONTRACTS), tmp_path / "sources")
    for page in pages:
        [name], [lines] = (re.findall(part, page.read_text(), re.S) for part in ("check (.*?)<", "<pre>(.*?)</pre>"))
        file = tmp_path / name
        file.write_text(lines.replace("&#34;", '"') + "\n")
        assert "1 good, 0 quarantined" in DataRoot(tmp_path / "home").fcir("check", str(file)).out, page


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
