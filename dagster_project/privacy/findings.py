"""What a data root and its backups hold of some values, by table, publication and file."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from dagster_project.console import with_progress
from dagster_project.contracts import Contract
from dagster_project.errors import OperatorError
from dagster_project.loading.pseudonyms import PSEUDONYM_LENGTH, earlier_key_file, id_of
from dagster_project.privacy.files import (
    Kind,
    UnreadableFile,
    files_below,
    is_searched,
    kind_of,
    noticing_damage,
    paths_below,
)
from dagster_project.privacy.searching import search
from dagster_project.privacy.values import Values
from dagster_project.publication.files import MANIFEST, manifest_of
from dagster_project.publication.names import is_name
from dagster_project.settings import Settings, Target, known_forces
from dagster_project.sql import literal, quoted, table
from dagster_project.warehouse.connection import NO_SPILLING, empty_spill_folder
from dagster_project.warehouse.marts import is_damaged
from dagster_project.warehouse.state import damaged_private_file
from dagster_project.warehouse.tables import column_types, noted_personal_columns
from dagster_project.words import counted, printable


class DamagedStore(OperatorError, RuntimeError):
    """The warehouse or the marts cannot be read, so nothing can be found in them."""


@dataclass
class Findings:
    """Rows with one of the values, or occurrences in files without rows.

    It has names of tables, columns and files only, with dots in place of the values.
    """

    warehouse: dict[str, int] = field(default_factory=dict)
    """By table and column."""
    marts: dict[str, int] = field(default_factory=dict)
    """By table and column."""
    publications: dict[str, int] = field(default_factory=dict)
    """By folder, relative to the data root."""
    files: dict[str, int] = field(default_factory=dict)
    """Other files, relative to the data root."""
    backups: dict[str, int] = field(default_factory=dict)
    """Files in the folders of backups."""
    landing: dict[str, int] = field(default_factory=dict)
    """Files in the landing folder, which is only read."""
    spellings: dict[str, int] = field(default_factory=dict)
    """Files in the landing folder with what looks like another spelling, which is another identifier."""
    names: list[str] = field(default_factory=list)
    """Files, folders and links outside the landing folder whose names have a value; they are not renamed."""
    unreadable: list[str] = field(default_factory=list)
    """Files that could not be decoded or written, or have pseudonyms of unknown keys, and folders that could not be
    read.
    """
    searched: int = 0
    """Number of files, without those of the landing folder; hard links to one file count once."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found anywhere, the landing folder included."""
        return self.is_clean and not self.landing

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left outside the landing folder, and every file could be read."""
        held = (self.warehouse, self.marts, self.publications, self.files, self.backups)
        return not any((*held, self.names, self.unreadable))

    def as_json(self) -> dict[str, object]:
        """Return the findings as JSON values."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """Yield the findings in words, a line for each kind of place."""
        for title, found in (("Warehouse", self.warehouse), ("Marts", self.marts)):
            listed = ", ".join(f"{name} {rows:,}" for name, rows in found.items())
            yield f"{title:<14}{counted(sum(found.values()), 'row')}: {listed}" if found else f"{title:<14}nothing"
        for title, found in (
            ("Publications", self.publications),
            ("Other files", self.files),
            ("Backups", self.backups),
            ("Landing", self.landing),
        ):
            listed = ", ".join(f"{printable(name)} ({rows:,})" for name, rows in found.items())
            yield f"{title:<14}{listed or 'nothing'}"
        if self.spellings:
            yield f"{'Spellings':<14}{', '.join(f'{name} ({rows:,})' for name, rows in self.spellings.items())}"
        if self.names:
            yield f"{'Names':<14}{', '.join(self.names)}"
        if self.unreadable:
            yield f"{'Not readable':<14}{', '.join(map(printable, self.unreadable))}"


def find_values(settings: Settings, values: Values, keys: Iterable[str] | None = None) -> Findings:
    """Search every file of the data root without landing folder, lake, keys and suppression list; and of backups.

    Args:
        settings: the data root; the caller holds the writer lock and no connection.
        values: what is searched for.
        keys: ids of the keys that its pseudonyms are of: copies of a warehouse with other keys cannot be searched.
            None: they are not looked at.

    Raises:
        DamagedStore: the warehouse or the marts cannot be read.
    """
    found = Findings()
    seen: dict[tuple[int, int], dict[str, int]] = {}
    for root, file in with_progress("search", "files", list(searched_files(settings))):
        try:
            state = file.stat()
        except FileNotFoundError:
            # The log of a SQLite database, which the last program that closes it removes.
            continue
        inode = (state.st_dev, state.st_ino)
        try:
            rows = seen[inode] if inode in seen else _rows(settings, values, root, file)
            unknown = set() if inode in seen or keys is None else _keys_of_copy(file).difference(keys)
        except UnreadableFile as error:
            if file in (settings.warehouse, settings.marts):
                raise DamagedStore(
                    f"{error}. Nothing was replaced. {damaged_private_file(settings.warehouse)[1]}"
                ) from None
            found.unreadable.append(values.hidden_in(str(file)))
            continue
        found.unreadable += (
            f"{values.hidden_in(str(file))} (loaded with the key {key_id}, which is not kept here: delete the file, or "
            f"put back {earlier_key_file(settings.key_file, key_id).name} and run the command again)"
            for key_id in sorted(unknown)
        )
        seen[inode] = rows
        if rows:
            _note(settings, values, found, root, file, rows)
    found.searched = len(seen)
    found.unreadable += (values.hidden_in(str(folder)) for folder in missing_backups(settings))
    found.unreadable += (
        f"{values.hidden_in(str(lake))} (a copied lake, which is not searched: delete it, Spark builds it again)"
        for lake in _passed_over(settings, settings.trial_lake.name)
        if any(files_below(lake))
    )
    named = [path for _, path in _searched_paths(settings) if values.count_in(os.fsencode(path.name))]
    named += [folder for folder in settings.backups if values.count_in(os.fsencode(folder))]
    found.names = [values.hidden_in(str(path)) for path in named]
    return found


def require_whole(settings: Settings) -> None:
    """Check that every value of the warehouse and the marts can be read, before both are rewritten.

    A search reads only texts. A damaged number would stop the rewriting half way, and so every later run.

    Raises:
        DamagedStore: one of them has a damaged part; the message names it, and the next command.
    """
    for file in (settings.warehouse, settings.marts):
        if file.exists() and is_damaged(file):
            advice = damaged_private_file(settings.warehouse)[1]
            raise DamagedStore(f"{file} is damaged: a part of it cannot be read. Nothing was replaced. {advice}")


def _rows(settings: Settings, values: Values, root: Path, file: Path) -> dict[str, int]:
    is_own = file in (settings.warehouse, settings.marts) or publication_of(file, root) is not None
    hits = search(file, values, with_numbers=not is_own)
    return {f"{hit.table}.{hit.column}".replace('"', "").strip("."): hit.rows for hit in hits}


def _keys_of_copy(file: Path) -> set[str]:
    """Return the ids of the keys that the rows of a copy of the warehouse were loaded with; of another file none."""
    if kind_of(file) is not Kind.DUCKDB:
        return set()
    with noticing_damage(file), duckdb.connect(config=dict(NO_SPILLING)) as connection:
        connection.execute(f"attach {literal(str(file))} as copied (read_only)")
        found = set()
        for name, column in (("load", "key_id"), ("pseudonym_key", "fingerprint")):
            if column in column_types(connection, "copied", "audit", name):
                rows = connection.execute(
                    f"select distinct {column} from {table('copied', 'audit', name)} where {column} is not null"
                ).fetchall()
                found |= {id_of(of_row) for (of_row,) in rows}
        return found


def searched_files(settings: Settings) -> Iterator[tuple[Path, Path]]:
    """Yield each file that is searched, with the root that it is below: the data root, or a folder of backups.

    Folders that commands write to are searched even if they are links, for example to another disk. The landing folder
    is not searched, and neither is the lake: Iceberg keeps the size of each of its files, and does not open one that
    was rewritten. A folder that cannot be read is yielded like a file that cannot be read. A file is yielded once, also
    if folders are within each other or a link leads to one of them.
    """
    return ((root, path) for root, path in _searched_paths(settings) if is_searched(path))


def _searched_paths(settings: Settings) -> Iterator[tuple[Path, Path]]:
    """Yield the searched files with the folders that they are in, and links; each once."""
    real_folder, seen = cache(os.path.realpath), set[tuple[str, str]]()
    for root, path in _paths_of_roots(settings):
        place = (real_folder(path.parent), path.name)
        if place not in seen:
            seen.add(place)
            yield root, path


def _paths_of_roots(settings: Settings) -> Iterator[tuple[Path, Path]]:
    home = settings.home
    left_out = [settings.landing, settings.suppression, home / "secrets", settings.key_file, settings.lock_file]
    left_out.append(settings.trial_lake)
    left_out += settings.backups
    for folder in (*filter(Path.is_symlink, _folders_of_commands(settings)), home):
        for path in paths_below(folder, left_out):
            yield home, path
    for folder in settings.backups:
        for path in paths_below(folder, [home]):
            above = [*path.relative_to(folder).parents][:-1]
            if not any(_is_passed_over(settings, folder / parent) for parent in above):
                yield folder, path


def _is_passed_over(settings: Settings, folder: Path) -> bool:
    """Return whether a folder in a backup is the landing folder or the lake of a copied data root."""
    if folder.name not in (settings.landing.name, settings.trial_lake.name):
        return False
    copied = settings.model_copy(update={"home": folder.parent})
    return copied.warehouse.exists() or copied.record.exists()


def landing_folders(settings: Settings) -> list[Path]:
    """Return the landing folder, and those of data roots that were copied to the folders of backups."""
    return [settings.landing, *_passed_over(settings, settings.landing.name)]


def _passed_over(settings: Settings, name: str) -> list[Path]:
    """Return the folders of a name that are passed over in the folders of backups."""
    copied = (path for folder in settings.backups for path in paths_below(folder, [settings.home]) if path.is_dir())
    named = (path for path in copied if path.name == name and not path.is_symlink())
    return [path for path in named if _is_passed_over(settings, path)]


def _folders_of_commands(settings: Settings) -> list[Path]:
    """Return the folders of a data root that commands write values to. Other links are not followed: to anywhere."""
    of_forces = settings.published_force(settings.force).parent
    folders = [settings.published, settings.published_public, of_forces, *map(settings.published_force, known_forces())]
    folders += [settings.history, settings.dagster_home, settings.certificates, settings.commentary, settings.record]
    return [*folders, *(settings.home / name for name in ("damaged", "data_docs", "dbt", f"dbt-{Target.SPARK}"))]


def missing_backups(settings: Settings) -> list[Path]:
    """Return the folders of backups that cannot be searched because they are not there, as on a disk not mounted."""
    return [folder for folder in settings.backups if not folder.is_dir()]


def pseudonyms_in_databases(
    settings: Settings, contracts: Mapping[str, Contract], condition: str, known: Iterable[str]
) -> set[str]:
    """Return pseudonyms in the personal columns of any database of the data root and the backups.

    Columns that are no longer in a contract are searched too, if the warehouse or a copy of it notes them as personal.
    Other texts in these columns, such as the numbers in place of purged operators, identify no person and are left out.

    Args:
        settings: the data root; the caller holds the writer lock and no connection.
        contracts: all contracts.
        condition: which of them, in SQL; `{}` stands for the column, and the table `known_value` has the values.
        known: the values of that table.
    """
    names = {column.name for contract in contracts.values() for column in contract.columns if column.is_personal}
    values = list(known)
    found: set[str] = set()
    # The warehouse first: publications have columns that only it notes as personal, or a copy of it that comes later.
    # Those that were read before such a copy are read again.
    databases = sorted(_databases(settings), key=lambda file: file != settings.warehouse)
    while databases:
        searched: dict[Path, frozenset[str]] = {}
        for file in databases:
            with duckdb.connect(config={"temp_directory": str(empty_spill_folder(settings.warehouse))}) as connection:
                try:
                    connection.execute(f"attach {literal(str(file))} as searched (read_only)")
                    names |= {column for _, column in noted_personal_columns(connection, "searched")}
                    found |= _pseudonyms_in(connection, sorted(names), condition, values)
                except duckdb.OutOfMemoryException:
                    raise
                except (duckdb.Error, OSError, UnicodeError):
                    # What a damaged database holds cannot be found, and nothing reads it; DuckDB opens only names in
                    # UTF-8.
                    continue
            searched[file] = frozenset(names)
        databases = [file for file, of_file in searched.items() if of_file != names]
    return found


def _databases(settings: Settings) -> Iterator[Path]:
    """Yield the DuckDB files that are searched, each once, although several publications share it by a hard link."""
    seen: set[tuple[int, int]] = set()
    for _, file in searched_files(settings):
        try:
            state = file.stat()
            inode = (state.st_dev, state.st_ino)
            if inode in seen or kind_of(file) is not Kind.DUCKDB:
                continue
        except OSError:
            # It cannot be read, or is the log of a SQLite database, which the last program that closes it removes.
            continue
        seen.add(inode)
        yield file


def erased_pseudonyms(
    settings: Settings, contracts: Mapping[str, Contract], replaced: Mapping[str, str]
) -> dict[str, str]:
    """Return the pseudonyms of erased people in any database of the data root and the backups, with their substitutes.

    Args:
        settings: the data root; the caller holds the writer lock and no connection.
        contracts: all contracts.
        replaced: the substitute by the SHA-256 of each pseudonym; without any, nothing is searched.
    """
    if not replaced:
        return {}
    found = pseudonyms_in_databases(settings, contracts, "sha256({}) in (select value from known_value)", replaced)
    return {value: replaced[sha256(value.encode()).hexdigest()] for value in found}


def _pseudonyms_in(
    connection: duckdb.DuckDBPyConnection, names: list[str], condition: str, known: list[str]
) -> set[str]:
    """Return the pseudonyms in columns of these names of the attached database."""
    register_values(connection, known)
    columns = connection.execute(
        """
        select columns.schema_name, columns.table_name, columns.column_name
        from duckdb_columns() as columns
        inner join duckdb_tables() as tables on columns.table_oid = tables.table_oid
        where
            columns.database_name = 'searched'
            and tables.database_name = 'searched'
            and columns.data_type = 'VARCHAR'
            and list_contains(?, columns.column_name)
        """,
        [names],
    ).fetchall()
    found: set[str] = set()
    for schema, name, column in columns:
        rows = connection.execute(
            f"select distinct {quoted(column)} from {table('searched', schema, name)} "
            f"where regexp_full_match({quoted(column)}, '[0-9a-f]{{{PSEUDONYM_LENGTH}}}') "
            f"and {condition.format(quoted(column))}"
        ).fetchall()
        found |= {value for (value,) in rows}
    return found


def register_values(connection: duckdb.DuckDBPyConnection, known: Iterable[str]) -> None:
    """Create the temporary table `known_value` with values."""
    connection.register("known_values", pa.table({"value": pa.array(known, pa.string())}))
    connection.execute("create or replace temp table known_value as select value from known_values")
    connection.unregister("known_values")


def publication_of(file: Path, root: Path) -> Path | None:
    """Return the folder of the publication that a file is in: the nearest one above it with the manifest of one.

    dbt and programs that make backups write files of this name too. A folder that is named as publications are counts
    although its manifest is damaged.
    """
    for folder in file.parents:
        if _is_publication(folder):
            return folder
        if folder == root:
            break
    return None


def _is_publication(folder: Path) -> bool:
    try:
        state = (folder / MANIFEST).stat()
    except OSError:
        return False
    return is_name(folder.name) or _has_manifest(folder, state.st_mtime_ns, state.st_size)


@cache
def _has_manifest(folder: Path, modified_ns: int, size: int) -> bool:  # noqa: ARG001 (another content is read again)
    try:
        manifest: Any = manifest_of(folder)
    except (OSError, ValueError):
        return False
    return (
        isinstance(manifest, dict)
        and isinstance(manifest.get("files"), list)
        and isinstance(manifest.get("tables"), dict)
    )


def _note(settings: Settings, values: Values, found: Findings, root: Path, file: Path, rows: dict[str, int]) -> None:
    def add(places: dict[str, int], path: Path) -> None:
        name = values.hidden_in(str(path))
        places[name] = places.get(name, 0) + sum(rows.values())

    if root != settings.home:
        add(found.backups, file)
    elif file == settings.warehouse:
        found.warehouse |= rows
    elif file == settings.marts:
        found.marts |= rows
    elif publication := publication_of(file, root):
        add(found.publications, publication.relative_to(root))
    else:
        add(found.files, file.relative_to(root))
