"""The key of the pseudonyms: made once, private, refused when it cannot be trusted."""

import hmac
from hashlib import sha256

import pyarrow as pa
import pytest

from dagster_project.loading.pseudonyms import PseudonymKey, PseudonymKeyError, new_key, read_or_create_key
from dagster_project.warehouse.connection import dry_connection
from tests.unit.loading.installation import DAY, row


def test_the_first_run_makes_a_private_key_and_later_runs_read_it(tmp_path):
    file = tmp_path / "secrets" / "pseudonym.key"
    key = read_or_create_key(file)
    assert [path.stat().st_mode & 0o777 for path in (file, file.parent)] == [0o600, 0o700]
    assert (len(key.secret), read_or_create_key(file), [*file.parent.iterdir()]) == (32, key, [file])
    assert new_key() != new_key()


NOT_A_KEY = "not a pseudonym key; expected 64 hexadecimal digits"


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        *((content, 0o600, NOT_A_KEY) for content in (b"", b"zz" * 32, b"00" * 31, b"00" * 33, bytes(range(128, 192)))),
        (b"00" * 32, 0o640, "others may read the pseudonym key.*chmod 600 "),
        (None, 0o700, f"{NOT_A_KEY}.*Nothing was loaded yet"),
    ],
)
def test_a_file_without_a_whole_private_key_is_refused_before_a_warehouse_is_made(installation, content, mode, message):
    file = installation.settings.key_file
    file.parent.mkdir(parents=True)
    file.mkdir() if content is None else file.write_bytes(content)
    file.chmod(mode)
    installation.land(DAY, row("a"))
    with pytest.raises(PseudonymKeyError, match=message):
        installation.run()
    assert not installation.settings.warehouse.exists()


def test_a_pseudonym_is_an_hmac_of_the_trimmed_identifier_and_keys_are_not_shown():
    key = PseudonymKey(b"k" * 32)
    expected = hmac.new(b"k" * 32, "07700 900123".encode(), sha256).hexdigest()[:32]  # noqa: UP012 (bytes as hashed)
    assert key.pseudonym("\u00a007700 900123 ") == expected
    assert "kkk" not in repr(key)
    # By this a warehouse knows its key for as long as there are rows.
    assert key.fingerprint == key.pseudonym("fcir pseudonym key") != PseudonymKey(b"l" * 32).fingerprint


@pytest.mark.parametrize("distinct", [3, 100_000], ids=["texts that come again", "texts that differ"])
def test_each_cell_gets_the_pseudonym_of_its_own_text_in_its_own_place(distinct):
    key = PseudonymKey(bytes(range(32)))
    texts = [None if n % 7 == 0 else "n/a" if n % 11 == 0 else f"caller {n % distinct}" for n in range(10_000)]
    chunks = pa.chunked_array([texts[:1], texts[1:4_000], [], texts[4_000:]], pa.string())
    with dry_connection() as connection:
        found = key.pseudonyms(connection, chunks).to_pylist()
    assert found == [None if text in (None, "n/a") else key.pseudonym(text) for text in texts]


def test_a_warehouse_is_loaded_with_one_key_only(installation):
    installation.land(DAY, row("a"))
    installation.run()
    file = installation.settings.key_file
    kept = file.rename(file.with_name("kept"))
    installation.land(DAY, row("b"))
    with pytest.raises(PseudonymKeyError, match=r"the pseudonym key is missing.*install -m 600 COPY_OF_THE_KEY"):
        installation.run()
    assert not file.exists()
    read_or_create_key(file)
    with pytest.raises(PseudonymKeyError, match="not the key that this warehouse was loaded with"):
        installation.run()
    assert [visit for _, visit, _ in installation.current()] == ["a"]
    kept.rename(file)
    installation.run()
    assert installation.query("select count(*), count(distinct visitor) from raw.visits") == [(2, 1)]
