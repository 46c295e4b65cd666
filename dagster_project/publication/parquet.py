"""Put a Parquet file together from row groups of others, without reading a value of them.

Writing the facts of ten years takes as long as half of all else that a night does, and a night changes rows of a few
row groups. No library copies row groups: all of them decode the values and encode them again. A row group's bytes do
not depend on where they stand; that is told by the footer alone, which is a struct of Thrift's compact protocol.

Sources: Apache Parquet format 2.12 (`parquet.thrift`, the numbers of fields below), Thrift compact protocol.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

_MAGIC = b"PAR1"
_BLOCK = 1 << 20

# Fields of FileMetaData, RowGroup, ColumnChunk and ColumnMetaData.
_SCHEMA, _ROWS, _ROW_GROUPS = 2, 3, 4
_COLUMNS, _GROUP_ROWS, _GROUP_OFFSET, _ORDINAL = 1, 3, 5, 7
_CHUNK_OFFSET, _META_DATA = 2, 3
_COMPRESSED_SIZE, _DATA_PAGE, _DICTIONARY_PAGE = 7, 9, 11
# What a chunk may have outside of its bytes, or in another file: indexes of pages, Bloom filters, a path, encryption.
_CHUNK_ELSEWHERE, _META_ELSEWHERE = {1, 4, 5, 6, 7, 8, 9}, {10, 14, 15}


class _Type:
    """Types of the protocol; a boolean field has its value for a type."""

    TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST = 1, 2, 3, 4, 5, 6, 7, 8, 9
    STRUCT = 12


_Struct = dict[int, tuple[int, Any]]
"""Field number to type and value. A list is a pair of the type of its items and the items."""


class NotComposable(ValueError):
    """Row groups that cannot be moved as they are; the message says why."""


@dataclass(frozen=True)
class ParquetFile:
    """A Parquet file by its footer.

    Attributes:
        path: the file.
        rows: rows of each row group, in order.
        footer: fields of its footer by their number, each with its type and value.
    """

    path: Path
    rows: list[int]
    footer: _Struct

    @property
    def groups(self) -> list[_Struct]:
        """Its row groups, as the footer has them."""
        return list(self.footer[_ROW_GROUPS][1][1])


def read_footer(path: Path) -> ParquetFile:
    """Read what a Parquet file says of itself.

    Raises:
        NotComposable: it is no Parquet file, or its footer has what row groups written by DuckDB do not have.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 8))
        tail = file.read()
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != _MAGIC or length + 12 > size:
            raise NotComposable(f"{path} has no footer of Parquet")
        file.seek(size - 8 - length)
        content = file.read(length)
    try:
        footer = _Reader(content).struct()
        return ParquetFile(path, [group[_GROUP_ROWS][1] for group in footer[_ROW_GROUPS][1][1]], footer)
    except (IndexError, KeyError, TypeError):
        raise NotComposable(f"{path} has a footer that is not one of Parquet") from None


def compose(target: Path, parts: Sequence[tuple[ParquetFile, Sequence[int]]]) -> None:
    """Write a Parquet file of row groups of other files.

    Args:
        target: the file to write, a path made by `published_path`.
        parts: files with the places (from 0) of those of their row groups that are taken, in the order of the target.

    Raises:
        NotComposable: the files have not the same columns, or a row group is more than its columns' bytes.
    """
    first, _ = parts[0]
    groups: list[_Struct] = []
    with target.open("wb") as output:
        output.write(_MAGIC)
        for source, places in parts:
            if source.footer[_SCHEMA] != first.footer[_SCHEMA]:
                raise NotComposable(f"{source.path} has other columns than {first.path}")
            with source.path.open("rb") as file:
                for place in places:
                    groups.append(_move(source.groups[place], file, output, ordinal=len(groups)))
        footer = dict(first.footer)
        footer[_ROWS] = (_Type.I64, sum(group[_GROUP_ROWS][1] for group in groups))
        footer[_ROW_GROUPS] = (_Type.LIST, (_Type.STRUCT, groups))
        written = output.write(b"".join(_struct(footer)))
        output.write(written.to_bytes(4, "little") + _MAGIC)


def _move(group: _Struct, source: BinaryIO, target: BinaryIO, *, ordinal: int) -> _Struct:
    """Copy the bytes of a row group to the end of a file; the group as the footer of that file has it."""
    chunks = group[_COLUMNS][1][1]
    start = end = _start(chunks[0])
    for chunk in chunks:
        if chunk.keys() & _CHUNK_ELSEWHERE or chunk[_META_DATA][1].keys() & _META_ELSEWHERE or _start(chunk) != end:
            raise NotComposable("a row group is more than the bytes of its columns, one after the other")
        end += chunk[_META_DATA][1][_COMPRESSED_SIZE][1]
    by = target.tell() - start
    source.seek(start)
    _copy(source, target, end - start)
    moved = dict(group)
    moved[_COLUMNS] = (_Type.LIST, (_Type.STRUCT, [_shifted(chunk, by) for chunk in chunks]))
    if _GROUP_OFFSET in moved:
        moved[_GROUP_OFFSET] = (_Type.I64, start + by)
    if _ORDINAL in moved:
        moved[_ORDINAL] = (_Type.I16, ordinal)
    return moved


def _start(chunk: _Struct) -> int:
    meta_data = chunk[_META_DATA][1]
    return int(min(meta_data[field][1] for field in (_DATA_PAGE, _DICTIONARY_PAGE) if field in meta_data))


def _shifted(chunk: _Struct, by: int) -> _Struct:
    meta_data = dict(chunk[_META_DATA][1])
    for field in (_DATA_PAGE, _DICTIONARY_PAGE):
        if field in meta_data:
            meta_data[field] = (_Type.I64, meta_data[field][1] + by)
    kind, offset = chunk[_CHUNK_OFFSET]
    # 0 where the writer follows the format's advice to say nothing in this field.
    return {**chunk, _CHUNK_OFFSET: (kind, offset + by if offset else 0), _META_DATA: (_Type.STRUCT, meta_data)}


def _copy(source: BinaryIO, target: BinaryIO, length: int) -> None:
    while length:
        block = source.read(min(length, _BLOCK))
        target.write(block)
        length -= len(block)


class _Reader:
    """Reads values of the compact protocol one after the other."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def struct(self) -> _Struct:
        fields: _Struct = {}
        number = 0
        while head := self._byte():
            kind, step = head & 15, head >> 4
            number = number + step if step else self._zigzag()
            fields[number] = (kind, self._value(kind))
        return fields

    def _value(self, kind: int) -> Any:
        match kind:
            case _Type.TRUE | _Type.FALSE:
                return None
            case _Type.BYTE:
                return self._byte()
            case _Type.I16 | _Type.I32 | _Type.I64:
                return self._zigzag()
            case _Type.DOUBLE:
                return self._bytes(8)
            case _Type.BINARY:
                return self._bytes(self._varint())
            case _Type.LIST:
                head = self._byte()
                length = self._varint() if head >> 4 == 15 else head >> 4
                return head & 15, [self._value(head & 15) for _ in range(length)]
            case _Type.STRUCT:
                return self.struct()
        raise NotComposable(f"a footer has a value of the type {kind}")

    def _byte(self) -> int:
        self._at += 1
        return self._content[self._at - 1]

    def _bytes(self, length: int) -> bytes:
        self._at += length
        return self._content[self._at - length : self._at]

    def _varint(self) -> int:
        number = shift = 0
        while (byte := self._byte()) & 128:
            number |= (byte & 127) << shift
            shift += 7
        return number | byte << shift

    def _zigzag(self) -> int:
        number = self._varint()
        return (number >> 1) ^ -(number & 1)


def _struct(fields: _Struct) -> Iterator[bytes]:
    number = 0
    for field in sorted(fields):
        kind, value = fields[field]
        step = field - number
        yield bytes([step << 4 | kind]) if step < 16 else bytes([kind]) + _zigzag(field)
        yield from _encoded(kind, value)
        number = field
    yield b"\0"


def _encoded(kind: int, value: Any) -> Iterator[bytes]:
    match kind:
        case _Type.TRUE | _Type.FALSE:
            return
        case _Type.BYTE:
            yield bytes([value])
        case _Type.I16 | _Type.I32 | _Type.I64:
            yield _zigzag(value)
        case _Type.DOUBLE:
            yield value
        case _Type.BINARY:
            yield _varint(len(value))
            yield value
        case _Type.LIST:
            item, items = value
            yield bytes([len(items) << 4 | item]) if len(items) < 15 else bytes([240 | item]) + _varint(len(items))
            for each in items:
                yield from _encoded(item, each)
        case _Type.STRUCT:
            yield from _struct(value)


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _zigzag(number: int) -> bytes:
    return _varint(number << 1 ^ number >> 63)
