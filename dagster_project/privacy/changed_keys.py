"""Whether a pseudonym key that was changed is the current one again. Imports little, since every run asks."""

import duckdb

from dagster_project.loading.pseudonyms import id_of, known_fingerprint
from dagster_project.record.store import entries_of
from dagster_project.settings import Settings
from dagster_project.warehouse.state import reading_audit

ROTATION = "rotate_key"
"""Action of a change of the key in the record."""

CHANGE_AGAIN = 'Change it again: fcir keys rotate --reason "a copy with the earlier key was restored"'


def earlier_key_in_use(settings: Settings, connection: duckdb.DuckDBPyConnection) -> str | None:
    """Return what is wrong, in words, if the key of a warehouse is one that was changed; None if it is not.

    Args:
        settings: the data root, whose record has the changes of the key.
        connection: the warehouse.
    """
    fingerprint = known_fingerprint(connection)
    changed = [
        entry["at"]
        for entry in (entries_of(settings, ROTATION) if fingerprint else ())
        if entry["detail"].get("before") == id_of(str(fingerprint))
    ]
    if not changed:
        return None
    return (
        f"the key {id_of(str(fingerprint))}, which was changed on {changed[-1][:10]}, is the current one again, as "
        "after the restoration of an older copy, and anyone with a copy of it can test pseudonyms"
    )


def warning_of_key(settings: Settings) -> str | None:
    """Return a warning that a key that was changed is the current one again, with the next command; None if none is."""
    with reading_audit(settings.warehouse, settings.lock_file) as connection:
        found = earlier_key_in_use(settings, connection) if connection else None
    return f"{found}. {CHANGE_AGAIN}" if found else None
