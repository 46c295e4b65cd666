"""The dbt models against `measures` on random histories. One build for all forces: each force is a case."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from dagster_project.contracts import load_contracts
from dagster_project.errors import UsageError
from dagster_project.settings import Settings
from dagster_project.tracing.model import EventRow
from dagster_project.tracing.read import trace_figure
from dagster_project.transformation.project import invoke
from dagster_project.warehouse.connection import open_read_only
from dagster_project.warehouse.tables import ensure_tables
from tests.reference.compiled_project import insert
from tests.reference.history import DAILY_SOURCES, History
from tests.reference.marts import TABLES, differences, rows_of
from tests.reference.measures import NaiveWarehouse, current, month_of
from tests.reference.raw_tables import LOADED_AT, load_history
from tests.reference.worlds import draw_history

ROOT = Path(__file__).parents[2]
FORCES = ("kent", "essex", "surrey")


@pytest.fixture(scope="module")
def history() -> History:
    return draw_history(20221030, FORCES)


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
    built = invoke(settings, ["build", "--exclude-resource-type", "test", "unit_test", "exposure"], manifest=parsed)
    assert {item.node.name: item.message for item in built.results if str(item.status) != "success"} == {}
    with open_read_only(settings.warehouse) as connection:
        yield connection


def _load(connection: duckdb.DuckDBPyConnection, history: History) -> None:
    """Write the history as the loading engine leaves it, and rows of a replaced load, which count for nothing."""
    load_history(connection, history)
    for number, source in enumerate(DAILY_SOURCES, start=1_000_000):
        key = {"call_segments": "call_id", "digital_contacts": "contact_id", "live_chats": "chat_id"}.get(source)
        first = min(row["extract_date"] for row in history.rows[source])
        load = {
            "load_id": number,
            "source": source,
            "extract_date": first,
            "file_name": "old",
            "file_sha256": "old",
            "rows_read": 1,
            "rows_loaded": 1,
            "rows_quarantined": 0,
            "status": "replaced",
            "is_synthetic": False,
            "loaded_at": LOADED_AT,
            "run_id": "run",
            "change_seq": number,
        }
        insert(connection, "audit.load", [load])
        if key:
            replaced = history.rows[source][0] | {key: "replaced", "extract_date": first}
            insert(connection, f"raw.{source}", [{**replaced, "load_id": number, "source_row": 1}])
        # Of a force that would be owed, with a faulty row.
        counts = {"rows_read": 2, "rows_loaded": 1, "rows_quarantined": 1, "rows_repeated": 0}
        insert(connection, "audit.load_force", [{"load_id": number, "force_code": "norfolk", **counts}])


def test_monthly_measures_of_dbt_build_equal_plain_computation(
    naive: dict[str, NaiveWarehouse], marts: duckdb.DuckDBPyConnection
) -> None:
    key, expected = TABLES["kpi_measure_monthly"]
    wrong = differences("kpi_measure_monthly", rows_of(marts, "kpi_measure_monthly", key), expected(naive))
    assert not wrong, f"{len(wrong)} differ: {wrong[:12]}"


def test_histories_cover_every_measure(naive: dict[str, NaiveWarehouse], marts: duckdb.DuckDBPyConnection) -> None:
    moved = marts.execute(
        "select measure from marts.kpi_measure_monthly group by measure"
        " having max(abs(value)) > 0 and max(abs(last_12_months)) > 0"
    ).fetchall()
    assert {row[0] for row in moved} == set(naive[FORCES[0]].measures)


def test_dictionary_describes_every_published_column(marts: duckdb.DuckDBPyConnection) -> None:
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
    [(path,)] = marts.execute("select path from duckdb_databases() where database_name = 'warehouse'").fetchall()
    return Settings(home=Path(path).parent)


def test_every_measure_is_traced_to_loaded_rows_that_add_up(
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
        # Counts and sums of a file agree with the listed rows.
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


def test_trace_of_calls_lists_all_their_segments(
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


def test_trace_uses_the_named_force(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
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
