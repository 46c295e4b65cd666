"""What commands do with the data root before they begin: read its settings, check it, and finish what is left."""

import logging
import stat
from contextlib import suppress

import duckdb

from dagster_project.cli.damage import find_damage, repair
from dagster_project.config import contracts_of
from dagster_project.console import LOGGER, report_to_terminal, warn
from dagster_project.errors import UsageError
from dagster_project.loading.pseudonyms import check_key, known_fingerprint
from dagster_project.settings import Settings, read_settings
from dagster_project.warehouse.connection import open_read_only
from dagster_project.warehouse.lake import has_lake
from dagster_project.warehouse.lock import writer_lock
from dagster_project.warehouse.state import purged_before
from dagster_project.words import in_shell
from dagster_project.writing import private_files


def start(*, debug: bool = False) -> Settings:
    """Read the settings, and print the log of this process.

    Raises:
        SettingsError: a setting cannot be used.
    """
    settings = read_settings()
    report_to_terminal(settings.log_format)
    if debug:
        LOGGER.setLevel(logging.DEBUG)
    return settings


def require_home_folder(settings: Settings) -> None:
    """Check that the data root is a folder or does not exist yet.

    Raises:
        UsageError: it is a file.
    """
    if settings.home.exists() and not settings.home.is_dir():
        raise UsageError(
            f"FCIR_HOME: {settings.home} is a file; nothing was done. Name a folder, an existing or a new one"
        )


def require_usable_key(settings: Settings, connection: duckdb.DuckDBPyConnection | None) -> None:
    """Check that the next run can use the key, even without anything to load: a copy of the key may be lost by then."""
    # A change of the key that was killed is finished by the next run.
    if not settings.replacement_intent.exists():
        check_key(settings.key_file, known_fingerprint(connection) if connection else None)


def warn_of_open_folders(settings: Settings) -> None:
    """Warn of a landing folder or retention lists that all users may read, and of a data root that all may write to.

    Their modes are not changed: source systems write to the landing folder through a group or a mount with modes that
    this project does not control, and the others were made by the operator.
    """
    for folder, bits, closing, is_open, why in (
        (settings.landing, 0o007, "o=", "open to", "and extracts hold personal values"),
        (settings.home / "retention", 0o007, "o=", "open to", "and its lists name cases and say what is purged"),
        (settings.home, 0o002, "o-w", "writable for", "who can replace what is in it and what is published"),
    ):
        if folder.is_dir() and (mode := stat.S_IMODE(folder.stat().st_mode)) & bits:
            warn(
                f"{folder} is {is_open} every user of this machine (mode {mode:04o}), {why}; it was not changed. "
                f"Close it: chmod {closing} {in_shell(folder)}"
            )


def repair_damage(settings: Settings) -> None:
    """Move damaged files that can be recreated out of the way, with a warning for each.

    Raises:
        WarehouseLocked: another run holds the warehouse.
    """
    if not find_damage(settings):
        return
    with writer_lock(settings.lock_file):
        damaged = repair(settings)
    for damage in damaged:
        warn(str(damage))


def finish_killed_replacement(settings: Settings) -> None:
    """Finish a replacement of pseudonyms (`fcir erase`, `fcir keys rotate`) or a purge that was killed, with a warning.

    Raises:
        WarehouseLocked: another run holds the warehouse.
    """
    if not settings.replacement_intent.exists() and not settings.purge_folder.exists():
        return
    # Imported here: it reads files of all kinds, and a run rarely needs it.
    from dagster_project.privacy.unfinished import finish_replacement

    with writer_lock(settings.lock_file), private_files():
        if finished := finish_replacement(settings):
            warn(finished)


def warn_of_earlier_key(settings: Settings) -> None:
    """Warn that a pseudonym key that was changed is the current one again, as after the restoration of an older copy.

    Raises:
        WarehouseLocked: another run holds the warehouse.
    """
    # Imported here, as above.
    from dagster_project.privacy.changed_keys import warning_of_key

    if warning := warning_of_key(settings):
        warn(warning)


def erase_restored_people(settings: Settings) -> None:
    """Erase people again who came back with an older copy of the warehouse, with a warning.

    Raises:
        SuppressionError: the list of erased people is missing or cannot be used, or does not know them by the key.
        PseudonymKeyError: the key of the restored warehouse is missing or cannot be used.
        WarehouseLocked: another run holds the warehouse.
    """
    # Imported here, as above.
    from dagster_project.loading.suppression import require_suppression

    if require_suppression(settings) is None:
        return
    from dagster_project.privacy.restored import erase_restored

    with writer_lock(settings.lock_file), private_files():
        if erased := erase_restored(settings, contracts_of(settings)):
            warn(erased)


def warn_of_lake(settings: Settings, *, is_purge: bool = False) -> None:
    """Print what remains to be done in the lake, if there is one, after old values were replaced or rows purged."""
    if not has_lake(settings):
        return
    remedy = (
        "Spark cannot build a purged data root: remove the lake with the Dagster job drop_lake, as docs/spark.md says"
        if is_purge or _is_purged(settings)
        else "Build it again: FCIR_TARGET=spark fcir run; then start the Dagster job compact_lake with days: 0, as "
        "docs/privacy.md says. If Spark is no longer used, remove the lake with the Dagster job drop_lake, as "
        "docs/spark.md says"
    )
    if settings.trial_lake.exists():
        remedy += f"; then delete {settings.trial_lake}"
    warn(f"the lake was not searched and still has the old {'rows' if is_purge else 'values'}. {remedy}")


def _is_purged(settings: Settings) -> bool:
    with suppress(duckdb.Error), open_read_only(settings.warehouse) as connection:
        return bool(purged_before(connection))
    return False
