"""What a public edition says of itself is stated as a whole, or named."""

from datetime import date

import pytest

from dagster_project.config import ConfigError
from dagster_project.config.publication import FILE, read_publication
from dagster_project.settings import Settings

WHOLE = {"licence": "OGL", "owner": "Head", "contact": "a@b.example", "nextRelease": "2023-05-18"}


def test_an_edition_needs_licence_owner_contact_and_next_release(tmp_path):
    settings = Settings(home=tmp_path, _env_file=None)
    with pytest.raises(ConfigError, match=r"publication.yaml: not there; .*\n  licence: Open"):
        read_publication(settings)
    file = settings.config_folder / FILE
    file.parent.mkdir()
    for name in WHOLE:
        file.write_text("".join(f"{key}: {value}\n" for key, value in WHOLE.items() if key != name), encoding="utf-8")
        with pytest.raises(ConfigError, match=f"config/publication.yaml: {name} is missing"):
            read_publication(settings)
    file.write_text("".join(f"{key}: {value}\n" for key, value in WHOLE.items()), encoding="utf-8")
    assert read_publication(settings).next_release == date(2023, 5, 18)
    for line, said in (
        ("owners: A", "not an option"),
        ("nextRelease: soon", "expected a date"),
        ("owner: ''", "owner is ''"),
    ):
        known = "".join(f"{key}: {value}\n" for key, value in WHOLE.items() if not line.startswith(f"{key}:"))
        file.write_text(f"{line}\n{known}", encoding="utf-8")
        with pytest.raises(ConfigError, match=f"publication.yaml, line 1: .*{said}"):
            read_publication(settings)
