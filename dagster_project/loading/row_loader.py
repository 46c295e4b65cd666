"""Load rows of text: good rows, typed, into the candidate table of a source; faulty rows into its quarantine."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dagster_project.contracts import FORCE_COLUMN, CellType, Contract
from dagster_project.extracts.cells import SERIAL_WITH_FRACTION, WHOLE_SERIAL, midnight_of
from dagster_project.extracts.reading import Extract
from dagster_project.extracts.rows import (
    RECORD_FAULTS,
    event_days_query,
    fault_sentences,
    faulty_rows_query,
    good_rows_query,
    reason_of,
)
from dagster_project.loading.people import Vault
from dagster_project.settings import known_forces
from dagster_project.sql import quoted, table
from dagster_project.warehouse.connection import create_temp_table
from dagster_project.warehouse.tables import incoming, raw_columns

# Small files are loaded together, because the query has a fixed cost of 50 to 140 ms. This is exactly two row groups of
# DuckDB, so that no remainder has to be merged (a fifth less CPU than 100,000 rows), with some 60 MB of text in memory.
_ROWS_AT_ONCE = 245_760
# Rows with huge cells are loaded earlier, before they fill the memory.
_BYTES_AT_ONCE = 128 << 20


@dataclass
class _TextBatch:
    """Rows for queries to read. DuckDB keeps a registered table until the transaction ends; this one can be emptied."""

    table: pa.Table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


class RowLoader:
    """Collects rows of text, and loads or quarantines them in batches."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        contract: Contract,
        vault: Vault,
        default_force: str,
        file_names: Mapping[int, str],
        *,
        shows_text: bool = False,
    ) -> None:
        """Start a candidate.

        Args:
            connection: in a transaction, with the candidate tables of the source.
            contract: the source.
            vault: gives the surrogates of personal cells.
            default_force: force of extracts without a force column.
            file_names: file name of each load; written to the temporary table `load_file`.
            shows_text: whether reasons show the text of faulty cells, for a candidate that is not kept.
        """
        self._connection = connection
        self.contract = contract
        self._vault = vault
        self._default_force = default_force
        self._good = good_rows_query(contract, "text_batch")
        self._faulty = faulty_rows_query(contract, "faulty_batch", shows_text=shows_text)
        self._personal = [column for column in contract.columns if column.is_personal]
        self._times = [column.name for column in contract.columns if column.cell_type is CellType.TIMESTAMP]
        self._with_fractions: set[tuple[int, str]] = set()
        # First load of the file of each load: a file of history has one for each day.
        self._file_of: dict[int, int] = {}
        self._undecided: list[pa.Table] = []
        self._collected: list[pa.Table] = []
        self._rows = self._bytes = 0
        sentences = [(column, code, sentence) for (column, code), sentence in fault_sentences(contract).items()]
        sentences += [("", code, sentence) for code, sentence in RECORD_FAULTS.items()]
        create_temp_table(
            connection, "fault_sentence", dict.fromkeys(("column_name", "code", "sentence"), "varchar"), sentences
        )
        create_temp_table(connection, "load_file", {"load_id": "bigint", "file_name": "varchar"}, file_names.items())

    def add(self, extract: Extract, loads: Mapping[date, int], span: tuple[date, date] | None = None) -> Counter[date]:
        """Add the rows of a file.

        Args:
            extract: the file.
            loads: number of the load of each day.
            span: days of a file of history. A row belongs to the day of its event, or to the first or last day if the
                event is before or after them; to the first without a readable time. Those of a day without a load are
                left out.

        Returns:
            Rows read by day, those left out too.

        Raises:
            UnreadableExtract: the file turns out to be damaged, or changed while it was read.
        """
        self._file_of |= dict.fromkeys(loads.values(), min(loads.values()))
        read: Counter[date] = Counter()
        for batch in extract.batches():
            serial_days = pa.repeat(pa.scalar(extract.serial_days, pa.int32()), batch.num_rows)
            rows = batch.append_column("serial_days", serial_days)
            days = (
                self._days(rows, span) if span else pa.repeat(pa.scalar(next(iter(loads)), pa.date32()), rows.num_rows)
            )
            read.update({item["values"]: item["counts"] for item in pc.value_counts(days).to_pylist()})
            ids = pa.array(loads.values(), pa.int64()).take(pc.index_in(days, pa.array(loads, pa.date32())))
            rows = rows.append_column("load_id", ids).append_column("extract_date", days)
            if span:
                # Days of history are in any order; faulty rows are looked up between the first load and the last.
                rows = rows.filter(pc.is_valid(ids)).sort_by([("load_id", "ascending"), ("source_row", "ascending")])
            self._collected.append(rows)
            self._rows += rows.num_rows
            self._bytes += rows.nbytes
            if self._rows >= _ROWS_AT_ONCE or self._bytes >= _BYTES_AT_ONCE:
                self._load()
        return read

    def _days(self, rows: pa.Table, span: tuple[date, date]) -> pa.ChunkedArray:
        """Return the day of the span that each row belongs to."""
        self._connection.register("days_batch", rows)
        query = event_days_query(self.contract, "days_batch")
        days: pa.Table = self._connection.sql(query).to_arrow_table()
        self._connection.unregister("days_batch")
        first, last = (pa.scalar(day, pa.date32()) for day in span)
        return pc.min_element_wise(pc.max_element_wise(pc.fill_null(days.column("day"), first), first), last)

    def flush(self) -> None:
        """Load or quarantine the remaining rows."""
        while self._rows:
            self._load()
        for rows in self._undecided:
            self._judge(self._with_midnights(rows), is_last=True)
        self._undecided = []

    def _load(self) -> None:
        """Load or quarantine `_ROWS_AT_ONCE` of the collected rows, or all if they are fewer."""
        collected = pa.concat_tables(self._collected)
        # Combined into one chunk: with a chunk of 150 rows for each file the query costs twice as much, because DuckDB
        # processes up to 2,048 rows of one chunk at a time.
        batch, rest = collected.slice(0, _ROWS_AT_ONCE).combine_chunks(), collected.slice(_ROWS_AT_ONCE)
        self._collected = [rest] if rest.num_rows else []
        self._rows, self._bytes = rest.num_rows, rest.nbytes
        forces = batch.column(FORCE_COLUMN)
        for column in self._personal:
            surrogates = self._vault.surrogates(batch.column(column.name), column, forces, self._default_force)
            batch = batch.set_column(batch.schema.get_field_index(column.name), column.name, surrogates)
        self._note_fractions(batch)
        self._judge(batch, is_last=False)

    def _judge(self, batch: pa.Table, *, is_last: bool) -> None:
        """Load or quarantine rows; `is_last` says that no row can wait for the rest of its file."""
        connection, contract = self._connection, self.contract
        force: dict[str, object] = {"known_forces": list(known_forces())}
        if not contract.column(FORCE_COLUMN).is_required:
            force["default_force"] = self._default_force
        columns = ", ".join(quoted(column) for column in raw_columns(contract))
        text = _TextBatch(batch)
        connection.register("text_batch", text)
        good = connection.execute(
            f"insert into {table('raw', contract.source)} ({columns}) {self._good}", force
        ).fetchone()
        connection.unregister("text_batch")
        if good is None or good[0] < batch.num_rows:
            faulty = self._faulty_rows(batch)
            text.table = faulty if is_last else self._without_undecided(faulty)
            connection.register("faulty_batch", text)
            connection.execute(
                f"""
                insert into {incoming(contract, "quarantine")}
                with faulty as ({self._faulty})

                select
                    faulty.load_id,
                    $source,
                    faulty.extract_date,
                    load_file.file_name,
                    faulty.source_row,
                    faulty.fault_column,
                    faulty.fault,
                    {reason_of("coalesce(fault_sentence.sentence, faulty.fault)")},
                    faulty.force_code,
                    faulty.member,
                    faulty.surrogates
                from faulty
                join load_file on faulty.load_id = load_file.load_id
                left join fault_sentence
                    on coalesce(faulty.fault_column, '') = fault_sentence.column_name
                    and faulty.fault = fault_sentence.code
                """,
                force | {"source": contract.source},
            )
            connection.unregister("faulty_batch")
        text.table = batch.schema.empty_table()
        release_buffers(connection)

    def _faulty_rows(self, batch: pa.Table) -> pa.Table:
        """Return the rows of a batch that were not loaded; only these, as finding their faults costs 1.7 us per row."""
        good = self._connection.execute(
            f"""
            select load_id, source_row
            from {incoming(self.contract)}
            where
                load_id <= $last_load_id
                and (load_id > $load_id or (load_id = $load_id and source_row >= $source_row))
            """,
            {
                **{name: batch.column(name)[0].as_py() for name in ("load_id", "source_row")},
                "last_load_id": batch.column("load_id")[-1].as_py(),
            },
        ).fetchnumpy()
        is_good = np.isin(
            _row_ids(batch.column("load_id").to_numpy(), batch.column("source_row").to_numpy()),
            _row_ids(good["load_id"], good["source_row"]),
            assume_unique=True,
        )
        return batch.filter(pa.array(~is_good))

    def _note_fractions(self, batch: pa.Table) -> None:
        """Note the columns of files that have a serial number with a fraction."""
        for name in self._times:
            # Few other texts have a point there, and a slice takes a tenth of the time of a pattern.
            has_point = pc.equal(pc.utf8_slice_codeunits(batch.column(name), 5, 6), ".")
            if pc.any(has_point).as_py():
                cells, loads = (batch.column(column).filter(has_point) for column in (name, "load_id"))
                loads = loads.filter(pc.match_substring_regex(cells, SERIAL_WITH_FRACTION))
                self._with_fractions |= {(self._file_of[load], name) for load in loads.unique().to_pylist()}

    def _without_undecided(self, faulty: pa.Table) -> pa.Table:
        """Put aside the rows with a whole serial number as a time, up to a limit, and return the others.

        Whether it is midnight or a day without a time is known when the whole file is read.
        """
        is_whole = pa.array([False] * faulty.num_rows)
        for name in self._times:
            matches = pc.match_substring_regex(faulty.column(name), WHOLE_SERIAL)
            is_whole = pc.or_(is_whole, pc.fill_null(matches, False))
        rows = faulty.filter(is_whole)
        if not rows.num_rows or rows.num_rows + sum(other.num_rows for other in self._undecided) > _ROWS_AT_ONCE:
            return faulty
        self._undecided += [
            rows.filter(pc.equal(rows.column("load_id"), load)) for load in rows.column("load_id").unique()
        ]
        return faulty.filter(pc.invert(is_whole))

    def _with_midnights(self, rows: pa.Table) -> pa.Table:
        """Return rows of one file with midnights for its whole serial numbers, in columns that also have fractions."""
        load, days = (rows.column(name)[0].as_py() for name in ("load_id", "serial_days"))
        for name in self._times:
            if (self._file_of[load], name) in self._with_fractions:
                cells = [midnight_of(text, days) for text in rows.column(name).to_pylist()]
                rows = rows.set_column(rows.schema.get_field_index(name), name, pa.array(cells, pa.string()))
        return rows


def release_buffers(connection: duckdb.DuckDBPyConnection) -> None:
    """Shrink DuckDB's buffer pool, which would keep 42 bytes for every row written.

    The limit is reset afterwards: loading does not spill to disk, so a long row would fail for lack of memory.
    """
    # On another connection, because a failed statement would abort the transaction.
    with connection.cursor() as other:
        with suppress(duckdb.OutOfMemoryException):
            other.execute("set memory_limit = '1MB'")
        other.execute("reset memory_limit")


def _row_ids(loads: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return one number for each pair of load and row; no file has four thousand million rows."""
    return loads << 32 | rows
