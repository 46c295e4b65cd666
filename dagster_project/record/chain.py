"""Entries of the record, chained by keyed hashes, and the check of the chain. `store.py` reads and writes the files."""

import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from dagster_project.words import counted

WHO = ("user", "login", "host", "version")
"""Fields that say who acted, where and with what. Certificates have them too."""

FIELDS = ("seq", "at", "action", "outcome", *WHO, "reason", "detail", "previous", "hash")
"""Fields of an entry, in this order: `docs/recovery.md` explains each."""

RESTART = "restart"
"""Action of an entry that begins a new record after the one before it was lost."""


REDACTED = "redacted"
"""Fact of an erasure: by number, the SHA-256 of each earlier line from which it removed a personal value."""


class NotAnEntry(ValueError):
    """A line of the record is not an entry; the message says why, without its content."""


@dataclass(frozen=True)
class Head:
    """The newest entry of a record at some time."""

    seq: int
    """Its number; the first entry has number 1."""
    hash: str


@dataclass(frozen=True)
class Anchor:
    """A head that was noted outside the record."""

    place: str
    """Where it was noted, for messages."""
    head: Head


def sealed(fields: Mapping[str, object], key: bytes) -> bytes:
    """Return an entry as a line of the record.

    Args:
        fields: the fields of the entry but `hash`.
        key: the key of the record. Without it, nobody can compute the hash of a changed entry.
    """
    unsealed = {name: fields[name] for name in FIELDS if name != "hash"}
    return _line(unsealed | {"hash": hmac.new(key, _line(unsealed), sha256).hexdigest()})


def parsed(line: bytes) -> dict[str, Any]:
    """Return the entry of a line, without checking its hash.

    Raises:
        NotAnEntry: the line is not one that `sealed` returns.
    """
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        raise NotAnEntry("is not JSON") from None
    if (
        not isinstance(entry, dict)
        or tuple(entry) != FIELDS
        or not all(map(_is_of_its_type, entry.keys(), entry.values()))
    ):
        raise NotAnEntry("does not have the fields of an entry")
    # Other spaces, escapes or repeated fields would otherwise be changes without an effect on the hash.
    if _line(entry) != line:
        raise NotAnEntry("is not written like an entry")
    return entry


def _is_of_its_type(name: str, value: object) -> bool:
    return is_number(value) if name == "seq" else isinstance(value, dict if name == "detail" else str)


def who_of(entry: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of an entry that say who acted; an unknown login is empty."""
    return {name: entry[name] for name in WHO}


def is_number(value: object) -> bool:
    """Return whether a value of JSON can be the number of an entry."""
    return type(value) is int and 0 < value < 1 << 63


def is_sealed(entry: Mapping[str, Any], key: bytes) -> bool:
    """Return whether the hash of an entry was computed with the key, from these fields."""
    return hmac.compare_digest(sealed(entry, key), _line(entry))


def noted_head(value: object) -> Head | None:
    """Return the head that a value of JSON notes; None if it notes none."""
    if not isinstance(value, dict) or not is_number(value.get("seq")) or not isinstance(value.get("hash"), str):
        return None
    return Head(value["seq"], value["hash"])


def head_of(entry: Mapping[str, Any]) -> Head:
    """Return number and hash of an entry."""
    return Head(int(entry["seq"]), str(entry["hash"]))


def faults_of(content: bytes, key: bytes, anchors: Iterable[Anchor]) -> list[str]:
    """Check a record: that no entry was changed, removed, inserted or moved.

    The hash of each entry, which only the key can compute, finds changed and forged entries, except those from which a
    later entry says that an erasure removed a personal value, and that are as it left them; number and `previous` find
    entries that were removed, inserted, repeated or moved; the anchors find a record whose last entries were removed,
    or that was replaced by an older copy.

    Args:
        content: the file.
        key: the key of the record.
        anchors: heads that were noted elsewhere.

    Returns:
        What is wrong, in words and without the content of an entry; empty if nothing is.
    """
    lines = content.splitlines(keepends=True)
    redacted = redacted_lines(lines, key)
    faults: list[str] = []
    hashes: dict[int, str] = {}
    first = last = 0
    before: Head | None = None
    for number, line in enumerate(lines, 1):
        if not line.endswith(b"\n"):
            faults.append(f"line {number} has no end: a command was killed while it wrote it, or it was cut off")
            break
        try:
            entry = parsed(line)
        except NotAnEntry as error:
            faults.append(f"line {number} {error}")
            before = None
            continue
        head = head_of(entry)
        if not is_as_left(entry, line, redacted, key):
            faults.append(f"line {number}, entry {head.seq}: changed after it was written, or not written by fcir")
        faults += _faults_of_order(number, entry, before)
        if not first:
            first = head.seq
        hashes[head.seq] = head.hash
        before, last = head, max(last, head.seq)
    return faults + _faults_of_anchors(anchors, hashes, first, last)


def is_as_left(entry: Mapping[str, Any], line: bytes, redacted: Mapping[str, str], key: bytes) -> bool:
    """Return whether an entry is as it was written or, if an erasure changed it, as the last one left it.

    Args:
        entry: the entry.
        line: its line.
        redacted: what `redacted_lines` returned.
        key: the key of the record.
    """
    expected = redacted.get(str(entry["seq"]))
    return expected == sha256(line).hexdigest() if expected else is_sealed(entry, key)


def redacted_lines(lines: Iterable[bytes], key: bytes) -> dict[str, str]:
    """Return the SHA-256 of each line from which an erasure removed a personal value, by the number of its entry.

    An entry that says so is sealed itself, so it cannot be added without the key.
    """
    found: dict[str, str] = {}
    for line in lines:
        try:
            entry = parsed(line)
        except NotAnEntry:
            continue
        if entry["detail"].get(REDACTED) and is_sealed(entry, key):
            found |= entry["detail"][REDACTED]
    return found


def _faults_of_order(number: int, entry: Mapping[str, Any], before: Head | None) -> Sequence[str]:
    """Return what is wrong with the place of an entry; `before` is None in the first line and after a broken one."""
    seq, previous = entry["seq"], entry["previous"]
    if number > 1 and entry["action"] == RESTART:
        return [f"line {number}, entry {seq}, begins a record: the lines before it were put in front of it"]
    if before is None:
        is_beginning = entry["action"] == RESTART or (seq == 1 and not previous)
        return [] if number > 1 or is_beginning else [f"line 1 is entry {seq}: the entries before it are missing"]
    if seq > before.seq + 1:
        missing = counted(seq - before.seq - 1, "entry")
        return [f"line {number} is entry {seq} and follows entry {before.seq}: {missing} missing"]
    if seq != before.seq + 1:
        return [f"line {number} is entry {seq} and follows entry {before.seq}: inserted, repeated or moved"]
    if previous != before.hash:
        return [f"line {number}, entry {seq}: does not continue entry {before.seq}"]
    return []


def _faults_of_anchors(anchors: Iterable[Anchor], hashes: Mapping[int, str], first: int, last: int) -> list[str]:
    faults = []
    for anchor in anchors:
        seq = anchor.head.seq
        if seq > last:
            faults.append(
                f"{anchor.place} names entry {seq}, and the record ends with entry {last}: entries are missing"
            )
        elif seq >= first and hashes.get(seq) != anchor.head.hash:
            faults.append(f"{anchor.place} names another entry {seq} than the record has: the record was replaced")
    return faults


def _line(entry: Mapping[str, object]) -> bytes:
    return json.dumps(dict(entry), separators=(",", ":")).encode() + b"\n"
