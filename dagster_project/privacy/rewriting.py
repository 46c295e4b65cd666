"""Rewrite files without values. Each file is replaced in one step."""

import gzip
import sqlite3
import zipfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.privacy.columns import CATALOG, TEXT, Column, all_of, attached, parquet_rows
from dagster_project.privacy.files import (
    LOG,
    Kind,
    UnreadableFile,
    is_of_machine,
    is_of_sqlite,
    kind_of,
    log_of,
    noticing_damage,
)
from dagster_project.privacy.searching import Hit, bytes_of, in_use, says_locked, search, search_with_log
from dagster_project.privacy.texts import replaced_text
from dagster_project.privacy.values import Values
from dagster_project.publication.parquet_files import copy_to_parquet, nullable_columns
from dagster_project.sql import quoted, scalar, table
from dagster_project.warehouse.checksums import CHECKSUMS
from dagster_project.warehouse.connection import NO_SPILLING, empty_spill_folder
from dagster_project.warehouse.marts import REWRITTEN, rewrite_rows, rewriting_connection
from dagster_project.writing import draft_of, private_files, put_in_place


class CannotRewrite(Exception):
    """A file has a value and is of a kind that cannot be written without it."""


def require_unlocked(file: Path, values: Values) -> None:
    """Check that a SQLite database with one of the values can be rewritten; any other file is passed over.

    Its log is written into it.

    Raises:
        DatabaseInUse: another program has locked it.
    """
    try:
        if kind_of(file) is not Kind.SQLITE or not search_with_log(file, values):
            return
        with _writing_to_sqlite(file, values, "Nothing was replaced. ") as connection:
            connection.execute("begin exclusive")
            connection.rollback()
    except (UnreadableFile, OSError):
        return


def replace_values(
    file: Path,
    values: Values,
    *,
    order: Sequence[str] = (),
    spill_at: Path | None = None,
    on_change: Callable[[Path], None] | None = None,
) -> bool:
    """Replace values in a file, so that no byte of them remains in it, and return whether it was rewritten.

    A file without them stays as it is, except that a DuckDB file loses its free blocks, which keep old bytes, and its
    log is written into it.

    Args:
        file: the file. Its mode stays; if it is a hard link, the others keep the old content.
        values: what is replaced.
        order: columns by which the rows of a Parquet file are ordered.
        spill_at: DuckDB file next to which memory spills, which is not open; None: a Parquet file may not spill.
        on_change: called with the file before it is rewritten.

    Raises:
        UnreadableFile: the file cannot be decoded, and stays as it is; or it has the values in columns where they
            cannot be replaced, and only those stay as they are.
        DatabaseInUse: it is a SQLite database that another program has locked.
        CannotRewrite: it is a PDF, or an office document that has a value in several pieces.
    """
    if is_of_sqlite(file) or log_of(file):
        return False
    hits, kind = search_with_log(file, values), kind_of(file)
    has_log = kind is Kind.DUCKDB and file.with_name(f"{file.name}{LOG}").exists()
    if not hits and not has_log and not (kind is Kind.DUCKDB and _has_free_blocks(file)):
        return False
    rewritable = _rewritable(file, kind, hits, values)
    if hits and not rewritable:
        raise _not_rewritable(file)
    if on_change:
        on_change(file)
    if has_log:
        # DuckDB opens no database beside the log of another, so the rewritten one must have none; it is safe to kill.
        with noticing_damage(file), private_files(), duckdb.connect(str(file), config=dict(NO_SPILLING)) as connection:
            connection.execute("checkpoint")
    if kind is Kind.DUCKDB:
        # The search reads texts only; other columns may be damaged.
        with noticing_damage(file), rewriting_connection(file, spill_at=spill_at) as connection:
            values.register(connection)
            rewrite_rows(connection, file, _replaced_rows(rewritable, values))
    else:
        _rewrite(file, kind, rewritable, values, order, spill_at)
    if len(rewritable) < len(hits):
        raise _not_rewritable(file)
    return True


def _rewritable(file: Path, kind: Kind, hits: Sequence[Hit], values: Values) -> list[Hit]:
    """Return the hits in texts, and in columns of other types whose values can be replaced."""
    if all(hit.of.kind == TEXT for hit in hits):
        return list(hits)
    if kind is Kind.DUCKDB:
        with attached(file, values) as connection:
            return [hit for hit in hits if hit.of.is_rewritable(connection, f"{CATALOG}.{hit.table}", values)]
    return [hit for hit in hits if hit.of.is_rewritable(values.searching, parquet_rows(file), values)]


def _not_rewritable(file: Path) -> UnreadableFile:
    return UnreadableFile(f"{file} cannot be rewritten (nested column)")


def _replaced_rows(hits: Sequence[Hit], values: Values) -> dict[str, tuple[str, list[object]]]:
    """Return by table the query of its rows with values replaced in the columns where they were found."""
    columns: dict[str, list[Column]] = {}
    for hit in hits:
        if hit.table:
            columns.setdefault(hit.table, []).append(hit.of)
    found = {}
    for relation, of_table in columns.items():
        found[relation] = _select_replaced(f"{REWRITTEN}.{relation}", of_table, values)
    if any(relation.startswith('"raw".') for relation in found):
        # A copy of the warehouse: if it is restored, the next command notes the checksums of the rows that it has.
        found[CHECKSUMS] = (f"from {REWRITTEN}.{CHECKSUMS} where false", [])
    return found


def _select_replaced(rows: str, columns: Sequence[Column], values: Values) -> tuple[str, list[object]]:
    """Return the query of rows with values replaced in columns, and its parameters."""
    if not columns:
        return f"select * from {rows}", []
    expressions, parameters = all_of(column.expression(values) for column in columns)
    replaced = ", ".join(f"{sql} as {column.name}" for sql, column in zip(expressions, columns, strict=True))
    return f"select * replace ({replaced}) from {rows}", parameters


def _has_free_blocks(file: Path) -> bool:
    with duckdb.connect(str(file), read_only=True) as connection:
        return bool(scalar(connection, "select sum(free_blocks) from pragma_database_size()"))


def rows_of_tables(file: Path, names: Collection[str]) -> dict[str, int]:
    """Return the number of rows of tables of a published database."""
    with duckdb.connect(str(file), read_only=True) as connection:
        return {name: scalar(connection, f"select count(*) from {table('marts', name)}") for name in names}


def update_tables(connection: duckdb.DuckDBPyConnection, catalog: str, hits: Sequence[Hit], values: Values) -> None:
    """Replace values in the columns of tables where they were found. Nested texts that cannot be replaced stay.

    Args:
        connection: an open connection; `values.register` was called for it.
        catalog: name of the database in it.
        hits: tables and columns, as `search` returns them.
        values: what is replaced.
    """
    for hit in hits:
        if not hit.table or not hit.of.is_rewritable(connection, f"{catalog}.{hit.table}", values):
            continue
        condition, of_condition = hit.of.condition(values)
        expression, of_expression = hit.of.expression(values)
        connection.execute(
            f"update {catalog}.{hit.table} set {hit.column} = {expression} where {condition}",
            [*of_expression, *of_condition],
        )


def _rewrite(
    file: Path, kind: Kind, hits: Sequence[Hit], values: Values, order: Sequence[str], spill_at: Path | None
) -> None:
    if kind is Kind.SQLITE:
        _replace_in_sqlite(file, values)
        return
    draft = draft_of(file)
    draft.unlink(missing_ok=True)
    with private_files():
        if kind is Kind.PARQUET:
            _write_parquet(file, draft, hits, values, order, spill_at)
        elif kind is Kind.ZIP:
            _write_zip(file, draft, values)
        elif kind is Kind.GZIP:
            draft.write_bytes(gzip.compress(replaced_text(gzip.decompress(file.read_bytes()), values)))
        elif kind is Kind.PDF:
            raise CannotRewrite(f"{file} is a PDF")
        else:
            draft.write_bytes(replaced_text(file.read_bytes(), values))
    put_in_place(draft, file, mode=file.stat().st_mode)


def _write_parquet(
    file: Path, draft: Path, hits: Sequence[Hit], values: Values, order: Sequence[str], spill_at: Path | None
) -> None:
    spills = {"temp_directory": str(empty_spill_folder(spill_at))} if spill_at else NO_SPILLING
    with duckdb.connect(config=dict(spills)) as connection, nullable_columns(connection):
        values.register(connection)
        # Without a column if only the properties of the file have values, which are not written again.
        columns = [hit.of for hit in hits if hit.table]
        rows, parameters = _select_replaced(parquet_rows(file), columns, values)
        # COPY takes no parameters.
        connection.execute(f"create temp table rewritten as {rows}", parameters)
        # An edition does not have all columns of its table.
        kept = connection.table("rewritten").columns
        copy_to_parquet(connection, [column for column in order if column in kept], "rewritten", draft)


def _write_zip(file: Path, draft: Path, values: Values) -> None:
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(draft, "w") as new:
        for member in old.infolist():
            new.writestr(member, replaced_text(old.read(member), values), member.compress_type)
    if search(draft, values):
        draft.unlink()
        raise CannotRewrite(f"{file} has a value in several pieces")


def _replace_in_sqlite(file: Path, values: Values) -> None:
    with _writing_to_sqlite(file, values) as connection:
        connection.execute("pragma secure_delete = on")
        is_utf8 = connection.execute("pragma encoding").fetchone() == ("UTF-8",)
        connection.create_function("replaced", 1, lambda cell: _replaced_cell(cell, values), deterministic=True)
        for (name,) in connection.execute("select name from sqlite_master where type = 'table'").fetchall():
            for _, column, *_ in connection.execute(f"pragma table_info({quoted(name)})").fetchall():
                of = quoted(column)
                new = f"replaced({of})"
                if is_utf8:
                    # As bytes: a text may be of another encoding, or damaged.
                    new = (
                        f"case typeof({of}) when 'text' then cast(replaced(cast({of} as blob)) as text) else {new} end"
                    )
                connection.execute(f"update {quoted(name)} set {of} = {new} where {new} <> {of}")
        connection.commit()
        connection.execute("vacuum")


@contextmanager
def _writing_to_sqlite(file: Path, values: Values, done: str = "") -> Iterator[sqlite3.Connection]:
    """Open a SQLite database that other programs may have open, and write its log into it at the end.

    Raises:
        DatabaseInUse: another program has locked it.
        UnreadableFile: a part of it is damaged, or this user may not write it. It stays as it is.
    """
    with closing(sqlite3.connect(file)) as connection:
        try:
            yield connection
            ((is_busy, *_),) = connection.execute("pragma wal_checkpoint(truncate)").fetchall()
        except sqlite3.Error as error:
            if is_of_machine(error):
                raise
            if says_locked(error):
                raise in_use(file, values, done) from None
            raise UnreadableFile(f"{file} cannot be rewritten ({type(error).__name__})") from None
        if is_busy:
            raise in_use(file, values, done)


def _replaced_cell(cell: Any, values: Values) -> Any:
    if not isinstance(cell, str | bytes):
        return cell
    replaced, _ = values.replace_in(bytes_of(cell))
    return replaced if isinstance(cell, bytes) else replaced.decode()
