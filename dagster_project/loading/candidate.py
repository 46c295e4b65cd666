"""Read deliveries into candidate tables: each row is typed, or quarantined with a reason.

`acceptance.py` accepts or rejects the candidates.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from os.path import lexists
from pathlib import Path

import duckdb

from dagster_project.contracts import FORCE_COLUMN, Contract
from dagster_project.extracts.container import CHANGED
from dagster_project.extracts.errors import UnreadableExtract
from dagster_project.extracts.reading import open_extract
from dagster_project.loading.delivery_facts import (
    Finding,
    ForceRows,
    count_filled_cells,
    describe_deliveries,
    first_days_of_forces,
    new_forces,
    shifted_members,
    silent_columns,
    stuck_columns,
    unusual_members,
    volumes_of,
)
from dagster_project.loading.landing import HISTORY, LandedFile
from dagster_project.loading.people import People
from dagster_project.loading.plan import Delivery
from dagster_project.loading.repeated_keys import quarantine_repeated_keys
from dagster_project.loading.row_loader import RowLoader
from dagster_project.loading.waivers import FORCE_MISSING, content_of, rejected_contents, waivers_of
from dagster_project.sql import table
from dagster_project.warehouse.connection import transaction
from dagster_project.warehouse.tables import create_incoming, forget, incoming, rows_by_force
from dagster_project.words import counted


class ConservationError(RuntimeError):
    """Rows read differ from rows loaded plus rows quarantined: always a bug in fcir, never a fault of an extract."""


@dataclass
class FileLoad:
    """One file of a candidate delivery, with the counts of its rows."""

    load_id: int
    source: str
    extract_date: date
    file_name: str
    """Its name as it is published."""
    delivered_name: str | None = None
    is_history: bool = False
    """Whether the file has the rows of several days."""
    is_late: bool = False
    """Whether it has late entries, whose events are older."""
    sha256: str | None = None
    rows_read: int = 0
    rows_loaded: int = 0
    rows_quarantined: int = 0
    rows_repeated: int = 0
    """Quarantined rows that repeat the key of another row; no data is lost with them."""
    totals_rows: int = 0
    """Totals rows of the file; they are no data rows."""
    error: str | None = None
    error_code: str | None = None
    columns: tuple[str, ...] = ()
    """Contract columns that the file has."""
    unknown_columns: tuple[str, ...] = ()
    """Names of columns that the contract does not have; they are in no warning, since they may be values."""
    filled: dict[tuple[str, str], int] = field(default_factory=dict)
    """Number of good rows with a value, for each force and column in the file."""
    silent: list[tuple[str, str]] = field(default_factory=list)
    """Force and column of the delivery that have no value, although they had before; with its first file."""
    warnings: list["str | DayWarning"] = field(default_factory=list)
    members: dict[tuple[str | None, str | None], ForceRows] = field(default_factory=dict)
    """Rows by force and by member of the main list; None stands for rows whose force or member could not be read."""

    @property
    def is_refused_alone(self) -> bool:
        """Whether the file is left out of its delivery, whose other files are judged without it."""
        return self.error_code == FORCE_MISSING


@dataclass(frozen=True)
class DayWarning:
    """A warning about a delivery as a whole; it is also listed with the warnings of its first file."""

    kind: str
    """Subject of the warning, as words that follow a number of deliveries."""
    extract_date: date
    file_name: str
    text: str
    weight: float
    """Importance relative to other warnings of its kind."""

    def __str__(self) -> str:
        """Return the warning."""
        return self.text


@dataclass
class Candidate:
    """The candidate load of one source."""

    contract: Contract
    files: list[FileLoad]
    changed_files: list[LandedFile] = field(default_factory=list)
    """Files that were removed or written to after they were listed; `files` has no file of their days."""
    day_warnings: list[DayWarning] = field(default_factory=list)
    skipped: frozenset[str] = frozenset()
    """Whole names of files that were not read because another of their day has the same content."""
    next_surrogate: int = 1
    """No row holds this surrogate or a higher one."""

    def warn(self, day: date, kind: str, text: str, weight: float) -> None:
        """Add a warning about a delivery as a whole, with its first file."""
        file = self.of(day)[0]
        warning = DayWarning(kind, day, file.file_name, text, weight)
        self.day_warnings.append(warning)
        file.warnings.append(warning)

    def of(self, day: date) -> list[FileLoad]:
        """Return the files of one extract date."""
        return self._by_day[day]

    @property
    def days(self) -> list[date]:
        """Extract dates, oldest first."""
        return sorted(self._by_day)

    @cached_property
    def _by_day(self) -> dict[date, list[FileLoad]]:
        # Ten years have 3,700 days; searching all files for each day costs two seconds per source.
        by_day: dict[date, list[FileLoad]] = {}
        for file in self.files:
            by_day.setdefault(file.extract_date, []).append(file)
        return by_day


def read_deliveries(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    deliveries: Sequence[Delivery],
    *,
    people: People,
    default_force: str,
    load_ids: Iterable[int],
    quarantined_again: Iterable[int] = (),
    shows_text: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> Candidate:
    """Fill the candidate tables of a source.

    Args:
        connection: a loading connection without a candidate of the source; `incoming.SOURCE`, `...__quarantine` and
            `...__deliveries` are created.
        contract: the source.
        deliveries: the deliveries to read, with files ordered by name.
        people: the vault, which enters unknown identifiers.
        default_force: force of extracts without a force column.
        load_ids: ascending numbers for the files; the raw table has no row of the first or a later one.
        quarantined_again: those of `load_ids` whose rows in `audit.quarantine` are quarantined under a newer contract
            too, although they may be good now.
        shows_text: whether reasons show the text of faulty cells, for candidates that are not kept.
        on_progress: called with the number of files read so far.

    Returns:
        The files with their counts. For a file that cannot be read, `error` is set and no rows are kept. Days with a
        file that was removed or written to in the meantime are left out: it may be half of its new content.

    Raises:
        ConservationError: the counts of a file do not add up.
    """
    read: list[FileLoad] = []
    changed: list[LandedFile] = []
    landed = [(delivery.extract_date, file) for delivery in deliveries for file in delivery.files]
    loads = [
        (FileLoad(load_id, contract.source, day, file.name, file.delivered_name, bool(file.span), file.is_late), file)
        for load_id, (day, file) in zip(load_ids, landed, strict=False)
    ]
    # One transaction, because each separate one writes its rows to the write-ahead log first and then to the file. It
    # deletes none of its own rows, because all of them would be written again (1.1 us per row). One thread, because
    # several threads write row groups that are not full, which the checkpoint then merges: 2.5 us per row instead of
    # 1.6, with no gain in elapsed time. One row group in memory instead of five: 0.22 GB instead of 0.28 for a file of
    # a million rows, and no slower.
    connection.execute("set threads = 1")
    connection.execute("set write_buffer_row_group_count = 1")
    with people.opened() as vault, transaction(connection):
        create_incoming(connection, contract, loads[0][0].load_id if loads else 0)
        loader = RowLoader(
            connection,
            contract,
            vault,
            default_force,
            {load.load_id: load.file_name for load, _ in loads},
            shows_text=shows_text,
        )
        # A file of history is read once, with the loads of all its days.
        of_file: dict[Path, list[FileLoad]] = {}
        for load, file in loads:
            of_file.setdefault(file.path, []).append(load)
        for load, file in loads:
            read.append(load)
            if load is of_file[file.path][0]:
                _read(file, of_file[file.path], loader)
            if load.error_code == CHANGED or (load.error and not lexists(file.path)):
                changed.append(file)
            if on_progress:
                on_progress(len(read))
        loader.flush()
        next_surrogate, erased = vault.next_surrogate, [gone.surrogate for gone in vault.erased()]
    with transaction(connection):
        gone = {file.extract_date for file in changed}
        dropped = [load.load_id for load in read if load.error or load.extract_date in gone]
        skipped = frozenset(file.delivered_name for delivery in deliveries for file in delivery.skipped)
        kept = [load for load in read if load.extract_date not in gone]
        candidate = Candidate(contract, kept, changed, skipped=skipped, next_surrogate=next_surrogate)
        _delete_rows(connection, contract, dropped)
        # Before repeated keys are found: such a row may have the key of one that is loaded.
        _quarantine_again(connection, contract, list(quarantined_again))
        if contract.key:
            quarantine_repeated_keys(connection, contract, candidate.files)
        forget(connection, incoming(contract, "quarantine"), erased)
        _set_default_force(connection, candidate, default_force)
        _count(connection, candidate)
        _describe(connection, candidate, default_force)
    return candidate


def _delete_rows(connection: duckdb.DuckDBPyConnection, contract: Contract, load_ids: Sequence[int]) -> None:
    """Delete the rows of files that are not loaded."""
    for relation in (table("raw", contract.source), incoming(contract, "quarantine")):
        connection.execute(
            f"delete from {relation} where load_id in (select unnest(cast(? as bigint[])))", [list(load_ids)]
        )


def _quarantine_again(connection: duckdb.DuckDBPyConnection, contract: Contract, load_ids: list[int]) -> None:
    """Move the good rows of loads that `audit.quarantine` has back to the quarantine, with the reasons of before."""
    if not load_ids:
        return
    of_loads = "load_id in (select unnest(cast(? as bigint[])))"
    for statement, others in (
        (f"insert into {incoming(contract, 'quarantine')} from audit.quarantine", incoming(contract)),
        (f"delete from {table('raw', contract.source)}", "audit.quarantine"),
    ):
        connection.execute(
            f"{statement} where {of_loads} and (load_id, source_row) in (select (load_id, source_row) from {others})",
            [load_ids],
        )


def _read(file: LandedFile, loads: Sequence[FileLoad], loader: RowLoader) -> None:
    """Pass the rows of a file to the loader, or record why it cannot be read.

    Args:
        file: the file.
        loads: those of its days, which get counts, columns, and what is wrong.
        loader: gets the rows.
    """
    try:
        with open_extract(file.path, loader.contract, (file.size, file.modified_ns), name=file.name) as extract:
            for load in loads:
                load.sha256 = extract.sha256
            read = loader.add(extract, {load.extract_date: load.load_id for load in loads}, file.span)
            if read.total() != extract.rows_read:
                raise _not_conserved(loads[0], extract.rows_read, f"{read.total()} are of its days")
            for load in loads:
                load.rows_read = read[load.extract_date]
                load.columns = extract.found
                load.unknown_columns = tuple(extract.unknown_columns)
                if unknown := len(extract.unknown_columns):
                    load.warnings.append(f"{counted(unknown, 'column')} not in the contract, not loaded")
            loads[0].totals_rows = extract.totals_rows
    except UnreadableExtract as error:
        for load in loads:
            load.sha256 = load.sha256 or error.sha256
            load.error = f"{error} [{error.code}]"
            load.error_code = error.code
            load.unknown_columns = error.unknown_columns


def _not_conserved(file: FileLoad, read: int, found: str) -> ConservationError:
    return ConservationError(
        f"{file.source}/{file.file_name}: {read} rows read, but {found}. Nothing from this source was accepted. This "
        "is a bug in fcir: please report it with the output of `fcir check` on the file."
    )


def _set_default_force(connection: duckdb.DuckDBPyConnection, candidate: Candidate, default_force: str) -> None:
    """Give quarantined rows of files without a force column the default force, including records not split."""
    without = [file.load_id for file in candidate.files if FORCE_COLUMN not in file.columns]
    if without:
        connection.execute(
            f"update {incoming(candidate.contract, 'quarantine')} set force_code = ? "
            "where force_code is null and load_id in (select unnest(cast(? as bigint[])))",
            [default_force, without],
        )


def _count(connection: duckdb.DuckDBPyConnection, candidate: Candidate) -> None:
    """Set the counts of every file, and check that they add up."""
    contract = candidate.contract
    members: dict[int, dict[tuple[str | None, str | None], ForceRows]] = {}
    counted_rows = connection.execute(
        rows_by_force(contract, incoming(contract), incoming(contract, "quarantine"))
    ).fetchall()
    for load_id, force, _, *counts, member in counted_rows:
        members.setdefault(load_id, {})[force, member] = ForceRows(*counts)
    for file in candidate.files:
        if file.error:
            continue
        file.members = members.get(file.load_id, {})
        file.rows_loaded = sum(rows.loaded for rows in file.members.values())
        file.rows_quarantined = sum(rows.quarantined for rows in file.members.values())
        file.rows_repeated = sum(rows.repeated for rows in file.members.values())
        if file.rows_read != file.rows_loaded + file.rows_quarantined:
            found = f"{file.rows_loaded} loaded and {file.rows_quarantined} quarantined"
            raise _not_conserved(file, file.rows_read, found)


def _describe(connection: duckdb.DuckDBPyConnection, candidate: Candidate, default_force: str) -> None:
    """Compute the facts of whole deliveries and of their forces, which expectations look at."""
    contract = candidate.contract
    waivers = waivers_of(connection, contract.source)
    contents = {day: content_of(file.sha256 for file in candidate.of(day)) for day in candidate.days}
    waived = {day for day, content in contents.items() if (day, content) in waivers}
    first_days = first_days_of_forces(connection, contract)
    without_force = _refuse_files_without_force(connection, candidate, first_days, default_force, waived)
    read = [file for file in candidate.files if not file.error]
    first_load_id = min((file.load_id for file in candidate.files), default=0)
    filled = count_filled_cells(
        connection, contract, [(file.load_id, file.extract_date, file.columns) for file in read]
    )
    for file in read:
        file.filled = filled[file.load_id]
    whole = [
        day for day in candidate.days if all(not file.error or file.is_refused_alone for file in candidate.of(day))
    ]
    rejected = {day for day, _ in set(contents.items()) & rejected_contents(connection, contract)}
    members = {day: _rows_of_members(candidate.of(day)) for day in whole}
    rows_read = {day: sum(file.rows_read for file in candidate.of(day) if not file.error) for day in whole}
    volumes = volumes_of(connection, contract, rows_read, members, waived=waived, rejected=rejected)
    left_out = {day for day in whole if contract.is_too_small(volumes[day, None].volume_ratio)} | rejected
    findings: list[Finding] = []
    for finding in silent_columns(connection, contract):
        findings.append(finding)
        next(file for file in candidate.of(finding.extract_date) if not file.error).silent.append(
            (finding.force_code or "", finding.name)
        )
    findings += new_forces(first_days, members)
    findings += unusual_members(connection, contract, members, left_out - waived)
    findings += shifted_members(connection, contract, members)
    findings += stuck_columns(connection, contract, whole, first_load_id)
    describe_deliveries(
        connection,
        contract,
        volumes=volumes,
        rows_without_force=without_force,
        findings=findings,
        late_loads=[file.load_id for file in read if file.is_late],
        corrected=_corrected_days(connection, candidate),
        first_load_id=first_load_id,
    )


def _corrected_days(connection: duckdb.DuckDBPyConnection, candidate: Candidate) -> list[date]:
    """Return the days whose loaded delivery is replaced by one of the same kind: an extract of a day, or a history.

    A history has the events of a day, an extract what was entered on it; the one does not lack what the other has.
    """
    rows = connection.execute(
        """
        select extract_date, bool_or(regexp_matches(file_name, ?))
        from audit.accepted_load
        where source = ? and list_contains(?, extract_date)
        group by extract_date
        """,
        [HISTORY, candidate.contract.source, candidate.days],
    ).fetchall()
    return [day for day, was_history in rows if was_history == any(file.is_history for file in candidate.of(day))]


def _refuse_files_without_force(
    connection: duckdb.DuckDBPyConnection,
    candidate: Candidate,
    first_days: Mapping[str, date],
    default_force: str,
    waived: Collection[date],
) -> dict[date, int]:
    """Leave out files without a force column, if the source has had another force than the default.

    Up to their day, or in another file of it. A delivery of such files only is judged as a whole.

    Returns:
        The rows of such deliveries by day.
    """
    first = dict(first_days)
    without: dict[date, list[FileLoad]] = {}
    named: set[date] = set()
    for file in candidate.files:
        if file.error or not file.rows_read:
            continue
        if FORCE_COLUMN in file.columns:
            named.add(file.extract_date)
            for force, _ in file.members:
                if force is not None:
                    first[force] = min(file.extract_date, first.get(force, file.extract_date))
        else:
            without.setdefault(file.extract_date, []).append(file)
    others = min((day for force, day in first.items() if force != default_force), default=date.max)
    refused: list[int] = []
    rows: dict[date, int] = {}
    for day, files in without.items():
        if day < others:
            continue
        if day not in named or day in waived:
            rows[day] = sum(file.rows_read for file in files)
            continue
        for file in files:
            file.error = (
                f"{file.file_name}: no column {FORCE_COLUMN}, which other files of the day have: its "
                f"{counted(file.rows_read, 'row')} would count for {default_force}. The file was left out, the others "
                f"were judged without it. Deliver it with the column, then: fcir run [{FORCE_MISSING}]"
            )
            file.error_code = FORCE_MISSING
            file.rows_loaded = file.rows_quarantined = file.rows_repeated = 0
            file.members = {}
            refused.append(file.load_id)
    if refused:
        _delete_rows(connection, candidate.contract, refused)
    return rows


def _rows_of_members(files: Sequence[FileLoad]) -> dict[tuple[str | None, str | None], ForceRows]:
    """Return the rows of each force and member of the main list in a delivery."""
    total: dict[tuple[str | None, str | None], ForceRows] = {}
    for file in files:
        for key, rows in file.members.items():
            total[key] = total.get(key, ForceRows()) + rows
    return total
