"""The dbt models against `measures` on random histories. One build for all forces: each force is a case."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from pathlib import Path

import duckdb
import pytest

from dagster_project.contracts import load_contracts
from dagster_project.errors import UsageError
from dagster_project.settings import Settings
from dagster_project.tracing.model import EventRow
from dagster_project.tracing.read import trace_figure
from dagster_project.transformation.project import invoke
from dagster_project.warehouse.tables import ensure_tables
from tests.reference.compiled_project import insert
from tests.reference.history import DAILY_SOURCES, History, draw
from tests.reference.measures import NaiveWarehouse, crimes_of, current, local, month_of, percentile, rounded
from tests.reference.raw_tables import LOADED_AT, load_history

ROOT = Path(__file__).parents[2]
FORCES = ("kent", "essex", "surrey")


@pytest.fixture(scope="module")
def history() -> History:
    return draw(20221030, FORCES)


@pytest.fixture(scope="module")
def naive(history: History) -> dict[str, NaiveWarehouse]:
    return {force: NaiveWarehouse(history, force) for force in FORCES}


@pytest.fixture(scope="module")
def marts(
    history: History, tmp_path_factory: pytest.TempPathFactory, parsed_project: Path
) -> Iterator[duckdb.DuckDBPyConnection]:
    settings = Settings(home=tmp_path_factory.mktemp("reference"), _env_file=None)
    shutil.copytree(parsed_project, settings.home / "dbt")
    with duckdb.connect(str(settings.warehouse)) as connection:
        ensure_tables(connection, load_contracts(ROOT / "expectations").values())
        _load(connection, history)
    parsed = invoke(settings, ["parse", "--no-write-json"])
    built = invoke(settings, ["build", "--exclude-resource-type", "test", "unit_test"], manifest=parsed)
    assert {item.node.name: item.message for item in built.results if str(item.status) != "success"} == {}
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        yield connection


def _load(connection: duckdb.DuckDBPyConnection, history: History) -> None:
    """Write the history as the loading engine leaves it, and rows of a replaced load, which count for nothing."""
    load_history(connection, history)
    for number, source in enumerate(DAILY_SOURCES, start=1_000_000):
        key = {"call_segments": "call_id", "digital_contacts": "contact_id", "live_chats": "chat_id"}.get(source)
        first = min(row["extract_date"] for row in history.rows[source])
        load = {
            "load_id": number, "source": source, "extract_date": first, "file_name": "old", "file_sha256": "old",
            "rows_read": 1, "rows_loaded": 1, "rows_quarantined": 0, "status": "replaced", "is_synthetic": False,
            "loaded_at": LOADED_AT, "run_id": "run", "change_seq": number,
        }  # fmt: skip
        insert(connection, "audit.load", [load])
        if key:
            replaced = history.rows[source][0] | {key: "replaced", "extract_date": first}
            insert(connection, f"raw.{source}", [{**replaced, "load_id": number, "source_row": 1}])
        # Of a force that would be owed, with a faulty row.
        counts = {"rows_read": 2, "rows_loaded": 1, "rows_quarantined": 1, "rows_repeated": 0}
        insert(connection, "audit.load_force", [{"load_id": number, "force_code": "norfolk", **counts}])


@pytest.mark.parametrize("force", FORCES)
def test_every_measure_and_period_equals_the_naive_computation(
    force: str, naive: dict[str, NaiveWarehouse], marts: duckdb.DuckDBPyConnection
) -> None:
    expected = naive[force].rows()
    columns = list(next(iter(expected.values())))
    names = ", ".join(["force_code", "measure", "month_start", *columns])
    rows = marts.execute(f"select {names} from marts.kpi_measure_monthly where force_code = ?", [force]).fetchall()  # noqa: S608
    actual = {row[:3]: dict(zip(columns, row[3:], strict=True)) for row in rows}
    assert actual.keys() == expected.keys()
    wrong = [
        (*key[1:], column, expected[key][column], actual[key][column])
        for key in sorted(expected)
        for column in columns
        if expected[key][column] != actual[key][column]
    ]
    assert not wrong, f"{len(wrong)} differ: {wrong[:12]}"


@pytest.mark.parametrize("force", FORCES)
def test_calls_by_day_and_by_hour_equal_the_naive_computation(
    force: str, naive: dict[str, NaiveWarehouse], marts: duckdb.DuckDBPyConnection
) -> None:
    days, hours = {}, {}
    delivered = naive[force].delivered["call_segments"]
    months = {(day.year, day.month) for day in delivered}
    for call in naive[force].calls:
        moment = local(call["at"])
        if min(months) <= month_of(call["at"]) <= max(months):
            days.setdefault((call["line"], moment.date()), []).append(call)
        if month_of(call["at"]) in months:
            key = (call["line"], moment.date().replace(day=1), moment.isoweekday(), moment.hour)
            hours.setdefault(key, []).append(call)

    def figures(calls: list[dict]) -> tuple:
        answered = [call for call in calls if call["answered"]]
        queues = [call["queue"] for call in answered if call["queue"] is not None]
        return (
            len(calls),
            len(answered),
            len(calls) - len(answered),
            rounded(Fraction(100 * (len(calls) - len(answered)), len(calls))),
            rounded(sum(queues) / len(queues)) if queues else None,
            rounded(percentile(queues, Fraction(1, 2))),
            rounded(percentile(queues, Fraction(9, 10))),
            sum(call["back"] is not None for call in calls),
        )

    names = (
        "received, answered, not_answered, pct_not_answered, avg_queue_seconds, median_queue_seconds,"
        " p90_queue_seconds, called_back"
    )
    by_day = marts.execute(
        f"select line, date_day, {names} from marts.kpi_calls_daily where force_code = ? and received > 0",  # noqa: S608
        [force],
    ).fetchall()
    by_hour = marts.execute(
        f"select line, month_start, day_of_week, hour_of_day, {names} from marts.kpi_calls_hourly"  # noqa: S608
        " where force_code = ? and received > 0",
        [force],
    ).fetchall()
    reported = ("999", "101")
    assert {row[:2]: row[2:] for row in by_day} == {k: figures(v) for k, v in days.items() if k[0] in reported}
    assert {row[:4]: row[4:] for row in by_hour} == {k: figures(v) for k, v in hours.items() if k[0] in reported}


def test_cancellations_by_reason_and_offence_equal_the_naive_computation(
    history: History, naive: dict[str, NaiveWarehouse], marts: duckdb.DuckDBPyConnection
) -> None:
    months = {(force, day.year, day.month) for force, one in naive.items() for day in one.delivered["crimes"]}
    expected: dict[tuple, int] = {}
    for crime in crimes_of(current(history.rows["crimes"], ("crime_ref", "updated_at"))):
        if crime["status"] == "cancelled" and (crime["force_code"], *month_of(crime["cancelled_at"])) in months:
            month = date(*month_of(crime["cancelled_at"]), 1)
            key = (crime["force_code"], month, crime["cancel_code"], crime["offence_code"])
            expected[key] = expected.get(key, 0) + 1
    rows = marts.execute(
        "select force_code, month_start, cancel_code, offence_code, cancelled from marts.kpi_cancellations_monthly"
    ).fetchall()
    assert {row[:4]: row[4] for row in rows} == expected


def test_the_histories_exercise_every_measure(
    naive: dict[str, NaiveWarehouse], marts: duckdb.DuckDBPyConnection
) -> None:
    moved = marts.execute(
        "select measure from marts.kpi_measure_monthly group by measure"
        " having max(abs(value)) > 0 and max(abs(last_12_months)) > 0"
    ).fetchall()
    assert {row[0] for row in moved} == set(naive[FORCES[0]].measures)


def test_the_dictionary_describes_every_published_column(marts: duckdb.DuckDBPyConnection) -> None:
    published = marts.execute(
        "select table_name, column_name from information_schema.columns where table_schema = 'marts'"
    ).fetchall()
    described = marts.execute(
        "select table_name, column_name from marts.data_dictionary where column_name is not null"
        " and description is not null"
    ).fetchall()
    assert sorted(described) == sorted(published)


@pytest.fixture(scope="module")
def settings(marts: duckdb.DuckDBPyConnection) -> Settings:
    ((path,),) = marts.execute("select path from duckdb_databases() where not internal").fetchall()
    return Settings(home=Path(path).parent)


def test_every_measure_is_traced_to_rows_that_are_there_and_add_up_to_it(
    naive: dict[str, NaiveWarehouse], marts: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    listed: set[tuple[str, int, int]] = set()
    for measure in sorted(naive[FORCES[0]].measures):
        force, month, value = marts.execute(
            "select force_code, month_start, value from measures.int_measure_monthly where measure = ?"
            " order by abs(value) desc nulls last, month_start, force_code limit 1",
            [measure],
        ).fetchone()
        trace = trace_figure(settings, measure, f"{month:%Y-%m}", force=force, with_rows=True)
        assert trace.figure.value == value != 0, measure
        assert trace.faults == (), measure
        # What a file is said to hold is what is listed row by row.
        for part in trace.parts:
            rows = [row for row in trace.rows if row.part == part.part]
            assert part.files or part.amount == 0, (measure, part.part)
            assert part.rows == len(rows)
            assert part.amount == sum(row.amount for row in rows if row.amount is not None)
        listed |= {(row.source, row.load_id, row.source_row) for row in trace.rows}
    for source in DAILY_SOURCES:
        current_rows = marts.execute(
            f"select raw.load_id, raw.source_row from raw.{source} as raw"  # noqa: S608 - names of ours
            " inner join audit.load as load on raw.load_id = load.load_id and load.status = 'loaded'"
        ).fetchall()
        rows = {row[1:] for row in listed if row[0] == source}
        assert rows
        assert rows <= set(current_rows)


def test_the_rows_behind_a_count_of_calls_are_all_segments_of_those_calls(
    history: History, naive: dict[str, NaiveWarehouse], marts: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    month = (2022, 5)
    trace = trace_figure(settings, "calls_999.not_answered", "2022-05", force="essex", with_rows=True)
    expected = [
        call
        for call in naive["essex"].calls
        if call["line"] == "999" and month_of(call["at"]) == month and not call["answered"]
    ]
    assert len([row for row in trace.rows if row.amount is not None]) == len(expected) > 0

    def keys(rows: tuple[EventRow, ...]) -> list[tuple[str, int]]:
        return sorted(
            marts.execute(
                "select call_id, segment_no from raw.call_segments where load_id = ? and source_row = ?",
                [row.load_id, row.source_row],
            ).fetchone()
            for row in rows
        )

    calls = {key[0] for key in keys(trace.rows)}
    segments = current(history.rows["call_segments"], ("call_id", "segment_no"))
    assert keys(trace.rows) == sorted(
        (row["call_id"], row["segment_no"])
        for row in segments
        if row["force_code"] == "essex" and row["call_id"] in calls
    )


def test_a_trace_of_several_forces_is_of_the_one_that_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def force_of(settings: Settings, force: str | None) -> str:
        trace = trace_figure(settings, "demand.total", "2022-05", force=force, with_rows=False)
        return trace.figure.force_code

    monkeypatch.delenv("FCIR_FORCE", raising=False)
    assert force_of(settings, "surrey") == "surrey"
    assert force_of(settings, None) == "kent"
    with pytest.raises(UsageError, match="no figures of force dyfed-powys; name one with --force: essex, kent, surrey"):
        force_of(settings, "dyfed-powys")
    monkeypatch.setenv("FCIR_FORCE", "essex")
    assert force_of(Settings(home=settings.home), None) == "essex"
    monkeypatch.setenv("FCIR_FORCE", "west-midlands")
    with pytest.raises(UsageError, match="name one with --force: essex, kent, surrey"):
        force_of(Settings(home=settings.home), None)
