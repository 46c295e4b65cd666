"""What the record says about a certificate of an erasure or a purge, so that a changed or forged one is found."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any

from dagster_project.record.chain import REDACTED, WHO, head_of, who_of
from dagster_project.settings import Settings

CERTIFICATE, CERTIFIED = "certificate", "certified_sha256"
"""Facts of an entry: name of the certificate, and hash of what it states."""

IDENTIFIER_SEARCHED, LAKE_NOT_SEARCHED = "is_identifier_searched", "has_lake_not_searched"
"""Facts of an erasure and its certificate: what was searched when its entry was written."""

# What is known before the entry is written, and stays the same if the command is killed and finished later.
_STATED = (
    *("begun_at", "what", "keys", "held_before", "despite_holds"),
    *("sources", "holds", "publications", "backups", "landing", "landing_with_others", "tables_unchanged"),
)

# Further fields of a certificate, by the action of its entry.
_OF_ACTION = {
    "erase": {"is_clean", "remaining", "removed_files", IDENTIFIER_SEARCHED, LAKE_NOT_SEARCHED},
    "purge": {"publications_rewritten", "not_changed"},
}


def certified_sha256(content: Mapping[str, Any]) -> str:
    """Return the hash of what a certificate states about an erasure or a purge, without what its entry has itself."""
    stated = {name: content[name] for name in _STATED if name in content}
    return sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()


def certificate_redactions(settings: Settings, redact: Callable[[bytes], bytes]) -> dict[str, str]:
    """Return what an erasure will change in earlier certificates: the hash of what each states then, by its file name.

    A certificate lists files, whose names may be another person's identifier.

    Args:
        settings: the data root.
        redact: returns a text without the personal value.
    """
    changed = {}
    for file in sorted(settings.certificates.glob("*.json")):
        content = file.read_bytes()
        if (new := redact(content)) != content:
            changed[file.name] = new
    return _certified(changed)


def redacted_certificates(settings: Settings, intended: Mapping[str, str]) -> dict[str, str]:
    """Return what an erasure has changed in certificates, of what `certificate_redactions` said that it will change."""
    present = {name: settings.certificates / name for name in intended if (settings.certificates / name).is_file()}
    return {
        name: digest
        for name, digest in _certified({name: file.read_bytes() for name, file in present.items()}).items()
        if digest == intended[name]
    }


def _certified(contents: Mapping[str, bytes]) -> dict[str, str]:
    """Return the hash of what certificates state, without damaged ones, which stay a fault."""
    found = {}
    for name, content in contents.items():
        with suppress(ValueError, TypeError):
            found[name] = certified_sha256(json.loads(content))
    return found


def hashes_after_redactions(entries: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the hash of what certificates state since later erasures changed them, by file name."""
    found: dict[str, str] = {}
    for entry in entries:
        redacted = entry["detail"].get(REDACTED)
        found |= redacted if isinstance(redacted, dict) else {}
    return found


def differing_fields(content: Mapping[str, Any], entry: Mapping[str, Any], redacted: str | None) -> list[str]:
    """Return in what a certificate differs from its entry; empty if in nothing.

    Args:
        content: the certificate.
        entry: the entry that names it.
        redacted: hash of what it states since a later erasure changed it; None if none did.
    """
    return [name for name, is_equal in _comparisons(content, entry, redacted) if not is_equal]


def _comparisons(
    content: Mapping[str, Any], entry: Mapping[str, Any], redacted: str | None
) -> Iterator[tuple[str, bool]]:
    head = head_of(entry)
    yield CERTIFICATE, content.get(CERTIFICATE) == entry["detail"][CERTIFICATE]
    yield "record", content.get("record") == {"seq": head.seq, "hash": head.hash}
    yield "reason", content.get("reason") == entry["reason"]
    for name, value in who_of(entry).items():
        yield name, content.get(name) == value
    # Entries of earlier versions do not have all of them.
    for name in ("keys", "sources", LAKE_NOT_SEARCHED):
        if name in entry["detail"]:
            yield name, content.get(name) == entry["detail"][name]
    if IDENTIFIER_SEARCHED in entry["detail"]:
        # One that was killed after its entry is finished without the identifier, and its certificate says so.
        yield IDENTIFIER_SEARCHED, content.get(IDENTIFIER_SEARCHED) in (False, entry["detail"][IDENTIFIER_SEARCHED])
    if "is_clean" in content or entry["action"] == "erase":
        yield "is_clean", content.get("is_clean") is (entry["outcome"] == "done")
    known = {CERTIFICATE, "record", "reason", "ended_at", *WHO, *_STATED, *_OF_ACTION.get(entry["action"], ())}
    yield "fields that fcir does not write", known >= content.keys()
    yield "what it states", certified_sha256(content) == (redacted or entry["detail"].get(CERTIFIED))
