"""Queries that try to leave the sandbox of `fcir query`, and queries that would never end."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from dagster_project.errors import UsageError
from dagster_project.publication.query import published_query
from dagster_project.settings import Settings
from tests.leaving.chaos.roots import Roots
from tests.leaving.end_to_end.command import Command

_LINE = "a line of another file"
# A file that exists, in the folder where the query runs and by its whole path; a private file; files on the network.
_FILES = (
    "secret.csv",
    "{folder}/secret.csv",
    "/proc/self/environ",
    "http://127.0.0.1:9/x.csv",
    "s3://bucket/x.parquet",
)
_READERS = (
    "read_text",
    "read_blob",
    "read_csv",
    "read_parquet",
    "read_csv_auto",
    "sniff_csv",
    "parquet_scan",
    "parquet_metadata",
    "parquet_schema",
    "parquet_file_metadata",
    "parquet_kv_metadata",
    "read_json",
    "read_ndjson",
    "read_json_objects",
    "read_duckdb",
    "glob",
)
# DuckDB lets a query read the file that is open.
_PUBLISHED = "{folder}/published/one/fcir.duckdb"
_STATEMENTS = (
    "attach '{folder}/secret.csv' as other",
    "attach ':memory:' as other",
    "attach 'other.duckdb' as other",
    "attach 'http://127.0.0.1:9/x.duckdb' as other (read_only)",
    "attach 'dbname=x' as other (type postgres)",
    "attach 'x.sqlite' as other (type sqlite)",
    "detach fcir",
    "use memory",
    "copy t to 'stolen.csv'",
    "copy (from t) to '{folder}/stolen.parquet' (format parquet)",
    "copy (from t) to '/dev/stderr'",
    "copy t from 'secret.csv'",
    "copy from database fcir to memory",
    "export database 'stolen'",
    "import database 'stolen'",
    "install httpfs",
    "install '{folder}/evil.duckdb_extension'",
    "load httpfs",
    "load '{folder}/evil.duckdb_extension'",
    "force install json",
    "set lock_configuration = false",
    "set enable_external_access = true",
    "set memory_limit = '100GB'",
    "set threads = 64",
    "set temp_directory = '{folder}/stolen'",
    "set allowed_directories = ['/']",
    "set autoload_known_extensions = true",
    "set python_enable_replacements = true",
    "set log_query_path = '{folder}/stolen'",
    "set variable x = 1",
    "reset memory_limit",
    "reset enable_external_access",
    "pragma enable_external_access",
    "pragma threads = 64",
    "pragma enable_profiling",
    "pragma profiling_output = '{folder}/stolen'",
    "pragma version",
    "pragma database_list",
    "call pragma_version()",
    "call enable_logging(storage = 'file', storage_path = '{folder}/stolen')",
    "create table mine as from t",
    "create temp table mine as from t",
    "create view mine as from t",
    "create macro mine() as 1",
    "create schema mine",
    "create sequence mine",
    "create type mine as enum ('a')",
    "create secret mine (type s3)",
    "create or replace persistent secret mine (type http)",
    "insert into t values (1)",
    "update t set n = 0",
    "delete from t",
    "truncate t",
    "drop table t",
    "alter table t add column m integer",
    "comment on table t is 'mine'",
    "vacuum",
    "checkpoint",
    "begin",
    "commit",
    "prepare mine as from t",
    "execute mine",
    "analyze",
    "select 1; select 2",
    "select 1; attach 'other.duckdb' as other",
    "from t; drop table t",
    "with gone as (delete from t returning n) from gone",
    "explain analyze copy t to 'stolen.csv'",
    "explain analyze delete from t",
    "from 'secret.csv'",
    "from '{folder}/secret.csv'",
    'from "secret.csv"',
    "from '/etc/hostname'",
    "from 'https://127.0.0.1:9/x.parquet'",
    "describe 'secret.csv'",
    "summarize 'secret.csv'",
    "pivot 'secret.csv' on column0",
    "from (unpivot 'secret.csv' on columns(*))",
    "from query('attach ''other.duckdb'' as other')",
    "from query('copy t to ''stolen.csv''')",
    "from query_table('secret.csv')",
    "select (select content from read_text('secret.csv'))",
    "from t where exists (from read_csv('secret.csv'))",
    "with x as (from read_text('secret.csv')) from x",
    "explain from read_csv('secret.csv')",
    "describe from read_csv('secret.csv')",
    "select getenv('HOME')",
    "select getvariable('x') from read_text('secret.csv')",
    "from settings",
    "from connection",
    "from duckdb",
    "from Path",
    "from sqlite_scan('secret.csv', 't')",
    "from postgres_scan('dbname=x', 'public', 't')",
    "from st_read('secret.csv')",
    "from read_xlsx('secret.csv')",
    "from iceberg_scan('{folder}')",
    "from delta_scan('{folder}')",
    "from arrow_scan(1, 2, 3)",
    "from pandas_scan(1)",
    "from python_map_function(1)",
    "from checkpoint()",
    "from system.main.checkpoint()",
    "from force_checkpoint()",
    "explain analyze from checkpoint()",
    "from truncate_duckdb_logs()",
    "from enable_logging('QueryLog')",
    "from disable_logging()",
    "from enable_profiling()",
    "from register_external_resource_type('x', kind := 'server', create_function := 'f', destroy_function := 'g')",
    "from register_external_resource('x', 'y', map {'a': 'b'})",
    "from deregister_external_resource('x')",
    "from duckdb_databases()",
    "from duckdb_databases",
    "from pragma_database_list",
    "from pg_catalog.pg_database",
    "from duckdb_settings()",
    "from pg_catalog.pg_settings",
    "from duckdb_profiling_settings()",
    "select (select max(value) from duckdb_settings())",
    "with x as materialized (from duckdb_settings()) from x",
    "pivot (from duckdb_settings()) on name using max(value)",
    "explain pivot (from duckdb_settings()) on name using max(value)",
    "summarize from duckdb_settings()",
    "from query('from duckdb_settings()')",
    "from query_table('pg_settings')",
    "from json_execute_serialized_sql(json_serialize_sql('from duckdb_settings()'))",
    "from duckdb_secrets()",
    "from which_secret('s3://bucket', 's3')",
    "from duckdb_logs()",
    "from duckdb_logs",
    "from duckdb_temporary_files()",
    "from duckdb_extensions()",
    "from pragma_database_size()",
    *(f"from {reader}('{_PUBLISHED}')" for reader in ("read_blob", "read_text", "read_duckdb", "glob", "sniff_csv")),
    f"from '{_PUBLISHED}'",
)
PROBES = (
    *(f"from {reader}('{file}')" for reader in _READERS[:4] for file in _FILES),
    *(f"from {reader}('secret.csv')" for reader in _READERS[4:]),
    *_STATEMENTS,
)
"""Queries that must be refused."""

_ENDLESS = "with recursive t(n) as (select 1 union all select n + 1 from t) select n from t"
_RANGE = "range(1000000000000)"
HEAVY = (
    [f"select max(n) from ({_ENDLESS})"],
    [f"{_ENDLESS} order by n"],
    [_ENDLESS, "--all"],
    [_ENDLESS, "--csv"],
    [_ENDLESS, "--json"],
    [_ENDLESS, "--markdown"],
    [f"select count(*) from ({_ENDLESS})"],
    [f"select sum(hash(range)) from {_RANGE}"],
    [f"select max(md5(range::varchar)) from {_RANGE}"],
    [f"from {_RANGE} as a, {_RANGE} as b where a.range * b.range = -1"],
    [f"select count(distinct range) from {_RANGE}"],
    [f"select list(range) from {_RANGE}"],
    [f"select string_agg(range::varchar) from {_RANGE}"],
    [f"select range, row_number() over (order by hash(range)) from {_RANGE}"],
    ["select list_sort(range(1000000000))"],
    ["select length(repeat('x', 4000000000))"],
    ["select regexp_replace(repeat('a', 90000000), 'a', 'bbbbbbbbbb', 'g')"],
    ["select levenshtein(repeat('ab', 500000), repeat('ba', 500000))"],
    ["select list_reduce(range(100000000), lambda a, b: a + b)"],
    ["from generate_series(1, 1000000000000) as s(n) order by hash(n) limit 5"],
)
"""Arguments of queries that have to be ended by a limit."""


def _publication(folder: Path) -> Settings:
    """Make a publication with one table, next to a file that no query may read."""
    published = folder / "published" / "one"
    if not published.exists():
        published.mkdir(parents=True)
        with duckdb.connect(str(published / "fcir.duckdb")) as connection:
            connection.execute("create schema marts")
            connection.execute("create table marts.t as select range as n from range(1000)")
        published.with_name("current").symlink_to("one")
        (folder / "secret.csv").write_text(_LINE, encoding="utf-8")
    return Settings(home=folder, _env_file=None)


def probe(seed: int, roots: Roots, _folder: Path) -> None:
    """Ask one of `PROBES`; it has to be refused and to leave nothing."""
    folder = roots.folder / "sandbox"
    settings, sql = _publication(folder), PROBES[(seed - 1) % len(PROBES)].replace("{folder}", str(folder))
    before = sorted(folder.rglob("*"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        refusal = ""
        try:
            with published_query(settings, sql, seconds=20, end=pytest.fail) as query:
                rows = [row for chunk in query.chunks() for row in chunk]
        except UsageError as error:
            refusal = str(error)
    assert refusal, f"{sql}: answered with {len(rows)} rows"
    assert _LINE not in refusal, f"{sql}: the refusal quotes the file"
    assert sorted(folder.rglob("*")) == before, f"{sql}: left files"


def heavy(seed: int, roots: Roots, _folder: Path) -> None:
    """Ask one of `HEAVY` at the prompt; a limit of time or memory has to end it with one line."""
    folder = roots.folder / "sandbox"
    _publication(folder)
    arguments = HEAVY[(seed - 1) % len(HEAVY)]
    done = Command(folder).run("query", *arguments, "--timeout", "2")
    named = "(--timeout)" in done.stderr or "more than 1 GB of memory" in done.stderr
    assert (done.returncode, done.stderr.count("\n"), named) == (2, 1, True), f"{arguments}: {done.stderr[-300:]}"
