"""Erased identifiers get one random substitute, wherever and whenever they come again."""

from datetime import UTC, datetime

import pytest

from dagster_project.loading.suppression import (
    SuppressionError,
    new_substitute,
    read_suppression,
    suppress,
    suppression_key,
)
from tests.leaving.unit.loading_helpers import row

NOW = datetime(2022, 11, 5, 12, tzinfo=UTC)


def test_a_suppressed_identifier_is_loaded_as_its_substitute_whatever_the_key(installation):
    folder = installation.settings.suppression
    hashed = suppression_key(folder).pseudonym("ann@example.org")
    suppress(folder, hashed, substitute := new_substitute(), NOW)
    installation.land("2022-11-01", row("a", visitor=" ann@example.org"), row("b", visitor="bob@example.org"))
    installation.run()
    loaded = dict(installation.query("select visit_id, visitor from raw.visits"))
    assert loaded["a"] == substitute
    assert loaded["b"] not in (substitute, None)
    for file in folder.iterdir():
        assert file.stat().st_mode & 0o077 == 0
        assert "ann" not in file.read_text()


def test_the_first_substitute_stays(tmp_path):
    hashed = suppression_key(tmp_path).pseudonym("ann")
    suppress(tmp_path, hashed, "a" * 32, NOW, keys=["k1"])
    suppress(tmp_path, hashed, "b" * 32, NOW, keys=["k2", "k1"])
    found = read_suppression(tmp_path).find(" ann ")
    assert found == ("a" * 32, "2022-11-05T12:00:00+00:00", ["k1", "k2"])
    assert read_suppression(tmp_path).find("bob") is None


def test_without_a_list_nothing_is_suppressed(tmp_path):
    assert read_suppression(tmp_path) is None


@pytest.mark.parametrize(("name", "message"), [("suppressed.json", "not readable"), ("suppression.key", "not the key")])
def test_nothing_is_loaded_with_a_damaged_list(installation, name, message):
    folder = installation.settings.suppression
    suppress(folder, suppression_key(folder).pseudonym("ann"), new_substitute(), NOW)
    installation.land("2022-11-01", row("a"))
    (folder / name).write_text("ab" * 32)
    with pytest.raises(ValueError, match=message):
        installation.run()
    assert installation.query("select * from raw.visits") == []


def test_nothing_is_loaded_if_the_key_of_the_list_is_missing(installation):
    folder = installation.settings.suppression
    suppress(folder, suppression_key(folder).pseudonym("ann"), new_substitute(), NOW)
    (folder / "suppression.key").unlink()
    installation.land("2022-11-01", row("a"))
    with pytest.raises(SuppressionError, match=r"suppression.key: the key of the list of erased people is missing"):
        installation.run()
