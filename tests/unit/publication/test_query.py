"""What may be asked of the publication, and the limits that end a query."""

from pathlib import Path

import duckdb
import pytest

from dagster_project.cli.summary import count_matches
from dagster_project.errors import UsageError
from dagster_project.publication.query import published_database, published_query
from dagster_project.settings import Settings
from dagster_project.warehouse.connection import DatabaseUnreadable
from tests.cases import cases_of

CASES = cases_of(__file__)
ENDLESS = "with recursive t(n) as (select 1 union all select n + 1 from t) select n from t"


@pytest.fixture
def settings(tmp_path):
    folder = tmp_path / "published" / "one"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "fcir.duckdb")) as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.t as select range as n from range(1000)")
        connection.execute("create macro marts.below(most) as table from marts.t where n < most")
        connection.execute("create view marts.few as from marts.below(2)")
    folder.with_name("current").symlink_to("one")
    return Settings(home=tmp_path, _env_file=None)


def rows_of(settings: Settings, sql: str) -> list[tuple]:
    with published_query(settings, sql) as query:
        return [row for chunk in query.chunks() for row in chunk]


@pytest.mark.parametrize(("sql", "message"), CASES["refused"])
def test_what_does_more_than_read_or_is_no_query_is_wrong_use_and_leaves_nothing(
    settings, tmp_path, monkeypatch, sql, message
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        rows_of(settings, sql.replace("{warehouse}", str(settings.warehouse)))
    assert [path.name for path in tmp_path.iterdir()] == ["published"]


@pytest.mark.parametrize("sql", CASES["answered"])
def test_every_kind_of_reading_is_answered(settings, sql):
    with published_query(settings, sql) as query:
        rows = [row for chunk in query.chunks() for row in chunk]
        assert rows
        assert query.first(2) == rows[:2]
        assert query.count() == len(rows)
        assert {len(row) for row in rows} == {len(query.columns)}


def test_views_and_macros_of_the_publication_and_plans_of_what_was_run_are_answered(settings):
    assert rows_of(settings, "from below(2)") == rows_of(settings, "from few") == [(0,), (1,)]
    ((kind, plan),) = rows_of(settings, "/* é */ EXPLAIN -- (\n analyze (format json) (from t);")
    assert (kind, "t" in str(plan)) == ("analyzed_plan", True)


def test_a_query_that_needs_too_much_memory_is_ended(settings):
    with pytest.raises(UsageError, match="more than 1 GB of memory"):
        rows_of(settings, "select string_agg(repeat('x', 1000), ',') from range(10000000)")


def test_a_query_has_two_threads_and_a_gigabyte_spills_nothing_logs_nothing_and_shows_no_home_folder(settings):
    sql = "select current_setting('threads'), current_setting('memory_limit'), current_setting('temp_directory')"
    assert rows_of(settings, sql) == [(2, "953.6 MiB", "")]
    assert str(Path.home()) not in str(rows_of(settings, "select current_setting('secret_directory')"))
    with published_database(settings) as connection:
        connection.execute("select write_log('x')")
        assert connection.execute("from duckdb_logs()").fetchall() == []
        # The program itself has no limit.
        assert connection.execute("select current_setting('memory_limit')").fetchall() != [("953.6 MiB",)]
    with published_query(settings, ENDLESS) as query:
        # A count that takes too long is given up.
        assert query.count() is None
        assert query.first(3) == [(1,), (2,), (3,)]


def test_what_duckdb_quotes_is_escaped_and_cut_and_the_tables_are_named(settings):
    def refusal(sql: str) -> str:
        with pytest.raises(UsageError) as caught:
            rows_of(settings, sql)
        return str(caught.value)

    escaped = refusal("select (chr(27) || '[31m' || chr(8238))::int")
    assert ("\\x1b[31m" in escaped, escaped.replace("\n", "").isprintable()) == (True, True)
    assert len(refusal("select repeat('[', 1000000)::int[]")) < 3000
    missing = refusal("from missing")
    assert ('fcir query "from data_dictionary"' in missing, "explain" in missing) == (True, False)


def test_a_damaged_publication_is_reported_with_what_to_do(settings):
    file = settings.published / "current" / "fcir.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create table marts.many as select md5(range::varchar) as text from range(100000)")
    with file.open("r+b") as stream:
        stream.seek(file.stat().st_size // 2)
        stream.write(b"damage")
    with pytest.raises(DatabaseUnreadable, match=r"fcir\.duckdb is damaged: .*Publish again: fcir publish"):
        rows_of(settings, "select max(text) from many")


def test_a_query_may_come_from_a_locale_that_is_not_utf8(settings):
    typed = "select '\u8b66' as a".encode()
    assert rows_of(settings, typed.decode("ascii", "surrogateescape")) == [("\u8b66",)]
    with pytest.raises(UsageError, match="the query is not UTF-8 text"):
        rows_of(settings, b"select '\xff' as a".decode("utf-8", "surrogateescape"))


def test_figures_that_are_reproduced_are_counted_under_any_formula(settings):
    with duckdb.connect(str(settings.published / "one" / "fcir.duckdb")) as connection:
        verdicts = "select unnest(['match', 'match_other_formula', 'no']) as verdict"
        connection.execute(f"create table marts.reconciliation as {verdicts}")
        connection.execute("create table marts.load_audit as select true as is_synthetic")
    assert count_matches(settings) == (2, 3, True)
