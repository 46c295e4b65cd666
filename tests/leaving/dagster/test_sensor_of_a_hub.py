"""The sensor of new deliveries in a hub, and the audit of an earlier version in a run of the UI."""

import os
import time

import dagster as dg

from dagster_project.contracts import load_contracts
from dagster_project.defs.automation import new_deliveries
from dagster_project.defs.resources import Warehouse
from dagster_project.loading.pipeline import load_source
from dagster_project.loading.plan import Range
from dagster_project.settings import CONTRACTS, read_settings
from dagster_project.warehouse.connection import loading_connection
from dagster_project.warehouse.tables import ensure_tables
from tests.dagster.conftest import use
from tests.roots import CRIMES, DataRoot

DAY = "2022-10-28"


def land(root: DataRoot, name: str, *references: str) -> None:
    """Deliver crimes, a quarter of an hour ago."""
    path = root.land(name, CRIMES, *(f"{reference},{DAY} 08:00,{DAY} 07:00,8N,recorded,," for reference in references))
    os.utime(path, (time.time() - 900,) * 2)


def load(run_id: str) -> int:
    """Load the new deliveries; return how many were rejected."""
    contracts = load_contracts(CONTRACTS)
    return len(load_source(read_settings(), contracts, "crimes", wanted=Range(), run_id=run_id).rejected)


def tick() -> str:
    """The sensor as the daemon calls it: the key of the run that it asks for, or its reason to ask for none."""
    with dg.DagsterInstance.ephemeral() as instance, dg.build_sensor_context(instance=instance) as context:
        asked = new_deliveries(context)
    return (asked.skip_message or "") if isinstance(asked, dg.SkipReason) else f"run {asked.run_key}"


def test_new_loads_of_a_member_ask_a_hub_for_one_run(tmp_path, monkeypatch):
    root = DataRoot(tmp_path / "home")
    land(root, f"crimes_{DAY}.csv", "a")
    hub = DataRoot(tmp_path / "hub", {"FCIR_MEMBERS": str(root.home)})
    hub.home.mkdir()
    use(monkeypatch, root)
    load("first of the member")
    use(monkeypatch, hub)
    assert tick() == "run first"
    load("first of the hub")
    assert tick() == "no member has loads that were not taken in"
    use(monkeypatch, root)
    land(root, "crimes_2022-10-29.csv", "b")
    load("second of the member")
    use(monkeypatch, hub)
    assert tick() == tick()
    assert tick().startswith(f"run {root.home} ")


def test_a_run_that_loads_nothing_brings_the_audit_up_to_this_version_and_makes_no_warehouse(tmp_path, monkeypatch):
    root, other = DataRoot(tmp_path / "home"), DataRoot(tmp_path / "other")
    for home in (root.home, other.home):
        home.mkdir()
    use(monkeypatch, root)
    with loading_connection(root.home / "warehouse.duckdb") as connection:
        ensure_tables(connection, [])
        connection.execute("drop table audit.lake; alter table audit.build_step drop column engine")
    with dg.build_resources({"warehouse": Warehouse()}):
        pass
    assert root.warehouse("select count(*) from audit.lake where false") == [(0,)]
    assert root.warehouse("select engine from audit.build_step") == []
    settings = use(monkeypatch, other)
    with dg.build_resources({"warehouse": Warehouse()}):
        pass
    assert not settings.warehouse.exists()
