"""The members of a hub: read them, check that they fit, and find what differs. `take_in.py` takes it over."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from dagster_project.contracts import Contract
from dagster_project.errors import UsageError
from dagster_project.loading.plan import ACCEPTED
from dagster_project.loading.suppression import SuppressionError, erased_rows, require_suppression, taken_over
from dagster_project.record import store
from dagster_project.settings import Settings, SettingsError, check_pipes
from dagster_project.sql import literal
from dagster_project.warehouse.connection import (
    WAREHOUSE,
    DatabaseUnreadable,
    is_cut_short,
    loading_connection,
    noticing_damage,
    opening,
)
from dagster_project.warehouse.lock import WarehouseLocked, reader_lock
from dagster_project.warehouse.roots import record_root, root_in_sql
from dagster_project.warehouse.tables import column_types, columns_of_other_privacy, ensure_tables
from dagster_project.words import in_shell

MEMBER = "member"
"""Name of an attached warehouse of a member."""

# Nightly runs take minutes, so this only bridges commands of a second, such as accepting a delivery.
PATIENCE_SECONDS = 5.0

# Columns of audit.load that may change while the load stays the same; every change also has a new change number.
STATUS = ("status", "withdrawn_at")
NUMBERING = ("change_seq", "first_change_seq")
# A hub purges by its own retention list, so it keeps rows that a member has purged since they were taken in.
PURGING = ("rows_purged", "purged_at", "rows_not_taken_in")
TABLES_OF_LOADS = ("load_column", "load_force", "quarantine", "silent_column")


REPLACED_LOADS = f"""
    select
        theirs.load_id,
        theirs.source,
        theirs.key_id,
        theirs.pseudonyms_replaced_at
    from {MEMBER}.audit.load as theirs
    inner join {WAREHOUSE}.audit.load as ours on theirs.load_id = ours.load_id
    where
        theirs.source = ours.source
        and theirs.loaded_at = ours.loaded_at
        and theirs.file_sha256 is not distinct from ours.file_sha256
        and (
            theirs.key_id is distinct from ours.key_id
            or theirs.pseudonyms_replaced_at is distinct from ours.pseudonyms_replaced_at
        )
"""
"""Loads that are the same but for their pseudonyms, which the member has replaced since they were taken in."""


class MemberLeftOut(Exception):
    """A member cannot be taken in; the message says why, and what to do."""


@dataclass(frozen=True)
class MemberState:
    """What a hub has taken in from a member."""

    folder: str
    root_number: int | None
    """None if nothing was ever taken in."""
    taken_in_at: datetime | None
    """Time of the last successful comparison, UTC, without time zone like the column."""
    newest: date | None
    """Newest extract date that was taken in."""
    problem: str | None
    """Why the last run left it out; None if it did not."""
    is_configured: bool
    """Whether the settings still name it."""

    @property
    def fault(self) -> str | None:
        """What needs attention, in words; None if nothing does."""
        return f"member {self.folder} was left out: {self.problem}" if self.problem and self.is_configured else None


@dataclass(frozen=True)
class MemberNews:
    """What a run would find at a member."""

    folder: str
    loads: int
    """Number of loads that differ from what was taken in; unknown with a problem."""
    newest_change: int
    """Newest change of its loads, by its own numbering."""
    problem: str | None = None
    """Why it cannot be taken in at the moment."""
    key: str | None = None
    """Fingerprint of the key of its pseudonyms."""
    has_erased: bool = False
    """Whether it has erased someone since the hub took over its erasures."""


def require_no_landing(settings: Settings) -> None:
    """Check that a hub has no extracts of its own.

    Raises:
        UsageError: there are files in its landing folder.
    """
    if settings.landing.is_dir() and any(path.is_file() for path in settings.landing.rglob("*")):
        raise UsageError(
            f"{settings.landing} has files, but this data root is a hub (FCIR_MEMBERS): it takes in the loads of its "
            "members and loads none itself. Nothing was done. Deliver the files to the data root of their force, or "
            "leave out FCIR_MEMBERS"
        )


def prepare_hub(settings: Settings, contracts: Mapping[str, Contract]) -> None:
    """Create the tables of a hub and the key of its record; note that it is a hub. The caller holds the writer lock.

    Raises:
        PrivateKeyError: the key of the record cannot be used.
        UsageError: there are files in its landing folder.
        RootMismatch: the data root has loads of its own.
        TableMismatch: a raw table does not fit its contract.
    """
    require_no_landing(settings)
    with loading_connection(settings.warehouse) as connection:
        ensure_tables(connection, contracts.values())
        record_root(connection, None)
    store.prepare(settings)


def member_states(settings: Settings, connection: duckdb.DuckDBPyConnection) -> list[MemberState]:
    """Return what a hub has taken in from each member, ordered by the settings; empty if it is not a hub.

    Args:
        settings: the hub.
        connection: its warehouse, for reading.
    """
    rows = connection.execute(
        f"""
        with newest as (
            select
                {root_in_sql("load_id")} as root_number,
                max(extract_date) as extract_date
            from audit.load
            where list_contains(?, status)
            group by all
        ),

        members as (
            select
                folder,
                max(root_number) as root_number,
                max(taken_in_at) as taken_in_at,
                min(problem) as problem
            from audit.member
            group by folder
        )

        select
            members.folder,
            members.root_number,
            members.taken_in_at,
            newest.extract_date,
            members.problem
        from members
        left join newest on members.root_number = newest.root_number
        order by members.folder
        """,
        [list(ACCEPTED)],
    ).fetchall()
    configured = [str(folder) for folder in settings.members]
    found = {
        folder: MemberState(folder, root, at, newest, problem, is_configured=folder in configured)
        for folder, root, at, newest, problem in rows
    }
    never = {folder: MemberState(folder, None, None, None, None, is_configured=True) for folder in configured}
    return [*(never | found).values()] if configured else []


def news_of_members(
    settings: Settings, connection: duckdb.DuckDBPyConnection, contracts: Mapping[str, Contract]
) -> list[MemberNews]:
    """Compare each member with what was taken in from it, without changes and without waiting.

    Args:
        settings: the hub.
        connection: its warehouse, for reading.
        contracts: the sources to compare.
    """
    found = []
    for folder in settings.members:
        try:
            with reading_member(connection, settings, folder, patience=0.0):
                root = admit(connection, settings, contracts, folder)
                columns = list(column_types(connection, WAREHOUSE, "audit", "load"))
                sql = f"select count(*) from ({changed_loads(columns)})"
                ((loads,),) = connection.execute(sql, {"sources": list(contracts), "root": root}).fetchall()
                ((change, key),) = connection.execute(
                    f"""
                    select
                        (select coalesce(max(change_seq), 0) from {MEMBER}.audit.load),
                        (select max(fingerprint) from {MEMBER}.audit.pseudonym_key)
                    """
                ).fetchall()
                erased = erased_in_member(settings, folder)
        except MemberLeftOut as left_out:
            found.append(MemberNews(str(folder), 0, 0, str(left_out)))
        else:
            found.append(MemberNews(str(folder), loads, change, None, key, has_erased=bool(erased)))
    return found


def erased_in_member(settings: Settings, folder: Path) -> dict[str, str]:
    """Return the hash of each pseudonym that a member has erased, with its substitute, without those taken over.

    Args:
        settings: the hub.
        folder: the member.

    Raises:
        MemberLeftOut: its list of erased people cannot be used.
    """
    known = taken_over(settings.suppression).get(str(folder), ())
    erased = erased_by(settings, folder)
    return {hashed: substitute for hashed, substitute in erased.items() if hashed not in known}


def require_taken_over(connection: duckdb.DuckDBPyConnection, settings: Settings, folder: Path) -> None:
    """Check that the hub has taken over every replacement of pseudonyms of the attached member, in all sources.

    A load that is taken in before would have other pseudonyms than earlier loads of its people, also in other sources;
    and the values of before would stay in publications, where nothing finds them.

    Raises:
        MemberLeftOut: the member has replaced some since this run took over such replacements.
    """
    if connection.execute(f"select 1 from ({REPLACED_LOADS}) limit 1").fetchall() or erased_in_member(settings, folder):
        raise MemberLeftOut(
            "it has erased a person or changed its key since this run began. The next run replaces the same values here"
        )


def require_same_time(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    folder: Path,
    contracts: Iterable[Contract],
    *,
    of_all_loads: bool = False,
) -> None:
    """Check that the attached member was not restored from a copy of before an erasure or a change of its key.

    Args:
        connection: the warehouse of the hub, with the member.
        settings: the hub.
        folder: the member.
        contracts: the sources to search for erased people.
        of_all_loads: whether to search all loads, and not only those whose pseudonyms differ from the hub's.

    Raises:
        MemberLeftOut: a load has pseudonyms of a key before the one that was taken over, or of an erased person.
    """
    before = connection.execute(
        f"""
        select 1
        from {MEMBER}.audit.load as theirs
        inner join {WAREHOUSE}.audit.load as ours on theirs.load_id = ours.load_id
        where
            theirs.loaded_at = ours.loaded_at
            and theirs.key_id is distinct from ours.key_id
            and ours.pseudonyms_replaced_at is not null
            and coalesce(theirs.pseudonyms_replaced_at < ours.pseudonyms_replaced_at, true)
        limit 1
        """
    ).fetchall()
    if before:
        raise MemberLeftOut(
            "it has pseudonyms of a key again that it had changed. Was its warehouse restored from an older copy? Read "
            f"its extracts again with its present key: FCIR_HOME={in_shell(folder)} fcir rebuild"
        )
    loads = f"select load_id from {MEMBER}.audit.load" if of_all_loads else f"select load_id from ({REPLACED_LOADS})"
    if erased_rows(connection, contracts, erased_by(settings, folder), catalog=MEMBER, loads=loads):
        raise MemberLeftOut(
            "it has people again whom it had erased. Was its warehouse restored from an older copy? Its next run "
            f"erases them again: FCIR_HOME={in_shell(folder)} fcir run --load-only"
        )


def erased_by(settings: Settings, folder: Path) -> Mapping[str, str]:
    """Return the hash of each pseudonym that a member has erased, with its substitute.

    Raises:
        MemberLeftOut: its list of erased people cannot be used, or does not have all of them.
    """
    try:
        suppression = require_suppression(settings.model_copy(update={"home": folder}))
    except SuppressionError as error:
        raise MemberLeftOut(str(error)) from None
    return suppression.replaced if suppression else {}


@contextmanager
def reading_member(
    connection: duckdb.DuckDBPyConnection, settings: Settings, folder: Path, *, patience: float
) -> Iterator[None]:
    """Attach a member's warehouse for reading, and keep its writers out meanwhile.

    Raises:
        MemberLeftOut: there is no warehouse, a run holds it, a replacement of pseudonyms is unfinished, or it is
            damaged.
    """
    member = settings.model_copy(update={"home": folder, "members": ()})
    advice = (
        "What was taken in before stays. Put the file back from its backup, and run there: "
        f"FCIR_HOME={in_shell(folder)} fcir run --load-only"
    )
    try:
        check_pipes(member)
        if not member.warehouse.is_file():
            raise MemberLeftOut(
                f"there is no {member.warehouse}. Is a share not mounted? A member loads first: "
                f"FCIR_HOME={in_shell(folder)} fcir run --load-only"
            )
        with reader_lock(member.lock_file, patience=patience):
            if member.replacement_intent.exists():
                raise MemberLeftOut(
                    "an erasure or a key rotation was interrupted there, so that some of its rows have the values of "
                    f"before. Finish it: FCIR_HOME={in_shell(folder)} fcir run --load-only"
                )
            with opening(member.warehouse, advice):
                connection.execute(f"attach {literal(str(member.warehouse))} as {MEMBER} (read_only)")
            try:
                with noticing_damage(lambda: (member.warehouse, advice)):
                    if is_cut_short(connection, member.warehouse, MEMBER):
                        raise DatabaseUnreadable(
                            f"{member.warehouse} is damaged: it is too short for what it holds. {advice}"
                        )
                    yield
            finally:
                connection.execute(f"detach {MEMBER}")
    except (SettingsError, WarehouseLocked, DatabaseUnreadable) as error:
        raise MemberLeftOut(str(error)) from None
    except OSError as error:
        raise MemberLeftOut(
            f"{folder} cannot be read: {error.strerror}. Run the hub as the owner of its members"
        ) from None


def require_same_privacy_there(
    connection: duckdb.DuckDBPyConnection, folder: Path, contracts: Iterable[Contract]
) -> None:
    """Check that the attached member has pseudonyms where the contracts say so, and clear values elsewhere.

    Args:
        connection: the warehouse of the hub, with the member.
        folder: the member.
        contracts: the sources to check.

    Raises:
        MemberLeftOut: a column, or reasons of its quarantined rows, have the other.
    """
    for contract in contracts:
        for place, what in columns_of_other_privacy(connection, contract, catalog=MEMBER):
            raise MemberLeftOut(
                f"its {place} has {what}. With the contracts of the hub, read the values again there: "
                f"FCIR_HOME={in_shell(folder)} fcir rebuild"
            )


def admit(
    connection: duckdb.DuckDBPyConnection, settings: Settings, contracts: Mapping[str, Contract], folder: Path
) -> int:
    """Return the number of the attached member, if it fits what was taken in before.

    Raises:
        MemberLeftOut: it has no number or that of another root, its tables are of another version, or it delivers a
            force that another root delivers.
    """
    update = f"Use one version for all data roots, and run there: FCIR_HOME={in_shell(folder)} fcir run --load-only"
    if not column_types(connection, MEMBER, "audit", "root"):
        raise MemberLeftOut(f"it was loaded by an earlier version. {update}")
    for name in ("load", "correction", "expectation_result", *TABLES_OF_LOADS):
        ours, theirs = (column_types(connection, catalog, "audit", name) for catalog in (WAREHOUSE, MEMBER))
        if unlike := sorted(column for column in ours if ours[column] != theirs.get(column)):
            raise MemberLeftOut(f"its table audit.{name} is of another version (column {', '.join(unlike)}). {update}")
    numbers = connection.execute(f"select root_number from {MEMBER}.audit.root").fetchall()
    if not numbers:
        raise MemberLeftOut(
            f"nothing is loaded there yet. Run there: FCIR_HOME={in_shell(folder)} fcir run --load-only"
        )
    unknown = connection.execute(
        f"select distinct source from {MEMBER}.audit.load where not list_contains(?, source) order by 1",
        [list(contracts)],
    ).fetchall()
    if unknown:
        raise MemberLeftOut(f"it loads {unknown[0][0]}, which has no contract here. {update}")
    root = numbers[0][0]
    if root is None:
        raise MemberLeftOut("it is a hub itself. Name its members in FCIR_MEMBERS instead")
    _check_number(connection, settings, folder, root)
    _check_forces(connection, settings, folder, root)
    return int(root)


def _number_in(settings: Settings, folder: Path) -> int | None:
    """Return the number that a data root has now; None if it cannot be read."""
    warehouse = settings.model_copy(update={"home": folder}).warehouse
    with suppress(duckdb.Error), duckdb.connect(str(warehouse), read_only=True) as connection:
        return next((number for (number,) in connection.execute("select root_number from audit.root").fetchall()), None)
    return None


def _check_number(connection: duckdb.DuckDBPyConnection, settings: Settings, folder: Path, root: int) -> None:
    """Check that no other member has the number, and that the loads taken in under it are those of this member."""
    others = connection.execute(
        "select distinct folder from audit.member where root_number = ? and folder <> ?", [root, str(folder)]
    ).fetchall()
    noted = {other for (other,) in others}
    # Members may have moved, each into the folder of another.
    if same := [
        other for other in settings.members if str(other) in noted and _number_in(settings, other) in (root, None)
    ]:
        raise MemberLeftOut(
            f"it has root number {root}, as {same[0]} has. Load it again into an empty data root with an "
            "FCIR_ROOT_NUMBER of its own"
        )
    # A data root that was moved, restored or loaded again still has some of the files.
    ((taken, shared),) = connection.execute(
        f"""
        with ours as (
            select distinct
                source,
                extract_date,
                file_sha256
            from audit.load
            where {root_in_sql("load_id")} = $root and list_contains($accepted, status)
        )

        select
            (select count(*) from ours),
            (
                select count(*)
                from ours
                inner join {MEMBER}.audit.load as theirs
                    on ours.source = theirs.source
                    and ours.extract_date = theirs.extract_date
                    and ours.file_sha256 = theirs.file_sha256
            )
        """,
        {"root": root, "accepted": list(ACCEPTED)},
    ).fetchall()
    if taken and not shared:
        raise MemberLeftOut(
            f"another data root was taken in with its root number {root}, and they have no file in common. Load it "
            "again into an empty data root with an FCIR_ROOT_NUMBER of its own"
        )


def _check_forces(connection: duckdb.DuckDBPyConnection, settings: Settings, folder: Path, root: int) -> None:
    """Check that no force of the member has rows from another root: a key and a day of a force are of one root."""
    both = connection.execute(
        f"""
        with theirs as (
            select distinct load_force.force_code
            from {MEMBER}.audit.load_force as load_force
            inner join {MEMBER}.audit.load as load on load_force.load_id = load.load_id
            where load.status = 'loaded' and load_force.rows_loaded > 0
        ),

        others as (
            select distinct
                load_force.force_code,
                {root_in_sql("load.load_id")} as root_number
            from {WAREHOUSE}.audit.load_force as load_force
            inner join {WAREHOUSE}.audit.load as load on load_force.load_id = load.load_id
            where
                load.status = 'loaded'
                and load_force.rows_loaded > 0
                and {root_in_sql("load.load_id")} <> ?
        )

        select
            theirs.force_code,
            others.root_number
        from theirs
        inner join others on theirs.force_code = others.force_code
        order by all
        """,
        [root],
    ).fetchall()
    if both:
        forces = ", ".join(dict.fromkeys(force for force, _ in both))
        others = [str(other) for other in settings.members if other != folder]
        present = "select 1 from audit.member where root_number = ? and list_contains(?, folder)"
        if not connection.execute(present, [both[0][1], others]).fetchall():
            raise MemberLeftOut(
                f"it has loaded rows of {forces}, which the hub has of root {both[0][1]}, and no other folder in "
                "FCIR_MEMBERS has that number. To publish without those rows, start the hub again in an empty folder"
            )
        raise MemberLeftOut(
            f"it has loaded rows of {forces}, which root {both[0][1]} delivers. A force delivers to one data root: "
            "correct the delivery (or FCIR_FORCE) there"
        )


def changed_loads(columns: Sequence[str]) -> str:
    """Return SQL for the loads that differ between the attached member and the hub.

    Parameters are `sources` and `root`. The kind is `new`, `gone`, `status` (only the status changed) or `other`
    (another load has the number: the number of a deleted record is used again, or the member was restored).
    """
    compared = [column for column in columns if column not in (*NUMBERING, *PURGING)]
    content = " or ".join(
        f"theirs.{column} is distinct from ours.{column}" for column in compared if column not in STATUS
    )
    status = " or ".join(f"theirs.{column} is distinct from ours.{column}" for column in STATUS)
    return f"""
        with theirs as (
            select *
            from {MEMBER}.audit.load
            where list_contains($sources, source)
        ),

        ours as (
            select *
            from {WAREHOUSE}.audit.load
            where list_contains($sources, source) and {root_in_sql("load_id")} = $root
        )

        select
            coalesce(theirs.load_id, ours.load_id) as load_id,
            case
                when ours.load_id is null then 'new'
                when theirs.load_id is null then 'gone'
                when {content} then 'other'
                else 'status'
            end as kind,
            theirs.change_seq as member_change,
            coalesce(ours.status not in ('rejected', 'missing_delivery'), false) as was_accepted
        from theirs
        full outer join ours on theirs.load_id = ours.load_id
        where {content} or {status}
    """
