"""Settings are read from the environment and validated together; what stands in place of files is checked."""

from pathlib import Path

import pytest

from dagster_project.settings import SettingsError, known_forces, read_settings


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The data root of the environment, in a folder without a `.env` file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FCIR_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("FCIR_QUIET_SECONDS", raising=False)
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_defaults_keep_everything_below_the_data_root(home):
    settings = read_settings()
    stated = (settings.force, settings.target, settings.log_format, settings.quiet_seconds)
    assert stated == ("kent", "duckdb", "text", 2)
    assert settings.ui_hosts == ()
    names = {"landing": "landing", "warehouse": "warehouse.duckdb", "marts": "marts.duckdb", "history": "history"}
    names |= {"lock_file": "warehouse.lock", "published": "published", "published_public": "published_public"}
    names |= {
        "commentary": "commentary",
        "key_file": "secrets/pseudonym.key",
        "dagster_home": "dagster",
        "lake_folder": "lake",
    }
    assert {name: str(getattr(settings, name).relative_to(home)) for name in names} == names
    assert len(known_forces()) == 46


@pytest.mark.usefixtures("home")
def test_lists_and_addresses_are_read_from_the_environment(monkeypatch):
    stated = {"SITE_URL": "https://fcir.example/site/", "FORCE": "essex"}
    for name, value in (stated | {"NOTIFY_FILE": "", "QUIET_SECONDS": "7"}).items():
        monkeypatch.setenv(f"FCIR_{name}", value)
    settings = read_settings()
    assert (settings.site_url, settings.notify_file, settings.quiet_seconds) == ("https://fcir.example/site", None, 7)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("FORCE", "Kent", "FCIR_FORCE: expected a police.uk identifier in lower case"),
        ("FORCE", "kennt", "kennt is not in the list of forces; did you mean kent?"),
        ("FORCE", "atlantis", "atlantis is not in the list of forces; expected a territorial force of the United"),
        ("QUIET_SECONDS", "301", "FCIR_QUIET_SECONDS: Input should be less than or equal to 300"),
        ("SITE_URL", "ftp://fcir.example", "expected an address that begins with http:// or https://"),
        ("SITE_URL", "https://fcir.example/?a", "and has no ? or #"),
        *(("HOME", name, "which DuckDB cannot use") for name in ("what?", "back\\slash", "line\nbreak")),
        ("HOME", "a%41", "the path has %41, which Dagster decodes"),
        *(("HOME", name, f"the path has {name[1]}, which Dagster reads") for name in ("a*", "a[1]")),
        ("ANALYSTS_GROUP", "nobody-analyses", "create it: groupadd nobody-analyses"),
        *(("SPARK_FOLDER", f"a{sign}b", "FCIR_SPARK_FOLDER: the path has ") for sign in "*[?\\"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused(monkeypatch, setting, value, message):
    monkeypatch.setenv(f"FCIR_{setting}", value)
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert message in str(refused.value)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(("text", "line"), [(b"FCIR_FORCE=essex\nnot a setting!\n", 2), (b"FCIR_FORCE=\xff\n", 1)])
def test_a_line_of_an_env_file_that_cannot_be_read_is_named(text, line):
    Path(".env").write_bytes(b"FCIR_FORCE=essex\n")
    assert read_settings().force == "essex"
    Path(".env").write_bytes(text)
    with pytest.raises(SettingsError, match=rf"\.env: line {line} cannot be read; expected NAME=VALUE"):
        read_settings()
