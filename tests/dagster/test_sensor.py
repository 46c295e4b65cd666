"""When the sensor asks for a run; what it knows a run by is in `tests/unit/loading/test_plan.py`."""

import fcntl
import json
import os
import time
from collections.abc import Callable

import dagster as dg
import duckdb
import pytest

from dagster_project.defs.automation import LOGIN_HEADER, login_tags, new_deliveries
from tests.roots import CRIMES, DataRoot

DAY = "2022-10-28"
NOTHING_NEW = "no delivery is new or changed"


@pytest.fixture
def root(tmp_path, enter) -> DataRoot:
    """A data root with one delivery."""
    root = DataRoot(tmp_path / "home")
    root.home.mkdir()
    enter(root)
    land(root, f"crimes_{DAY}.csv", "a")
    return root


@pytest.fixture
def tick(root) -> Callable[[], str]:  # noqa: ARG001 - the sensor reads it
    """The sensor as the daemon calls it: the key of the run that it asks for, or its reason to ask for none."""

    def tick() -> str:
        with dg.build_sensor_context() as context:
            asked = new_deliveries(context)
        return asked.skip_message or "" if isinstance(asked, dg.SkipReason) else f"run {asked.run_key}"

    return tick


def land(root: DataRoot, name: str, *references: str) -> None:
    """Deliver crimes, a quarter of an hour ago."""
    path = root.land(name, CRIMES, *(f"{reference},{DAY} 08:00,{DAY} 07:00,8N,recorded,," for reference in references))
    os.utime(path, (time.time() - 900,) * 2)


def test_each_state_of_the_landing_folder_asks_for_one_run(root, tick):
    keys = [tick(), tick()]
    land(root, f"crimes_{DAY}.csv", "a", "b")
    keys.append(tick())
    land(root, "crimes_2022-10-29.csv")
    keys.append(tick())
    assert all(key.startswith("run ") for key in keys)
    assert (keys[0] == keys[1], len(set(keys))) == (True, 3)
    for file in (root.home / "landing" / "crimes").iterdir():
        file.rename(file.with_suffix(".txt"))
    assert tick() == NOTHING_NEW


def test_while_a_run_holds_the_warehouse_the_sensor_names_it_and_waits(root, tick):
    with (root.home / "warehouse.lock").open("w") as lock:
        lock.write(json.dumps({"pid": 4711, "since": 0}))
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "4711" in tick()
    # A killed run leaves a warehouse without tables.
    duckdb.connect(str(root.home / "warehouse.duckdb")).close()
    assert tick().startswith("run ")


def test_a_file_younger_than_a_minute_counts_only_with_its_marker(root, tick):
    file = root.home / "landing" / "crimes" / f"crimes_{DAY}.csv"
    file.touch()
    assert tick() == f"{NOTHING_NEW}; 1 delivery is not complete yet"
    file.with_name(f"{file.name}.done").touch()
    assert tick().startswith("run ")


def test_a_run_gets_the_login_that_the_proxy_passes_on_in_one_printable_line():
    assert login_tags({LOGIN_HEADER: "operator"}.get) == {"fcir/login": "operator"}
    assert login_tags({LOGIN_HEADER: "a\x1b[2J" + "b" * 99}.get) == {"fcir/login": r"a\x1b[2J" + "b" * 59}
    assert login_tags({}.get) == {}
