"""Names of publications sort by time, whatever the clock shows."""

from datetime import UTC, datetime, timedelta

import pytest

from dagster_project.publication import names
from dagster_project.publication.names import next_name

NOW = datetime(2022, 12, 5, 4, 15, tzinfo=UTC)
RUN = "1f6a09c2-0000"


@pytest.fixture
def warned(monkeypatch):
    """Set the clock to NOW, and collect warnings."""
    monkeypatch.setattr(names, "utc_now", lambda: NOW)
    found: list[str] = []
    monkeypatch.setattr(names, "warn", found.append)
    return found


def test_first_publication_is_named_after_the_clock(tmp_path, warned):
    assert next_name(tmp_path / "published", None, run_id=RUN) == ("20221205T041500Z-1f6a09c2", NOW)
    assert warned == []


@pytest.mark.parametrize("is_folder", [True, False])
def test_publication_after_the_clock_went_back_is_later_and_says_so(tmp_path, warned, is_folder):
    newest = "20221205T051500Z-ffffffff"
    if is_folder:
        (tmp_path / newest).mkdir()
    name, at = next_name(tmp_path, None if is_folder else newest, run_id=RUN)
    assert (name, at) == ("20221205T051501Z-1f6a09c2", NOW + timedelta(hours=1, seconds=1))
    assert name > newest
    [warning] = warned
    assert "2022-12-05 04:15:00 UTC" in warning
    assert name in warning


def test_second_publication_of_a_second_is_later_without_a_warning(tmp_path, warned):
    (tmp_path / "20221205T041500Z-ffffffff").mkdir()
    name, _ = next_name(tmp_path, None, run_id=RUN)
    assert name == "20221205T041501Z-1f6a09c2"
    assert warned == []


def test_other_folders_and_files_do_not_count(tmp_path, warned):
    for name in (".partial-20231205T041500Z-ffffffff", "20239905T041500Z-ffffffff", "backup", "2023"):
        (tmp_path / name).mkdir()
    (tmp_path / "20231205T041500Z-ffffffff").touch()
    assert next_name(tmp_path, "", run_id=RUN)[1] == NOW
    assert warned == []
