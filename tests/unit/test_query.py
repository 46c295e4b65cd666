"""What may be rows_of of the publication, and the limits that end a query."""

from pathlib import Path

import duckdb
import pytest

from dagster_project.errors import UsageError
from dagster_project.publication.query import LimitReached, published_database, published_query
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import DatabaseUnreadable

ENDLESS = "with recursive t(n) as (select 1 union all select n + 1 from t) select n from t"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folder = tmp_path / "published" / "one"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "fcir.duckdb")) as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.t as select range as n from range(1000)")
    folder.with_name("current").symlink_to("one")
    return Settings(home=tmp_path)


def rows_of(settings: Settings, sql: str, seconds: float = 60) -> list[tuple[object, ...]]:
    with published_query(settings, sql, seconds=seconds, end=pytest.fail) as query:
        return [row for chunk in query.chunks() for row in chunk]


@pytest.mark.parametrize("sql", ["", "   \n\t", ";", " ; ;; ", "-- nothing", "/* nothing */;"])
def test_an_empty_query_is_wrong_use(settings, sql) -> None:
    with pytest.raises(UsageError, match="the query is empty; nothing was done"):
        rows_of(settings, sql)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("select 1; attach 'other.duckdb' as other", "expected one query, found 2 statements"),
        ("select 1; select 2", "expected one query, found 2 statements"),
        ("attach 'other.duckdb' as other", "ATTACH is not a query"),
        ("update extensions", "this is not a query"),
        ("copy t to 'stolen.csv'", "COPY is not a query"),
        ("copy (select 1) to '/dev/stdout'", "COPY is not a query"),
        ("export database 'stolen'", "EXPORT is not a query"),
        ("install httpfs", "LOAD is not a query"),
        ("load httpfs", "LOAD is not a query"),
        ("set lock_configuration = false", "SET is not a query"),
        ("reset memory_limit", "SET is not a query"),
        ("pragma threads = 8", "SET is not a query"),
        ("pragma version", "PRAGMA is not a query"),
        ("create temp table mine as select 1", "CREATE is not a query"),
        ("delete from t", "DELETE is not a query"),
        ("with gone as (delete from t returning n) from gone", "read-only mode"),
        ("explain analyze copy t to 'stolen.csv'", "COPY is not a query"),
        ("explain analyze create temp table mine as select 1", "CREATE is not a query"),
        ("explain (analyze, format json) create temp table mine as select 1", "CREATE is not a query"),
        (
            "/* é ( */ EXPLAIN -- select )\n ANALYZE /* ) */ (format 'json') create temp table mine as select 1",
            "CREATE is",
        ),
        ("; explain analyze set variable mine = 1", "SET is not a query"),
        ("explain analyze vacuum", "not a query"),
        ("explain analyze checkpoint", "not a query"),
        ("explain analyze prepare mine as select 1", "PREPARE is not a query"),
        ("explain create table mine as select 1", "CREATE is not a query"),
        ("from read_text('/etc/hostname')", "disabled by configuration"),
        ("from '/etc/hostname'", "does not exist"),
        ("from glob('/*')", "disabled by configuration"),
        ("from query('attach ''other.duckdb'' as other')", "single SELECT statement"),
        ("from settings", "does not exist"),
        ("select getenv('HOME')", "does not exist"),
        ("select 1 +", "syntax error"),
    ],
)
def test_what_does_more_than_read_is_refused_and_leaves_nothing(settings, tmp_path, monkeypatch, sql, message) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        rows_of(settings, sql)
    assert [path.name for path in tmp_path.iterdir()] == ["published"]


@pytest.mark.parametrize(
    "sql",
    [
        "from t",
        "select 1 -- the end;",
        "with a as (from t) from a;",
        "values (1)",
        "table t",
        "describe t",
        "show tables",
        "summarize t",
        "explain from t",
        "explain (from t) union (from t)",
        "explain (format json) from t",
        "explain pivot t on n % 2 using sum(n)",
        "/* é */ explain -- (\n (select 1) /* ) */;",
        "pivot t on n % 2 using sum(n)",
        "from (pivot t on n % 2 using sum(n))",
        "unpivot t on n",
    ],
)
def test_every_kind_of_reading_is_answered(settings, sql) -> None:
    with published_query(settings, sql, end=pytest.fail) as query:
        rows = [row for chunk in query.chunks() for row in chunk]
        assert query.first(2) == rows[:2]
        assert query.count(10, pytest.fail) == len(rows)
        assert {len(row) for row in rows} == {len(query.columns)}


@pytest.mark.parametrize(
    ("sql", "function"),
    [
        ("from checkpoint()", "checkpoint"),
        ("explain analyze from system.main.CHECKPOINT()", "checkpoint"),
        ("from truncate_duckdb_logs()", "truncate_duckdb_logs"),
        ("from deregister_external_resource('x')", "deregister_external_resource"),
        ("from pragma_database_list", "duckdb_databases"),
        ("from pg_catalog.pg_settings", "duckdb_settings"),
        ("select n, (select max(value) from duckdb_settings()) from t", "duckdb_settings"),
        ("pivot (from duckdb_settings()) on name using max(value)", "duckdb_settings"),
        ("explain pivot (from duckdb_settings()) on name using max(value)", "duckdb_settings"),
        ("from query('from duckdb_settings()')", "duckdb_settings"),
        ("from query_table('pg_settings')", "duckdb_settings"),
        ("from json_execute_serialized_sql(json_serialize_sql('from marts.t'))", "json_execute_serialized_sql"),
        ("from read_blob('{file}')", "read_blob"),
        ("from '{file}'", "read_duckdb"),
    ],
)
def test_functions_that_change_the_process_or_show_the_server_are_refused(settings, sql, function) -> None:
    file = settings.published / "one" / "fcir.duckdb"
    with pytest.raises(UsageError, match=rf"^{function} is not a function for queries; nothing was done"):
        rows_of(settings, sql.format(file=file))


@pytest.mark.parametrize(
    "sql",
    [
        "from duckdb_columns()",
        "from information_schema.columns",
        "from information_schema.tables",
        "from information_schema.schemata",
        "from sqlite_master",
        "show all tables",
        "show t",
        "describe",
        "from query_table('t')",
        "from query('from t')",
        "from range(3)",
        "from t, range(n) as r",
        "from t, json_each(json_array(n))",
        "select unnest([1, 2])",
        "from histogram(t, n)",
        'select \'"Function": "CHECKPOINT"\' || n from t',
        "; from t -- the end",
    ],
)
def test_functions_that_make_rows_or_list_tables_are_answered(settings, sql) -> None:
    assert rows_of(settings, sql)


def test_a_macro_and_a_view_of_the_publication_are_answered(settings) -> None:
    with duckdb.connect(str(settings.published / "one" / "fcir.duckdb")) as connection:
        connection.execute("create macro marts.below(most) as table from marts.t where n < most")
        connection.execute("create view marts.few as from marts.below(2)")
    assert rows_of(settings, "from below(2)") == rows_of(settings, "from few") == [(0,), (1,)]


def test_a_query_cannot_show_the_home_folder_or_write_a_log(settings) -> None:
    home = str(Path.home())
    for sql in ("select current_setting('secret_directory')", "show secret_directory"):
        assert home not in str(rows_of(settings, sql))
    with published_database(settings) as connection:
        connection.execute("select write_log('x')")
        assert connection.execute("from duckdb_logs()").fetchall() == []


def test_a_missing_table_is_named_with_the_query_as_typed(settings) -> None:
    with pytest.raises(UsageError) as caught:
        rows_of(settings, "from missing")
    assert "explain" not in str(caught.value)


def test_the_plan_of_a_query_that_was_run_is_answered(settings) -> None:
    for sql in ("explain analyze from t", "/* é */ EXPLAIN -- (\n analyze (format json) (from t);"):
        [(kind, plan)] = rows_of(settings, sql)
        assert (kind, "t" in str(plan)) == ("analyzed_plan", True)


def test_a_query_that_takes_too_long_is_ended_by_its_limit(settings) -> None:
    for sql in (
        ENDLESS,
        ENDLESS.replace("select n from", "select count(*) from"),
        "select sum(hash(range)) from range(1000000000000)",
    ):
        with pytest.raises(LimitReached, match=r"took more than 0.2 seconds \(--timeout\)"):
            rows_of(settings, sql, seconds=0.2)


def test_an_hour_is_the_most_that_the_message_offers(settings) -> None:
    with pytest.raises(LimitReached, match="fcir query --timeout 5 "):
        rows_of(settings, ENDLESS, seconds=1)


@pytest.mark.parametrize(
    "sql",
    [
        "select list(range) from range(1000000000)",
        "select string_agg(repeat('x', 1000), ',') from range(10000000)",
        "select count(*) from (select distinct md5(range::varchar) from range(1000000000))",
    ],
)
def test_a_query_that_needs_too_much_memory_is_ended_by_its_limit(settings, sql) -> None:
    with pytest.raises(LimitReached, match="more than 1 GB of memory"):
        rows_of(settings, sql)


def test_a_query_has_two_threads_and_spills_nothing(settings) -> None:
    sql = "select current_setting('threads'), current_setting('memory_limit'), current_setting('temp_directory')"
    assert rows_of(settings, sql) == [(2, "953.6 MiB", "")]


def test_a_count_that_takes_too_long_is_given_up(settings) -> None:
    with published_query(settings, ENDLESS, end=pytest.fail) as query:
        assert query.count(0.1, pytest.fail) is None
        assert query.first(3) == [(1,), (2,), (3,)]


def test_what_duckdb_quotes_of_the_data_is_escaped(settings) -> None:
    with pytest.raises(UsageError) as caught:
        rows_of(settings, "select (chr(27) || '[31m' || chr(8238))::int")
    assert all(line.isprintable() for line in str(caught.value).split("\n"))
    assert "\\x1b[31m" in str(caught.value)


def test_a_long_value_is_quoted_in_part(settings) -> None:
    with pytest.raises(UsageError, match=r"Could not convert|Conversion Error") as caught:
        rows_of(settings, "select repeat('[', 1000000)::int[]")
    assert len(str(caught.value)) < 3000


@pytest.mark.parametrize(
    "sql",
    [
        "from database",
        "from copy_database('a')",
        "from import_database('x')",
        "select error('Serialization Error')",
        "select cast('Failed to deserialize' as int)",
        "pivot missing on 'Is a directory'",
    ],
)
def test_a_faulty_query_with_words_of_damage_is_wrong_use(settings, sql) -> None:
    with pytest.raises(UsageError):
        rows_of(settings, sql)


def test_a_damaged_publication_is_reported_with_what_to_do(settings) -> None:
    file = settings.published / "current" / "fcir.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create table marts.many as select md5(range::varchar) as text from range(100000)")
    with file.open("r+b") as stream:
        stream.seek(file.stat().st_size // 2)
        stream.write(b"damage")
    with pytest.raises(DatabaseUnreadable, match=r"fcir\.duckdb is damaged: .*Publish again: fcir publish"):
        rows_of(settings, "select max(text) from many")


def test_queries_of_the_program_itself_have_no_limits(settings) -> None:
    with published_database(settings) as connection:
        assert connection.execute("select count(*) from t").fetchall() == [(1000,)]


def test_a_query_may_come_from_a_locale_that_is_not_utf8(settings) -> None:
    typed = "select '\u8b66' as a".encode()
    assert rows_of(settings, typed.decode("ascii", "surrogateescape")) == [("\u8b66",)]
    with pytest.raises(UsageError, match="the query is not UTF-8 text"):
        rows_of(settings, b"select '\xff' as a".decode("utf-8", "surrogateescape"))
