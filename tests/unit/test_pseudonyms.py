"""The key of the pseudonyms: made once, private, refused when it cannot be trusted."""

import hmac
from hashlib import sha256

import pyarrow as pa
import pytest

from dagster_project.loading.pseudonyms import PseudonymKey, PseudonymKeyError, new_key, read_or_create_key
from dagster_project.warehouse.connection import dry_connection
from tests.unit.loading_helpers import row


def test_the_first_run_makes_a_private_key_and_later_runs_read_it(tmp_path):
    file = tmp_path / "secrets" / "pseudonym.key"
    key = read_or_create_key(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o077 == 0
    assert len(key.secret) == 32
    assert read_or_create_key(file) == key
    assert [path.name for path in file.parent.iterdir()] == ["pseudonym.key"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        *((text.encode(), "64 hexadecimal digits") for text in ("", "abc", "zz" * 32, "00" * 31, "00" * 33)),
        (bytes(range(128, 192)), "not a pseudonym key"),
    ],
)
def test_a_file_without_a_whole_key_is_refused(tmp_path, content, message):
    file = tmp_path / "pseudonym.key"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(PseudonymKeyError, match=message):
        read_or_create_key(file)


def test_a_key_that_others_may_read_is_refused_with_what_to_do(tmp_path):
    file = tmp_path / "pseudonym.key"
    read_or_create_key(file)
    file.chmod(0o640)
    with pytest.raises(PseudonymKeyError, match=f"chmod 600 {file}"):
        read_or_create_key(file)


def test_a_pseudonym_is_an_hmac_of_the_trimmed_identifier_and_keys_are_not_shown():
    key = PseudonymKey(b"k" * 32)
    expected = hmac.new(b"k" * 32, "07700 900123".encode(), sha256).hexdigest()[:32]  # noqa: UP012 (bytes as hashed)
    assert key.pseudonym("\u00a007700 900123 ") == expected
    assert "kkk" not in repr(key)
    assert key.fingerprint != PseudonymKey(b"l" * 32).fingerprint


def test_no_two_dry_runs_have_the_same_key():
    assert new_key() != new_key()


def test_a_warehouse_is_loaded_with_one_key_only(installation):
    installation.land("2022-11-01", row("a"))
    installation.run()
    before = installation.current()
    key_file = installation.settings.key_file
    kept = key_file.read_bytes()
    key_file.unlink()
    installation.land("2022-11-02", row("b", day="2022-11-02"))
    with pytest.raises(PseudonymKeyError, match="the pseudonym key is missing"):
        installation.run()
    assert not key_file.exists()
    key_file.write_text("ab" * 32)
    key_file.chmod(0o600)
    with pytest.raises(PseudonymKeyError, match="not the key that this warehouse was loaded with"):
        installation.run()
    assert installation.current() == before
    key_file.write_bytes(kept)
    installation.run()
    assert len({pseudonym for (pseudonym,) in installation.query("select visitor from raw.visits")}) == 1


@pytest.mark.parametrize("distinct", [3, 100_000], ids=["texts that come again", "texts that differ"])
def test_each_cell_gets_the_pseudonym_of_its_own_text_in_its_own_place(distinct):
    key = PseudonymKey(bytes(range(32)))
    texts = [None if n % 7 == 0 else "n/a" if n % 11 == 0 else f"caller {n % distinct}" for n in range(10_000)]
    chunks = pa.chunked_array([texts[:1], texts[1:4_000], [], texts[4_000:]], pa.string())
    with dry_connection() as connection:
        found = key.pseudonyms(connection, chunks).to_pylist()
    assert found == [None if text in (None, "n/a") else key.pseudonym(text) for text in texts]
