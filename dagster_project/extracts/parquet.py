"""Read Parquet: match columns by name, and convert native values to text, one column at a time."""

from collections.abc import Callable, Iterator
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dagster_project.contracts import Contract
from dagster_project.extracts.container import OpenFile
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.header import Headings
from dagster_project.extracts.pieces import ROWS_AT_ONCE, UNREADABLE_RECORD, Count, Fault, Piece, clock, label, piece

_NO_TEXT = Fault(UNREADABLE_RECORD, "a text that is not valid UTF-8")
# Keys differ from record to record: ascending numbers compress to one bit each at best. Repeated values compress to
# 150 records per byte, so a file far above this ratio has no usable key.
_RECORDS_A_BYTE, _RECORDS_MATTER = 20, 1_000_000
_INT64 = 2**63 - 1
_MAGIC, _MAGIC_ENCRYPTED = b"PAR1", b"PARE"


class ParquetReader:
    """The records of a Parquet file.

    Raises:
        UnreadableExtract: on construction, if the file is damaged or encrypted, or its columns do not fit the contract.
    """

    serial_days = 0

    def __init__(self, file: OpenFile, contract: Contract) -> None:
        self._file = file
        self._contract = contract
        self._check_ends()
        try:
            self._parquet = pq.ParquetFile(file.file, page_checksum_verification=True)
            fields = self._parquet.schema_arrow
        except MemoryError:
            raise
        except (pa.ArrowException, OSError, ValueError) as error:
            if "too deeply nested" in str(error):
                raise UnreadableExtract(
                    "nested_column",
                    f"{file.name}: a column holds lists or structures in more levels than are read; expected single "
                    "values",
                ) from None
            raise self._damaged() from None
        records = self._parquet.metadata.num_rows
        if records > max(_RECORDS_MATTER, _RECORDS_A_BYTE * file.size):
            raise UnreadableExtract(
                "unsafe",
                f"{file.name}: {records} records in {file.size} bytes are more than records with a key can be; "
                "deliver it as CSV",
            )
        headings = Headings(contract)
        if not headings.recognised(fields.names):
            raise headings.none_found(file.name, [fields.names])
        header = headings.header(file.name, 1, fields.names)
        self._positions = header.positions
        self.found = tuple(c.name for c in contract.columns if c.name in header.positions)
        self.unknown = header.unknown
        for name, position in header.positions.items():
            if pa.types.is_nested(fields.field(position).type):
                raise UnreadableExtract(
                    "nested_column",
                    f"{file.name}: the column {name} holds lists or structures; expected single values",
                )

    def _check_ends(self) -> None:
        try:
            self._file.file.seek(-4, 2)
            tail = self._file.file.read(4)
            self._file.file.seek(0)
            head = self._file.file.read(4)
            self._file.file.seek(0)
        except OSError:
            raise self._damaged() from None
        if _MAGIC_ENCRYPTED in (head, tail):
            raise UnreadableExtract(
                "encrypted", f"{self._file.name}: the Parquet file is encrypted; expected a plain one"
            )
        if tail != _MAGIC:
            raise UnreadableExtract(
                "cut_off", f"{self._file.name}: the end of the file is missing; expected a complete Parquet file"
            )

    def _damaged(self) -> UnreadableExtract:
        return UnreadableExtract("corrupt", f"{self._file.name}: the file is damaged; expected a valid Parquet file")

    def pieces(self) -> Iterator[Piece]:
        """Yield the records in pieces.

        Raises:
            UnreadableExtract: the file is damaged, or a column is of a type without a text form.
        """
        positions = {position: name for name, position in self._positions.items()}
        # Columns are requested by name. A name with a dot would be read as a path, so such columns are matched later.
        fields = self._parquet.schema_arrow
        wanted = [fields.names[position] for position in sorted(positions)]
        number = 1
        try:
            for batch in self._parquet.iter_batches(batch_size=ROWS_AT_ONCE, columns=wanted):
                if batch.num_rows:
                    yield self._piece(batch, number)
                    number += batch.num_rows
        except MemoryError:
            # Arrow's out-of-memory error is also an ArrowException.
            raise
        except (pa.ArrowException, OSError, ValueError):
            raise self._damaged() from None

    def count(self) -> Count:
        """Return the number of records that the file's footer states."""
        return Count(self._parquet.metadata.num_rows, 0, "records by the end of the file")

    def _piece(self, batch: pa.RecordBatch, number: int) -> Piece:
        names = {self._parquet.schema_arrow.names[position]: name for name, position in self._positions.items()}
        columns: dict[str, pa.Array] = {}
        faults: dict[int, Fault] = {}
        for field, array in zip(batch.schema.names, batch.columns, strict=True):
            if field not in names:
                continue
            try:
                columns[names[field]] = as_text(array, faults)
            except pa.ArrowNotImplementedError:
                raise UnreadableExtract(
                    "unsupported_type",
                    f"{self._file.name}: the column {names[field]} is of type {array.type}, which cannot be "
                    "written as text",
                ) from None
        last = label([columns[name][-1].as_py() for name in self._positions if name in columns])
        return piece(
            self._contract,
            source_rows=range(number, number + batch.num_rows),
            columns=columns,
            faults=faults,
            last_label=last,
        )


def as_text(array: pa.Array, faults: dict[int, Fault]) -> pa.Array:
    """Return the values of a column as text.

    Args:
        array: values of any type that is not nested.
        faults: gets an entry for each row whose text is not valid.

    Returns:
        Text: ISO dates and times (UTC with `Z` if the column has a time zone), whole numbers without point, numbers
        without exponents, durations as H:MM:SS, NaN as null.

    Raises:
        pyarrow.ArrowNotImplementedError: the type has no text form.
    """
    kind = array.type
    if pa.types.is_dictionary(kind):
        return as_text(array.dictionary_decode(), faults)
    if isinstance(kind, pa.BaseExtensionType):
        return as_text(array.storage, faults)
    if pa.types.is_run_end_encoded(kind):
        return as_text(pc.run_end_decode(array), faults)
    for applies, convert in _CONVERSIONS:
        if applies(kind):
            return convert(array)
    return _valid_text(array, faults)


def _valid_text(array: pa.Array, faults: dict[int, Fault]) -> pa.Array:
    """Return values as text; bytes that are not UTF-8 are a fault of their row."""
    try:
        text = array.cast(pa.string())
        text.validate(full=True)
    except pa.ArrowInvalid:
        values: list[str | None] = []
        for i, value in enumerate(array.cast(pa.binary()).to_pylist()):
            try:
                values.append(None if value is None else value.decode())
            except UnicodeDecodeError:
                values.append(None)
                faults[i] = _NO_TEXT
        return pa.array(values, pa.string())
    return text


def _timestamp(array: pa.Array) -> pa.Array:
    # The warehouse stores microseconds; finer parts are truncated, not rounded, so that no date changes.
    zone = "UTC" if array.type.tz else None
    inside, outside = _within_micros(array)
    text = inside.cast(pa.timestamp("us", zone), safe=False).cast(pa.string())
    return pc.coalesce(pc.replace_substring_regex(text, r"\.0+(Z?)$", r"\1"), outside)


def _duration(array: pa.Array) -> pa.Array:
    inside, outside = _within_micros(array)
    micros = inside.cast(pa.duration("us"), safe=False).cast(pa.int64())
    return pc.coalesce(_clocks(micros), outside)


def _within_micros(array: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Split off values that do not fit 64 bits as microseconds; these become the text of their number, not of a time.

    An unchecked cast would overflow, and give a time that looks valid.
    """
    numbers = array.cast(pa.int64())
    limit = _INT64 // {"s": 1_000_000, "ms": 1_000}.get(array.type.unit, 1)
    fits = pc.and_(pc.less_equal(numbers, limit), pc.greater_equal(numbers, -limit))
    nothing = pa.scalar(None, array.type)
    return pc.if_else(fits, array, nothing), pc.if_else(fits, pa.scalar(None, pa.string()), numbers.cast(pa.string()))


def _time(array: pa.Array) -> pa.Array:
    # 32-bit times have seconds or milliseconds; convert them to microseconds first.
    if pa.types.is_time32(array.type):
        array = array.cast(pa.time64("us"))
    return _clocks(array.cast(pa.time64("us"), safe=False).cast(pa.int64()))


def _clocks(micros: pa.Array) -> pa.Array:
    return pa.array([None if number is None else clock(number) for number in micros.to_pylist()], pa.string())


def _number(array: pa.Array) -> pa.Array:
    if pa.types.is_floating(array.type):
        if pa.types.is_float16(array.type):
            array = array.cast(pa.float32())
        # Adding zero turns a negative zero into zero.
        array = pc.add(pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array), pa.scalar(0, array.type))
    text = array.cast(pa.string())
    with_exponent = pc.match_substring_regex(text, "[eE]")
    if pc.any(with_exponent).as_py():
        plain = [
            format(Decimal(value), "f") if value and "e" in value.casefold() else value for value in text.to_pylist()
        ]
        text = pa.array(plain, pa.string())
    return pc.replace_substring_regex(text, r"\.0*$", "")


_CONVERSIONS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array]], ...] = (
    (pa.types.is_timestamp, _timestamp),
    (pa.types.is_time, _time),
    (pa.types.is_duration, _duration),
    (pa.types.is_floating, _number),
    (pa.types.is_decimal, _number),
)
