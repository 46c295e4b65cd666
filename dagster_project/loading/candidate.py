"""Read deliveries into candidate tables: every row typed, or quarantined with its reason. Acceptance is not here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from os.path import lexists

import duckdb
import pyarrow as pa

from dagster_project.contracts import Contract
from dagster_project.extracts import UnreadableExtract, open_extract
from dagster_project.extracts.cells import quoted
from dagster_project.extracts.rows import (
    DUPLICATE_ROW,
    RECORD_FAULTS,
    SUPERSEDED_ROW,
    condition_parameters,
    default_parameters,
    fault_sentences,
    judging_query,
)
from dagster_project.loading.landing import LandedFile
from dagster_project.loading.plan import ACCEPTED, Delivery
from dagster_project.loading.pseudonyms import PseudonymKey
from dagster_project.warehouse.tables import incoming, raw_columns, recreate_incoming

# Small files are judged together: 100,000 rows a query keep its fixed cost (about 30 ms) below 5 % of the work,
# and their text below about 100 MB of memory.
_ROWS_AT_ONCE = 100_000

# Days of history that a volume is compared with, how many of them there have to be, and the least median: below
# 100 rows a day chance alone moves a count by more than a third now and then.
_VOLUME_DAYS, _VOLUME_MIN_DAYS, _VOLUME_MIN_ROWS = 28, 7, 100


class ConservationError(RuntimeError):
    """Rows read are not rows loaded plus rows quarantined: a fault of this program, never of an extract."""


@dataclass
class FileLoad:
    """One file of a candidate delivery and what became of its rows."""

    load_id: int
    source: str
    extract_date: date
    file_name: str
    sha256: str | None = None
    rows_read: int = 0
    rows_loaded: int = 0
    rows_quarantined: int = 0
    error: str | None = None
    warnings: list[str] = field(default_factory=list)


@dataclass
class Candidate:
    """The candidate load of one source."""

    contract: Contract
    files: list[FileLoad]
    gone: list[LandedFile] = field(default_factory=list)
    """Files that were taken away before they could be opened; nothing of their days is among `files`."""

    def of(self, day: date) -> list[FileLoad]:
        """Files of one extract date."""
        return [file for file in self.files if file.extract_date == day]

    @property
    def days(self) -> list[date]:
        """Extract dates, oldest first."""
        return sorted({file.extract_date for file in self.files})


def read_deliveries(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    deliveries: Sequence[Delivery],
    *,
    key: PseudonymKey,
    default_force: str,
    first_load_id: int,
    on_progress: Callable[[int], None] | None = None,
) -> Candidate:
    """Fill the candidate tables of a source.

    Args:
        connection: a loading connection; `incoming.SOURCE`, `...__quarantine` and `...__deliveries` are made anew.
        contract: the source.
        deliveries: what to read; files of one delivery in the order of their names.
        key: key of the pseudonyms.
        default_force: force of extracts without a force column.
        first_load_id: files are numbered from here, in order.
        on_progress: told the number of files read so far.

    Returns:
        The files with their counts. A file that cannot be read has `error` set, and none of its rows are there. A day
        of which a file has gone meanwhile is left out.

    Raises:
        ConservationError: the counts of a file do not add up.
    """
    recreate_incoming(connection, contract)
    judge = _Judge(connection, contract, key, default_force)
    candidate = Candidate(contract, [])
    load_id = first_load_id
    for delivery in deliveries:
        for file in delivery.files:
            load = FileLoad(load_id, contract.source, delivery.extract_date, file.name)
            candidate.files.append(load)
            load_id += 1
            try:
                with open_extract(file.path, contract) as extract:
                    load.sha256 = extract.sha256
                    for batch in extract.batches():
                        judge.add(batch, load, extract.serial_days)
                    load.rows_read = extract.rows_read
                    load.warnings.extend(extract.warnings)
                    load.warnings.extend(
                        f"column {name!r} is not in the contract; not loaded" for name in extract.unknown_columns
                    )
            except UnreadableExtract as error:
                load.error = f"{error} [{error.code}]"
                if not lexists(file.path):
                    candidate.gone.append(file)
            if on_progress:
                on_progress(len(candidate.files))
    judge.finish()
    gone = {file.extract_date for file in candidate.gone}
    dropped = [load.load_id for load in candidate.files if load.error or load.extract_date in gone]
    candidate.files = [load for load in candidate.files if load.extract_date not in gone]
    for relation in (incoming(contract), incoming(contract, "quarantine")):
        connection.execute(f"delete from {relation} where list_contains(?, load_id)", [dropped])
    _quarantine_repeated_keys(connection, contract)
    _count(connection, candidate)
    _describe_deliveries(connection, candidate)
    return candidate


class _Judge:
    """Collects text batches and judges them some 100,000 rows at a time."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, contract: Contract, key: PseudonymKey, default_force: str
    ) -> None:
        self._connection = connection
        self._contract = contract
        self._query = judging_query(contract, "text_batch")
        self._parameters: dict[str, object] = {
            **self._query.parameters,
            **default_parameters(contract),
            **condition_parameters(contract),
            "default_force": default_force,
        }
        if any(column.is_personal for column in contract.columns):
            self._parameters |= key.parameters()
        self._batches: list[pa.Table] = []
        self._rows = 0
        self._files: dict[int, str] = {}
        sentences = fault_sentences(contract)
        connection.execute(
            "create or replace temp table fault_sentence (column_name varchar, code varchar, sentence varchar)"
        )
        connection.executemany(
            "insert into fault_sentence values (?, ?, ?)",
            [[column, code, sentence] for (column, code), sentence in sentences.items()]
            + [["", code, sentence] for code, sentence in RECORD_FAULTS.items()],
        )
        connection.execute(
            "create or replace temp table load_file (load_id bigint, extract_date date, file_name varchar)"
        )
        connection.execute(
            "create or replace temp table warning_count "
            "(load_id bigint, rows_after_extract_date bigint, offset_disagreements bigint)"
        )

    def add(self, batch: pa.Table, load: FileLoad, serial_days: int) -> None:
        """Take rows of one file."""
        if load.load_id not in self._files:
            self._files[load.load_id] = load.file_name
            self._connection.execute(
                "insert into load_file values (?, ?, ?)", [load.load_id, load.extract_date, load.file_name]
            )
        count = batch.num_rows
        for name, value, kind in (
            ("load_id", load.load_id, pa.int64()),
            ("extract_date", load.extract_date, pa.date32()),
            ("serial_days", serial_days, pa.int32()),
        ):
            batch = batch.append_column(name, pa.repeat(pa.scalar(value, kind), count))
        self._batches.append(batch)
        self._rows += count
        if self._rows >= _ROWS_AT_ONCE:
            self._judge()

    def finish(self) -> None:
        """Judge what is left."""
        if self._batches:
            self._judge()

    def _judge(self) -> None:
        connection, contract = self._connection, self._contract
        connection.register("text_batch", pa.concat_tables(self._batches))
        self._batches, self._rows = [], 0
        connection.execute(f"create or replace temp table judged as {self._query.sql}", self._parameters)
        connection.unregister("text_batch")
        columns = ", ".join(quoted(column) for column in raw_columns(contract))
        connection.execute(f"insert into {incoming(contract)} select {columns} from judged where fault is null")
        connection.execute(
            f"""
            insert into {incoming(contract, "quarantine")}
            select
                judged.load_id,
                $source,
                judged.extract_date,
                load_file.file_name,
                judged.source_row,
                judged.fault_column,
                judged.fault,
                coalesce(fault_sentence.sentence, judged.fault)
                || case
                    when judged.fault_detail is null then ''
                    when judged.fault_column is null then ': ' || judged.fault_detail
                    else '; found text of the form ' || judged.fault_detail
                end
                || case
                    when judged.fault_count > 1 then ' (' || judged.fault_count || ' cells of the row are faulty)'
                    else ''
                end
            from judged
            join load_file on judged.load_id = load_file.load_id
            left join fault_sentence
                on coalesce(judged.fault_column, '') = fault_sentence.column_name
                and judged.fault = fault_sentence.code
            where judged.fault is not null
            """,
            {"source": contract.source},
        )
        connection.execute(
            """
            insert into warning_count
            select
                load_id,
                count(*) filter (where is_after_extract_date),
                count(*) filter (where has_offset_disagreement)
            from judged
            where fault is null and (is_after_extract_date or has_offset_disagreement)
            group by load_id
            """
        )
        connection.execute("drop table judged")


def _quarantine_repeated_keys(connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """Keep one row of each key and extract date: the last, or the first of equal ones.

    Keys that occur once are found by grouping; only the others are sorted: a window over all rows costs 1.23 times
    the whole run.
    """
    rows = incoming(contract)
    key = [
        "extract_date",
        quoted("force_code"),
        *(quoted(column.name) for column in contract.key if column.name != "force_code"),
    ]
    matches = " and ".join(f"candidate.{column} = repeated.{column}" for column in key)
    cells = ", ".join(f"candidate.{quoted(column.name)}" for column in contract.columns)
    connection.execute(
        f"""
        create or replace temp table losing as
        with repeated as (
            select {", ".join(key)}
            from {rows}
            group by all
            having count(*) > 1
        ),

        compared as (
            select
                candidate.load_id,
                candidate.source_row,
                candidate.extract_date,
                {", ".join(f"candidate.{column}" for column in key[1:])},
                coalesce(
                    row({cells}) is not distinct from lag(row({cells})) over (
                        partition by {", ".join(f"candidate.{column}" for column in key)}
                        order by candidate.load_id, candidate.source_row
                    ),
                    false
                ) as is_repetition
            from {rows} as candidate
            join repeated on {matches}
        ),

        ranked as (
            select
                *,
                row_number() over (
                    partition by {", ".join(key)}, is_repetition
                    order by load_id desc, source_row desc
                ) as place
            from compared
        )

        select load_id, source_row, extract_date, is_repetition
        from ranked
        where is_repetition or place > 1
        """
    )
    connection.execute(
        f"""
        insert into {incoming(contract, "quarantine")}
        select
            losing.load_id,
            $source,
            losing.extract_date,
            load_file.file_name,
            losing.source_row,
            null,
            case when losing.is_repetition then $duplicate_code else $superseded_code end,
            case when losing.is_repetition then $duplicate else $superseded end
        from losing
        join load_file on losing.load_id = load_file.load_id
        """,
        {
            "source": contract.source,
            "duplicate_code": DUPLICATE_ROW.code,
            "duplicate": DUPLICATE_ROW.sentence,
            "superseded_code": SUPERSEDED_ROW.code,
            "superseded": SUPERSEDED_ROW.sentence,
        },
    )
    connection.execute(
        f"""
        delete from {rows} as candidate
        using losing
        where candidate.load_id = losing.load_id and candidate.source_row = losing.source_row
        """
    )


def _count(connection: duckdb.DuckDBPyConnection, candidate: Candidate) -> None:
    """Set the counts of every file, and see that they add up."""
    contract = candidate.contract
    loaded = dict(connection.execute(f"select load_id, count(*) from {incoming(contract)} group by load_id").fetchall())
    quarantined = dict(
        connection.execute(
            f"select load_id, count(*) from {incoming(contract, 'quarantine')} group by load_id"
        ).fetchall()
    )
    warned = {
        load_id: (after, disagreeing)
        for load_id, after, disagreeing in connection.execute(
            """
            select load_id, sum(rows_after_extract_date), sum(offset_disagreements)
            from warning_count
            group by load_id
            """
        ).fetchall()
    }
    for file in candidate.files:
        if file.error:
            continue
        file.rows_loaded = loaded.get(file.load_id, 0)
        file.rows_quarantined = quarantined.get(file.load_id, 0)
        if file.rows_read != file.rows_loaded + file.rows_quarantined:
            raise ConservationError(
                f"{file.source}/{file.file_name}: {file.rows_read} rows read, but {file.rows_loaded} loaded and "
                f"{file.rows_quarantined} quarantined. Nothing of the source was accepted. This is a fault of fcir: "
                "please report it with the output of `fcir check` on the file."
            )
        after, disagreeing = warned.get(file.load_id, (0, 0))
        if file.rows_read == 0:
            file.warnings.append("no data rows")
        if after:
            file.warnings.append(f"{after} rows are dated after the extract date")
        if disagreeing:
            file.warnings.append(f"{disagreeing} rows state a UTC offset that the date does not have")


def _describe_deliveries(connection: duckdb.DuckDBPyConnection, candidate: Candidate) -> None:
    """One row for each delivery, for the expectations that look at whole days."""
    contract = candidate.contract
    measures = "".join(
        f",\n            {expression} as {quoted(name)}" for name, expression in contract.delivery_measures.items()
    )
    whole = [day for day in candidate.days if not any(file.error for file in candidate.of(day))]
    connection.execute("create or replace temp table delivered_day (extract_date date, rows_read bigint)")
    if whole:
        connection.executemany(
            "insert into delivered_day values (?, ?)",
            [[day, sum(file.rows_read for file in candidate.of(day))] for day in whole],
        )
    connection.execute(
        f"""
        create or replace table {incoming(contract, "deliveries")} as
        with faulty as (
            select extract_date, count(*) as faulty_rows
            from {incoming(contract, "quarantine")}
            where reason_code not in ($duplicate_code, $superseded_code)
            group by extract_date
        ),

        warned as (
            select
                load_file.extract_date,
                sum(warning_count.rows_after_extract_date) as rows_after_extract_date,
                sum(warning_count.offset_disagreements) as offset_disagreements
            from warning_count
            join load_file on warning_count.load_id = load_file.load_id
            group by load_file.extract_date
        ),

        measured as (
            select
                delivered_day.extract_date,
                count(candidate.load_id) as rows_loaded{measures}
            from delivered_day
            left join {incoming(contract)} as candidate on delivered_day.extract_date = candidate.extract_date
            group by delivered_day.extract_date
        ),

        volume as (
            select extract_date, rows_loaded from measured
            union all
            select extract_date, sum(rows_loaded)
            from audit.load
            where
                source = $source
                and list_contains($accepted, status)
                and extract_date not in (select extract_date from measured)
            group by extract_date
        ),

        recent as (
            select
                measured.extract_date,
                median(volume.rows_loaded) as median_rows
            from measured
            join volume
                on volume.extract_date < measured.extract_date
                and volume.extract_date >= measured.extract_date - cast($days as integer)
            group by measured.extract_date
            having count(*) >= $min_days
        )

        select
            delivered_day.rows_read,
            measured.*,
            coalesce(faulty.faulty_rows, 0) as faulty_rows,
            case
                when faulty.faulty_rows > $rows_limit and faulty.faulty_rows > $share_limit * delivered_day.rows_read
                    then faulty.faulty_rows
                else 0
            end as faulty_rows_over_limit,
            case
                when recent.median_rows >= $min_rows and measured.rows_loaded > 0
                    then measured.rows_loaded / recent.median_rows
            end as volume_ratio,
            cast(coalesce(warned.rows_after_extract_date, 0) as bigint) as rows_after_extract_date,
            cast(coalesce(warned.offset_disagreements, 0) as bigint) as offset_disagreements
        from delivered_day
        join measured on delivered_day.extract_date = measured.extract_date
        left join faulty on delivered_day.extract_date = faulty.extract_date
        left join warned on delivered_day.extract_date = warned.extract_date
        left join recent on delivered_day.extract_date = recent.extract_date
        """,
        {
            "duplicate_code": DUPLICATE_ROW.code,
            "superseded_code": SUPERSEDED_ROW.code,
            "source": contract.source,
            "accepted": list(ACCEPTED),
            "days": _VOLUME_DAYS,
            "min_days": _VOLUME_MIN_DAYS,
            "min_rows": _VOLUME_MIN_ROWS,
            "rows_limit": contract.faulty_rows_limit,
            "share_limit": contract.faulty_share_limit,
        },
    )
