"""Open a delivered file safely, and identify its format by its content. The readers parse its rows."""

import codecs
import errno
import hashlib
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader
from itertools import chain, pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np

from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.limits import LARGEST_EXTRACT
from dagster_project.words import printable


@dataclass(frozen=True)
class _Format:
    """What the files of an extension contain: their format, the kind of their bytes, and their content in words."""

    name: str
    kind: str
    content: str


CHANGED = "changed_while_read"
"""Code of the error for a file that was written to after it was listed or opened."""

EXTENSIONS = {
    ".csv": _Format("csv", "text", "delimited text"),
    ".csv.gz": _Format("csv", "gzip", "gzip-compressed delimited text"),
    ".xlsx": _Format("xlsx", "zip", "an Excel workbook (xlsx)"),
    ".parquet": _Format("parquet", "parquet", "a Parquet file"),
    ".jsonl": _Format("jsonl", "text", "one JSON object a line"),
}
# A line of an extract has a few hundred characters. A line above the first limit is a broken record; a file with a line
# above the second limit is not a text file.
LINE_LIMIT = 1 << 20
LINE_END_LIMIT = 16 << 20

# Real delimited text compresses at most 30 times. A file that unpacks to less than 16 MiB is harmless at any ratio.
_RATIO, _RATIO_MATTERS = 100, 16 << 20
# Delimited text always compresses; bytes read ahead, and the headers of many members, stay below this.
_GZIP_WITHOUT_DATA = 1 << 20
# Behind each member of a gzip file the rest of what was read is copied.
_PACKED_CHUNK = 1 << 16
# Do not spend more than half a second on hashing a rejected file.
_HASH_LIMIT = 256 << 20
# English text in UTF-16 is half NUL bytes; a broken export has a few.
_NUL_SHARE = 0.2

# Half the line limit: a block within the limit cannot contain a line above it.
_CHUNK = LINE_LIMIT // 2
_NEWLINE = ord("\n")
_GZIP, _ZIP, _PARQUET, _PARQUET_ENCRYPTED = b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"PARE"
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
BAD_BYTES = re.compile("[\udc80-\udcff]")
"""Placeholders in a text for bytes that are not part of a valid character."""
_REPLACEMENT, _BEYOND_ASCII = "\ufffd", 0x80
# Bytes that Windows-1252 does not define: a file with one of them that is not UTF-8 either is not text.
_UNDEFINED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_BLANK = "\ufeff \t\r\n\x0b\x0c\xa0"
_KINDS = {
    "gzip": "gzip-compressed data",
    "zip": "a zip container",
    "parquet": "a Parquet file",
    "ole": "an encrypted workbook or one of the old binary kind",
    "text": "plain text",
    "json": "JSON objects",
}


@dataclass(frozen=True)
class OpenFile:
    """A regular file, open for reading, that was read once from start to end.

    Attributes:
        file: the open file; readers seek in it.
        name: file name without folder, as messages show it.
        extension: one of EXTENSIONS, which matches the content.
        sha256: hash of the bytes of the file.
        encoding: Python's name of the text encoding; None for binary formats.
        lines: physical lines of a text file, ended by LF, CRLF or CR; counted in its bytes, not by reading records.
        has_bad_bytes: whether a UTF-8 text has bytes that are not part of a valid character.
    """

    file: BinaryIO
    name: str
    extension: str
    sha256: str
    size: int
    modified_ns: int
    encoding: str | None = None
    lines: int = 0
    has_bad_bytes: bool = False

    @property
    def format(self) -> str:
        """`csv`, `xlsx`, `parquet` or `jsonl`."""
        return EXTENSIONS[self.extension].name

    def check_unchanged(self) -> None:
        """Reject a file that was written to after it was opened.

        Raises:
            UnreadableExtract: with code `CHANGED`.
        """
        _check_unchanged(self.file, self.name, self.size, self.modified_ns)

    def blocks(self) -> Iterator[bytes]:
        """Yield the text of the file as UTF-8 without byte-order mark, in blocks of whole lines, from the start.

        Bytes that are not part of a valid character (`has_bad_bytes`) are unchanged; `text_of` decodes them.

        Raises:
            UnreadableExtract: the file cannot be decompressed or decoded, or a line does not end.
        """
        chunks = _raw_chunks(self.file, self.name)
        if self.extension.endswith(".gz"):
            chunks = _unpacked(chunks, self.name)
        for block in _whole_lines(chunks, self.encoding or "", self.name, self.extension):
            yield block.decode("cp1252", "replace").encode() if self.encoding == "cp1252" else block

    def text_of(self, block: bytes) -> str:
        """Decode a block; a byte that is not part of a valid character becomes one of `BAD_BYTES`."""
        return block.decode(errors="surrogateescape" if self.has_bad_bytes else "strict")


def _line_count(data: bytes) -> int:
    """Count the lines of a UTF-8 text that end with LF, CR or CRLF, and a last line without an end.

    It takes 0.01 microseconds of CPU per row of 11 columns; reading the row takes 0.3.
    """
    # Nine times as fast as bytes.count() if line ends are some 80 bytes apart.
    ends = int(np.count_nonzero(np.frombuffer(data, np.uint8) == _NEWLINE))
    if b"\r" in data:
        ends += data.count(b"\r") - data.count(b"\r\n")
    return ends + (not data.endswith((b"\n", b"\r")))


def open_file(path: Path, listed: tuple[int, int] | None = None, name: str | None = None) -> OpenFile:
    """Open a file, hash it and check that its content is what its extension says.

    Args:
        path: the delivered file.
        listed: its size and modification time in nanoseconds when it was found to be complete; None: any.
        name: its name in messages; None: the whole name.

    Returns:
        The open file; the caller closes `file`.

    Raises:
        UnreadableExtract: the file is not a regular file, is empty, has an extension that does not match its content,
            has text that cannot be decoded, is a truncated compressed file, or was written to since it was listed.
    """
    name = name or printable(path.name)
    extension = next((e for e in sorted(EXTENSIONS, key=len, reverse=True) if path.name.lower().endswith(e)), None)
    if extension is None:
        raise UnreadableExtract(
            "wrong_extension",
            f"{name}: unknown extension; expected one of {', '.join(EXTENSIONS)}. Copy text to a file named .csv",
        )
    file = _opened(path, name)
    try:
        before = os.fstat(file.fileno())
        if listed and listed != (before.st_size, before.st_mtime_ns):
            raise _changed(name)
        if before.st_size == 0:
            raise UnreadableExtract("empty_file", f"{name}: the file is empty; expected at least a header")
        if before.st_size > LARGEST_EXTRACT:
            raise UnreadableExtract(
                "unsafe",
                f"{name}: the file has {before.st_size >> 30:,} GiB; expected at most {LARGEST_EXTRACT >> 30} GiB",
            )
        sha256, facts = _fingerprint(file, name, extension)
        _check_unchanged(file, name, before.st_size, before.st_mtime_ns)
    except UnreadableExtract as error:
        error.sha256 = _hash_of_refused(file, error.code)
        file.close()
        raise
    except BaseException:
        file.close()
        raise
    return OpenFile(file, name, extension, sha256, before.st_size, before.st_mtime_ns, *facts)


def wrong_content(name: str, extension: str, kind: str) -> UnreadableExtract:
    """Return the error for an extension that does not match the content."""
    return UnreadableExtract(
        "wrong_extension",
        f"{name}: the extension {extension} means {EXTENSIONS[extension].content}, but the content is {_KINDS[kind]}",
    )


def _hash_of_refused(file: BufferedReader, code: str) -> str | None:
    """Return the hash of a rejected file; None if it is changing, cannot be read or is too long."""
    if code == CHANGED or os.fstat(file.fileno()).st_size > _HASH_LIMIT:
        return None
    with suppress(OSError):
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()
    return None


def _opened(path: Path, name: str) -> BufferedReader:
    """Open a file without following a link and without waiting for the writer of a named pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EMLINK):
            raise _not_a_file(name) from None
        reason = os.strerror(error.errno or errno.EIO)
        raise UnreadableExtract(
            "cannot_open", f"{name}: cannot be opened: {reason}; expected a file that this user may read"
        ) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _not_a_file(name)
    return os.fdopen(descriptor, "rb")


def _not_a_file(name: str) -> UnreadableExtract:
    return UnreadableExtract("not_a_file", f"{name}: a link, folder, pipe or device; expected a regular file")


def _check_unchanged(file: BinaryIO, name: str, size: int, modified_ns: int) -> None:
    after = os.fstat(file.fileno())
    if (after.st_size, after.st_mtime_ns) != (size, modified_ns):
        raise _changed(name)


def _changed(name: str) -> UnreadableExtract:
    return UnreadableExtract(
        CHANGED, f"{name}: the file was written to while it was being read; deliver the complete file"
    )


def _kind_of(head: bytes) -> str:
    if head.startswith(_GZIP):
        return "gzip"
    if head.startswith(_ZIP):
        return "zip"
    if head.startswith((_PARQUET, _PARQUET_ENCRYPTED)):
        return "parquet"
    return "ole" if head.startswith(_OLE) else "text"


def _fingerprint(file: BinaryIO, name: str, extension: str) -> tuple[str, tuple[str | None, int, bool]]:
    """Return the hash of the file and the facts about its text, in one pass."""
    kind = _kind_of(next(_raw_chunks(file, name), b""))
    if kind == "ole" and extension == ".xlsx" and _is_encrypted_workbook(_raw_chunks(file, name)):
        raise UnreadableExtract(
            "encrypted", f"{name}: the workbook is encrypted; expected one that opens without a password"
        )
    if kind != EXTENSIONS[extension].kind:
        raise wrong_content(name, extension, kind)
    digest = hashlib.sha256()
    chunks = _raw_chunks(file, name, digest.update)
    facts: tuple[str | None, int, bool] = (None, 0, False)
    if kind in ("text", "gzip"):
        facts = _text_facts(_unpacked(chunks, name) if kind == "gzip" else chunks, name, extension)
    for _ in chunks:
        pass
    file.seek(0)
    return digest.hexdigest(), facts


def _text_facts(chunks: Iterator[bytes], name: str, extension: str) -> tuple[str, int, bool]:
    """Return the encoding of a text, the number of its lines, and whether it has bytes that are no character.

    The encoding is that of the byte-order mark. Without one it is UTF-8 if more characters are valid than not, and else
    Windows-1252. A few bad bytes in a text that is otherwise UTF-8 are a fault of their rows: read as Windows-1252 the
    text would be valid, but every accented letter would be wrong.
    """
    head = next(chunks, b"")
    inner = _kind_of(head)
    if inner != "text":
        raise wrong_content(name, extension, inner)
    encoding = ""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif head.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    elif head.count(b"\x00") > _NUL_SHARE * len(head):
        raise UnreadableExtract(
            "bad_encoding",
            f"{name}: {head.count(0)} of the first {len(head)} characters are NUL: UTF-16 without a byte-order mark, "
            "or no text; expected UTF-8, UTF-16 with a byte-order mark, or Windows-1252",
        )
    lines = valid = invalid = 0
    is_windows, is_blank, is_cut = not encoding, True, False
    for block in _whole_lines(chain([head], chunks), encoding, name, extension):
        lines += _line_count(block)
        is_blank = is_blank and not block.decode(errors="replace").strip(_BLANK)
        if not block.isascii():
            is_windows = is_windows and _UNDEFINED.search(block) is None
            good, bad, is_cut = _characters(block)
            valid, invalid = valid + good, invalid + bad
    # Windows-1252 whose only character beyond ASCII is the last of the file looks the same, and is not cut off.
    if is_cut and valid > invalid:
        raise _cut_text(name)
    is_valid = not (invalid or is_cut)
    if is_blank and is_valid:
        raise UnreadableExtract("empty_file", f"{name}: the file has no text; expected at least a header")
    if is_valid or valid > invalid:
        return encoding or "utf-8", lines, not is_valid
    if is_windows:
        return "cp1252", lines, False
    raise _bad_text(name)


def _characters(block: bytes) -> tuple[int, int, bool]:
    """Count the characters beyond ASCII that are valid UTF-8, and the others; return whether the last one is cut."""
    text, used = codecs.utf_8_decode(block, "replace", False)
    whole = block[:used]
    # The replacement character for invalid bytes may itself occur in the text.
    replaced = text.count(_REPLACEMENT) - whole.count(_REPLACEMENT.encode())
    ascii_bytes = int(np.count_nonzero(np.frombuffer(whole, np.uint8) < _BEYOND_ASCII))
    return len(text) - ascii_bytes - replaced, replaced, used < len(block)


def _whole_lines(chunks: Iterator[bytes], encoding: str, name: str, extension: str) -> Iterator[bytes]:
    """Yield a text in blocks of whole lines without byte-order mark, UTF-16 as UTF-8, other bytes as they are.

    The last block has a last line without an end, and so many lines before it that it can be compared with them.
    """
    utf16 = codecs.getincrementaldecoder("utf-16")() if encoding == "utf-16" else None
    held = carry = b""
    for number, chunk in enumerate(chunks):
        data = chunk if number else chunk.removeprefix(codecs.BOM_UTF8)
        if utf16:
            try:
                data = utf16.decode(data).encode()
            except UnicodeDecodeError:
                raise _bad_text(name) from None
        text = carry + data
        # A carriage return at the end may be half of a line end, so it is left for the next block.
        end = max(text.rfind(b"\n"), text.rfind(b"\r", 0, len(text) - 1)) + 1
        carry = text[end:]
        if len(carry) > LINE_END_LIMIT:
            raise UnreadableExtract(
                "line_too_long",
                f"{name}: a line does not end within {LINE_END_LIMIT >> 20} MiB; "
                f"expected {EXTENSIONS[extension].content}",
            )
        if held and len(chunk) > _CHUNK // 8:
            yield held
            held = b""
        held += text[:end]
    if utf16 and utf16.getstate()[0]:
        raise _cut_text(name)
    if held or carry:
        yield held + carry


def _cut_text(name: str) -> UnreadableExtract:
    return UnreadableExtract("cut_off", f"{name}: the text ends in the middle of a character; expected a complete file")


def _bad_text(name: str) -> UnreadableExtract:
    return UnreadableExtract(
        "bad_encoding",
        f"{name}: the text is neither valid in the encoding of its byte-order mark, nor mostly UTF-8, nor Windows-1252",
    )


def _raw_chunks(file: BinaryIO, name: str, on_data: Callable[[bytes], object] = lambda _: None) -> Iterator[bytes]:
    """Yield the bytes of a file from its start, and hand them to a function first."""
    try:
        file.seek(0)
        while data := file.read(_CHUNK):
            on_data(data)
            yield data
    except OSError:
        raise UnreadableExtract("cannot_read", f"{name}: reading from the disk failed; deliver it again") from None


def _unpacked(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Yield the text of a gzip file, which has one or more members, and perhaps padding behind them.

    Rejects a file that unpacks to far more than its size, and one that is mostly padding or empty members.
    """
    packed = unpacked = 0
    member = None
    found = bytearray()
    for data in (chunk[i : i + _PACKED_CHUNK] for chunk in chunks for i in range(0, len(chunk), _PACKED_CHUNK)):
        packed += len(data)
        rest = data if member else data.lstrip(b"\x00")
        while rest:
            member = member or zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            try:
                text = member.decompress(rest, _CHUNK - len(found))
            except zlib.error:
                raise UnreadableExtract(
                    "corrupt", f"{name}: the compressed data is damaged; expected a valid gzip file"
                ) from None
            found += text
            unpacked += len(text)
            rest = member.unconsumed_tail
            if member.eof:
                rest = member.unused_data.lstrip(b"\x00")
                member = None
            if len(found) == _CHUNK:
                yield bytes(found)
                found.clear()
            if unpacked > max(_RATIO_MATTERS, _RATIO * packed):
                raise UnreadableExtract(
                    "unsafe",
                    f"{name}: the compressed data unpacks to more than {_RATIO} times its size; "
                    "expected delimited text; if it is, deliver it uncompressed",
                )
        if packed > unpacked + _GZIP_WITHOUT_DATA:
            raise UnreadableExtract(
                "unsafe",
                f"{name}: the compressed data is longer than what it unpacks to, so it is padding or empty members; "
                "expected one gzip file; pack it again, or deliver it uncompressed",
            )
    if member:
        raise UnreadableExtract("cut_off", f"{name}: the compressed data is cut off; expected a complete gzip file")
    if found:
        yield bytes(found)


def _is_encrypted_workbook(chunks: Iterator[bytes]) -> bool:
    """Return whether an OLE container has the stream in which Excel keeps an encrypted workbook."""
    wanted = "EncryptedPackage".encode("utf-16-le")
    return any(wanted in before[-len(wanted) :] + data for before, data in pairwise(chain([b""], chunks)))
