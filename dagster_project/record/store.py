"""The files of the record: append an entry, read the entries, check them. The chain itself: `chain.py`.

The record is `record/record.jsonl` in the data root, one JSON object a line. Its newest number and hash, the head, are
also in `record/head`, in `audit.record_head` of the warehouse, and in the manifest of each publication, so that a
record without its last entries does not pass for a whole one.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import socket
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.private_key import read_key, read_or_create_key
from dagster_project.record import who
from dagster_project.record.chain import (
    REDACTED,
    RESTART,
    Anchor,
    Head,
    NotAnEntry,
    faults_of,
    head_of,
    is_as_left,
    is_sealed,
    noted_head,
    parsed,
    redacted_lines,
    sealed,
)
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import loading_connection
from dagster_project.words import printable
from dagster_project.writing import flush, link_or_copy


def append(
    settings: Settings,
    action: str,
    *,
    outcome: str = "done",
    reason: str = "",
    detail: Mapping[str, object] | None = None,
    connection: duckdb.DuckDBPyConnection | None = None,
) -> dict[str, Any]:
    """Append an entry to the record, and return it. If the process is killed, the record has it or not.

    An incomplete last line, which a killed command left, is removed first, and the entry says so. A record that was
    changed is continued where its head was, so that the fault stays visible to `faults`.

    Args:
        settings: the data root; the caller holds the writer lock.
        action: what was done, for example `run` or `erase`.
        outcome: how it ended, for example `done` or `failed`.
        reason: why it was done, as its user stated it.
        detail: facts about it as JSON values; never a personal value.
        connection: the warehouse, for writing and in no transaction: the new head is noted there too.

    Raises:
        PrivateKeyError: the key of the record cannot be used.
    """
    folder = settings.record
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(folder):
        key = read_or_create_key(settings.key_of_record)
        facts = dict(detail or {})
        base = _base(settings, key, facts, _noted_heads(connection))
        line = _entry(base, key, action, outcome, reason, facts)
        head = _write(settings.record_file, os.O_APPEND, line)
        _write_head(folder, head)
    if connection is not None:
        note_head(connection, head)
    return parsed(line)


def prepare(settings: Settings) -> None:
    """Create the key of a record that has no entry yet: before anything is done, since a repeated run may do nothing.

    If it were created with the first entry, a run that is killed there would leave a draft of it in the folder of keys.

    Args:
        settings: the data root; the caller holds the writer lock.

    Raises:
        PrivateKeyError: the key of the record cannot be used.
    """
    if not settings.record_file.exists():
        read_or_create_key(settings.key_of_record)


def append_once(
    settings: Settings,
    action: str,
    *,
    unique: str,
    outcome: str = "done",
    reason: str = "",
    detail: Mapping[str, object],
) -> dict[str, Any]:
    """Append an entry unless a command that was killed has appended it, and return it; note the head in the warehouse.

    If there are several, the newest is returned.

    Args:
        settings: the data root; the caller holds the writer lock and no connection.
        action: as for `append`, like the arguments below.
        unique: name of the fact in `detail` that no other entry of this action has, for example `certificate`.
        outcome: how it ended.
        reason: why it was done.
        detail: facts about it.

    Raises:
        PrivateKeyError: the key of the record cannot be used.
    """
    for entry in reversed(list(read(settings))):
        if entry["action"] == action and entry["detail"].get(unique) == detail[unique]:
            return entry
    with loading_connection(settings.warehouse) as connection:
        return append(settings, action, outcome=outcome, reason=reason, detail=detail, connection=connection)


def restart(settings: Settings, anchors: Iterable[Anchor], *, reason: str) -> Path | None:
    """Move a record with faults aside, and begin a new one; its entries are numbered after the highest number known.

    The first entry of the new record has the action `restart`, and says how many faults the one before had and where
    it is. If the process is killed, the record is the one before or the new one; it can be repeated.

    Args:
        settings: the data root.
        anchors: heads that were noted elsewhere, beside `record/head`.
        reason: why, as its user stated it.

    Returns:
        The folder that the earlier record was renamed to; None if it was missing.

    Raises:
        PrivateKeyError: the key of the record cannot be used.
    """
    anchors = list(anchors)
    found = faults(settings, anchors)
    settings.record.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(settings.record):
        key = read_or_create_key(settings.key_of_record)
        aside = settings.record / f"record-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.jsonl"
        facts: dict[str, object] = {"faults": len(found)}
        if settings.record_file.exists():
            link_or_copy(settings.record_file, aside)
            facts |= {_ASIDE: aside.name, _ASIDE_SHA256: sha256(_content(aside)).hexdigest()}
        entries = [head_of(entry) for entry in read(settings)]
        noted = [*([head] if (head := head_in_file(settings)) else []), *(anchor.head for anchor in anchors)]
        base = max([Head(0, ""), *entries, *noted], key=lambda item: item.seq)
        draft = settings.record_file.with_name(f".{settings.record_file.name}")
        head = _write(draft, os.O_TRUNC, _entry(base, key, RESTART, "done", reason, facts))
        draft.replace(settings.record_file)
        _write_head(settings.record, head)
    return aside if _ASIDE in facts else None


def read(settings: Settings) -> Iterator[dict[str, Any]]:
    """Return the entries of the record, oldest first, without lines that are not entries: `faults` reports those."""
    return _entries(_content(settings.record_file))


def entries_of(settings: Settings, action: str) -> Iterator[dict[str, Any]]:
    """Return the entries of an action, oldest first, also those of earlier records, without lines that are no entries.

    Args:
        settings: the data root.
        action: what was done, for example `erase`.
    """
    named = f'"action":{json.dumps(action)},'.encode()
    for file in (*earlier_records(settings), settings.record_file):
        # Parsing a line takes 20 times as long as looking for the text.
        lines = b"".join(line for line in _content(file).splitlines(keepends=True) if named in line)
        yield from (entry for entry in _entries(lines) if entry["action"] == action)


def earlier_records(settings: Settings) -> list[Path]:
    """Return the records that restarts moved aside, oldest first."""
    return sorted(settings.record.glob("record-*.jsonl"))


def read_earlier(settings: Settings) -> Iterator[dict[str, Any]]:
    """Return the entries of earlier records, oldest first, as `read` does for the current one."""
    for file in earlier_records(settings):
        yield from _entries(_content(file))


def redactions(settings: Settings, redact: Callable[[bytes], bytes]) -> dict[str, str]:
    """Return what an erasure will change in the record: the SHA-256 of each new line, by the number of its entry.

    Of an earlier record, which a restart moved aside, it is the SHA-256 of the new file by its name.

    A line that was changed by anything else before is not among them, so that this stays visible.

    Args:
        settings: the data root.
        redact: returns a line without the personal value.

    Raises:
        PrivateKeyError: the key of the record cannot be used.
    """
    lines, key = _content(settings.record_file).splitlines(keepends=True), read_key(settings.key_of_record)
    if key is None:
        return {}
    before, found = redacted_lines(lines, key), {}
    for line in lines:
        with suppress(NotAnEntry):
            entry, new = parsed(line), redact(line)
            seq = str(entry["seq"])
            if new != line and is_as_left(entry, line, before, key):
                found[seq] = sha256(new).hexdigest()
    for aside in earlier_records(settings):
        content = _content(aside)
        if (new := redact(content)) != content:
            found[aside.name] = sha256(new).hexdigest()
    return found


def redacted_now(settings: Settings, intended: Mapping[str, str]) -> dict[str, str]:
    """Return what an erasure has changed in the record, of what `redactions` said that it will change.

    One that was killed is finished without the identifier, so that a line may be as it was before: sealed, or as an
    earlier erasure left it.

    Args:
        settings: the data root.
        intended: what `redactions` returned.
    """
    found = set()
    for line in _content(settings.record_file).splitlines(keepends=True):
        with suppress(NotAnEntry):
            found.add((str(parsed(line)["seq"]), sha256(line).hexdigest()))
    found |= {(aside.name, _sha256(aside)) for aside in settings.record.glob("record-*.jsonl")}
    return {name: digest for name, digest in intended.items() if (name, digest) in found}


def is_missing(settings: Settings) -> bool:
    """Return whether the record has no line, although `record/head` says that it had an entry."""
    return (settings.record / _HEAD).exists() and not _content(settings.record_file)


def faults(settings: Settings, anchors: Iterable[Anchor] = ()) -> list[str]:
    """Return what is wrong with the record, in words and without the content of an entry; empty if nothing is.

    Args:
        settings: the data root.
        anchors: heads that were noted elsewhere, beside `record/head`.

    Raises:
        PrivateKeyError: the key of the record cannot be used.
    """
    key = read_key(settings.key_of_record)
    anchors = list(anchors)
    with _without_appends(settings.record):
        content, head = _content(settings.record_file), head_in_file(settings)
        own = list(_faults_of_files(settings, content, head, key, anchors))
    if head:
        anchors.append(Anchor(str(settings.record / _HEAD), head))
    if key is None:
        is_empty = not content and not anchors
        return [] if is_empty else [f"its key {settings.key_of_record} is missing, so no entry can be checked", *own]
    return faults_of(content, key, anchors) + own


def _faults_of_files(
    settings: Settings, content: bytes, head: Head | None, key: bytes | None, anchors: Iterable[Anchor]
) -> Iterator[str]:
    """Yield what is wrong with the files beside the record, and with the file itself."""
    file = settings.record / _HEAD
    if settings.record_file.is_symlink() or file.is_symlink():
        yield f"{settings.record_file if settings.record_file.is_symlink() else file} is a link; expected a file"
    entries = list(_entries(content))
    last = head_of(entries[-1]) if entries else Head(0, "")
    if head is None and file.exists():
        yield f"{file} is not readable as the newest number and hash"
    else:
        # A command that was killed before it wrote the head leaves that of the entry before. Other places note a head
        # only after the file has it.
        noted = min(last.seq, max((last.seq - 1, *(anchor.head.seq for anchor in anchors))))
        if noted > (head.seq if head else 0):
            named = f"names entry {head.seq}" if head else "is missing"
            yield f"{file} {named}, and the record ends with entry {last.seq}: it is older, or was removed"
        elif head and _content(file) != _line_of(head):
            yield f"{file} is not written like fcir writes it, so it was changed"
    for hidden in (_LOCK, f".{_HEAD}", f".{settings.record_file.name}"):
        if not _is_as_left(settings.record / hidden, last, key):
            yield f"{settings.record / hidden} has what no command wrote; if nothing else is wrong, remove it"
    yield from _faults_aside(settings, content, key)


def _is_as_left(file: Path, last: Head, key: bytes | None) -> bool:
    """Return whether a hidden file of the record is missing, or has what a command, also one that was killed, leaves.

    The lock is empty. Drafts are those of the head of the last entry, up to any byte, and of a record that begins
    after a restart.
    """
    try:
        content = _content(file)
    except OSError:
        return False
    if file.is_symlink():
        return False
    if not content or file.name == _LOCK:
        return not content
    if file.name == f".{_HEAD}":
        return _line_of(last).startswith(content)
    return key is None or (_is_entry(content, key) and parsed(content)["action"] == RESTART)


def _faults_aside(settings: Settings, content: bytes, key: bytes | None) -> Iterator[str]:
    """Yield earlier records that are not as a restart or a later erasure left them, and files that no entry names."""
    record, known, redacted = sha256(content).hexdigest(), dict[str, str | None](), dict[str, str]()
    # The newest first: an earlier record that is as expected names the one before it.
    contents = [content]
    for of_record in contents:
        redacted = (redacted_lines(of_record.splitlines(keepends=True), key) if key else {}) | redacted
        for entry in _entries(of_record):
            name = str(entry["detail"].get(_ASIDE))
            if entry["action"] != RESTART or _ASIDE not in entry["detail"] or name in known:
                continue
            known[name] = redacted.get(name, entry["detail"].get(_ASIDE_SHA256))
            if _sha256(settings.record / name) == known[name]:
                contents.append(_content(settings.record / name))
    own = {settings.record_file.name, _HEAD, _LOCK, f".{settings.record_file.name}", f".{_HEAD}"}
    for file in sorted(settings.record.iterdir()) if settings.record.is_dir() else []:
        # A restart that was killed leaves a copy of the record without an entry.
        is_copy = _NAME_ASIDE.fullmatch(file.name) and _sha256(file) in (record, *known.values())
        if file.name not in own | {*known} and not is_copy:
            yield f"{printable(str(file))} is not a file of the record"
    for name, expected in known.items():
        if _sha256(settings.record / name) != expected:
            yield f"{settings.record / name}, an earlier record, is missing or was changed"


def _entries(content: bytes) -> Iterator[dict[str, Any]]:
    for line in content.splitlines(keepends=True):
        with suppress(NotAnEntry):
            yield parsed(line)


def _sha256(file: Path) -> str:
    """Return the SHA-256 of a file; empty if it cannot be read, or is a link, behind which it can be changed."""
    try:
        return "" if file.is_symlink() else sha256(_content(file)).hexdigest()
    except OSError:
        return ""


def head_in_file(settings: Settings) -> Head | None:
    """Return the newest number and hash as `record/head` has them; None without an entry, or if it is damaged."""
    try:
        return noted_head(json.loads(_content(settings.record / _HEAD)))
    except (OSError, ValueError, RecursionError):
        return None


def note_head(connection: duckdb.DuckDBPyConnection, head: Head) -> None:
    """Note a head in the warehouse. Earlier ones stay there: they show that the record was replaced in between."""
    connection.execute(
        "insert into audit.record_head values (?, ?, ?)", [head.seq, head.hash, datetime.now(UTC).replace(tzinfo=None)]
    )


def anchors_in_warehouse(connection: duckdb.DuckDBPyConnection) -> list[Anchor]:
    """Return the heads that were noted in the warehouse."""
    return [Anchor("audit.record_head of the warehouse", head) for head in _noted_heads(connection)]


_HEAD, _LOCK = "head", ".lock"
_ASIDE, _ASIDE_SHA256 = "set_aside", "set_aside_sha256"
"""Facts of a restart: name and hash of the file that has the record before it."""
_NAME_ASIDE = re.compile(r"record-\d{8}T\d{6}\.\d{6}Z\.jsonl")


def _entry(base: Head, key: bytes, action: str, outcome: str, reason: str, facts: Mapping[str, object]) -> bytes:
    """Return the line of the entry after a head."""
    return sealed(
        {
            "seq": base.seq + 1,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "action": action,
            "outcome": outcome,
            "user": who.user(),
            "login": who.login(),
            "host": socket.gethostname(),
            "version": version("fcir"),
            "reason": reason,
            "detail": facts,
            "previous": base.hash,
        },
        key,
    )


def _write(file: Path, flags: int, line: bytes) -> Head:
    """Write an entry to a file, and return its head."""
    with _private(file, flags) as descriptor:
        if os.write(descriptor, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
        os.fsync(descriptor)
    return head_of(parsed(line))


def _noted_heads(connection: duckdb.DuckDBPyConnection | None) -> list[Head]:
    if connection is None:
        return []
    rows = connection.execute("select seq, hash from audit.record_head order by seq, noted_at").fetchall()
    return [Head(seq, digest) for seq, digest in rows]


def _base(settings: Settings, key: bytes, facts: dict[str, object], noted: Iterable[Head]) -> Head:
    """Return the head that the next entry continues, after a repair of the last line; add to `facts` what was found."""
    content = _content(settings.record_file)
    whole, end, rest = content.rpartition(b"\n")
    if rest:
        with _private(settings.record_file) as descriptor:
            # Only its last byte is missing if it is an entry.
            if _is_entry(rest + b"\n", key):
                os.pwrite(descriptor, b"\n", len(content))
                whole, end = content, b"\n"
            else:
                os.ftruncate(descriptor, len(whole + end))
                facts["removed_incomplete_line_bytes"] = len(rest)
            os.fsync(descriptor)
    last = Head(0, "")
    if whole:
        line = whole.rpartition(b"\n")[2] + end
        if _is_entry(line, key) or _is_redacted(line, key, whole, facts):
            last = head_of(parsed(line))
        else:
            facts["last_line"] = "not an entry of this record"
    head = head_in_file(settings)
    if head is None and (settings.record / _HEAD).exists():
        facts["head"] = "not readable"
    # A head beyond the last entry means that entries are missing; going on from there keeps the gap visible.
    return max([last, *([head] if head else []), *noted], key=lambda item: item.seq)


def _is_entry(line: bytes, key: bytes) -> bool:
    try:
        return is_sealed(parsed(line), key)
    except NotAnEntry:
        return False


def _is_redacted(line: bytes, key: bytes, whole: bytes, facts: Mapping[str, Any]) -> bool:
    """Return whether a line is as an erasure left it: one of the record, or the one whose entry is being written."""
    try:
        seq = str(parsed(line)["seq"])
    except NotAnEntry:
        return False
    redacted = redacted_lines(whole.splitlines(keepends=True), key) | facts.get(REDACTED, {})
    return bool(redacted.get(seq) == sha256(line).hexdigest())


def _write_head(folder: Path, head: Head) -> None:
    draft = folder / f".{_HEAD}"
    with _private(draft, os.O_TRUNC) as descriptor:
        os.write(descriptor, _line_of(head))
        os.fsync(descriptor)
    draft.replace(folder / _HEAD)
    # Or the warehouse could have the head after a power cut, and the file the one before, which is a fault.
    flush(folder)


def _line_of(head: Head) -> bytes:
    return json.dumps({"seq": head.seq, "hash": head.hash}).encode() + b"\n"


def _content(file: Path) -> bytes:
    try:
        # A device such as /dev/zero would never end.
        if not stat.S_ISREG(file.stat().st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(file))
        return file.read_bytes()
    except FileNotFoundError:
        return b""


@contextmanager
def _private(file: Path, flags: int = 0) -> Iterator[int]:
    """Open a file for writing, created with mode 0600."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flags, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process append at a time; an append takes milliseconds."""
    with _private(folder / _LOCK) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


@contextmanager
def _without_appends(folder: Path) -> Iterator[None]:
    """Keep appends out; without writing, since a data root can be read-only."""
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)
