"""Read the texts of files that have no tables: plain, packed, office documents and PDF."""

import gzip
import lzma
import re
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from io import BufferedIOBase, BytesIO
from pathlib import Path
from typing import IO

import duckdb

from dagster_project.privacy.files import (
    HEAD_BYTES,
    UTF16,
    Kind,
    UnreadableFile,
    is_of_sqlite,
    kind_of_head,
    require_text,
)
from dagster_project.privacy.values import Values

_DEFLATED = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.S)
# What an office document has between words, and where its words may end.
_BREAK = re.compile(rb"<(/(\w+:)?(p|h|tc|c|si|table-cell)|(\w+:)?(br|cr|tab|line-break|s))\b[^<>]*>")
_TAG = re.compile(rb"<[^<>]*>")
# What reading a damaged or packed file raises. A zip with a password, of a method that Python lacks, or with a damaged
# directory raises RuntimeError, ValueError, LookupError, OverflowError or struct.error.
NOT_DECODED = (
    *(duckdb.Error, sqlite3.Error, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(OSError, EOFError, RuntimeError, ValueError, LookupError, OverflowError),
)


def texts_of(file: Path, kind: Kind) -> Iterator[bytes]:
    """Yield the decoded contents of a file that is compressed or a text in UTF-16.

    Raises:
        UnreadableFile: a database or an archive is in it, whose bytes do not show its values, and must not change.
    """
    if kind is Kind.ZIP:
        with zipfile.ZipFile(file) as archive:
            # By entry: two may have one name.
            for entry in archive.infolist():
                with archive.open(entry) as member:
                    yield _plain(file, entry.filename, member)
    elif kind is Kind.GZIP:
        with gzip.open(file) as stream:
            yield _plain(file, file.name, stream)
    elif kind is Kind.UTF16:
        yield as_utf8(file.read_bytes())
    elif kind is Kind.PDF:
        for match in _DEFLATED.finditer(file.read_bytes()):
            with suppress(zlib.error):
                yield zlib.decompress(match[1])
    elif not is_of_sqlite(file):
        with file.open("rb") as stream:
            require_text(file, str(file), stream)


def _plain(file: Path, name: str, stream: IO[bytes] | BufferedIOBase) -> bytes:
    """Return the content of a packed text; of a picture too."""
    content = stream.read()
    if kind_of_head(content[:HEAD_BYTES]) is Kind.OTHER:
        require_text(file, name, BytesIO(content))
    return _unpacked(file, content)


def _unpacked(file: Path, content: bytes) -> bytes:
    """Return what a file has within it, in UTF-8, if it is no database or archive."""
    if kind_of_head(content[:HEAD_BYTES]) not in {Kind.OTHER, Kind.UTF16}:
        raise UnreadableFile(f"{file} cannot be decoded (packed)")
    return as_utf8(content)


def without_tags(content: bytes) -> bytes:
    """Return the text of a part of an office document, whose words may be in several runs."""
    return _TAG.sub(b"", _BREAK.sub(b" ", content))


def as_utf8(content: bytes) -> bytes:
    """Return the bytes of a text in UTF-8 if its byte-order mark says that they are UTF-16, and all others unchanged.

    Raises:
        UnicodeError: they are not UTF-16.
    """
    encoding = UTF16.get(content[:2])
    return content.decode(encoding, "surrogatepass").encode("utf-8", "surrogatepass") if encoding else content


def replaced_text(content: bytes, values: Values) -> bytes:
    """Return the bytes of a text with values replaced, in the encoding that it has."""
    replaced, _ = values.replace_in(as_utf8(content))
    encoding = UTF16.get(content[:2])
    return replaced.decode("utf-8", "surrogatepass").encode(encoding, "surrogatepass") if encoding else replaced


def texts_of_pages(file: Path, sha256: str) -> tuple[str, str]:
    """Return the text of each page of a PDF, then all other texts: metadata, bookmarks, comments, forms, attachments.

    Returns:
        The texts with a NUL between them; and, if metadata or an attachment cannot be decoded, or its bytes do not show
        its values, the message that says so, otherwise an empty text.

    Raises:
        UnreadableFile: the PDF cannot be decoded.
    """
    packed, unread = _pages(file, sha256)
    return zlib.decompress(packed).decode("utf-8", "surrogatepass"), unread


# An erasure searches a file before, as and after it rewrites others, and a paper takes a second to read. Its texts take
# 1.2 MB, and 80 kB as they are kept: 40 MB for all.
@lru_cache(maxsize=500)
def _pages(file: Path, sha256: str) -> tuple[bytes, str]:  # noqa: ARG001 (another content is read again)
    # It takes 0.2 s to load, and most files are none.
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, PyPdfError
    from pypdf.generic import IndirectObject, StreamObject

    not_decoded = (PyPdfError, DependencyError, TypeError, AttributeError, *NOT_DECODED)
    unread = ""
    try:
        reader = PdfReader(file)
        texts = [page.extract_text() for page in reader.pages]
        numbers = {(number, generation) for generation, numbers in reader.xref.items() for number in numbers}
        numbers |= {(number, 0) for number in reader.xref_objStm}
        objects = {at: reader.get_object(IndirectObject(*at, reader)) for at in sorted(numbers)}
        parts = [part for described in objects.values() for part in _parts_of(described)]
        texts += [part for part in parts if isinstance(part, str)]
        texts += [_text_of(part) for part in parts if isinstance(part, bytes)]
        files = [part["/EF"] for part in parts if isinstance(part, dict) and "/EF" in part]
        values = [value for named in files if isinstance(named, dict) for value in named.values()]
        attached = {(value.idnum, value.generation) for value in values if isinstance(value, IndirectObject)}
        for at, stream in objects.items():
            if not isinstance(stream, StreamObject) or stream.get("/Subtype") == "/Image":
                continue
            # Others, such as fonts, may begin like an archive by chance, or have a filter that pypdf lacks.
            is_searched = at in attached or stream.get("/Type") in {"/EmbeddedFile", "/Metadata"}
            try:
                content = stream.get_data()
                texts.append(_text_of(_plain(file, "", BytesIO(content)) if is_searched else content))
            except (UnreadableFile, *not_decoded) as error:
                if is_searched:
                    unread = str(error) if isinstance(error, UnreadableFile) else _not_decoded(file, error)
    except not_decoded as error:
        raise UnreadableFile(_not_decoded(file, error)) from None
    return zlib.compress("\0".join(texts).encode("utf-8", "surrogatepass")), unread


def _not_decoded(file: Path, error: Exception) -> str:
    return f"{file} cannot be decoded ({type(error).__name__})"


def _text_of(content: bytes) -> str:
    return content.decode(UTF16.get(content[:2], "utf-8"), "replace")


def _parts_of(described: object) -> Iterator[object]:
    """Yield an object of a PDF and all parts of it, but not of those that it refers to."""
    yield described
    if isinstance(described, dict | list):
        for part in described.values() if isinstance(described, dict) else described:
            yield from _parts_of(part)
