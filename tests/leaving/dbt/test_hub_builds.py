"""The builds of a hub have the figures of each force's own root, and of one root that received everything."""

import shutil

import duckdb
import pytest

from dagster_project.contracts import load_contracts
from dagster_project.loading.take_in import take_in_source
from dagster_project.settings import CONTRACTS, Settings
from dagster_project.warehouse.connection import open_read_only
from dagster_project.warehouse.tables import ensure_tables
from tests.leaving.dbt.histories import LOADED_AT, History
from tests.leaving.dbt.running import run_dbt

FORCES = ("kent", "surrey")
MODELS = ("--resource-type", "model", "--resource-type", "seed", "--exclude", "published_versions", "revisions")
# They describe loads, which each data root numbers by itself.
ABOUT_LOADS = ("marts.load_audit", "marts.deliveries", "marts.delivery_totals", "marts.quarantine", "marts.corrections")
NUMBERS = ("load_id",)


@pytest.fixture
def installations(tmp_path, parsed_project) -> dict[str, Settings]:
    """Data roots of two forces, a hub, and one root for both forces, without rows."""
    homes = {name: tmp_path / name for name in (*FORCES, "hub", "both")}
    for home in homes.values():
        shutil.copytree(parsed_project, home / "dbt")
    members = tuple(homes[name] for name in FORCES)
    return {
        name: Settings(home=home, members=members if name == "hub" else (), _env_file=None)
        for name, home in homes.items()
    }


def build(settings: Settings, *arguments: str) -> None:
    run_dbt(settings, "build", *arguments, *MODELS)


def take_in(hub: Settings, run: str) -> None:
    """Take in all sources of all members."""
    contracts = load_contracts(CONTRACTS)
    for source in contracts:
        assert take_in_source(hub, contracts, source, run_id=run).warnings == ()


def complete_build(hub: Settings) -> None:
    """Record that a build of the hub has seen everything."""
    with duckdb.connect(str(hub.warehouse)) as connection:
        connection.execute(
            "insert into audit.build select 'run', max(change_seq), 'project', true, cast(? as timestamp) "
            "from audit.load",
            [LOADED_AT],
        )


def load_both(both: Settings, members: list[Settings]) -> None:
    """Give one root the loads of two, as if it had received their files; the numbers alternate."""
    contracts = load_contracts(CONTRACTS)
    with duckdb.connect(str(both.warehouse)) as connection:
        ensure_tables(connection, contracts.values())
        for number, member in enumerate(members):
            connection.execute(f"attach '{member.warehouse}' as member (read_only)")
            for name in (*(f"raw.{source}" for source in contracts), "audit.load", "audit.load_force"):
                connection.execute(
                    f"insert into {name} by name select * replace (load_id % 16777216 * 2 + {number} as load_id) "
                    f"from member.{name}"
                )
            connection.execute("detach member")


def contents(settings: Settings, force: str | None = None) -> dict[str, list[tuple]]:
    """Every built table with its rows, without load numbers; only those of a force, and only tables by force."""
    with open_read_only(settings.warehouse) as connection:
        tables = connection.execute(
            "select table_schema || '.' || table_name, list(column_name order by ordinal_position) "
            "from information_schema.columns inner join information_schema.tables using (table_schema, table_name) "
            "where table_schema in ('measures', 'marts') and table_type = 'BASE TABLE' group by all order by 1"
        ).fetchall()
        found = {}
        for name, columns in tables:
            if name in ABOUT_LOADS or (force and "force_code" not in columns) or "national" in name:
                continue
            kept = ", ".join(f'"{column}"' for column in columns if column not in NUMBERS)
            where = f"where force_code = '{force}'" if force else ""
            query = f"select {kept} from {name} {where} order by all"
            found[name] = connection.execute(query).fetchall()
        return found


def assert_same(found: dict[str, list[tuple]], expected: dict[str, list[tuple]]) -> None:
    assert list(found) == list(expected)
    assert [name for name in found if found[name] != expected[name]] == []


def test_a_hub_that_takes_in_now_and_then_has_the_figures_of_each_root_and_of_one_for_all(installations):
    contracts = load_contracts(CONTRACTS)
    hub, members = installations["hub"], [installations[name] for name in FORCES]
    histories = [
        History(member.warehouse, contracts, seed=seed, root=seed, forces=(name,))
        for seed, (name, member) in enumerate(zip(FORCES, members, strict=True), 1)
    ]
    for history in histories:
        history.deliver()
    take_in(hub, "1")
    build(hub, "--full-refresh")
    complete_build(hub)
    histories[0].deliver()
    take_in(hub, "2")
    histories[1].deliver()
    histories[1].deliver()
    build(hub)
    complete_build(hub)
    take_in(hub, "3")
    build(hub)
    complete_build(hub)
    # Days of a force are complete by what it delivered, whatever the other did.
    build(installations["kent"], "--full-refresh")
    assert_same(contents(hub, "kent"), contents(installations["kent"], "kent"))
    for history in histories:
        history.deliver_every_day()
    take_in(hub, "4")
    build(hub)
    stepwise = contents(hub)
    assert len(stepwise) > 60
    assert all(rows for name, rows in stepwise.items() if name.startswith("marts.fct_"))
    load_both(installations["both"], members)
    build(installations["both"], "--full-refresh")
    assert_same(stepwise, contents(installations["both"]))
    build(hub, "--full-refresh")
    assert_same(stepwise, contents(hub))
