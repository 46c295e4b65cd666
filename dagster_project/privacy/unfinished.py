"""Finish a replacement of pseudonyms, or a purge, that was killed."""

from dagster_project.privacy import erasure, purging, rekeying, restored
from dagster_project.privacy.replacing import read_intent, with_its_backups
from dagster_project.settings import Settings


def finish_replacement(settings: Settings) -> str | None:
    """Finish what a killed command intended, and say so in words; None if there is nothing to finish.

    Args:
        settings: the data root; the caller holds the writer lock and no connection.
    """
    replacement = read_intent(settings)
    if replacement is None:
        return purging.finish_purge(settings)
    settings = with_its_backups(settings, replacement)
    if replacement.action == erasure.ACTION:
        certificate = erasure.finish_erasure(settings, replacement)
        return (
            f"an erasure of {replacement.begun_at} that was interrupted is finished: {certificate}. It did not search "
            "for the identifier itself: run fcir erase again with it"
        )
    if replacement.action == rekeying.ACTION:
        rotation = rekeying.finish_rotation(settings, replacement)
        done = f"a change of the key of {replacement.begun_at} that was interrupted is finished: key {rotation.key_id}"
        return ". ".join((done, *rotation.warnings()))
    return restored.finish_erasing_again(settings, replacement)
