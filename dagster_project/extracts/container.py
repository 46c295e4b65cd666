"""Open a delivered file once, safely, and tell what it is by its content. What its rows say does not belong here."""

from __future__ import annotations

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
from pathlib import Path
from typing import BinaryIO, cast

from dagster_project.extracts.errors import UnreadableExtract

EXTENSIONS = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".xlsx": "xlsx",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
}
# A line of an extract is a few hundred characters. A longer one than this is a broken record, and a file
# whose line does not end within the second limit is no text file.
LINE_LIMIT = 1 << 20
LINE_END_LIMIT = 16 << 20

# Half the line limit: a block that is not longer than the limit cannot hold a line that is.
_CHUNK = LINE_LIMIT // 2
_GZIP, _ZIP, _PARQUET, _PARQUET_ENCRYPTED = b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"PARE"
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
# Bytes that Windows-1252 does not define: text that is not UTF-8 and has one of them is not text.
_UNDEFINED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_KINDS = {
    "gzip": "gzip-compressed data",
    "zip": "a zip container",
    "parquet": "a Parquet file",
    "ole": "an encrypted workbook or one of the old binary kind",
    "text": "plain text",
    "json": "JSON objects",
}
_EXPECTED = {
    ".csv": "delimited text",
    ".csv.gz": "gzip-compressed delimited text",
    ".xlsx": "an Excel workbook (xlsx)",
    ".parquet": "a Parquet file",
    ".jsonl": "one JSON object a line",
}


@dataclass(frozen=True)
class OpenFile:
    """A regular file, open for reading, that was read once from end to end.

    Attributes:
        file: the open file; readers seek in it.
        name: file name without folder.
        extension: one of EXTENSIONS, which agrees with the content.
        sha256: of the bytes of the file.
        encoding: Python's name of the text encoding; None for binary formats.
    """

    file: BinaryIO
    name: str
    extension: str
    sha256: str
    encoding: str | None
    size: int
    modified_ns: int

    @property
    def format(self) -> str:
        """`csv`, `xlsx`, `parquet` or `jsonl`."""
        return EXTENSIONS[self.extension]

    def check_unchanged(self) -> None:
        """Refuse a file that was written to since it was opened.

        Raises:
            UnreadableExtract: with code `changed_while_read`.
        """
        _check_unchanged(self.file, self.name, self.size, self.modified_ns)

    def blocks(self) -> Iterator[str]:
        """The text of the file in blocks of whole lines, from its beginning.

        Raises:
            UnreadableExtract: the file cannot be decompressed or decoded, or a line does not end.
        """
        self.file.seek(0)
        stream = _decompressed(self.file) if self.extension.endswith(".gz") else self.file
        decoder = codecs.getincrementaldecoder(self.encoding or "utf-8")()
        carry = ""
        data = _read(stream, self.name)
        while data:
            # One read ahead: the last line belongs to the block before the end, even where no line end follows it.
            following = _read(stream, self.name)
            try:
                text = carry + decoder.decode(data, final=not following)
            except UnicodeDecodeError:
                raise _bad_text(self.name) from None
            data = following
            if not following:
                if text:
                    yield text
                return
            # A carriage return at the very end may be half of a line end, so it waits for the next block.
            end = text.rfind("\n") + 1 or text.rfind("\r", 0, len(text) - 1) + 1
            carry = text[end:]
            if len(carry) > LINE_END_LIMIT:
                raise UnreadableExtract(
                    "line_too_long",
                    f"{self.name}: a line does not end within {LINE_END_LIMIT >> 20} MiB; "
                    f"expected {_EXPECTED[self.extension]}",
                )
            if end:
                yield text[:end]


def open_file(path: Path) -> OpenFile:
    """Open a file, hash it and check that its content is what its extension says.

    Args:
        path: the delivered file.

    Returns:
        The open file; the caller closes `file`.

    Raises:
        UnreadableExtract: not a regular file, empty, an extension that does not fit, text that cannot be
            decoded, a compressed file that is cut off, or a file that is being written.
    """
    name = path.name
    extension = next((e for e in sorted(EXTENSIONS, key=len, reverse=True) if name.lower().endswith(e)), None)
    if extension is None:
        raise UnreadableExtract(
            "wrong_extension", f"{name}: unknown extension; expected one of {', '.join(EXTENSIONS)}"
        )
    file = _opened(path)
    try:
        before = os.fstat(file.fileno())
        if before.st_size == 0:
            raise UnreadableExtract("empty_file", f"{name}: the file is empty; expected at least a header")
        kind = _kind(file, name)
        sha256, encoding = _fingerprint(file, name, extension, kind)
        _check_unchanged(file, name, before.st_size, before.st_mtime_ns)
    except BaseException:
        file.close()
        raise
    return OpenFile(file, name, extension, sha256, encoding, before.st_size, before.st_mtime_ns)


def wrong_content(name: str, extension: str, kind: str) -> UnreadableExtract:
    """The error for an extension that its content belies."""
    return UnreadableExtract(
        "wrong_extension",
        f"{name}: the extension {extension} says {_EXPECTED[extension]}, but the content is {_KINDS[kind]}",
    )


def _opened(path: Path) -> BinaryIO:
    """Open without following a link and without waiting for the writer of a named pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EMLINK):
            raise _not_a_file(path.name) from None
        reason = os.strerror(error.errno or errno.EIO)
        raise UnreadableExtract("cannot_open", f"{path.name}: cannot be opened: {reason}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _not_a_file(path.name)
    return os.fdopen(descriptor, "rb")


def _not_a_file(name: str) -> UnreadableExtract:
    return UnreadableExtract("not_a_file", f"{name}: a link, folder, pipe or device; expected a regular file")


def _check_unchanged(file: BinaryIO, name: str, size: int, modified_ns: int) -> None:
    after = os.fstat(file.fileno())
    if (after.st_size, after.st_mtime_ns) != (size, modified_ns):
        raise UnreadableExtract(
            "changed_while_read", f"{name}: the file was written to while it was read; deliver it complete"
        )


def _kind(file: BinaryIO, name: str) -> str:
    try:
        head = file.read(8)
        file.seek(0)
    except OSError:
        raise _cannot_read(name) from None
    return _kind_of(head)


def _kind_of(head: bytes) -> str:
    if head.startswith(_GZIP):
        return "gzip"
    if head.startswith(_ZIP):
        return "zip"
    if head.startswith((_PARQUET, _PARQUET_ENCRYPTED)):
        return "parquet"
    return "ole" if head.startswith(_OLE) else "text"


_KIND_OF_EXTENSION = {
    ".csv": "text",
    ".csv.gz": "gzip",
    ".xlsx": "zip",
    ".parquet": "parquet",
    ".jsonl": "text",
}


def _fingerprint(file: BinaryIO, name: str, extension: str, kind: str) -> tuple[str, str | None]:
    """Hash of the file and the encoding of its text, in one pass."""
    if kind == "ole" and extension == ".xlsx" and _is_encrypted_workbook(file):
        raise UnreadableExtract(
            "encrypted", f"{name}: the workbook is encrypted; expected one that opens without a password"
        )
    if kind != _KIND_OF_EXTENSION[extension]:
        raise wrong_content(name, extension, kind)
    hashing = _HashingFile(file)
    encoding = None
    if kind in ("text", "gzip"):
        stream = _decompressed(cast(BinaryIO, hashing)) if kind == "gzip" else cast(BinaryIO, hashing)
        encoding = _encoding(stream, name, extension)
    while _read(cast(BinaryIO, hashing), name):
        pass
    file.seek(0)
    return hashing.digest.hexdigest(), encoding


def _encoding(stream: BinaryIO, name: str, extension: str) -> str:
    """Encoding by byte-order mark, else UTF-8 when all is valid, else Windows-1252."""
    data = _read(stream, name)
    inner = _kind_of(data)
    if inner != "text":
        raise wrong_content(name, extension, inner)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif data.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    else:
        encoding = "utf-8"
    decoder = codecs.getincrementaldecoder(encoding)()
    is_valid, is_windows, is_blank = True, encoding == "utf-8", True
    while data:
        if is_windows and not data.isascii():
            is_windows = _UNDEFINED.search(data) is None
        if is_valid:
            is_valid, text = _decoded(decoder, data)
            is_blank = is_blank and not text.strip("\ufeff \t\r\n\x0b\x0c\xa0")
        is_blank = is_blank and is_valid
        data = _read(stream, name)
    is_valid = is_valid and _decoded(decoder, b"", final=True)[0]
    if is_blank and is_valid:
        raise UnreadableExtract("empty_file", f"{name}: the file has no text; expected at least a header")
    if is_valid:
        return encoding
    if is_windows:
        return "cp1252"
    raise _bad_text(name)


def _decoded(decoder: codecs.IncrementalDecoder, data: bytes, *, final: bool = False) -> tuple[bool, str]:
    try:
        return True, decoder.decode(data, final)
    except UnicodeDecodeError:
        return False, ""


def _bad_text(name: str) -> UnreadableExtract:
    return UnreadableExtract(
        "bad_encoding",
        f"{name}: the text is neither valid in the encoding of its byte-order mark, nor UTF-8, nor Windows-1252",
    )


def _cannot_read(name: str) -> UnreadableExtract:
    return UnreadableExtract("cannot_read", f"{name}: reading from the disk failed")


def _read(stream: BinaryIO, name: str) -> bytes:
    """The next bytes; empty at the end."""
    try:
        return stream.read(_CHUNK)
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


def _decompressed(file: BinaryIO) -> BinaryIO:
    return cast(BinaryIO, gzip.GzipFile(fileobj=file, mode="rb"))


def _is_encrypted_workbook(file: BinaryIO) -> bool:
    """Excel keeps an encrypted workbook as a stream of this name in an OLE container."""
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
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data
