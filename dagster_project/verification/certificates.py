"""Verify the certificates of erasures and purges against the record of actions."""

import json
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dagster_project.record import store
from dagster_project.record.certificates import CERTIFICATE, differing_fields, hashes_after_redactions
from dagster_project.record.chain import RESTART
from dagster_project.settings import Settings
from dagster_project.verification.finding import Finding
from dagster_project.words import printable

_LARGEST = 64 << 20
_ADVICE = (
    "It was not changed. Put it back from a backup, or compare with a copy (docs/recovery.md); the record has who did "
    "what, and why: fcir record --all"
)


def verify_certificates(settings: Settings, entries: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Return certificates that are missing, were changed, or belong to no entry. Changes nothing.

    Args:
        settings: the data root.
        entries: the record, whose own faults are not judged here.
    """
    every = [*store.read_earlier(settings), *entries]
    named = {
        str(entry["detail"][CERTIFICATE]): entry for entry in every if isinstance(entry["detail"].get(CERTIFICATE), str)
    }
    folder = settings.certificates
    files = {file.name: file for file in sorted(folder.iterdir())} if folder.is_dir() else {}
    # Without the record before it, a new one cannot know the certificates.
    is_lost = bool(entries) and entries[0]["action"] == RESTART and not store.earlier_records(settings)
    return [
        *_of_entries(settings, named, files, hashes_after_redactions(every)),
        *(
            Finding(
                printable(str(file)),
                "belongs to no entry of the record"
                + (", which was lost and began again" if is_lost else ": it was not written by fcir"),
                _ADVICE,
                is_fault=not is_lost,
            )
            for name, file in files.items()
            if name.removesuffix(".json") not in named
        ),
    ]


def _of_entries(
    settings: Settings,
    named: Mapping[str, Mapping[str, Any]],
    files: Mapping[str, Path],
    redacted: Mapping[str, str],
) -> Iterator[Finding]:
    # The next command writes the certificate of one that was killed.
    is_unfinished = settings.replacement_intent.exists() or settings.purge_folder.exists()
    for name, entry in named.items():
        place = settings.certificates / f"{name}.json"
        what = f"the certificate of entry {entry['seq']}"
        if place.name not in files:
            if not is_unfinished:
                yield Finding(printable(str(place)), f"{what} is missing", _ADVICE)
            continue
        content = _content(files[place.name])
        if content is None:
            yield Finding(str(place), f"{what} is damaged, or not a file", _ADVICE)
        elif differing := differing_fields(content, entry, redacted.get(place.name)):
            yield Finding(str(place), f"{what} differs from it in {', '.join(differing)}", _ADVICE)


def _content(file: Path) -> dict[str, Any] | None:
    """Return a certificate; None if it is no JSON object in a file, or one that repeats a field."""
    try:
        state = file.lstat()
        if not stat.S_ISREG(state.st_mode) or state.st_size > _LARGEST:
            return None
        content = json.loads(file.read_bytes(), object_pairs_hook=_once)
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON whose fields are not repeated: a reader sees one value, and the comparison another.

    Raises:
        ValueError: a field is repeated.
    """
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a field is repeated")
    return found
