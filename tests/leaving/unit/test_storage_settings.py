"""The address of Dagster's storage on Postgres, as it is read from the environment."""

import pytest

from dagster_project.settings import SettingsError, read_settings


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The data root of the environment, in a folder without a `.env` file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FCIR_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.mark.usefixtures("home")
def test_the_address_of_a_storage_that_data_roots_share_is_read_and_names_the_code_location(monkeypatch):
    monkeypatch.setenv("FCIR_FORCE", "essex")
    monkeypatch.setenv("FCIR_DAGSTER_STORAGE", "postgresql://fcir@db:5432/dagster")
    settings = read_settings()
    assert settings.dagster_storage == "postgresql+psycopg2://fcir@db:5432/dagster"
    assert settings.code_location == "essex"


NO_STORAGE = ("mysql://fcir@db/d", "postgresql://fcir:secret@db/d", "postgresql://db/d", "postgresql://fcir@db")


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("address", NO_STORAGE)
def test_an_address_with_a_password_or_without_its_parts_is_refused(monkeypatch, address):
    monkeypatch.setenv("FCIR_DAGSTER_STORAGE", address)
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert "expected postgresql://USER@HOST:PORT/DATABASE without a password" in str(refused.value)
    assert "secret" not in str(refused.value)
