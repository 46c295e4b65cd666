"""The vault: an identifier keeps its surrogate, whatever happens to keys, files and people."""

import os
import stat
from datetime import datetime

import pyarrow as pa
import pytest

from dagster_project.contracts import CellType, Column, Identifier
from dagster_project.loading.people import (
    Erased,
    People,
    PeopleError,
    VaultError,
    people_for_loading,
    read_people,
    rewrite,
)
from dagster_project.private_key import read_keys, save_keys
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.tables import ensure_tables

NUMBER, OTHER = "07700 900123", "01632 960456"
AT = datetime(2026, 5, 3)  # noqa: DTZ001 - stored without a zone


def column(*cells: str | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(cells, pa.string())])


def look_up(people: People, *cells: str | None, kind: Identifier = Identifier.PHONE, forces=None) -> list[int | None]:
    with people.opened() as vault:
        personal = Column("who", CellType.TEXT, "", identifies=kind)
        return vault.surrogates(column(*cells), personal, column(*(forces or [None] * len(cells))), "kent").to_pylist()


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(home=tmp_path / "home", _env_file=None)


@pytest.fixture
def people(settings) -> People:
    """The vault of a data root that is set up."""
    with loading_connection(settings.warehouse) as connection:
        ensure_tables(connection, [])
        return people_for_loading(settings, connection)


def note(settings: Settings, following: int) -> None:
    """Have the warehouse note a load before which the vault would have given this surrogate."""
    with loading_connection(settings.warehouse) as connection:
        connection.execute(
            "insert into audit.load by name select 1 as load_id, 'visits' as source, date '2026-01-01' as extract_date,"
            " 0 as rows_read, 0 as rows_loaded, 0 as rows_quarantined, 'empty' as status, false as is_synthetic, "
            "now()::timestamp as loaded_at, '' as run_id, 1 as change_seq, ? as next_surrogate",
            [following],
        )


def reading(settings: Settings) -> People | None:
    with loading_connection(settings.warehouse) as connection:
        return people_for_loading(settings, connection)


def test_spellings_have_one_surrogate_in_the_order_of_the_file(people):
    assert look_up(people, OTHER, NUMBER, None, "+447700900123", "N/A") == [1, 2, None, 2, None]
    assert look_up(people, NUMBER, "0800 111111") == [2, 3]


def test_references_of_two_forces_are_two(people):
    reference = {"kind": Identifier.REFERENCE}
    forces = [None, "Kent", "essex", "", "n/a"]
    assert look_up(people, "CR1", "cr 1", "CR1", "CR1", "CR1", forces=forces, **reference) == [1, 1, 2, 1, 1]
    with people.opened() as vault:
        assert [found.surrogate for found in vault.find("CR1", ["kent"])] == [1]
        assert {found.surrogate for found in vault.find("CR1", ["kent", "essex"])} == {1, 2}
        assert vault.find("CR2", ["kent"]) == []


def test_files_of_the_vault_are_for_their_owner_only(people, settings):
    look_up(people, NUMBER)
    for file in (settings.vault, settings.key_file, settings.erased_key_file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_erased_person_leaves_no_byte_and_keeps_the_surrogate(people, settings):
    look_up(people, OTHER, NUMBER)
    with people.opened() as vault:
        [found] = vault.find(NUMBER, ["kent"])
        [(pseudonym,)] = vault.connection.execute("select pseudonym from vault.person where surrogate = 2").fetchall()
    stored = pseudonym.to_bytes(16, "little")
    assert stored in settings.vault.read_bytes()
    rewrite(people, erase=[Erased(found.hash, found.surrogate, AT)])
    assert stored not in settings.vault.read_bytes()
    assert look_up(people, "+44 7700 900123", "0800 111111") == [2, 3]
    with people.opened() as vault:
        assert [(gone.surrogate, gone.erased_at) for gone in vault.find(NUMBER, ["kent"])] == [(2, AT)]


def test_a_rotation_gives_no_one_another_surrogate(people, settings):
    look_up(people, OTHER, NUMBER)
    with people.opened() as vault:
        [found] = vault.find(OTHER, ["kent"])
    rewrite(people, erase=[Erased(found.hash, found.surrogate, AT)])
    keys = (*read_keys(settings.key_file), b"k" * 32)
    save_keys(settings.key_file, keys)
    # Killed before the vault is written again: it still has one key.
    assert look_up(reading(settings), OTHER, NUMBER) == [1, 2]
    rewrite(reading(settings), keys=keys[1:])
    assert look_up(reading(settings), OTHER, NUMBER, "0800 111111") == [1, 2, 3]


def test_identifiers_that_no_row_holds_are_forgotten(people):
    look_up(people, OTHER, NUMBER)
    rewrite(people, used=pa.table({"surrogate": pa.array([2], pa.int64())}))
    assert look_up(people, NUMBER, OTHER) == [2, 3]


def test_a_rewrite_that_was_killed_leaves_the_vault_as_it_was(people, monkeypatch):
    look_up(people, NUMBER)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dagster_project.loading.people.put_in_place", killed)
    with pytest.raises(KeyboardInterrupt):
        rewrite(people, keys=[b"k" * 32])
    assert look_up(people, NUMBER, OTHER) == [1, 2]


@pytest.mark.parametrize("fault", ["missing", "older", "foreign"])
def test_a_vault_that_would_give_away_surrogates_of_others_is_refused(people, settings, fault):
    look_up(people, NUMBER)
    note(settings, 2)
    assert reading(settings)
    older = settings.vault.read_bytes()
    look_up(people, OTHER)
    note(settings, 3)
    if fault == "missing":
        settings.vault.unlink()
    elif fault == "older":
        settings.vault.write_bytes(older)
    else:
        with people.opened() as vault:
            vault.connection.execute("update vault.state set root_id = 'another'")
    with pytest.raises(VaultError, match=r"people\.duckdb .*Nothing was done.*fcir rebuild"):
        reading(settings)


def test_other_or_missing_keys_are_refused(people, settings):
    look_up(people, NUMBER)
    note(settings, 2)
    for file in (settings.key_file, settings.erased_key_file):
        kept = file.read_bytes()
        save_keys(file, [os.urandom(32)])
        with pytest.raises(PeopleError, match="other keys"):
            reading(settings)
        file.unlink()
        with pytest.raises(PeopleError, match=f"{file.name} is missing.*Restore its copy"):
            reading(settings)
        file.write_bytes(kept)
        file.chmod(0o600)
    assert look_up(reading(settings), NUMBER) == [1]


def test_reading_creates_nothing(settings):
    assert read_people(settings, None) is None
    assert not settings.home.exists()
