"""Warnings of folders that other users of the machine may enter or write to."""

import pytest

from dagster_project.cli import data_root
from dagster_project.settings import Settings


def test_open_lists_of_retention_are_named(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(data_root, "warn", said.append)
    settings = Settings(home=tmp_path, _env_file=None)
    folder = tmp_path / "retention"
    folder.mkdir(mode=0o750)
    data_root.warn_of_open_folders(settings)
    assert said == []
    folder.chmod(0o755)
    data_root.warn_of_open_folders(settings)
    assert len(said) == 1
    assert said[0].startswith(f"{folder} is open to every user of this machine (mode 0755), and its lists name cases")


@pytest.mark.parametrize(
    ("home", "landing", "expected"),
    [
        (0o755, 0o700, []),
        (0o777, 0o700, ["home is writable for every user of this machine (mode 0777), ", "chmod o-w "]),
        (0o755, 0o755, ["landing is open to every user of this machine (mode 0755), ", "chmod o= "]),
    ],
)
def test_a_folder_is_named_with_its_mode_and_the_command_that_closes_it(tmp_path, monkeypatch, home, landing, expected):
    said = []
    monkeypatch.setattr(data_root, "warn", said.append)
    settings = Settings(home=tmp_path / "home", _env_file=None)
    settings.landing.mkdir(parents=True)
    settings.landing.chmod(landing)
    settings.home.chmod(home)
    data_root.warn_of_open_folders(settings)
    assert len(said) == bool(expected)
    assert all(text in said[0] for text in expected)
