"""Open a delivered file safely, and identify its format by its content. The readers parse its rows."""

import codecs
import errno
import gzip
import hashlib
import os
import re
import stat
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, cast

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
    encoding: str | None
    size: int
    modified_ns: int
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
        self.file.seek(0)
        stream = _unpacked(self.file, self.name) if self.extension.endswith(".gz") else self.file
        if self.encoding in ("utf-8", "utf-8-sig"):
            recode = None
        else:
            recode = codecs.getincrementaldecoder(self.encoding or "utf-8")()
        carry = b""
        data = _read(stream, self.name)
        if recode is None:
            data = data.removeprefix(codecs.BOM_UTF8)
        while data:
            # Read one block ahead, so that a last line without a line end still belongs to the last block.
            following = _read(stream, self.name)
            if recode:
                try:
                    data = recode.decode(data, final=not following).encode()
                except UnicodeDecodeError:
                    raise _bad_text(self.name) from None
            text = carry + data
            data = following
            if not following:
                if text:
                    yield text
                return
            # A carriage return at the end may be half of a line end, so it is left for the next block.
            end = max(text.rfind(b"\n"), text.rfind(b"\r", 0, len(text) - 1)) + 1
            carry = text[end:]
            if len(carry) > LINE_END_LIMIT:
                raise _line_too_long(self.name, self.extension)
            if end:
                yield text[:end]

    def text_of(self, block: bytes) -> str:
        """Decode a block; a byte that is not part of a valid character becomes one of `BAD_BYTES`."""
        return block.decode(errors="surrogateescape" if self.has_bad_bytes else "strict")


class _Utf8Count:
    """Counts the characters of a text beyond ASCII: those that are valid UTF-8, and the others."""

    def __init__(self) -> None:
        self.valid = 0
        self.invalid = 0
        self.open = b""
        """Bytes at the end that start a character."""

    def add(self, data: bytes) -> str:
        """Count more bytes; return the text that they complete."""
        data = self.open + data
        text, used = codecs.utf_8_decode(data, "replace", False)
        self.open = data[used:]
        whole = data[:used]
        # The replacement character for invalid bytes may itself occur in the text.
        replaced = text.count(_REPLACEMENT) - whole.count(_REPLACEMENT.encode())
        ascii_bytes = int(np.count_nonzero(np.frombuffer(whole, np.uint8) < _BEYOND_ASCII))
        self.valid += len(text) - ascii_bytes - replaced
        self.invalid += replaced
        return text


class _LineCount:
    """Counts lines that end with LF, CR or CRLF.

    It takes 0.01 microseconds of CPU per row of 11 columns; reading the row takes 0.3.
    """

    def __init__(self) -> None:
        self._ends = 0
        self._last = b""
        self.open = 0
        """Bytes since the last line end."""

    def add(self, data: bytes) -> None:
        if not data:
            return
        has_returns = b"\r" in data
        # Nine times as fast as bytes.count() if line ends are some 80 bytes apart.
        self._ends += int(np.count_nonzero(np.frombuffer(data, np.uint8) == _NEWLINE))
        if has_returns:
            self._ends += data.count(b"\r") - data.count(b"\r\n")
        if self._last == b"\r" and data.startswith(b"\n"):
            self._ends -= 1
        end = max(data.rfind(b"\n"), data.rfind(b"\r") if has_returns else -1)
        self.open = self.open + len(data) if end < 0 else len(data) - end - 1
        self._last = data[-1:]

    @property
    def lines(self) -> int:
        return self._ends + (self.open > 0)


def line_count(data: bytes) -> int:
    """Count the lines of a UTF-8 text that end with LF, CR or CRLF, and a last line without an end."""
    counted = _LineCount()
    counted.add(data)
    return counted.lines


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
            "wrong_extension", f"{name}: unknown extension; expected one of {', '.join(EXTENSIONS)}"
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
        kind = _kind_of(_read(file, name, 8))
        file.seek(0)
        sha256, facts = _fingerprint(file, name, extension, kind)
        _check_unchanged(file, name, before.st_size, before.st_mtime_ns)
    except UnreadableExtract as error:
        error.sha256 = _hash_of_refused(file, error.code)
        file.close()
        raise
    except BaseException:
        file.close()
        raise
    size, modified_ns = before.st_size, before.st_mtime_ns
    return OpenFile(file, name, extension, sha256, facts.encoding, size, modified_ns, facts.lines, facts.has_bad_bytes)


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


@dataclass(frozen=True)
class _TextFacts:
    """Facts about a text as a whole; not set for a binary file."""

    encoding: str | None = None
    lines: int = 0
    has_bad_bytes: bool = False


def _fingerprint(file: BinaryIO, name: str, extension: str, kind: str) -> tuple[str, _TextFacts]:
    """Return the hash of the file and the facts about its text, in one pass."""
    if kind == "ole" and extension == ".xlsx" and _is_encrypted_workbook(file):
        raise UnreadableExtract(
            "encrypted", f"{name}: the workbook is encrypted; expected one that opens without a password"
        )
    if kind != EXTENSIONS[extension].kind:
        raise wrong_content(name, extension, kind)
    hashing = cast(BinaryIO, _HashingFile(file))
    facts = _TextFacts()
    if kind in ("text", "gzip"):
        stream = _unpacked(hashing, name) if kind == "gzip" else hashing
        facts = _text_facts(stream, name, extension)
    while _read(hashing, name):
        pass
    file.seek(0)
    return cast(_HashingFile, hashing).digest.hexdigest(), facts


def _text_facts(stream: BinaryIO, name: str, extension: str) -> _TextFacts:
    """Find the encoding and the number of lines of a text.

    The encoding is that of the byte-order mark. Without one it is UTF-8 if more characters are valid than not, and else
    Windows-1252. A few bad bytes in a text that is otherwise UTF-8 are a fault of their rows: read as Windows-1252 the
    text would be valid, but every accented letter would be wrong.
    """
    data = _read(stream, name)
    inner = _kind_of(data)
    if inner != "text":
        raise wrong_content(name, extension, inner)
    encoding = None
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif data.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    if encoding is None and data.count(b"\x00") > _NUL_SHARE * len(data):
        raise UnreadableExtract(
            "bad_encoding",
            f"{name}: {data.count(0)} of the first {len(data)} characters are NUL: UTF-16 without a byte-order mark, "
            "or no text; expected UTF-8, UTF-16 with a byte-order mark, or Windows-1252",
        )
    utf16 = codecs.getincrementaldecoder("utf-16")() if encoding == "utf-16" else None
    counted, utf8 = _LineCount(), _Utf8Count()
    is_windows, is_blank = encoding is None, True
    while data:
        if is_windows and not data.isascii():
            is_windows = _UNDEFINED.search(data) is None
        if utf16:
            try:
                text = utf16.decode(data)
            except UnicodeDecodeError:
                raise _bad_text(name) from None
            counted.add(text.encode())
            is_blank = is_blank and not text.strip(_BLANK)
        else:
            counted.add(data)
            # ASCII bytes need no decoding unless a character of the bytes before is incomplete.
            if is_blank or not data.isascii() or utf8.open:
                text = utf8.add(data)
                is_blank = is_blank and not text.strip(_BLANK)
        if counted.open > LINE_END_LIMIT:
            raise _line_too_long(name, extension)
        data = _read(stream, name)
    # Windows-1252 whose only character beyond ASCII is the last of the file looks the same, and is not cut off.
    if (utf16 and utf16.getstate()[0]) or (utf8.open and utf8.valid > utf8.invalid):
        raise UnreadableExtract(
            "cut_off", f"{name}: the text ends in the middle of a character; expected a complete file"
        )
    is_valid = not (utf8.invalid or utf8.open)
    if is_blank and is_valid:
        raise UnreadableExtract("empty_file", f"{name}: the file has no text; expected at least a header")
    if is_valid or utf8.valid > utf8.invalid:
        return _TextFacts(encoding or "utf-8", counted.lines, not is_valid)
    if is_windows:
        return _TextFacts("cp1252", counted.lines)
    raise _bad_text(name)


def _line_too_long(name: str, extension: str) -> UnreadableExtract:
    return UnreadableExtract(
        "line_too_long",
        f"{name}: a line does not end within {LINE_END_LIMIT >> 20} MiB; expected {EXTENSIONS[extension].content}",
    )


def _bad_text(name: str) -> UnreadableExtract:
    return UnreadableExtract(
        "bad_encoding",
        f"{name}: the text is neither valid in the encoding of its byte-order mark, nor mostly UTF-8, nor Windows-1252",
    )


def _cannot_read(name: str) -> UnreadableExtract:
    return UnreadableExtract("cannot_read", f"{name}: reading from the disk failed; deliver it again")


def _read(stream: BinaryIO, name: str, size: int = _CHUNK) -> bytes:
    """Return the next bytes; empty at the end."""
    try:
        return stream.read(size)
    except EOFError:
        raise UnreadableExtract(
            "cut_off", f"{name}: the compressed data is cut off; expected a complete gzip file"
        ) from None
    except (gzip.BadGzipFile, zlib.error):
        raise UnreadableExtract(
            "corrupt", f"{name}: the compressed data is damaged; expected a valid gzip file"
        ) from None
    except OSError:
        raise _cannot_read(name) from None


def _unpacked(file: BinaryIO, name: str) -> BinaryIO:
    return cast(BinaryIO, _UnpackedFile(file, name))


class _UnpackedFile:
    """The text of a gzip file; rejects a file that unpacks to far more than its size."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name
        self._counted = _CountedFile(file, name)
        self._unpacked = gzip.GzipFile(fileobj=cast(BinaryIO, self._counted), mode="rb")
        self._size = 0

    def read(self, size: int = -1) -> bytes:
        data = self._unpacked.read(size)
        self._size += len(data)
        self._counted.unpacked = self._size
        if self._size > max(_RATIO_MATTERS, _RATIO * self._file.tell()):
            raise UnreadableExtract(
                "unsafe",
                f"{self._name}: the compressed data unpacks to more than {_RATIO} times its size; "
                "expected delimited text; if it is, deliver it uncompressed",
            )
        return data


class _CountedFile:
    """Rejects gzip files that are mostly padding or empty members.

    Python skips padding one byte at a time within a single call: 60 MiB take half a minute.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name
        self._read = 0
        self.unpacked = 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._read += len(data)
        if self._read > self.unpacked + _GZIP_WITHOUT_DATA:
            raise UnreadableExtract(
                "unsafe",
                f"{self._name}: the compressed data is longer than what it unpacks to, so it is padding or empty "
                "members; expected one gzip file; pack it again, or deliver it uncompressed",
            )
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def seekable(self) -> bool:
        return True


def _is_encrypted_workbook(file: BinaryIO) -> bool:
    """Return whether an OLE container has the stream in which Excel keeps an encrypted workbook."""
    wanted, tail, found = "EncryptedPackage".encode("utf-16-le"), b"", False
    with suppress(OSError):
        while not found and (data := file.read(_CHUNK)):
            found = wanted in tail + data
            tail = data[-len(wanted) :]
    return found


class _HashingFile:
    """Passes bytes on and hashes them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = 0
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        self._size += len(data)
        return data

    def tell(self) -> int:
        return self._size
