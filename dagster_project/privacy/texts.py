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
from functools import cache
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


@cache
def texts_of_pages(file: Path, sha256: str) -> tuple[str, ...]:  # noqa: ARG001 (another content is read again)
    """Return the text of each page of a PDF, then all other texts: metadata, bookmarks, comments, forms, attachments.

    An erasure searches a file before, as and after it rewrites others.

    Raises:
        UnreadableFile: the PDF cannot be decoded, or has an attachment whose bytes do not show its values.
    """
    # It takes 0.2 s to load, and most files are none.
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, PyPdfError
    from pypdf.generic import IndirectObject, StreamObject

    try:
        reader = PdfReader(file)
        texts = [page.extract_text() for page in reader.pages]
        numbers = {(number, generation) for generation, numbers in reader.xref.items() for number in numbers}
        for number, generation in sorted(numbers | {(number, 0) for number in reader.xref_objStm}):
            described = reader.get_object(IndirectObject(number, generation, reader))
            texts += _texts_within(described)
            # Metadata and attachments are streams without a mark of their own.
            if isinstance(described, StreamObject) and described.get("/Subtype") != "/Image":
                texts.append(_unpacked(file, described.get_data()).decode("utf-8", "replace"))
        return tuple(texts)
    except (PyPdfError, DependencyError, TypeError, AttributeError, *NOT_DECODED) as error:
        raise UnreadableFile(f"{file} cannot be decoded ({type(error).__name__})") from None


def _texts_within(described: object) -> Iterator[str]:
    """Yield the texts of an object of a PDF; those of objects that it refers to are their own."""
    if isinstance(described, str):
        yield described
    elif isinstance(described, bytes):
        yield as_utf8(described).decode("utf-8", "replace")
    elif isinstance(described, dict | list):
        for part in described.values() if isinstance(described, dict) else described:
            yield from _texts_within(part)
