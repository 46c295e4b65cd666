"""Any interleaving of the deliveries of two forces, their runs and those of a hub ends with the same rows.

The same files go to the data root of their force, which a hub takes in, and to one data root that receives both.
"""

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_project.loading import pipeline, take_in
from dagster_project.warehouse.connection import reading_connection
from dagster_project.warehouse.state import unresolved_deliveries
from tests.leaving.unit.hub_helpers import Hub
from tests.leaving.unit.loading_helpers import NO_HEADER, VISITS, Installation, quick_result

FORCES = ("kent", "surrey")
FIRST_DAY = date(2022, 11, 1)
HEADER = "force_code,visit_id,begun_at,minutes,visitor"
# Small deliveries of any size are accepted.
CONTRACTS = {"visits": replace(VISITS, volume_floor=0.0)}

force, day, slot = st.sampled_from(FORCES), st.integers(0, 2), st.sampled_from(["a", "b"])
rows = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 9)), min_size=1, max_size=5)
delivery = st.tuples(st.just("deliver"), force, day, slot, rows)
run = st.tuples(st.just("run"), force)
hub_run = st.tuples(st.just("hub"))
killed = st.tuples(
    st.just("killed"), st.sampled_from(["_delete_loads", "_insert_loads", "_insert_corrections", "_record"])
)
fault = st.tuples(st.sampled_from(["break", "remove"]), force, day, slot)

accepted_histories = st.lists(st.one_of(delivery, delivery, run, run, hub_run, killed), min_size=4, max_size=14)
histories = st.lists(st.one_of(delivery, delivery, fault, run, run, hub_run, killed), min_size=4, max_size=16)


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


def dying(*_: object, **__: object) -> None:
    raise Killed


@pytest.fixture(scope="module", autouse=True)
def quick_validation() -> Iterator[None]:
    """Leaves Great Expectations out of loading."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "validate", quick_result)
        yield


class World:
    """Two data roots with a hub, and one data root that receives everything."""

    def __init__(self, folder: Path) -> None:
        self.roots = Hub(folder, FORCES)
        self.both = Installation(folder / "both", CONTRACTS)
        for root in (self.roots.hub, *self.roots.members.values()):
            root.contracts = CONTRACTS
        self._texts = 0

    def live(self, history: list[tuple]) -> None:
        """Do every step of a history, then run every data root again, the hub last."""
        for what, *details in history:
            getattr(self, f"_{what}")(*details)
        for name in FORCES:
            self._run(name)
        self._hub()

    def _deliver(self, name: str, offset: int, part: str, found: list[tuple[int, int]]) -> None:
        when = FIRST_DAY + timedelta(days=offset)
        self._texts += 1
        lines = [f"{name},v{visit},{when} 10:00,{minutes},{self._texts}" for visit, minutes in found]
        for root in (self.roots[name], self.both):
            root.land(when, *lines, suffix=f"_{name}_{part}", header=HEADER)

    def _break(self, name: str, offset: int, part: str) -> None:
        self.roots[name].land(FIRST_DAY + timedelta(days=offset), text=NO_HEADER, suffix=f"_{name}_{part}")

    def _remove(self, name: str, offset: int, part: str) -> None:
        folder = self.roots[name].settings.landing / "visits"
        (folder / f"visits_{FIRST_DAY + timedelta(days=offset)}_{name}_{part}.csv").unlink(missing_ok=True)

    def _run(self, name: str) -> None:
        self.roots[name].run()

    def _hub(self) -> None:
        for member in self.roots.members.values():
            if not member.settings.warehouse.exists():
                member.run()
        assert self.roots.run().warnings == ()
        self.roots.assert_same()

    def _killed(self, step: str) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(take_in, step, dying)
            with suppress(Killed):
                self.roots.run()


def current_rows(root: Installation) -> list[tuple]:
    """Of each visit the row of its latest extract, as facts have it."""
    return root.query(
        """
        select
            force_code,
            visit_id,
            arg_max(raw.extract_date, (raw.extract_date, raw.load_id, source_row)),
            arg_max(minutes, (raw.extract_date, raw.load_id, source_row))
        from raw.visits as raw
        inner join audit.load as load on raw.load_id = load.load_id
        where load.status = 'loaded'
        group by force_code, visit_id
        order by all
        """
    )


def needing_attention(root: Installation) -> list[tuple]:
    """Every delivery that is missing or rejected, with its data root."""
    with reading_connection(root.settings.warehouse) as connection:
        found = unresolved_deliveries(connection)
    return sorted((item.root_number, item.extract_date, item.status, item.files, item.reason) for item in found)


@settings(
    max_examples=18, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.one_of(accepted_histories, histories))
def test_a_hub_ends_with_what_each_force_has_and_without_faults_with_the_rows_of_one_root(history):
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        world.live(history)
        assert needing_attention(world.roots.hub) == sorted(
            item for name in FORCES for item in needing_attention(world.roots[name])
        )
        if not {what for what, *_ in history} & {"break", "remove"}:
            world.both.run()
            assert world.both.query("select count(*) from audit.load where status = 'rejected'") == [(0,)]
            assert current_rows(world.roots.hub) == current_rows(world.both)
