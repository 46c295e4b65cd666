"""What commands do with the data root before they begin: read its settings, and check it."""

import logging
import stat

from dagster_project.console import LOGGER, report_to_terminal, warn
from dagster_project.errors import UsageError
from dagster_project.settings import Settings, read_settings
from dagster_project.words import in_shell


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
