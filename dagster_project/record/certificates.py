"""What the record says about a certificate of an erasure or a purge, so that a changed or forged one is found."""

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from dagster_project.record.chain import head_of, who_of

CERTIFICATE, CERTIFIED = "certificate", "certified_sha256"
"""Facts of an entry: name of the certificate, and hash of what it states."""

# What is known before the entry is written, and stays the same if the command is killed and finished later.
_STATED = (
    *("begun_at", "what", "keys", "held_before", "despite_holds"),
    *("sources", "holds", "publications", "backups", "landing", "landing_with_others", "tables_unchanged"),
)


def certified_sha256(content: Mapping[str, Any]) -> str:
    """Return the hash of what a certificate states about an erasure or a purge, without what its entry has itself."""
    stated = {name: content[name] for name in _STATED if name in content}
    return sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()


def differing_fields(content: Mapping[str, Any], entry: Mapping[str, Any]) -> list[str]:
    """Return in what a certificate differs from its entry; empty if in nothing.

    Args:
        content: the certificate.
        entry: the entry that names it. One of version 0.2 has no hash of what is stated, nor a login.
    """
    return [name for name, is_equal in _comparisons(content, entry) if not is_equal]


def _comparisons(content: Mapping[str, Any], entry: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    head = head_of(entry)
    yield CERTIFICATE, content.get(CERTIFICATE) == entry["detail"][CERTIFICATE]
    yield "record", content.get("record") == {"seq": head.seq, "hash": head.hash}
    yield "reason", content.get("reason") == entry["reason"]
    for name, value in who_of(entry).items():
        yield name, content.get(name, "") == value
    for name in ("keys", "sources"):
        if name in entry["detail"]:
            yield name, content.get(name) == entry["detail"][name]
    if "is_clean" in content or entry["action"] == "erase":
        yield "is_clean", content.get("is_clean") is (entry["outcome"] == "done")
    if CERTIFIED in entry["detail"]:
        yield "what it states", certified_sha256(content) == entry["detail"][CERTIFIED]
