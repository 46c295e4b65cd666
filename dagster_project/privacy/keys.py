"""Rotate the keys of the vault: pseudonyms are hashed again under one more key, and surrogates stay.

It helps against an old copy of the key file with a newer vault. It does not help against a key file and a vault that
were copied together.
"""

import secrets

from dagster_project.loading.people import People, rewrite
from dagster_project.operations.actions import enter
from dagster_project.private_key import KEY_BYTES, read_keys, save_keys
from dagster_project.settings import Settings


def rotate(settings: Settings, people: People, *, reason: str) -> int:
    """Add a key, and return how many there are. The caller holds the writer lock and no connection.

    Args:
        settings: the data root.
        people: the vault.
        reason: why, for the record.
    """
    keys = read_keys(settings.key_file)
    if len(keys) == len(people.keys):
        # Before the vault: what a killed rotation added is used by the next one.
        keys = (*keys, secrets.token_bytes(KEY_BYTES))
        save_keys(settings.key_file, keys)
    rewrite(people, keys=keys[len(people.keys) :])
    enter(settings, "rotate", reason=reason, details={"keys": len(keys)})
    return len(keys)
