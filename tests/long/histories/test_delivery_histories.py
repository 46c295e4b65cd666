"""Any order of deliveries gives the facts and marts of their final state, and another run changes nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dagster_project.contracts import load_contracts
from dagster_project.loading import pipeline
from dagster_project.loading.pipeline import load_source
from dagster_project.loading.plan import Range
from dagster_project.settings import CONTRACTS, Settings
from dagster_project.validation import ValidationResult
from dagster_project.warehouse.connection import open_read_only
from tests.build_steps import build_all
from tests.long.histories.delivery_histories import DAYS, HISTORIES, STEPS, Deliveries

# These identify a load; all other columns must be equal.
OF_THE_LOAD = ("load_id", "loaded_at", "run_id", "validated_at", "corrected_at", "file_name", "file_sha256")
# These list or count attempts and corrections, of which a single delivery has fewer.
OF_THE_HISTORY = (
    *("load_audit", "loads", "load_forces", "deliveries", "delivery_totals", "quarantine", "corrections"),
    "expectation_results",
)


def settings_of(home: Path, parsed: Path) -> Settings:
    shutil.copytree(parsed, home / "dbt")
    settings = Settings(home=home, force="surrey", quiet_seconds=0, _env_file=None)
    settings.key_file.parent.mkdir(parents=True)
    settings.key_file.write_text("ab" * 32)
    settings.key_file.chmod(0o600)
    return settings


def night(settings: Settings, name: str, *, is_built: bool = True) -> int:
    """Load every source and, if wanted, build; returns how many deliveries there were."""
    contracts = load_contracts(CONTRACTS)
    deliveries = 0
    for source in contracts:
        report = load_source(settings, contracts, source, wanted=Range(), run_id=name)
        deliveries += len(report.deliveries)
    if is_built:
        assert [node for node in build_all(settings, run_id=name) if not node.is_good] == []
    return deliveries


def contents(settings: Settings, schemas: tuple[str, ...]) -> dict[str, list[tuple]]:
    """Return the sorted rows of every table of the schemas, without the columns that identify a load."""
    with open_read_only(settings.warehouse) as connection:
        found: dict[str, list[str]] = {}
        for schema, table, column in connection.execute(
            """
            select table_schema, table_name, column_name
            from information_schema.columns
            where list_contains(?, table_schema)
            order by table_schema, table_name, ordinal_position
            """,
            [list(schemas)],
        ).fetchall():
            if table.removeprefix("stg_") not in OF_THE_HISTORY and column not in OF_THE_LOAD:
                found.setdefault(f"{schema}.{table}", []).append(f'"{column}"')
        return {
            name: connection.execute(f"select {', '.join(columns)} from {name} order by all").fetchall()  # noqa: S608
            for name, columns in found.items()
        }


def everything(settings: Settings) -> dict[str, list[tuple]]:
    """Return all rows that loading keeps, except the record that a night without new deliveries writes."""
    with open_read_only(settings.warehouse) as connection:
        names = connection.execute(
            """
            select table_schema || '.' || table_name
            from information_schema.tables
            where
                table_schema in ('raw', 'audit')
                and table_name not in ('build', 'build_started', 'pending_load', 'marts_file')
            order by 1
            """
        ).fetchall()
        return {name: connection.execute(f"select * from {name} order by all").fetchall() for (name,) in names}  # noqa: S608


@pytest.fixture(scope="module")
def histories(tmp_path_factory, parsed_project):
    """The histories night by night in one installation, and their final deliveries at once in another."""
    folder = tmp_path_factory.mktemp("histories")
    with pytest.MonkeyPatch.context() as patch:
        # Expectations compare a delivery with those of the weeks before it, which differ between the two installations.
        patch.setattr(pipeline, "count_violations", lambda *_: ())
        # Great Expectations costs half a second for each source and night.
        patch.setattr(pipeline, "validate", lambda *_, **__: ValidationResult((), "{}"))
        yield from lived(folder, parsed_project)


def lived(folder: Path, parsed: Path) -> Iterator[tuple[Deliveries, Settings, Settings, list[int]]]:
    stepwise, at_once = settings_of(folder / "stepwise", parsed), settings_of(folder / "at_once", parsed)
    deliveries = Deliveries(seed=20240229)
    nights = []
    for number in range(STEPS):
        deliveries.step(stepwise.landing, number)
        # Every second build finds the changes of two nights.
        nights.append(night(stepwise, f"night {number}", is_built=number % 2 == 1))
    deliveries.write_final(at_once.landing)
    nights.append(night(at_once, "at once"))
    yield deliveries, stepwise, at_once, nights


def test_histories_have_enough_corrections_rejections_and_gaps(histories):
    deliveries, _, _, nights = histories
    days = deliveries.days
    assert len({day.day for day in days}) == HISTORIES * DAYS
    assert sum(day.corrections > 0 for day in days) > 200
    assert sum(day.corrections > 1 for day in days) > 25
    assert sum(day.rejections > 0 for day in days) > 50
    assert sum(day.files != day.loaded for day in days) > 50, "withdrawn files, and copies under another name"
    assert sum(not day.loaded for day in days) > 25, "days that never came"
    assert min(nights) > 150


@pytest.mark.parametrize("schema", ["staging", "measures", "marts"])
def test_history_gives_what_its_final_delivery_gives(histories, schema):
    _, stepwise, at_once, _ = histories
    found, expected = contents(stepwise, (schema,)), contents(at_once, (schema,))
    assert found.keys() == expected.keys()
    if schema == "marts":
        assert len(expected["marts.fct_call"]) > 150
        assert len(expected["marts.fct_crime_status"]) > 150
    for name in expected:
        assert found[name] == expected[name], name


def test_night_without_new_deliveries_changes_nothing(histories):
    _, stepwise, _, _ = histories
    before, built = everything(stepwise), contents(stepwise, ("staging", "measures", "marts"))
    assert night(stepwise, "without news") == 0
    assert everything(stepwise) == before
    assert contents(stepwise, ("staging", "measures", "marts")) == built
